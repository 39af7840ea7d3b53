// Bedrock: converse and converse-stream, and invoke where the model is Anthropic's. Source: INST 15, 5.18, 18.24, 18.28.

#include <map>
#include <optional>
#include <utility>

#include "core/base64.h"
#include "llm/anthropic.h"
#include "llm/dialects.h"
#include "llm/openai.h"

namespace braintrust::llm {
namespace {

// /model/{id}/converse. An id may hold slashes only when they are encoded, and then it is one segment all the same.
std::string model_in(std::string_view path) { return path_segment(path, "/model/"); }

// --- messages ---

bool is_known_block(std::string_view key) {
  for (const std::string_view known : {"text", "image", "document", "video", "audio", "reasoningContent", "guardContent",
                                       "citationsContent", "searchResult"}) {
    if (key == known) return true;
  }
  return false;
}

// INST 15.3: a block says its type.
std::string typed_block(JsonView block) {
  ObjectText out;
  block.each_member([&](std::string_view key, JsonView) {
    if (out.empty() && is_known_block(key)) out.add("type", requoted(key));
  });
  if (out.empty()) return std::string(block.text());
  block.each_member([&](std::string_view key, JsonView value) {
    if (key != "type") out.add(key, value);
  });
  return out.text();
}

std::string typed_blocks(JsonView blocks) {
  ArrayText out;
  blocks.each_element([&](JsonView block) { out.add(typed_block(block)); });
  return out.text();
}

// INST 15.6: the tool blocks of one message in canonical form. Results become messages of their own at their place.
class CanonicalMessage {
 public:
  CanonicalMessage(ArrayText& messages, std::string_view role) : messages_(messages), role_(role) {}

  void add(JsonView block) {
    if (const JsonView use = block["toolUse"]) {
      tool_calls_.add(tool_call(use));
    } else if (const JsonView result = block["toolResult"]) {
      if (!content_.empty() || !tool_calls_.empty()) write({});
      messages_.add(ObjectText()
                        .add("role", "\"tool\"")
                        .add("tool_call_id", result["toolUseId"])
                        .add("content", result_content(result["content"]))
                        .text());
      only_results_ = true;
    } else {
      content_.add(typed_block(block));
    }
  }

  // Hands on what is left, with a finish_reason where there is one.
  void finish(std::string_view finish_reason) {
    if (!only_results_ || !content_.empty() || !tool_calls_.empty()) write(finish_reason);
  }

 private:
  static std::string tool_call(JsonView use) {
    const std::string function =
        ObjectText().add("name", use["name"]).add("arguments", json_string(use["input"].text())).text();
    return ObjectText().add("id", use["toolUseId"]).add("type", "\"function\"").add("function", function).text();
  }

  // One text is a string (INST 4.21), one JSON value its text.
  static std::string result_content(JsonView content) {
    const JsonView only = content.element(1).text().empty() ? content.element(0) : JsonView();
    if (only["text"].is_string()) return std::string(only["text"].text());
    if (const JsonView json = only["json"]) return json_string(json.text());
    return typed_blocks(content);
  }

  void write(std::string_view finish_reason) {
    const bool only_calls = content_.empty() && !tool_calls_.empty();
    ObjectText message;
    message.add("role", role_).add("content", only_calls ? "null" : content_.text());
    if (!tool_calls_.empty()) message.add("tool_calls", tool_calls_.text());
    messages_.add(message.add("finish_reason", finish_reason).text());
    content_ = {};
    tool_calls_ = {};
  }

