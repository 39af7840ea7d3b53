#include "llm/anthropic.h"

#include <map>

#include "llm/dialects.h"
#include "llm/openai.h"

namespace braintrust::llm {
namespace {

// --- the request ---

// INST 13.3: the messages in order, then the system prompt.
std::string input_of(JsonView body) {
  const JsonView messages = body["messages"];
  const JsonView system = body["system"];
  if (!system || system.is_empty_container() || system.is("")) return std::string(messages.text());
  ArrayText input;
  input.add_elements(messages);
  input.add(message("system", system.text()));
  return input.text();
}

// INST 5.16: a tool of the user's own has no type, or "custom"; all others are built in.
std::string canonical_tool(JsonView tool) {
  const JsonView type = tool["type"];
  if (type && !type.is("custom")) return std::string(tool.text());
  ObjectText function;
  function.add("name", tool["name"]);
  add_setting(function, "description", tool["description"]);
  add_setting(function, "parameters", tool["input_schema"]);
  add_setting(function, "strict", tool["strict"]);
  return ObjectText().add("type", "\"function\"").add("function", function.text()).text();
}

void add_tool_settings(ObjectText& metadata, JsonView body) {
  ArrayText tools;
  body["tools"].each_element([&](JsonView tool) { tools.add(canonical_tool(tool)); });
  add_tools(metadata, tools);
  const JsonView choice = body["tool_choice"];
  const JsonView type = choice["type"];
  if (type.is("any")) {
    metadata.add("tool_choice", "\"required\"");
  } else if (type.is("tool")) {
    metadata.add("tool_choice", chosen_function(choice["name"]));
  } else {
    metadata.add("tool_choice", type);  // auto, none
  }
  const JsonView one_at_a_time = choice["disable_parallel_tool_use"];
  if (one_at_a_time.is_true()) metadata.add("parallel_tool_calls", "false");
  if (one_at_a_time.is_false()) metadata.add("parallel_tool_calls", "true");
}

// --- usage ---

// Later events overwrite key by key (INST 13.18).
struct Usage {
  Metrics::Count input, output, cache_read, cache_creation, creation_5m, creation_1h, thinking;

  void take(JsonView usage) {
    const auto overwrite = [](Metrics::Count& count, JsonView value) {
      if (const auto given = value.count()) count = given;
    };
    overwrite(input, usage["input_tokens"]);
    overwrite(output, usage["output_tokens"]);
    overwrite(cache_read, usage["cache_read_input_tokens"]);
    overwrite(cache_creation, usage["cache_creation_input_tokens"]);
    const JsonView split = usage["cache_creation"];
    overwrite(creation_5m, split["ephemeral_5m_input_tokens"]);
    overwrite(creation_1h, split["ephemeral_1h_input_tokens"]);
    overwrite(thinking, usage["output_tokens_details"]["thinking_tokens"]);
  }

  // INST 13.7 to 13.15
  Metrics metrics() const {
    Metrics metrics;
    metrics.completion_tokens = output;
    metrics.prompt_cached_tokens = cache_read;
    metrics.completion_reasoning_tokens = thinking;
    std::uint64_t writes = 0;
    if (creation_5m || creation_1h) {
      metrics.prompt_cache_creation_5m_tokens = creation_5m;
      metrics.prompt_cache_creation_1h_tokens = creation_1h;
      writes = or_zero(creation_5m) + or_zero(creation_1h);
    } else {
      metrics.prompt_cache_creation_tokens = cache_creation;
      writes = or_zero(cache_creation);
    }
    if (input) metrics.prompt_tokens = *input + or_zero(cache_read) + writes;
    metrics.complete_total();
    return metrics;
  }
};

// --- the response ---

// INST 13.4
std::string output_of(std::string_view role, std::string_view content, JsonView stop_reason, JsonView stop_sequence) {
  ObjectText output;
  output.add("role", role.empty() ? "\"assistant\"" : role).add("content", content);
  add_setting(output, "stop_reason", stop_reason);
  add_setting(output, "stop_sequence", stop_sequence);
  return output.text();
}

// A block as it started, and what was added to it. Text between quotes stays as it was written.
struct Block {
  std::string started;
  std::string text, thinking, signature, input;
  bool has_input = false;
  ArrayText citations;

  std::string json() const {
    const JsonView start = JsonView::of_valid(started);
    const auto extended = [&](std::string_view key, const std::string& added) {
      return added.empty() ? std::string(start[key].text()) : '"' + std::string(start[key].inside()) + added + '"';
    };
    const std::string text_now = extended("text", text);
    const std::string thinking_now = extended("thinking", thinking);
    const std::string signature_now = extended("signature", signature);
    const std::string input_now = has_input ? input_json() : std::string(start["input"].text());
    const std::string citations_now = citations.empty() ? std::string(start["citations"].text()) : citations.text();
    return changed(start, {{"text", text_now},
                           {"thinking", thinking_now},
                           {"signature", signature_now},
                           {"input", input_now},
                           {"citations", citations_now}});
  }

