#pragma once

// Runs a program against a provider, with a local backend for its rows, and tells what model calls were seen.
//
// Threads: the test's. Errors: throws where the backend cannot be started.

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <braintrust/local/server.h>

#include "local/program.h"

namespace braintrust::test {

// One row of a model call, in short.
struct ModelCall {
  std::string asked = {};
  std::string said = {};
  std::string error = {};
  auto operator<=>(const ModelCall&) const = default;
};
inline void PrintTo(const ModelCall& call, std::ostream* out) {
  *out << "asked \"" << call.asked << "\" said \"" << call.said << "\" error \"" << call.error << '"';
}

class TracedRun {
 public:
  explicit TracedRun(const std::string& provider) : server_(start()) {
    environment_ = {"BRAINTRUST_API_KEY=local",
                    "BRAINTRUST_APP_URL=" + server_.url(),
                    "BRAINTRUST_API_URL=" + server_.url(),
                    "BRAINTRUST_PROJECT=p",
                    "BRAINTRUST_AUTO_ENDPOINTS=openai=" + provider + "/v1,openai=http://127.0.0.1:1/v1",
                    "no_proxy=127.0.0.1"};
  }

  // Its output, and its exit code in `code`.
  std::string run(std::vector<std::string> words, const std::vector<std::string>& variables = {}) {
    std::vector<std::string> environment = variables;
    for (const std::string& ours : environment_) {
      const std::string name = ours.substr(0, ours.find('=') + 1);
      const bool changed =
          std::any_of(variables.begin(), variables.end(), [&](const std::string& one) { return one.starts_with(name); });
      if (!changed) environment.push_back(ours);
    }
    Program program(std::move(words), std::move(environment));
    std::string output = program.rest();
    code = program.wait();
    return output;
  }

  std::vector<nlohmann::json> rows() const {
    const auto text = server_.rows_json();
    if (!text) throw std::runtime_error(text.error().message);
    return nlohmann::json::parse(*text).get<std::vector<nlohmann::json>>();
  }

  std::vector<ModelCall> calls() const {
    std::vector<ModelCall> calls;
    for (const auto& row : rows()) {
      if (row.value("/span_attributes/type"_json_pointer, "") != "llm") continue;
      const auto text = [&](const char* pointer) {
        const nlohmann::json::json_pointer at(pointer);
        return row.contains(at) && row[at].is_string() ? row[at].get<std::string>() : std::string();
      };
      std::string asked = text("/input/0/content");
      if (asked.empty() && row.contains("input") && !row["input"].is_null()) asked = row["input"].dump();
      calls.push_back({asked, text("/output/0/message/content"), text("/error")});
    }
    std::sort(calls.begin(), calls.end());
    return calls;
  }

  const std::string& url() const { return server_.url(); }
  int code = -1;

 private:
  static local::Server start() {
    auto server = local::Server::start();
    if (!server) throw std::runtime_error(server.error().message);
    return std::move(*server);
  }
  local::Server server_;
  std::vector<std::string> environment_;
};

}  // namespace braintrust::test
