// A judge's question to a model, and the choice that comes back.

#include <braintrust/eval/judges.h>

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>

#include "api/mustache.h"
#include "core/environment.h"
#include "core/json_member.h"
#include "eval/json_values.h"
#include "eval/model_client.h"

namespace braintrust::scorers {

using detail::member;
using detail::text_at;
using nlohmann::json;
using nlohmann::ordered_json;

namespace {

constexpr std::string_view function_name = "select_choice";
constexpr int fewest_tokens_of_chat = 5;
constexpr int fewest_tokens_of_responses = 16;  // OpenAI refuses less

constexpr std::string_view ask_for_choice =
    "\nGive your verdict by calling `select_choice` with one of {{__choices}} as `choice`.";
constexpr std::string_view ask_for_reasons =
    "\nGive your verdict by calling `select_choice`. Think first: write into `reasons`, one step after the other, what leads "
    "to "
    "your conclusion, and check it; do not begin with the conclusion. Then put one of {{__choices}} into `choice`.";

json choices_of(const LlmClassifier& judge) {
  json choices = json::array();
  for (const auto& [choice, score] : judge.choice_scores) choices.push_back(choice);
  return choices;
}

std::string prompt_of(const LlmClassifier& judge, const ScorerArgs& args) {
  json variables = args.metadata.is_object() ? args.metadata : json::object();
  variables["input"] = args.input;
  variables["output"] = args.output;
  variables["expected"] = args.expected;
  variables["metadata"] = args.metadata;
  if (judge.variables.is_object()) variables.update(judge.variables);
  variables["__choices"] = choices_of(judge);
  auto prompt = detail::render_mustache(
      std::string(judge.prompt_template).append(judge.use_cot ? ask_for_reasons : ask_for_choice), variables, {});
  eval::require(prompt.has_value(), judge.name, prompt ? std::string() : "cannot be asked: " + prompt.error().message);
  return *std::move(prompt);
}

// The only function that the model may call, and has to. A model writes the arguments in the order in which they stand here:
// the reasons have to come before the choice that they lead to.
ordered_json function_of(const LlmClassifier& judge) {
  ordered_json properties = ordered_json::object();
  if (judge.use_cot) {
    properties["reasons"] = {{"type", "string"},
                             {"title", "Reasoning"},
                             {"description", "What leads to the verdict, step by step; written before the verdict is chosen"}};
  }
  properties["choice"] = {{"type", "string"}, {"title", "Choice"}, {"description", "The verdict"}, {"enum", choices_of(judge)}};
  ordered_json required = ordered_json::array();
  for (const auto& [name, property] : properties.items()) required.push_back(name);
  return {{"name", function_name},
          {"description", "Gives the verdict."},
          {"parameters",
           {{"type", "object"},
            {"title", judge.use_cot ? "CoTResponse" : "FunctionResponse"},
            {"properties", std::move(properties)},
            {"required", std::move(required)}}}};
}

const json& first(const json& list) { return list.is_array() && !list.empty() ? list.front() : detail::absent(); }

// One of the two APIs: how the question is put, and where the call and whatever else was said stand in the answer.
struct Api {
  std::string_view path;
  ordered_json (*request)(const LlmClassifier& judge, const std::string& prompt);
  json (*function_call)(const json& answer);  // {name, arguments}, or null
  std::string (*words)(const json& answer);   // what the model said instead
  std::string (*stop_reason)(const json& answer);
};

namespace chat_completions {

ordered_json request(const LlmClassifier& judge, const std::string& prompt) {
  ordered_json request = {{"messages", ordered_json::array({{{"role", "user"}, {"content", prompt}}})},
                          {"tools", ordered_json::array({{{"type", "function"}, {"function", function_of(judge)}}})},
                          {"tool_choice", {{"type", "function"}, {"function", {{"name", function_name}}}}}};
  if (judge.max_tokens) request["max_tokens"] = std::max(*judge.max_tokens, fewest_tokens_of_chat);
  return request;
}

const json& message(const json& answer) { return member(first(member(answer, "choices")), "message"); }

json function_call(const json& answer) { return member(first(member(message(answer), "tool_calls")), "function"); }

std::string words(const json& answer) {
  const std::string content = text_at(message(answer), "content");
  return content.empty() ? text_at(message(answer), "refusal") : content;
}

std::string stop_reason(const json& answer) { return text_at(first(member(answer, "choices")), "finish_reason"); }

constexpr Api api = {"/chat/completions", request, function_call, words, stop_reason};

}  // namespace chat_completions

namespace responses {

ordered_json request(const LlmClassifier& judge, const std::string& prompt) {
  ordered_json function = function_of(judge);
  function["type"] = "function";
  ordered_json request = {{"input", ordered_json::array({{{"role", "user"}, {"content", prompt}}})},
                          {"tools", ordered_json::array({std::move(function)})},
                          {"tool_choice", {{"type", "function"}, {"name", function_name}}}};
  if (judge.max_tokens) request["max_output_tokens"] = std::max(*judge.max_tokens, fewest_tokens_of_responses);
  return request;
}

json function_call(const json& answer) {
  for (const json& item : member(answer, "output")) {
    if (text_at(item, "type") == "function_call") return item;
  }
  return nullptr;
}

std::string words(const json& answer) {
  std::string words;
  for (const json& item : member(answer, "output")) {
    for (const json& part : member(item, "content")) words += text_at(part, "text") + text_at(part, "refusal");
  }
  return words;
}

std::string stop_reason(const json& answer) {
  const std::string reason = text_at(member(answer, "incomplete_details"), "reason");
  return reason.empty() ? text_at(answer, "status") : reason;
}

constexpr Api api = {"/responses", request, function_call, words, stop_reason};

}  // namespace responses

// What the model called the function with.
json arguments_of(const Api& api, const json& answer, std::string_view judge) {
  const json call = api.function_call(answer);
  if (text_at(call, "name") != function_name) {
    const std::string words = call.is_null() ? api.words(answer) : detail::to_text(call);
    throw std::runtime_error(fmt::format("{} got no choice: the model did not call {}{}{}. It answered: {}", judge,
                                         function_name, api.stop_reason(answer).empty() ? "" : ", and ended with ",
                                         api.stop_reason(answer),
                                         eval::excerpt(words.empty() ? detail::to_text(answer) : words)));
  }
  const json& arguments = member(call, "arguments");
  if (arguments.is_object()) return arguments;  // of servers that are less exact
  const std::string text = text_at(call, "arguments");
  auto parsed = eval::parsed(text);
  if (!parsed || !parsed->is_object()) {
    throw std::runtime_error(fmt::format("{} got no choice: the model called {} with what is no JSON object: {}", judge,
                                         function_name, eval::excerpt(text)));
  }
  return *std::move(parsed);
}

Score score_of(const LlmClassifier& judge, const json& arguments) {
  std::string storage;
  const std::string choice(detail::trimmed(eval::text_of(member(arguments, "choice"), storage)));  // 1 is as good as "1"
  const auto& scores = judge.choice_scores;
  const auto found = std::find_if(scores.begin(), scores.end(), [&](const auto& one) { return one.first == choice; });
  if (found == scores.end()) {
    throw std::runtime_error(fmt::format("{} got a choice that is none of {}: {}", judge.name,
                                         detail::to_text(choices_of(judge)), eval::excerpt(choice)));
  }
  Score score{.name = judge.name, .score = found->second, .metadata = {{"choice", choice}}};
  if (const json& reasons = member(arguments, "reasons"); !reasons.is_null()) score.metadata["rationale"] = reasons;
  return score;
}

}  // namespace

Score LlmClassifier::operator()(const ScorerArgs& args) const {
  eval::require(!detail::is_blank(name), "an LlmClassifier", "needs a name");
  eval::require(!detail::is_blank(prompt_template), name, "needs a prompt_template");
  eval::require(!choice_scores.empty(), name, "needs choice_scores");
  eval::require(variables.is_null() || variables.is_object(), name, "needs an object as its variables");

  const std::string chosen_model = detail::is_blank(model) ? eval::default_model("gpt-5-mini") : model;
  const Api& api = use_responses_api.value_or(chosen_model.starts_with("gpt-5")) ? responses::api : chat_completions::api;
  ordered_json request = api.request(*this, prompt_of(*this, args));
  request["model"] = chosen_model;
  if (temperature) request["temperature"] = *temperature;
  return score_of(*this, arguments_of(api, eval::ask_model(eval::resolved(client, name), api.path, request, name), name));
}

}  // namespace braintrust::scorers
