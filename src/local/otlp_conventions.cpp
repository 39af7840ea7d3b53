// What the conventions have in common stands in tables, the nearest to the standard first: of several attributes that mean one
// field, the first that has a value fills it, and those that say the same are done with it. Whatever says something else stays
// in the metadata under its own name.
//
// Sources: opentelemetry semantic conventions 1.37 (gen-ai spans, events, and the names they had before: gen_ai.system,
// gen_ai.prompt, gen_ai.usage.prompt_tokens); OpenInference semantic_conventions.md; Traceloop semantic-conventions-ai;
// ai-sdk.dev, "Telemetry".

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>

#include "local/otlp_fields.h"
#include "local/otlp_messages.h"

namespace braintrust::local {
namespace {

using llm::ArrayText, llm::JsonView, llm::ObjectText;

struct Mapping {
  std::string_view attribute;
  std::string_view field;
};

constexpr auto metadata_of = std::to_array<Mapping>({
    {"gen_ai.response.model", "model"},
    {"gen_ai.request.model", "model"},
    {"llm.model_name", "model"},
    {"ai.response.model", "model"},
    {"ai.model.id", "model"},
    {"gen_ai.provider.name", "provider"},
    {"gen_ai.system", "provider"},
    {"llm.provider", "provider"},
    {"llm.system", "provider"},
    {"ai.model.provider", "provider"},
    {"gen_ai.request.temperature", "temperature"},
    {"gen_ai.request.top_p", "top_p"},
    {"gen_ai.request.max_tokens", "max_tokens"},
    {"gen_ai.request.frequency_penalty", "frequency_penalty"},
    {"gen_ai.request.presence_penalty", "presence_penalty"},
    {"gen_ai.request.stop_sequences", "stop"},
    {"gen_ai.tool.definitions", "tools"},
});

constexpr auto metrics_of = std::to_array<Mapping>({
    {"gen_ai.usage.input_tokens", "prompt_tokens"},
    {"gen_ai.usage.prompt_tokens", "prompt_tokens"},
    {"llm.token_count.prompt", "prompt_tokens"},
    {"ai.usage.inputTokens", "prompt_tokens"},
    {"ai.usage.promptTokens", "prompt_tokens"},
    {"gen_ai.usage.output_tokens", "completion_tokens"},
    {"gen_ai.usage.completion_tokens", "completion_tokens"},
    {"llm.token_count.completion", "completion_tokens"},
    {"ai.usage.outputTokens", "completion_tokens"},
    {"ai.usage.completionTokens", "completion_tokens"},
    {"gen_ai.usage.total_tokens", "tokens"},
    {"llm.usage.total_tokens", "tokens"},
    {"llm.token_count.total", "tokens"},
    {"ai.usage.totalTokens", "tokens"},
    {"gen_ai.usage.cache_read.input_tokens", "prompt_cached_tokens"},
    {"gen_ai.usage.cache_read_input_tokens", "prompt_cached_tokens"},
    {"llm.token_count.prompt_details.cache_read", "prompt_cached_tokens"},
    {"ai.usage.cachedInputTokens", "prompt_cached_tokens"},
    {"gen_ai.usage.cache_creation.input_tokens", "prompt_cache_creation_tokens"},
    {"gen_ai.usage.cache_creation_input_tokens", "prompt_cache_creation_tokens"},
    {"llm.token_count.prompt_details.cache_write", "prompt_cache_creation_tokens"},
    {"gen_ai.usage.reasoning.output_tokens", "completion_reasoning_tokens"},
    {"gen_ai.usage.reasoning_tokens", "completion_reasoning_tokens"},
    {"llm.token_count.completion_details.reasoning", "completion_reasoning_tokens"},
    {"ai.usage.reasoningTokens", "completion_reasoning_tokens"},
    {"gen_ai.response.time_to_first_chunk", "time_to_first_token"},
    {"gen_ai.usage.cost", "estimated_cost"},
    {"llm.cost.total", "estimated_cost"},
});

// What kind of span each value stands for. These attributes stay in the metadata: they say more than the type does.
struct Kind {
  std::string_view attribute;
  std::string_view value;
  std::string_view type;
};
constexpr auto kinds = std::to_array<Kind>({
    {"gen_ai.operation.name", "chat", "llm"},
    {"gen_ai.operation.name", "text_completion", "llm"},
    {"gen_ai.operation.name", "generate_content", "llm"},
    {"gen_ai.operation.name", "embeddings", "llm"},
    {"gen_ai.operation.name", "execute_tool", "tool"},
    {"gen_ai.operation.name", "invoke_agent", "task"},
    {"gen_ai.operation.name", "create_agent", "task"},
    {"gen_ai.operation.name", "invoke_workflow", "task"},
    {"openinference.span.kind", "LLM", "llm"},
    {"openinference.span.kind", "EMBEDDING", "llm"},
    {"openinference.span.kind", "TOOL", "tool"},
    {"openinference.span.kind", "RETRIEVER", "tool"},
    {"openinference.span.kind", "RERANKER", "tool"},
    {"openinference.span.kind", "CHAIN", "task"},
    {"openinference.span.kind", "AGENT", "task"},
    {"openinference.span.kind", "EVALUATOR", "score"},
    {"llm.request.type", "chat", "llm"},
    {"llm.request.type", "completion", "llm"},
    {"llm.request.type", "embedding", "llm"},
    {"traceloop.span.kind", "workflow", "task"},
    {"traceloop.span.kind", "task", "task"},
    {"traceloop.span.kind", "agent", "task"},
    {"traceloop.span.kind", "tool", "tool"},
    {"ai.operationId", "ai.generateText.doGenerate", "llm"},
    {"ai.operationId", "ai.streamText.doStream", "llm"},
    {"ai.operationId", "ai.generateObject.doGenerate", "llm"},
    {"ai.operationId", "ai.streamObject.doStream", "llm"},
    {"ai.operationId", "ai.embed.doEmbed", "llm"},
    {"ai.operationId", "ai.embedMany.doEmbed", "llm"},
    {"ai.operationId", "ai.toolCall", "tool"},
    {"ai.operationId", "ai.generateText", "task"},
    {"ai.operationId", "ai.streamText", "task"},
    {"ai.operationId", "ai.generateObject", "task"},
    {"ai.operationId", "ai.streamObject", "task"},
});

// Attributes that are an input or an output as they stand.
constexpr auto inputs = std::to_array<std::string_view>({"gen_ai.tool.call.arguments", "traceloop.entity.input", "input.value",
                                                         "ai.prompt.messages", "ai.prompt", "ai.toolCall.args", "ai.value"});
constexpr auto outputs =
    std::to_array<std::string_view>({"gen_ai.tool.call.result", "traceloop.entity.output", "output.value", "ai.response.text",
                                     "ai.response.object", "ai.response.toolCalls", "ai.toolCall.result"});

// Some speak of providers in other words than Braintrust's price lists do.
std::string_view provider_text(std::string_view json) {
  if (json == R"("aws.bedrock")") return R"("bedrock")";
  if (json == R"("gcp.gemini")" || json == R"("gcp.vertex_ai")" || json == R"("gcp.gen_ai")") return R"("google")";
  if (json == R"("mistral_ai")") return R"("mistral")";
  if (json == R"("x_ai")") return R"("xai")";
  return json;
}

void read_metadata(OtlpAttributeReader& attributes, OtlpMembers& metadata) {
  std::map<std::string_view, std::string> said;  // by field
  for (const auto& [name, field] : metadata_of) {
    const auto value = attributes[name];
    if (!value) continue;
    auto text = field == "tools" ? otlp_json_of(value) : std::string(value.text());
    const std::string mapped(field == "provider" ? provider_text(text) : std::string_view(text));
    if (metadata.offer(field, mapped)) {
      said[field] = text;
    } else if (said[field] != text && !metadata.says(field, text)) {
      continue;
    }
    if (mapped == text) attributes.take(name);
  }
}

void read_metrics(OtlpAttributeReader& attributes, OtlpMembers& metrics) {
  std::map<std::string_view, std::string> said;
  for (const auto& [name, field] : metrics_of) {
    const auto number = attributes[name].number();
    if (!number || *number < 0) continue;
    const std::string text(attributes[name].text());
    if (metrics.offer(field, text)) said[field] = text;
    if (said[field] == text || metrics.says(field, text)) attributes.take(name);
  }
  const auto count = [&](std::string_view field) -> std::optional<std::uint64_t> {
    const auto text = said.find(field);
    return text == said.end() ? std::nullopt : JsonView::of_valid(text->second).count();
  };
  const auto prompt = count("prompt_tokens"), completion = count("completion_tokens");
  constexpr std::uint64_t sane = std::uint64_t{1} << 62;
  if (prompt && completion && *prompt < sane && *completion < sane) {
    metrics.offer("tokens", std::to_string(*prompt + *completion));
  }
}

std::string_view type_of(const OtlpAttributeReader& attributes) {
  for (const auto& [name, value, type] : kinds) {
    if (attributes[name].is(value)) return type;
  }
  // Instrumentations from before there was an operation's name.
  return !attributes["gen_ai.operation.name"] && attributes["gen_ai.request.model"] ? "llm" : "";
}

// An attribute of the span or of one of its events about a model call.
JsonView take_anywhere(OtlpSpanReader& reader, std::string_view name) {
  if (const auto value = reader.attributes[name]) {
    reader.attributes.take(name);
    return value;
  }
  for (std::size_t i = 0; i < reader.events.size(); ++i) {
    if (!reader.span.events[i].name.starts_with("gen_ai.")) continue;
    if (const auto value = reader.events[i][name]) {
      reader.events[i].take(name);
      return value;
    }
  }
  return {};
}

// Messages of which each field is an attribute: "gen_ai.prompt.0.role", "llm.input_messages.0.message.content".
class NumberedMessages {
 public:
  NumberedMessages(OtlpAttributeReader& attributes, std::string_view prefix) {
    std::vector<std::string_view> used;
    attributes.each_rest([&](std::string_view name, JsonView value) {
      auto rest = name;
      if (!rest.starts_with(prefix)) return;
      rest.remove_prefix(prefix.size());
      const auto number = leading_number(rest);
      if (!number) return;
      if (rest.starts_with("message.")) rest.remove_prefix(8);
      const auto [message, is_new] = messages_.try_emplace(*number);
      if (add(message->second, rest, value)) {
        used.push_back(name);
      } else if (is_new) {
        messages_.erase(message);
      }
    });
    for (const auto name : used) attributes.take(name);
  }

