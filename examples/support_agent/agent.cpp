#include "agent.h"

#include <braintrust/braintrust.h>

#include <algorithm>
#include <set>
#include <stdexcept>
#include <vector>

#include "tools.h"

using braintrust::Span;
using braintrust::SpanType;
using nlohmann::json;

namespace {

constexpr int most_rounds = 5;

// [retrieval]
std::vector<Hit> retrieve(const std::string& question, const Documents& documents) {
  auto span = braintrust::start_span("retrieve", {.type = SpanType::tool, .input = question, .metadata = {{"k", 3}}});
  auto hits = documents.search(question, 3);
  span.log({.output = hits});
  return hits;
}
// [retrieval end]

std::string instructions(const std::vector<Hit>& hits) {
  std::string text =
      "You help users of a software library. Answer in a few sentences, from the documentation below and from what the tools "
      "say, and name the section you used. Say so when the answer is not there.\n";
  for (const Hit& hit : hits) text += "\n## " + hit.section.source + "\n" + hit.section.text;
  return text;
}

// Which part of the answer's words stands in what the model was given: low when it made things up.
double grounded(const std::string& answer, const json& messages) {
  std::set<std::string> given;
  for (const auto& message : messages) {
    if (!message["content"].is_string()) continue;
    for (auto& word : words_of(message["content"].get<std::string>())) given.insert(std::move(word));
  }
  const auto words = words_of(answer);
  const auto known = std::count_if(words.begin(), words.end(), [&](const auto& word) { return given.contains(word); });
  return words.empty() ? 0 : static_cast<double>(known) / static_cast<double>(words.size());
}

std::string converse(Span& span, const std::string& question, const Documents& documents, const Model& model) {
  const json tools = tool_definitions();
  Tokens used;
  json messages = {{{"role", "system"}, {"content", instructions(retrieve(question, documents))}},
                   {{"role", "user"}, {"content", question}}};
  for (int round = 0; round < most_rounds; ++round) {
    const json message = complete(model, messages, tools, used);
    const json calls = message.value("tool_calls", json::array());
    if (!calls.is_array() || calls.empty()) {
      const auto answer = message["content"].is_string() ? message["content"].get<std::string>() : std::string();
      span.log({.output = answer,
                .scores = {{"grounded", grounded(answer, messages)}},
                .metrics = {{"prompt_tokens", used.prompt},
                            {"completion_tokens", used.completion},
                            {"tokens", used.prompt + used.completion}}});
      return answer;
    }
    messages.push_back(message);
    for (const auto& call : calls) {
      const auto& function = call["function"];
      const auto result = run_tool(function["name"], function["arguments"], documents);
      messages.push_back({{"role", "tool"}, {"tool_call_id", call["id"]}, {"content", result}});
    }
  }
  throw std::runtime_error("no answer after " + std::to_string(most_rounds) + " rounds of tools");
}

}  // namespace

// [agent]
std::string answer_question(const std::string& question, const Documents& documents, const Model& model) {
  auto span = braintrust::start_span("answer_question", {.type = SpanType::task, .input = question, .tags = {"support"}});
  // `run` records an exception as the span's error, and lets it pass.
  return span.run([&](Span& self) { return converse(self, question, documents, model); });
}
// [agent end]