  ArrayText& messages_;
  std::string_view role_;  // JSON text
  ArrayText content_, tool_calls_;
  bool only_results_ = false;
};

void add_message(ArrayText& messages, std::string_view role, JsonView content, std::string_view finish_reason) {
  CanonicalMessage canonical(messages, role);
  content.each_element([&](JsonView block) { canonical.add(block); });
  canonical.finish(finish_reason);
}

// INST 15.5
void add_system(ArrayText& messages, JsonView system) {
  ArrayText blocks;
  system.each_element([&](JsonView block) {
    if (block["cachePoint"].text().empty()) blocks.add(typed_block(block));
  });
  if (!blocks.empty()) messages.add(message("system", blocks.text()));
}

// --- the request ---

void add_tool_settings(ObjectText& metadata, JsonView config) {
  ArrayText tools;
  config["tools"].each_element([&](JsonView tool) {
    const JsonView spec = tool["toolSpec"];
    if (!spec) {
      if (tool["cachePoint"].text().empty()) tools.add(tool.text());
      return;
    }
    ObjectText function;
    function.add("name", spec["name"]);
    add_setting(function, "description", spec["description"]);
    add_setting(function, "parameters", spec["inputSchema"]["json"]);
    add_setting(function, "strict", spec["strict"]);
    tools.add(ObjectText().add("type", "\"function\"").add("function", function.text()).text());
  });
  add_tools(metadata, tools);
  config["toolChoice"].each_member([&](std::string_view key, JsonView value) {
    if (key == "auto") metadata.add("tool_choice", "\"auto\"");
    if (key == "any") metadata.add("tool_choice", "\"required\"");
    if (key == "tool") metadata.add("tool_choice", chosen_function(value["name"]));
  });
}

Request read_converse_request(const CallTarget& call, JsonView body) {
  Request request;
  request.name = call.path.ends_with("-stream") ? "bedrock.converse-stream" : "bedrock.converse";  // INST 4.10
  request.model = model_in(call.path);
  if (body.is_object()) {
    ArrayText messages;
    add_system(messages, body["system"]);
    body["messages"].each_element(
        [&](JsonView message) { add_message(messages, message["role"].text(), message["content"], {}); });
    request.input = messages.text();
  }
  const JsonView config = body["inferenceConfig"];
  add_setting(request.metadata, "temperature", config["temperature"]);
  add_setting(request.metadata, "top_p", config["topP"]);
  add_setting(request.metadata, "max_tokens", config["maxTokens"]);
  add_setting(request.metadata, "stop", config["stopSequences"]);
  add_tool_settings(request.metadata, body["toolConfig"]);
  return request;
}

// --- the response ---

// INST 15.9, as JSON text
std::string finish_reason(JsonView stop_reason) {
  constexpr std::pair<std::string_view, std::string_view> reasons[] = {
      {"end_turn", "stop"},
      {"stop_sequence", "stop"},
      {"max_tokens", "length"},
      {"model_context_window_exceeded", "length"},
      {"tool_use", "tool_calls"},
      {"guardrail_intervened", "content_filter"},
      {"content_filtered", "content_filter"},
  };
  for (const auto& [reason, canonical] : reasons) {
    if (stop_reason.is(reason)) return requoted(canonical);
  }
  return stop_reason ? std::string(stop_reason.text()) : std::string();
}

// INST 15.8
Metrics metrics_of(JsonView usage) {
  Metrics metrics;
  const Metrics::Count input = usage["inputTokens"].count();
  metrics.prompt_cached_tokens = first_count({usage["cacheReadInputTokens"], usage["cacheReadInputTokenCount"]});
  const Metrics::Count writes = first_count({usage["cacheWriteInputTokens"], usage["cacheWriteInputTokenCount"]});
  usage["cacheDetails"].each_element([&](JsonView detail) {
    const Metrics::Count count = detail["inputTokens"].count();
    if (detail["ttl"].is("5m")) metrics.prompt_cache_creation_5m_tokens = count;
    if (detail["ttl"].is("1h")) metrics.prompt_cache_creation_1h_tokens = count;
  });
  if (!metrics.prompt_cache_creation_5m_tokens && !metrics.prompt_cache_creation_1h_tokens) {
    metrics.prompt_cache_creation_tokens = writes;
  }
  if (input) metrics.prompt_tokens = *input + or_zero(metrics.prompt_cached_tokens) + or_zero(writes);
  metrics.completion_tokens = usage["outputTokens"].count();
  metrics.tokens = usage["totalTokens"].count();
  if (metrics.tokens && metrics.prompt_tokens && metrics.completion_tokens &&
      *metrics.tokens < *metrics.prompt_tokens + *metrics.completion_tokens) {
    metrics.tokens.reset();  // the total leaves the cache out: the sum counts
  }
  return metrics;
}

// The content of a streamed tool result: text grows, anything else is an element of its own.
class ResultContent {
 public:
  void add(JsonView element) {
    const JsonView text = element["text"];
    if (!text.is_string()) {
      elements_.add(last_text()).add(element.text());
      text_.reset();
    } else if (text_) {
      *text_ += text.inside();
    } else {
      text_ = text.inside();
    }
  }
  std::string text() const { return ArrayText(elements_).add(last_text()).text(); }

 private:
  std::string last_text() const { return text_ ? ObjectText().add("text", requoted(*text_)).text() : std::string(); }

  ArrayText elements_;
  std::optional<std::string> text_;  // between quotes
};

// A block of a streamed message, made into what a plain response holds.
struct Block {
  std::string text, tool_input, reasoning, signature, redacted;  // between quotes
  std::string tool_use, tool_result, image;                      // as they started: objects
  ResultContent result_content;
  std::string image_bytes;                // base64
  std::string image_source, image_error;  // JSON texts
  bool has_text = false;
  ArrayText citations;