  std::string text(bool as_choices) const {
    ArrayText list;
    for (const auto& [number, message] : messages_) {
      ObjectText text;
      text.add("role", message.role).add("content", message.content);
      ArrayText calls;
      for (const auto& [call_number, call] : message.calls) {
        calls.add(ObjectText()
                      .add("id", call.id)
                      .add("type", "\"function\"")
                      .add("function", ObjectText().add("name", call.name).add("arguments", call.arguments).text())
                      .text());
      }
      if (!calls.empty()) text.add("tool_calls", calls.text());
      text.add("tool_call_id", message.answers);
      if (!as_choices) {
        list.add(text.text());
      } else {
        list.add(ObjectText()
                     .add("index", std::to_string(number))
                     .add("message", text.text())
                     .add("finish_reason", message.finish_reason)
                     .text());
      }
    }
    return list.empty() ? std::string() : list.text();
  }

 private:
  struct Call {
    std::string_view id, name, arguments;
  };
  struct Message {
    std::string_view role, content, finish_reason, answers;
    std::map<unsigned, Call> calls = {};
  };

  // The digits in front, and the dot behind them.
  static std::optional<unsigned> leading_number(std::string_view& text) {
    unsigned number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end == text.data() + text.size() || *end != '.') return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
    return number;
  }

