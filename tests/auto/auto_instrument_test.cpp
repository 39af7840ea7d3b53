// `auto_instrument` inside a program: parents, options, handles that were there before, our own requests.

#include <braintrust/instrument/auto.h>

#include <chrono>
#include <string>
#include <thread>

#include <curl/curl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <braintrust/tracing.h>

#include "auto/provider.h"
#include "pipeline/http.h"
#include "support/told.h"
#include "trace/backend.h"

namespace braintrust::test {
namespace {

using testing::HasSubstr;

const std::string question = R"({"model":"m","messages":[{"role":"user","content":"hello"}]})";
const std::string streamed = R"({"model":"m","messages":[{"role":"user","content":"hello"}],"stream":true})";

std::size_t ignore(char*, std::size_t size, std::size_t count, void*) { return size * count; }

class Easy {
 public:
  Easy() : handle_(curl_easy_init()) {}
  Easy(const Easy&) = delete;
  Easy& operator=(const Easy&) = delete;
  ~Easy() { curl_easy_cleanup(handle_); }
  CURL* get() const { return handle_; }
  void prepare(const std::string& url, const std::string& body = question) {
    curl_easy_setopt(handle_, CURLOPT_URL, url.c_str());
    curl_easy_setopt(handle_, CURLOPT_POSTFIELDS, body.c_str());
    curl_easy_setopt(handle_, CURLOPT_WRITEFUNCTION, ignore);
    curl_easy_setopt(handle_, CURLOPT_NOSIGNAL, 1L);
  }
  CURLcode ask(const std::string& url, const std::string& body = question) {
    prepare(url, body);
    return curl_easy_perform(handle_);
  }

 private:
  CURL* handle_;
};

void run(CURLM* multi) {
  int running = 1;
  while (running > 0) {
    curl_multi_perform(multi, &running);
    if (running > 0) curl_multi_poll(multi, nullptr, 0, 100, nullptr);
  }
}

std::string chat(const Provider& provider) { return provider.url() + "/v1/chat/completions"; }
AutoOptions endpoint(const Provider& provider) { return {.endpoints = "openai=" + provider.url()}; }

// First, while nothing is hooked in this process (CTest runs each test in a process of its own).
TEST(AutoInstrument, LeavesHandlesThatWereMadeBeforeAloneUntilTheyAreReset) {
  Backend backend;
  const Provider provider;
  Easy early;
  std::string body;
  curl_easy_setopt(early.get(), CURLOPT_WRITEFUNCTION, ignore);
  auto_instrument(endpoint(provider));
  EXPECT_EQ(early.ask(chat(provider)), CURLE_OK);
  EXPECT_EQ(backend.rows().size(), 0U);
  curl_easy_reset(early.get());
  EXPECT_EQ(early.ask(chat(provider)), CURLE_OK);
  EXPECT_EQ(backend.rows().size(), 1U);
}

TEST(AutoInstrument, SaysWhatItCouldHook) {
  const AutoResult result = auto_instrument();
  EXPECT_TRUE(result.supported);
  EXPECT_EQ(result.problem, "");
  ASSERT_EQ(result.libraries.size(), 1U);
  EXPECT_THAT(result.libraries.front(), HasSubstr("libcurl"));
  EXPECT_GT(result.calls, 5U);
}

TEST(AutoInstrument, MayBeCalledAgainAndAgain) {
  Backend backend;
  const Provider provider;
  const AutoResult first = auto_instrument(endpoint(provider));
  const AutoResult second = auto_instrument(endpoint(provider));
  EXPECT_EQ(second.calls, first.calls);
  EXPECT_EQ(Easy().ask(chat(provider)), CURLE_OK);
  EXPECT_EQ(backend.rows().size(), 1U);
}

TEST(AutoInstrument, PutsACallUnderTheSpanThatIsCurrentWhereItIsMade) {
  Backend backend;
  const Provider provider;
  auto_instrument(endpoint(provider));
  std::string parent;
  {
    const Span span = start_span("parent");
    parent = to_string(span.span_id());
    Easy().ask(chat(provider), streamed);
  }
  const Row row = backend.row("Chat Completion");
  EXPECT_EQ(row["span_parents"], Row::array({parent}));
  EXPECT_EQ(row["metadata"]["provider"], "openai");
  EXPECT_EQ(row["context"]["span_origin"]["instrumentation"]["name"], "openai");
  EXPECT_TRUE(row["metrics"].contains("time_to_first_token"));
}

TEST(AutoInstrument, TakesTheParentOfAMultiTransferWhereItIsAddedAndNotWhereItRuns) {
  Backend backend;
  const Provider provider;
  auto_instrument(endpoint(provider));
  CURLM* const multi = curl_multi_init();
  Easy easy;
  easy.prepare(chat(provider));
  std::string parent;
  {
    const Span span = start_span("parent");
    parent = to_string(span.span_id());
    curl_multi_add_handle(multi, easy.get());
  }
  std::thread([&] {
    const Span other = start_span("other");
    run(multi);
    int left = 0;
    while (curl_multi_info_read(multi, &left) != nullptr) {
    }
  }).join();
  curl_multi_remove_handle(multi, easy.get());
  curl_multi_cleanup(multi);
  EXPECT_EQ(backend.row("Chat Completion")["span_parents"], Row::array({parent}));
}

TEST(AutoInstrument, EndsAMultiTransferWhenItWasOverThoughNobodyAskedForItsMessage) {
  Backend backend;
  const Provider provider;
  auto_instrument(endpoint(provider));
  CURLM* const multi = curl_multi_init();
  Easy easy;
  easy.prepare(chat(provider));
  curl_multi_add_handle(multi, easy.get());
  run(multi);
  const auto over = std::chrono::system_clock::now();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));  // the program has other things to do
  curl_multi_remove_handle(multi, easy.get());
  curl_multi_cleanup(multi);
  const Row row = backend.row("Chat Completion");
  const std::chrono::duration<double> end(row["metrics"]["end"].get<double>());
  EXPECT_LT(end, over.time_since_epoch() + std::chrono::milliseconds(100));
  EXPECT_GE(end.count(), row["metrics"]["start"].get<double>());
}

