// What redirected calls of libcurl cost a program: each step without us, then the same after `auto_instrument`.
//
// The server is another process that answers every POST. "non_llm_request" goes to an address that is no model's; "llm_request"
// to one that is declared as such, with a logger, so that the whole call is captured and its span handed over.
//
//   build/release/tests/bench/curl_bench

#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <string>

#include <benchmark/benchmark.h>
#include <curl/curl.h>

#include <braintrust/instrument/auto.h>
#include <braintrust/trace/logger.h>

#include "bench/sink.h"

namespace {

std::string server;

std::size_t ignore(char*, std::size_t size, std::size_t count, void*) { return size * count; }

void setopt_that_is_not_looked_at(benchmark::State& state) {
  CURL* const easy = curl_easy_init();
  for (auto _ : state) curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
  curl_easy_cleanup(easy);
}

void setopt_of_a_callback(benchmark::State& state) {
  CURL* const easy = curl_easy_init();
  for (auto _ : state) curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, ignore);
  curl_easy_cleanup(easy);
}

void setopt_of_the_url(benchmark::State& state) {
  CURL* const easy = curl_easy_init();
  for (auto _ : state) curl_easy_setopt(easy, CURLOPT_URL, "https://api.example.com/v1/things/42");
  curl_easy_cleanup(easy);
}

void init_and_cleanup(benchmark::State& state) {
  for (auto _ : state) curl_easy_cleanup(curl_easy_init());
}

void request_to(benchmark::State& state, const std::string& path) {
  const std::string url = server + path;
  const std::string body = R"({"model":"m","messages":[{"role":"user","content":")" + std::string(400, 'q') + R"("}]})";
  CURL* const easy = curl_easy_init();
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, ignore);
  for (auto _ : state) {
    curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.c_str());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
    if (curl_easy_perform(easy) != CURLE_OK) state.SkipWithError("the request failed");
  }
  curl_easy_cleanup(easy);
}
void non_llm_request(benchmark::State& state) { request_to(state, "/v1/things"); }
void llm_request(benchmark::State& state) { request_to(state, "/v1/chat/completions"); }

void register_all(const std::string& when) {
  const auto add = [&](const char* name, void (*function)(benchmark::State&)) {
    benchmark::RegisterBenchmark((when + name).c_str(), function)->Repetitions(7)->ReportAggregatesOnly();
  };
  add("setopt_that_is_not_looked_at", setopt_that_is_not_looked_at);
  add("setopt_of_a_callback", setopt_of_a_callback);
  add("setopt_of_the_url", setopt_of_the_url);
  add("init_and_cleanup", init_and_cleanup);
  add("non_llm_request", non_llm_request);
  add("llm_request", llm_request);
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Sink sink;
  server = sink.url();
  curl_global_init(CURL_GLOBAL_DEFAULT);
  benchmark::Initialize(&argc, argv);
  // The library runs benchmarks once in a process. What comes without us runs in another one, first.
  if (const pid_t child = fork(); child == 0) {
    register_all("without/");
    benchmark::RunSpecifiedBenchmarks();
    std::fflush(stdout);
    _exit(0);
  } else {
    waitpid(child, nullptr, 0);
  }

  braintrust::auto_instrument({.endpoints = "vllm=" + server});
  const auto logger = braintrust::init_logger({.project = "p", .api_key = "k", .app_url = server, .api_url = server});
  register_all("with/");
  benchmark::RunSpecifiedBenchmarks();
  logger.shutdown();
  return 0;
}