  // INST 13.17: what the pieces add up to; what is no JSON stays a string.
  std::string input_json() const {
    if (input.empty()) return "{}";
    const std::string meant = detail::unescape(input);
    const JsonView json = JsonView::parse(meant);
    return json.text().empty() ? requoted(input) : std::string(json.text());
  }
};

class MessagesParser final : public ResponseParser {
 public:
  void body(JsonView body) override {
    if (body["type"].is("error") || body["error"]) {
      answer.error = error_in(body, "");
      return;
    }
    answer.model = body["model"].string();
    usage_.take(body["usage"]);
    answer.metrics = usage_.metrics();
    if (body["content"].is_array()) {
      answer.output = output_of(body["role"].text(), body["content"].text(), body["stop_reason"], body["stop_sequence"]);
    }
  }

  void event(std::string_view, JsonView data) override {
    const JsonView type = data["type"];
    if (type.is("content_block_delta")) {
      add_delta(data["index"].count().value_or(0), data["delta"]);
    } else if (type.is("content_block_start")) {
      start_block(data["index"].count().value_or(0), data["content_block"]);
    } else if (type.is("message_start")) {
      const JsonView message = data["message"];
      role_ = message["role"].text();
      answer.model = message["model"].string();
      usage_.take(message["usage"]);
    } else if (type.is("message_delta")) {
      if (const JsonView reason = data["delta"]["stop_reason"]) stop_reason_ = reason.text();
      if (const JsonView sequence = data["delta"]["stop_sequence"]) stop_sequence_ = sequence.text();
      usage_.take(data["usage"]);
    } else if (type.is("error") && answer.error.empty()) {
      answer.error = error_in(data, "");
    }
  }

  void end_of_events() override {
    answer.metrics = usage_.metrics();
    if (role_.empty() && blocks_.empty()) return;
    ArrayText content;
    for (const auto& [index, block] : blocks_) content.add(block.json());
    const JsonView reason = incomplete() ? JsonView() : JsonView::of_valid(stop_reason_);
    answer.output = output_of(role_, content.text(), reason, JsonView::of_valid(stop_sequence_));
  }

 private:
  void start_block(std::uint64_t index, JsonView start) {
    if (!start.is_object() || !may_keep(blocks_.size())) return;
    Block block;
    append(block.started, start.text());
    if (!block.started.empty()) blocks_.insert_or_assign(index, std::move(block));
  }

  void add_delta(std::uint64_t index, JsonView delta) {
    const auto found = blocks_.find(index);
    if (found == blocks_.end()) return;
    Block& block = found->second;
    const JsonView type = delta["type"];
    if (type.is("text_delta")) {
      append(block.text, delta["text"].inside());
    } else if (type.is("input_json_delta")) {
      block.has_input = true;
      append(block.input, delta["partial_json"].inside());
    } else if (type.is("thinking_delta")) {
      append(block.thinking, delta["thinking"].inside());
    } else if (type.is("signature_delta")) {
      assign(block.signature, delta["signature"].inside());
    } else if (type.is("citations_delta")) {
      const std::string_view citation = delta["citation"].text();
      if (take_room(citation.size())) block.citations.add(citation);
    }
  }

  Usage usage_;
  std::string role_, stop_reason_, stop_sequence_;  // JSON texts
  std::map<std::uint64_t, Block> blocks_;
};

// INST 18.25: the whole source makes way.
void base64_source(const MediaNode& node, std::vector<MediaFound>& found) {
  if (!node["type"].is("base64")) return;
  const JsonView data = node["data"];
  if (!data.is_string()) return;
  if (auto media = decoded_media(node["media_type"].string(), data)) {
    found.push_back({node.value.text(), {}, {}, std::move(*media)});
  }
}

constexpr MediaFormat formats[] = {base64_source};

// Vertex: …/publishers/anthropic/models/claude-x@20250101:streamRawPredict
std::string model_in(std::string_view path) {
  const std::string model = path_segment(path, "/models/");
  return model.substr(0, model.rfind(':'));
}

Request read_request(const CallTarget& call, JsonView body) {
  Request request = read_messages_request(body);
  if (request.model.empty()) request.model = model_in(call.path);
  const bool streamed = body["stream"].is_true() || call.path.ends_with(":streamRawPredict");
  request.name = streamed ? "anthropic.messages.stream" : "anthropic.messages.create";  // INST 4.6, 4.7
  return request;
}

}  // namespace

Request read_messages_request(JsonView body) {
  Request request;
  request.input = input_of(body);
  request.model = body["model"].string();
  add_setting(request.metadata, "temperature", body["temperature"]);
  add_setting(request.metadata, "top_p", body["top_p"]);
  add_setting(request.metadata, "max_tokens", body["max_tokens"]);
  add_setting(request.metadata, "stop", body["stop_sequences"]);
  const JsonView format = body["output_config"]["format"];  // as `output_format` is called since it left beta
  add_setting(request.metadata, "response_format", format ? format : body["output_format"]);
  add_tool_settings(request.metadata, body);
  return request;
}

std::unique_ptr<ResponseParser> new_messages_response(const CallTarget&) { return std::make_unique<MessagesParser>(); }

std::span<const MediaFormat> messages_media() { return formats; }

const Dialect anthropic_messages{"anthropic", read_request, new_messages_response, messages_media};

}  // namespace braintrust::llm