  std::string json() const {
    if (!tool_use.empty()) {
      const std::string meant = detail::unescape(tool_input);
      const JsonView input = JsonView::parse(meant);
      // What is no JSON stays the text it is (INST 4.19).
      const std::string value = tool_input.empty() ? "{}" : input.text().empty() ? requoted(tool_input) : meant;
      return ObjectText().add("toolUse", changed(JsonView::of_valid(tool_use), {{"input", value}})).text();
    }
    if (!tool_result.empty()) {
      const JsonView start = JsonView::of_valid(tool_result);
      return ObjectText().add("toolResult", changed(start, {{"content", result_content.text()}})).text();
    }
    if (!image.empty()) {
      const std::string bytes =
          image_bytes.empty() ? std::string() : ObjectText().add("bytes", json_string(image_bytes)).text();
      const std::string& source = bytes.empty() ? image_source : bytes;
      const JsonView start = JsonView::of_valid(image);
      return ObjectText().add("image", changed(start, {{"source", source}, {"error", image_error}})).text();
    }
    if (!redacted.empty()) {
      return ObjectText().add("reasoningContent", ObjectText().add("redactedContent", requoted(redacted)).text()).text();
    }
    if (!reasoning.empty() || !signature.empty()) {
      ObjectText inner;
      inner.add("text", requoted(reasoning));
      if (!signature.empty()) inner.add("signature", requoted(signature));
      return ObjectText().add("reasoningContent", ObjectText().add("reasoningText", inner.text()).text()).text();
    }
    if (!citations.empty()) {
      const std::string content = ArrayText().add(ObjectText().add("text", requoted(text)).text()).text();
      return ObjectText()
          .add("citationsContent", ObjectText().add("content", content).add("citations", citations.text()).text())
          .text();
    }
    return has_text ? ObjectText().add("text", requoted(text)).text() : std::string();
  }
};

class ConverseParser final : public ResponseParser {
 public:
  void body(JsonView body) override {
    const JsonView message = body["output"]["message"];
    answer.metrics = metrics_of(body["usage"]);
    if (message) write_output(message["role"].text(), message["content"], finish_reason(body["stopReason"]));
  }

  void event(std::string_view name, JsonView data) override {
    if (!name.empty()) return named_event(name, data);
    // As AWS's SDKs have events: {"messageStop":{…}}.
    std::size_t members = 0;
    data.each_member([&](std::string_view, JsonView) { ++members; });
    if (members == 1) data.each_member([&](std::string_view key, JsonView value) { named_event(key, value); });
  }

  void end_of_events() override {
    if (role_.empty() && blocks_.empty()) return;
    ArrayText content;
    for (const auto& [index, block] : blocks_) content.add(block.json());
    const std::string text = content.text();
    write_output(role_, JsonView::of_valid(text), incomplete() ? std::string() : finish_reason_);
  }

 private:
  void named_event(std::string_view name, JsonView data) {
    if (name == "contentBlockDelta") {
      add_delta(data["contentBlockIndex"].count().value_or(0), data["delta"]);
    } else if (name == "contentBlockStart") {
      start_block(data["contentBlockIndex"].count().value_or(0), data["start"]);
    } else if (name == "messageStart") {
      role_ = data["role"].text();
    } else if (name == "messageStop") {
      finish_reason_ = finish_reason(data["stopReason"]);
    } else if (name == "metadata") {
      answer.metrics = metrics_of(data["usage"]);
    } else if (name.ends_with("Exception") && answer.error.empty()) {
      answer.error = error_in(data, name);
      if (answer.error.empty()) answer.error = name;
    }
  }

  // INST 15.4
  void write_output(std::string_view role, JsonView content, const std::string& reason) {
    ArrayText messages;
    add_message(messages, role.empty() ? "\"assistant\"" : role, content, reason);
    answer.output = messages.text();
  }

  void start_block(std::uint64_t index, JsonView start) {
    if (!may_keep(blocks_.size())) return;
    start.each_member([&](std::string_view key, JsonView value) {
      if (!value.is_object()) return;
      if (key == "toolUse") append(blocks_[index].tool_use, value.text());
      if (key == "toolResult") append(blocks_[index].tool_result, value.text());
      if (key == "image") append(blocks_[index].image, value.text());
    });
  }

