// OpenAI responses. Source: INST 11, 5.15, 6.5.

#include <map>

#include "llm/dialects.h"
#include "llm/openai.h"

namespace braintrust::llm {
namespace {

// --- the request ---

// INST 11.2
std::string input_of(JsonView body) {
  const JsonView input = body["input"];
  const JsonView instructions = body["instructions"];
  if (input.is_array() && !instructions) return std::string(input.text());
  ArrayText items;
  if (instructions) items.add(message("system", instructions.text()));
  if (input.is_string()) items.add(message("user", input.text()));
  items.add_elements(input);
  return items.empty() ? std::string() : items.text();
}

std::string canonical_tool(JsonView tool) {
  if (!tool["type"].is("function") || tool["function"]) return std::string(tool.text());
  ObjectText function;
  for (const std::string_view key : {"name", "description", "parameters", "strict"}) add_setting(function, key, tool[key]);
  return ObjectText().add("type", "\"function\"").add("function", function.text()).text();
}

std::string tool_choice(JsonView choice) {
  if (!choice.is_object()) return std::string(choice.text());
  if (choice["type"].is("function")) return chosen_function(choice["name"]);
  if (choice["type"].is("allowed_tools") && choice["mode"]) return std::string(choice["mode"].text());
  return "\"required\"";
}

Request read_request(const CallTarget&, JsonView body) {
  Request request;
  request.name = "openai.responses.create";  // INST 4.11
  request.input = input_of(body);
  request.model = body["model"].string();
  ObjectText& metadata = request.metadata;
  add_setting(metadata, "temperature", body["temperature"]);
  add_setting(metadata, "top_p", body["top_p"]);
  add_setting(metadata, "max_tokens", body["max_output_tokens"]);
  add_setting(metadata, "response_format", body["text"]["format"]);
  ArrayText tools;
  body["tools"].each_element([&](JsonView tool) { tools.add(canonical_tool(tool)); });
  add_tools(metadata, tools);
  if (const JsonView choice = body["tool_choice"]) metadata.add("tool_choice", tool_choice(choice));
  add_setting(metadata, "parallel_tool_calls", body["parallel_tool_calls"]);
  add_setting(metadata, "max_tool_calls", body["max_tool_calls"]);
  return request;
}

// --- the response ---

// A part of a message or of reasoning, as it was announced, and the text that followed.
struct Part {
  std::string announced;
  std::string text, refusal;  // between quotes

  // `type`: of a part that was never announced.
  std::string json(std::string_view type) const {
    const JsonView part = JsonView::of_valid(announced);
    if (!part.is_object()) {
      if (!refusal.empty()) return ObjectText().add("type", "\"refusal\"").add("refusal", requoted(refusal)).text();
      return ObjectText().add("type", requoted(type)).add("text", requoted(text)).text();
    }
    const std::string text_now = text.empty() ? std::string(part["text"].text()) : requoted(text);
    const std::string refusal_now = refusal.empty() ? std::string(part["refusal"].text()) : requoted(refusal);
    return changed(part, {{"text", text_now}, {"refusal", refusal_now}});
  }
};

using Parts = std::map<std::uint64_t, Part>;

// An item of the output: as it was announced with what followed, or as it was when it was done.
struct Item {
  std::string json;
  bool done = false;
  Parts content, summary;
  std::string arguments, input, code;  // between quotes

  std::string text() const {
    if (done) return json;
    const JsonView item = JsonView::of_valid(json);
    const auto now = [&](std::string_view key, const std::string& added) {
      return added.empty() ? std::string(item[key].text()) : requoted(added);
    };
    const auto parts_now = [&](std::string_view key, const Parts& parts, std::string_view type) {
      ArrayText out;
      for (const auto& [index, part] : parts) out.add(part.json(type));
      return out.empty() ? std::string(item[key].text()) : out.text();
    };
    const std::string_view text_type = item["type"].is("reasoning") ? "reasoning_text" : "output_text";
    const std::string content_now = parts_now("content", content, text_type);
    const std::string summary_now = parts_now("summary", summary, "summary_text");
    const std::string arguments_now = now("arguments", arguments), input_now = now("input", input),
                      code_now = now("code", code);
    return changed(item, {{"content", content_now},
                          {"summary", summary_now},
                          {"arguments", arguments_now},
                          {"input", input_now},
                          {"code", code_now}});
  }
};

class ResponsesParser final : public ResponseParser {
 public:
  explicit ResponsesParser(const CallTarget& call) : provider_(call.provider) {}

