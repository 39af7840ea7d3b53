// Cohere's chat, version 2, in the canonical form. Source: INST 4.13 to 4.19, 16.1; docs.cohere.com, "Chat" and "Chat with
// Streaming".

#include <map>
#include <utility>

#include "llm/dialects.h"
#include "llm/openai.h"

namespace braintrust::llm {
namespace {

Request read_request(const CallTarget&, JsonView body) {
  Request request;
  request.name = "cohere.chat";
  request.input = body["messages"].text();
  request.model = body["model"].string();
  ObjectText& metadata = request.metadata;
  add_setting(metadata, "temperature", body["temperature"]);
  add_setting(metadata, "top_p", body["p"]);
  add_setting(metadata, "max_tokens", body["max_tokens"]);
  add_setting(metadata, "frequency_penalty", body["frequency_penalty"]);
  add_setting(metadata, "presence_penalty", body["presence_penalty"]);
  add_setting(metadata, "stop", body["stop_sequences"]);
  add_setting(metadata, "response_format", body["response_format"]);
  ArrayText tools;
  tools.add_elements(body["tools"]);
  add_tools(metadata, tools);
  if (body["tool_choice"].is("REQUIRED")) metadata.add("tool_choice", "\"required\"");
  if (body["tool_choice"].is("NONE")) metadata.add("tool_choice", "\"none\"");
  return request;
}

// INST 4.17, as JSON text
std::string finish_reason(JsonView reason) {
  constexpr std::pair<std::string_view, std::string_view> reasons[] = {
      {"COMPLETE", "stop"},        {"STOP_SEQUENCE", "stop"},         {"MAX_TOKENS", "length"},
      {"TOOL_CALL", "tool_calls"}, {"ERROR_TOXIC", "content_filter"},
  };
  for (const auto& [given, canonical] : reasons) {
    if (reason.is(given)) return requoted(canonical);
  }
  return reason ? std::string(reason.text()) : std::string();
}

// What was billed leaves out Cohere's own instructions; the prompt as a whole is what counts (INST 7.4).
Metrics metrics_of(JsonView usage) {
  Metrics metrics;
  const JsonView tokens = usage["tokens"];
  const JsonView billed = usage["billed_units"];
  metrics.prompt_tokens = first_count({tokens["input_tokens"], billed["input_tokens"]});
  metrics.completion_tokens = first_count({tokens["output_tokens"], billed["output_tokens"]});
  metrics.prompt_cached_tokens = usage["cached_tokens"].count();
  return metrics;
}

// A single text is a string; more than that stays a list of parts.
std::string content_of(JsonView content) {
  const JsonView only = content.element(1).text().empty() ? content.element(0) : JsonView();
  if (only["text"].is_string()) return std::string(only["text"].text());
  return content && !content.is_empty_container() ? std::string(content.text()) : "null";
}

std::string choice_of(std::string_view message, std::string_view reason) {
  const std::string choice = ObjectText().add("index", "0").add("finish_reason", reason).add("message", message).text();
  return ArrayText().add(choice).text();
}

struct ToolCall {
  std::string started;    // an object
  std::string arguments;  // between quotes

  std::string json() const {
    const JsonView call = JsonView::of_valid(started);
    const JsonView function = call["function"];
    const std::string all = '"' + std::string(function["arguments"].inside()) + arguments + '"';
    const std::string function_now = changed(function, {{"arguments", all}});
    return changed(call, {{"function", function_now}});
  }
};

struct Part {
  bool thinking = false;
  std::string text;  // between quotes

  std::string json() const {
    return (thinking ? R"({"type":"thinking","thinking":")" : R"({"type":"text","text":")") + text + "\"}";
  }
};

class CohereParser final : public ResponseParser {
 public:
  void body(JsonView body) override {
    const JsonView message = body["message"];
    answer.metrics = metrics_of(body["usage"]);
    if (!message.is_object()) {
      answer.error = error_in(body, "");
      return;
    }
    take_error(body);
    const std::string content = content_of(message["content"]);
    answer.output = choice_of(changed(message, {{"content", content}}), finish_reason(body["finish_reason"]));
  }

  void event(std::string_view name, JsonView data) override {
    const std::string_view type = data["type"].is_string() ? data["type"].inside() : name;
    const JsonView delta = data["delta"];
    const JsonView message = delta["message"];
    const std::uint64_t index = data["index"].count().value_or(0);
    if (type == "content-start" || type == "content-delta") {
      if (!may_keep(parts_.size())) return;
      Part& part = parts_[index];
      const JsonView content = message["content"];
      if (content["thinking"].is_string()) part.thinking = true;
      append(part.text, content["text"].inside());
      append(part.text, content["thinking"].inside());
    } else if (type == "tool-plan-delta") {
      append(tool_plan_, message["tool_plan"].inside());
    } else if (type == "tool-call-start") {
      const JsonView call = message["tool_calls"];
      if (call.is_object() && may_keep(tool_calls_.size())) append(tool_calls_[index].started, call.text());
    } else if (type == "tool-call-delta") {
      const auto call = tool_calls_.find(index);
      if (call != tool_calls_.end()) append(call->second.arguments, message["tool_calls"]["function"]["arguments"].inside());
    } else if (type == "citation-start") {
      const std::string_view citation = message["citations"].text();
      if (take_room(citation.size())) citations_.add(citation);
    } else if (type == "message-start") {
      started_ = true;
    } else if (type == "message-end") {
      finish_reason_ = finish_reason(delta["finish_reason"]);
      answer.metrics = metrics_of(delta["usage"]);
      take_error(delta);
    }
  }

  void end_of_events() override {
    if (!started_ && parts_.empty() && tool_calls_.empty()) return;
    ArrayText parts, calls;
    for (const auto& [index, part] : parts_) parts.add(part.json());
    for (const auto& [index, call] : tool_calls_) {
      if (!call.started.empty()) calls.add(call.json());
    }
    const std::string content = parts.text();
    ObjectText message;
    message.add("role", "\"assistant\"").add("content", content_of(JsonView::of_valid(content)));
    if (!tool_plan_.empty()) message.add("tool_plan", requoted(tool_plan_));
    if (!calls.empty()) message.add("tool_calls", calls.text());
    if (!citations_.empty()) message.add("citations", citations_.text());
    answer.output = choice_of(message.text(), incomplete() ? std::string() : finish_reason_);
  }

 private:
  // INST 9.5. `end`: what holds the finish_reason, and perhaps what went wrong.
  void take_error(JsonView end) {
    const bool failed = end["finish_reason"].is("ERROR");
    if (!failed && !end["error"]) return;
    answer.error = error_in(end, failed ? "ERROR" : "");
    if (failed && answer.error.empty()) answer.error = "ERROR";
  }

  bool started_ = false;
  std::string tool_plan_, finish_reason_;
  std::map<std::uint64_t, Part> parts_;
  std::map<std::uint64_t, ToolCall> tool_calls_;
  ArrayText citations_;
};

std::unique_ptr<ResponseParser> new_response(const CallTarget&) { return std::make_unique<CohereParser>(); }

}  // namespace

const Dialect cohere_chat{"cohere", read_request, new_response, openai_media};

}  // namespace braintrust::llm