TEST(AutoInstrument, LeavesOutProvidersByName) {
  Backend backend;
  const Provider provider;
  auto_instrument({.groq = false, .endpoints = "groq=" + provider.url()});
  EXPECT_EQ(Easy().ask(chat(provider)), CURLE_OK);
  EXPECT_EQ(backend.rows().size(), 0U);
}

TEST(AutoInstrument, HeedsTheEnvironment) {
  const Provider provider, other;
  const Variables variables({{"BRAINTRUST_AUTO_ENDPOINTS", "mine=" + provider.url() + ",groq=" + other.url()},
                             {"BRAINTRUST_DISABLE_INSTRUMENTATION", "groq"}});
  Backend backend;
  auto_instrument();
  EXPECT_EQ(Easy().ask(chat(provider)), CURLE_OK);
  EXPECT_EQ(Easy().ask(chat(other)), CURLE_OK);
  EXPECT_EQ(backend.only()["metadata"]["provider"], "mine");
}

TEST(AutoInstrument, TellsOfAnEndpointThatIsNone) {
  const Told told;
  auto_instrument({.endpoints = "openai"});
  EXPECT_TRUE(told.mentions("openai"));
}

TEST(AutoInstrument, DoesNotTraceOurOwnRequests) {
  Backend backend;
  const Provider provider;
  auto_instrument(endpoint(provider));
  pipeline::HttpClient client;
  int status = 0;
  client.submit({.method = "POST", .url = chat(provider), .body = question},
                [&](const pipeline::HttpResponse& response) { status = response.status; });
  while (status == 0) client.poll(std::chrono::milliseconds(50));
  EXPECT_EQ(status, 200);
  EXPECT_EQ(backend.rows().size(), 0U);
}

TEST(AutoInstrument, TracesACallOfAWrappedClientOnce) {
  Backend backend;
  const Provider provider;
  auto_instrument(endpoint(provider));
  const auto create = wrap_openai([&](const std::string& request) {
    Easy().ask(chat(provider), request);
    return std::string(R"({"choices":[{"index":0,"message":{"role":"assistant","content":"wrapped"}}]})");
  });
  create(question);
  EXPECT_EQ(backend.only()["output"][0]["message"]["content"], "wrapped");
}

TEST(AutoInstrument, WithoutALoggerChangesNothing) {
  const Provider provider;
  auto_instrument(endpoint(provider));
  EXPECT_EQ(Easy().ask(chat(provider)), CURLE_OK);
}

TEST(AutoInstrument, SeesCallsThroughFunctionPointersThatWereTakenLater) {
  Backend backend;
  const Provider provider;
  auto_instrument(endpoint(provider));
  const auto perform = &curl_easy_perform;
  Easy easy;
  easy.prepare(chat(provider));
  EXPECT_EQ(perform(easy.get()), CURLE_OK);
  EXPECT_EQ(backend.rows().size(), 1U);
}

}  // namespace
}  // namespace braintrust::test
