// A client of your own, wrapped: an agent whose model calls are recorded by `wrap_openai`, and its tools by spans.

#include <braintrust/braintrust.h>

#include <iostream>
#include <string>

#include <nlohmann/json.hpp>

#include "support/offline.h"

using braintrust::SpanType;
using nlohmann::json;

// Stands for your client: asks for a tool at first, then answers.
struct Client {
  json responses(const json& request) {
    const bool knows = request["messages"].back()["role"] == "tool";
    json message = {{"role", "assistant"}, {"content", knows ? json("It is raining in Oslo.") : json()}};
    if (!knows) {
      message["tool_calls"] = {
          {{"id", "call_1"}, {"type", "function"}, {"function", {{"name", "weather"}, {"arguments", R"({"city":"Oslo"})"}}}}};
    }
    return {{"model", "scripted-1"},
            {"choices", {{{"index", 0}, {"message", message}, {"finish_reason", knows ? "stop" : "tool_calls"}}}},
            {"usage", {{"prompt_tokens", 40}, {"completion_tokens", 9}, {"total_tokens", 49}}}};
  }
};

// [agent tool]
std::string run_tool(const json& call) {
  const std::string name = call["function"]["name"];
  auto span = braintrust::start_span(name, {.type = SpanType::tool});
  const json arguments = json::parse(call["function"]["arguments"].get<std::string>());
  span.log({.input = arguments});
  return span.run([&] {
    std::string result = arguments["city"].get<std::string>() + ": rain";
    span.log({.output = result});
    return result;
  });
}
// [agent tool end]

std::string answer(Client& client, const std::string& question) {
  // [wrapped client]
  auto create = braintrust::wrap_openai([&](const json& request) { return client.responses(request); });

  auto span = braintrust::start_span("answer", {.type = SpanType::task, .input = question});
  json messages = {{{"role", "user"}, {"content", question}}};
  for (;;) {
    const json response = create({{"model", "scripted-1"}, {"messages", messages}});  // an `llm` span
    const json& message = response["choices"][0]["message"];
    messages.push_back(message);
    if (!message.contains("tool_calls")) {
      span.log({.output = message["content"]});
      return message["content"];
    }
    for (const json& call : message["tool_calls"]) {
      messages.push_back({{"role", "tool"}, {"tool_call_id", call["id"]}, {"content", run_tool(call)}});
    }
  }
  // [wrapped client end]
}

int main() {
  examples::Offline offline;
  auto logger = braintrust::init_logger({.project = "Examples (C++)"});
  Client client;
  std::cout << answer(client, "What is the weather in Oslo?") << '\n';
}