  static bool set(std::string_view& field, JsonView value) {
    if (!field.empty()) return false;
    field = value.text();
    return true;
  }

  static bool add(Message& message, std::string_view field, JsonView value) {
    if (field == "role") return set(message.role, value);
    if (field == "content") return set(message.content, value);
    if (field == "finish_reason") return set(message.finish_reason, value);
    if (field == "tool_call_id") return set(message.answers, value);
    constexpr std::string_view calls = "tool_calls.", call = "tool_call.", function = "function.";
    if (!field.starts_with(calls)) return false;
    field.remove_prefix(calls.size());
    const auto number = leading_number(field);
    if (!number) return false;
    if (field.starts_with(call)) field.remove_prefix(call.size());
    if (field.starts_with(function)) field.remove_prefix(function.size());
    auto& of = message.calls[*number];
    if (field == "id") return set(of.id, value);
    if (field == "name") return set(of.name, value);
    if (field == "arguments") return set(of.arguments, value);
    return false;
  }

  std::map<unsigned, Message> messages_;
};

// Messages of which each is an event, as they were before they became attributes.
std::string messages_in_events(OtlpSpanReader& reader) {
  ArrayText list;
  for (std::size_t i = 0; i < reader.events.size(); ++i) {
    std::string_view name = reader.span.events[i].name;
    if (!name.starts_with("gen_ai.") || !name.ends_with(".message")) continue;
    name = name.substr(7, name.size() - 7 - 8);
    auto& event = reader.events[i];
    ObjectText message;
    if (const auto role = event["role"]) {
      message.add("role", role);
    } else {
      message.add_string("role", name);
    }
    message.add("content", event["content"])
        .add("tool_calls", otlp_container_of(event["tool_calls"]))
        .add("tool_call_id", event["id"]);
    for (const auto* used : {"role", "content", "tool_calls", "id", "gen_ai.system"}) event.take(used);
    list.add(message.text());
  }
  return list.empty() ? std::string() : list.text();
}

std::string choices_in_events(OtlpSpanReader& reader) {
  ArrayText list;
  for (std::size_t i = 0; i < reader.events.size(); ++i) {
    if (reader.span.events[i].name != "gen_ai.choice") continue;
    auto& event = reader.events[i];
    auto message = otlp_container_of(event["message"]);
    if (message.empty() && event["message"]) message = llm::message("assistant", event["message"].text());
    if (message.empty()) {
      message = ObjectText()
                    .add("role", event["role"] ? event["role"].text() : "\"assistant\"")
                    .add("content", event["content"])
                    .add("tool_calls", otlp_container_of(event["tool_calls"]))
                    .text();
    }
    list.add(
        ObjectText().add("index", event["index"]).add("message", message).add("finish_reason", event["finish_reason"]).text());
    for (const auto* used : {"message", "role", "content", "tool_calls", "index", "finish_reason", "gen_ai.system"})
      event.take(used);
  }
  return list.empty() ? std::string() : list.text();
}

// Braintrust's SDKs say everything in `braintrust.*`, and once more in `gen_ai.*` for others: that is no second input.
bool is_of_our_sdks(const OtlpFields& fields) {
  return JsonView::of_valid(fields.context)["span_origin"]["name"].string().starts_with("braintrust.sdk.");
}

// What they say there of a model call's settings and of a tool, and the field that it is made of.
constexpr auto twins = std::to_array<Mapping>({
    {"gen_ai.request.model", "model"},
    {"gen_ai.provider.name", "provider"},
    {"gen_ai.request.temperature", "temperature"},
    {"gen_ai.request.top_p", "top_p"},
    {"gen_ai.request.top_k", "top_k"},
    {"gen_ai.request.frequency_penalty", "frequency_penalty"},
    {"gen_ai.request.presence_penalty", "presence_penalty"},
    {"gen_ai.request.max_tokens", "max_tokens"},
    {"gen_ai.request.max_tokens", "max_completion_tokens"},
    {"gen_ai.request.max_tokens", "max_output_tokens"},
    {"gen_ai.request.seed", "seed"},
    {"gen_ai.request.choice.count", "n"},
    {"gen_ai.request.stop_sequences", "stop"},
    {"gen_ai.request.stop_sequences", "stop_sequences"},
    {"gen_ai.tool.definitions", "tools"},
});

void drop_twins(OtlpAttributeReader& attributes, const OtlpFields& fields) {
  for (const auto& [attribute, field] : twins) {
    if (fields.metadata.has(field)) attributes.drop(attribute);
  }
  if (fields.span_attributes.has("type")) attributes.drop("gen_ai.operation.name");
  if (fields.span_attributes.has("name")) attributes.drop("gen_ai.tool.name");
  if (!fields.output.empty()) attributes.drop("gen_ai.response.finish_reasons");
  attributes.take("error.type");  // the error says it
}

void read_input(OtlpSpanReader& reader, const OtlpFields& fields, std::string& input) {
  if (!input.empty()) {
    if (!is_of_our_sdks(fields)) return;
    for (const auto* twin : {"gen_ai.input.messages", "gen_ai.system_instructions", "gen_ai.tool.call.arguments"}) {
      reader.attributes.take(twin);
    }
    return;
  }
  const auto messages = otlp_json_of(take_anywhere(reader, "gen_ai.input.messages"));
  const auto system = otlp_json_of(take_anywhere(reader, "gen_ai.system_instructions"));
  if (!messages.empty() || !system.empty()) {
    input = otlp_input_messages(JsonView::of_valid(messages), JsonView::of_valid(system));
    return;
  }
  input = otlp_json_of(take_anywhere(reader, "gen_ai.prompt"));
  if (input.empty()) input = NumberedMessages(reader.attributes, "gen_ai.prompt.").text(false);
  if (input.empty()) input = NumberedMessages(reader.attributes, "llm.input_messages.").text(false);
  if (input.empty()) input = messages_in_events(reader);
  for (const auto name : inputs) {
    if (!input.empty()) return;
    input = otlp_json_of(reader.attributes[name]);
    reader.attributes.take(name);
  }
}

void read_output(OtlpSpanReader& reader, const OtlpFields& fields, std::string& output) {
  if (!output.empty()) {
    if (!is_of_our_sdks(fields)) return;
    for (const auto* twin : {"gen_ai.output.messages", "gen_ai.tool.call.result"}) reader.attributes.take(twin);
    return;
  }
  const auto messages = otlp_json_of(take_anywhere(reader, "gen_ai.output.messages"));
  if (!messages.empty()) {
    output = otlp_output_messages(JsonView::of_valid(messages));
    return;
  }
  output = otlp_json_of(take_anywhere(reader, "gen_ai.completion"));
  if (output.empty()) output = NumberedMessages(reader.attributes, "gen_ai.completion.").text(true);
  if (output.empty()) output = NumberedMessages(reader.attributes, "llm.output_messages.").text(true);
  if (output.empty()) output = choices_in_events(reader);
  for (const auto name : outputs) {
    if (!output.empty()) return;
    output = otlp_json_of(reader.attributes[name]);
    reader.attributes.take(name);
  }
}

}  // namespace

void read_conventions(OtlpSpanReader& reader, OtlpFields& fields) {
  if (is_of_our_sdks(fields)) drop_twins(reader.attributes, fields);
  if (const auto type = type_of(reader.attributes); !type.empty()) {
    fields.span_attributes.offer("type", llm::json_string(type));
  }
  read_metadata(reader.attributes, fields.metadata);
  read_metrics(reader.attributes, fields.metrics);
  read_input(reader, fields, fields.input);
  read_output(reader, fields, fields.output);
}

}  // namespace braintrust::local
