#pragma once

// `ModelServer`: a server that answers judges as a test wants, and an environment that names no other.
//
// Threads: the test's.

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <braintrust/eval/judges.h>

#include "support/scripted_server.h"
#include "trace/backend.h"

namespace braintrust::test {

using nlohmann::json;

inline const std::string judge_key = "sk-judge-0123456789";

// An answer of chat completions that calls `function` with `arguments`.
inline json chat_call(const json& arguments, const std::string& function = "select_choice") {
  const json call = {
      {"id", "call_1"},
      {"type", "function"},
      {"function", {{"name", function}, {"arguments", arguments.is_string() ? arguments : json(arguments.dump())}}}};
  return {{"model", "gpt-4o-2024"},
          {"choices",
           json::array({{{"index", 0},
                         {"finish_reason", "stop"},
                         {"message", {{"role", "assistant"}, {"content", nullptr}, {"tool_calls", json::array({call})}}}}})},
          {"usage", {{"prompt_tokens", 90}, {"completion_tokens", 10}, {"total_tokens", 100}}}};
}

inline json chat_choice(const std::string& choice) { return chat_call({{"reasons", "because"}, {"choice", choice}}); }

inline json chat_text(const std::string& text) {
  return {{"choices", json::array({{{"finish_reason", "stop"}, {"message", {{"role", "assistant"}, {"content", text}}}}})}};
}

inline json responses_choice(const std::string& choice) {
  const json call = {{"type", "function_call"},
                     {"name", "select_choice"},
                     {"arguments", json{{"reasons", "because"}, {"choice", choice}}.dump()}};
  return {{"status", "completed"}, {"output", json::array({{{"type", "reasoning"}, {"summary", json::array()}}, call})}};
}

class ModelServer {
 public:
  ModelServer() { scorers::init({}); }
  ~ModelServer() { scorers::init({}); }

  scorers::ModelClient client() const { return {.base_url = url(), .api_key = judge_key}; }
  std::string url() const { return server.url() + "/v1"; }

  void answer_chat(const json& body) { server.on("/v1/chat/completions", {{.body = body.dump()}}); }
  void answer_responses(const json& body) { server.on("/v1/responses", {{.body = body.dump()}}); }

  json last_request() const { return json::parse(server.requests().back().body); }
  std::string last_prompt() const { return last_request()["messages"][0]["content"].get<std::string>(); }
  std::string last_authorization() const {
    const auto headers = server.requests().back().headers;
    const auto found = headers.find("authorization");
    return found != headers.end() ? found->second : "none";
  }

  ScriptedServer server;

 private:
  Variables variables_{
      {{"OPENAI_BASE_URL", {}}, {"OPENAI_API_KEY", {}}, {"BRAINTRUST_API_KEY", {}}, {"BRAINTRUST_AI_GATEWAY_URL", {}}}};
};

// The only row of a model call.
inline Row llm_row(Backend& backend) {
  std::vector<Row> found;
  for (const Row& row : backend.rows()) {
    if (row["span_attributes"].value("type", "") == "llm") found.push_back(row);
  }
  if (found.size() == 1) return found.front();
  throw std::runtime_error(std::to_string(found.size()) + " model calls in " + Row(backend.rows()).dump());
}

}  // namespace braintrust::test