  void body(JsonView body) override {
    read_response(body);
    if (body["output"].is_array()) answer.output = body["output"].text();
  }

  void event(std::string_view name, JsonView data) override {
    const JsonView typed = data["type"];
    const std::string_view type = typed.is_string() ? typed.inside() : name;
    if (type == "error") {
      if (answer.error.empty()) answer.error = error_in(data, "");
    } else if (const JsonView response = data["response"]) {  // created, in_progress, completed, incomplete, failed
      read_response(response);
      if (type == "response.completed" || type == "response.incomplete" || type == "response.failed") {
        const JsonView output = response["output"];
        if (!output.is_empty_container()) append(final_output_, output.text());
      }
    } else if (const auto index = data["output_index"].count(); index && may_keep(items_.size())) {
      add_to_item(items_[*index], type, data);
    } else if (answer.error.empty()) {
      answer.error = openai_error(data);
    }
  }

  // INST 11.7
  void end_of_events() override {
    if (!final_output_.empty()) {
      answer.output = final_output_;
      return;
    }
    ArrayText output;
    for (const auto& [index, item] : items_) output.add(item.text());
    answer.output = output.text();
  }

 private:
  void read_response(JsonView response) {
    if (const std::string model = response["model"].string(); !model.empty()) answer.model = model;
    if (const JsonView usage = response["usage"]; usage.is_object()) answer.metrics = openai_usage(usage, provider_);
    if (answer.error.empty()) answer.error = openai_error(response);
    if (answer.error.empty() && response["status"].is("failed")) answer.error = "failed";  // INST 9.5
  }

  void add_to_item(Item& item, std::string_view type, JsonView data) {
    const auto part = [&](Parts& parts, std::string_view index_key) -> Part& {
      const std::uint64_t index = data[index_key].count().value_or(0);
      return may_keep(parts.size()) ? parts[index] : parts.begin()->second;
    };
    const std::string_view delta = data["delta"].inside();
    if (type == "response.output_item.added" || type == "response.output_item.done") {
      item.json.clear();
      append(item.json, data["item"].text());
      item.done = type.ends_with(".done") && !item.json.empty();
    } else if (type == "response.content_part.added") {
      append(part(item.content, "content_index").announced, data["part"].text());
    } else if (type == "response.reasoning_summary_part.added") {
      append(part(item.summary, "summary_index").announced, data["part"].text());
    } else if (type == "response.output_text.delta" || type == "response.reasoning_text.delta") {
      append(part(item.content, "content_index").text, delta);
    } else if (type == "response.refusal.delta") {
      append(part(item.content, "content_index").refusal, delta);
    } else if (type == "response.reasoning_summary_text.delta") {
      append(part(item.summary, "summary_index").text, delta);
    } else if (type == "response.function_call_arguments.delta" || type == "response.mcp_call_arguments.delta") {
      append(item.arguments, delta);
    } else if (type == "response.custom_tool_call_input.delta") {
      append(item.input, delta);
    } else if (type == "response.code_interpreter_call_code.delta") {
      append(item.code, delta);
    }
  }

  std::string_view provider_;
  std::string final_output_;
  std::map<std::uint64_t, Item> items_;
};

std::unique_ptr<ResponseParser> new_response(const CallTarget& call) { return std::make_unique<ResponsesParser>(call); }

}  // namespace

const Dialect openai_responses{"openai", read_request, new_response, openai_media};

}  // namespace braintrust::llm
