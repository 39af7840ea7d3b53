// A program to run under `braintrust-local run`: logs one span to where the environment says, and does as it is told.
//
//   logging_program NAME [exit N | wait | abort | experiment [PROJECT] | dataset]
//
// `wait` prints "ready" and stays until SIGTERM; then it logs a second span, "after the signal", and exits with 3.
// `experiment` logs the span to an experiment of that name, and prints a line of its own; `dataset` writes a record instead.

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

std::string post(const std::string& path, const std::string& body) {
  HttpClient client(environment("BRAINTRUST_API_URL"), environment("BRAINTRUST_API_KEY"));
  const auto answer = client.post(path, body);
  return answer.status == 200 ? answer.body : "";
}

// `home` are the fields that say where the row belongs.
bool log_span(const std::string& name, const std::string& home = R"("project_id":"p","log_id":"g")") {
  const auto body = R"({"rows":[{"id":")" + name + R"(","span_id":")" + name + R"(","root_span_id":"trace-)" + name + R"(",)" +
                    home + R"(,"span_attributes":{"name":")" + name +
                    R"("},"metrics":{"start":1700000000,"end":1700000001}}]})";
  return !post("/logs3", body).empty();
}

bool log_to_experiment(const std::string& name, const std::string& project) {
  const auto answer =
      post("/api/experiment/register", R"({"project_name":")" + project + R"(","experiment_name":")" + name + R"("})");
  const std::string before = R"("id":")";
  const auto id = answer.find(before, answer.find(R"("experiment":)"));
  if (id == answer.npos) return false;
  const auto begin = id + before.size();
  return log_span(name, R"("experiment_id":")" + answer.substr(begin, answer.find('"', begin) - begin) + '"');
}

}  // namespace

int main(int argc, char** argv) {
  // Blocked before anything else, so that it can be waited for; `run` must have left it at its default.
  sigset_t terminate;
  sigemptyset(&terminate);
  sigaddset(&terminate, SIGTERM);
  const std::string action = argc > 2 ? argv[2] : "";
  if (action == "wait") sigprocmask(SIG_BLOCK, &terminate, nullptr);

  if (argc < 2) return 9;
  if (action == "experiment") {
    std::puts("its own line");
    return log_to_experiment(argv[1], argc > 3 ? argv[3] : "P") ? 0 : 9;
  }
  if (action == "dataset") return log_span(argv[1], R"("dataset_id":"d")") ? 0 : 9;
  if (!log_span(argv[1])) return 9;
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