  void add_delta(std::uint64_t index, JsonView delta) {
    if (!may_keep(blocks_.size())) return;
    Block& block = blocks_[index];
    delta.each_member([&](std::string_view key, JsonView value) {
      if (key == "text") {
        block.has_text = true;
        append(block.text, value.inside());
      } else if (key == "toolUse") {
        append(block.tool_input, value["input"].inside());
      } else if (key == "toolResult") {
        if (take_room(value.text().size())) {
          value.each_element([&](JsonView element) { block.result_content.add(element); });
        }
      } else if (key == "image") {
        add_image_delta(block, value);
      } else if (key == "reasoningContent") {
        append(block.reasoning, value["text"].inside());
        append(block.signature, value["signature"].inside());
        append(block.redacted, value["redactedContent"].inside());
      } else if (key == "citation") {
        if (take_room(value.text().size())) block.citations.add(value.text());
      }
    });
  }

  void add_image_delta(Block& block, JsonView delta) {
    const JsonView source = delta["source"];
    const JsonView bytes = source["bytes"];
    if (bytes.is_string()) {
      if (take_room(bytes.inside().size())) append_base64(block.image_bytes, bytes.string());
    } else if (source) {
      assign(block.image_source, source.text());
    }
    if (const JsonView error = delta["error"]) assign(block.image_error, error.text());
  }

  std::string role_, finish_reason_;  // JSON texts
  std::map<std::uint64_t, Block> blocks_;
};

std::unique_ptr<ResponseParser> new_converse_response(const CallTarget&) { return std::make_unique<ConverseParser>(); }

// INST 18.24, 18.28
std::string_view media_type(std::string_view block, std::string_view format) {
  struct Type {
    std::string_view block, format, type;
  };
  constexpr Type types[] = {
      {"image", "png", "image/png"},
      {"image", "jpeg", "image/jpeg"},
      {"image", "gif", "image/gif"},
      {"image", "webp", "image/webp"},
      {"document", "pdf", "application/pdf"},
      {"document", "csv", "text/csv"},
      {"document", "doc", "application/msword"},
      {"document", "docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
      {"document", "xls", "application/vnd.ms-excel"},
      {"document", "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
      {"document", "html", "text/html"},
      {"document", "txt", "text/plain"},
      {"document", "md", "text/markdown"},
      {"video", "mkv", "video/x-matroska"},
      {"video", "mov", "video/quicktime"},
      {"video", "mp4", "video/mp4"},
      {"video", "webm", "video/webm"},
      {"video", "flv", "video/x-flv"},
      {"video", "mpeg", "video/mpeg"},
      {"video", "mpg", "video/mpeg"},
      {"video", "wmv", "video/x-ms-wmv"},
      {"video", "three_gp", "video/3gpp"},
      {"audio", "mp3", "audio/mpeg"},
      {"audio", "wav", "audio/wav"},
      {"audio", "ogg", "audio/ogg"},
      {"audio", "opus", "audio/opus"},
      {"audio", "aac", "audio/aac"},
      {"audio", "flac", "audio/flac"},
      {"audio", "m4a", "audio/mp4"},
      {"audio", "mp4", "audio/mp4"},
      {"audio", "webm", "audio/webm"},
  };
  for (const Type& one : types) {
    if (one.block == block && one.format == format) return one.type;
  }
  return {};
}

void source_bytes(const MediaNode& node, std::vector<MediaFound>& found) {
  const JsonView bytes = node["source"]["bytes"];
  if (!bytes.is_string()) return;
  const std::string format = node["format"].string();
  const std::string_view type = media_type(node.key, format);
  if (type.empty()) return;
  const std::string name = node["name"].string();
  if (auto media = decoded_media(type, bytes, name.empty() ? name : name + '.' + format)) {
    found.push_back({bytes.text(), {}, {}, std::move(*media)});
  }
}

constexpr MediaFormat formats[] = {source_bytes};
std::span<const MediaFormat> converse_media() { return formats; }

// --- invoke ---

Request read_invoke_request(const CallTarget& call, JsonView body) {
  Request request = read_messages_request(body);
  request.model = model_in(call.path);
  request.name = call.path.ends_with("-stream") ? "bedrock.invoke-with-response-stream" : "bedrock.invoke";
  return request;
}

// Each event wraps one of the model's own, in base64.
std::string unwrap_event(JsonView event) { return base64::decode(event["bytes"].string()).value_or(std::string()); }

}  // namespace

const Dialect bedrock_converse{"bedrock-runtime", read_converse_request, new_converse_response, converse_media,
                               JsonStream::messages};
const Dialect bedrock_invoke_anthropic{"bedrock-runtime", read_invoke_request,  new_messages_response,
                                       messages_media,    JsonStream::messages, unwrap_event};

}  // namespace braintrust::llm
