// A program to run under `braintrust-local run`: logs one span to where the environment says, and does as it is told.
//
//   logging_program NAME [exit N | wait | abort]
//
// `wait` prints "ready" and stays until SIGTERM; then it logs a second span, "after the signal", and exits with 3.

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "local/http_client.h"

namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

bool log_span(const std::string& name) {
  HttpClient client(environment("BRAINTRUST_API_URL"), environment("BRAINTRUST_API_KEY"));
  const auto body = R"({"rows":[{"id":")" + name + R"(","span_id":")" + name + R"(","root_span_id":"trace-)" + name +
                    R"(","project_id":"p","log_id":"g","span_attributes":{"name":")" + name +
                    R"("},"metrics":{"start":1700000000,"end":1700000001}}]})";
  return client.post("/logs3", body).status == 200;
}

}  // namespace

int main(int argc, char** argv) {
  // Blocked before anything else, so that it can be waited for; `run` must have left it at its default.
  sigset_t terminate;
  sigemptyset(&terminate);
  sigaddset(&terminate, SIGTERM);
  const std::string action = argc > 2 ? argv[2] : "";
  if (action == "wait") sigprocmask(SIG_BLOCK, &terminate, nullptr);

  if (argc < 2 || !log_span(argv[1])) return 9;
  if (action == "exit") return std::atoi(argv[3]);
  if (action == "abort") std::abort();
  if (action == "wait") {
    std::puts("ready");
    std::fflush(stdout);
    int number = 0;
    sigwait(&terminate, &number);
    return log_span("after the signal") ? 3 : 9;
  }
  return 0;
}
