#include "otlp/gen_ai.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "core/json_number.h"
#include "core/json_scan.h"

namespace braintrust::detail::otlp {
namespace {

struct Name {
  std::string_view ours;
  std::string_view theirs;
  Attribute::Type type;
};

constexpr auto string = Attribute::Type::string;
constexpr auto integer = Attribute::Type::integer;
constexpr auto number = Attribute::Type::number;
constexpr auto strings = Attribute::Type::strings;

// Members of `metadata`.
constexpr Name request_names[] = {
    {"model", "gen_ai.request.model", string},
    {"provider", "gen_ai.provider.name", string},
    {"temperature", "gen_ai.request.temperature", number},
    {"top_p", "gen_ai.request.top_p", number},
    {"top_k", "gen_ai.request.top_k", number},
    {"frequency_penalty", "gen_ai.request.frequency_penalty", number},
    {"presence_penalty", "gen_ai.request.presence_penalty", number},
    {"max_tokens", "gen_ai.request.max_tokens", integer},
    {"max_completion_tokens", "gen_ai.request.max_tokens", integer},
    {"max_output_tokens", "gen_ai.request.max_tokens", integer},
    {"seed", "gen_ai.request.seed", integer},
    {"n", "gen_ai.request.choice.count", integer},
    {"stop", "gen_ai.request.stop_sequences", strings},
    {"stop_sequences", "gen_ai.request.stop_sequences", strings},
    {"tools", "gen_ai.tool.definitions", string},
};

// Providers that the conventions have another word for. (For Azure they have two, and ours does not tell which.)
struct ProviderWord {
  std::string_view ours;
  std::string_view theirs;
};
constexpr ProviderWord provider_words[] = {
    {"bedrock", "aws.bedrock"}, {"google", "gcp.gen_ai"}, {"mistral", "mistral_ai"}, {"xai", "x_ai"}};

Text provider_text(Text text) {
  const auto* const word = std::find_if(std::begin(provider_words), std::end(provider_words),
                                        [&](const ProviderWord& one) { return one.ours == text.text; });
  return word != std::end(provider_words) ? Text{word->theirs} : text;
}

// Members of `metrics`.
constexpr Name usage_names[] = {
    {"prompt_tokens", "gen_ai.usage.input_tokens", integer},
    {"completion_tokens", "gen_ai.usage.output_tokens", integer},
    {"prompt_cached_tokens", "gen_ai.usage.cache_read.input_tokens", integer},
    {"prompt_cache_creation_tokens", "gen_ai.usage.cache_creation.input_tokens", integer},
};

bool is_array(std::string_view json) { return !json.empty() && json.front() == '['; }
bool is_object(std::string_view json) { return !json.empty() && json.front() == '{'; }
bool is_null(std::string_view json) { return json.empty() || json == "null"; }

bool fits(std::string_view value, Attribute::Type type) {
  switch (type) {
    case Attribute::Type::integer:
      return is_integer(value);
    case Attribute::Type::number:
      return finite_number(value).has_value();
    case Attribute::Type::strings:
      return is_array(value);
    default:
      return !is_null(value);
  }
}

template <std::size_t Count>
void add_named(std::string_view object, const Name (&names)[Count], Span& span) {
  for_each_member(object, [&](std::string_view key, std::string_view value) {
    const auto* const name = std::find_if(std::begin(names), std::end(names), [&](const Name& one) { return one.ours == key; });
    if (name == std::end(names) || !fits(value, name->type) || span.has(name->theirs)) return;
    span.add(name->theirs, key == "provider" ? provider_text(text_of(value)) : text_of(value), name->type);
  });
}

// The members of an object by name, to be looked up in any order. All blank for what is no object.
class Members {
 public:
  explicit Members(std::string_view json) {
    if (!is_object(json)) return;
    if (auto members = members_of(json)) members_ = std::move(*members);
  }
  std::string_view operator[](std::string_view key) const {
    const auto found =
        std::find_if(members_.begin(), members_.end(), [&](const JsonMember& member) { return member.key == key; });
    return found != members_.end() ? found->value : std::string_view();
  }
  std::string_view first_of(std::initializer_list<std::string_view> keys) const {
    for (const std::string_view key : keys) {
      if (const std::string_view value = (*this)[key]; !is_null(value)) return value;
    }
    return {};
  }

 private:
  std::vector<JsonMember> members_;
};

// Writes an object or an array of what is not blank.
class List {
 public:
  List(std::string& out, char open, char close) : out_(out), close_(close) { out_ += open; }
  ~List() { out_ += close_; }
  List(const List&) = delete;
  List& operator=(const List&) = delete;

  void separate() {
    if (!std::exchange(first_, false)) out_ += ',';
  }
  void begin_member(std::string_view key) {
    separate();
    ((out_ += '"') += key) += "\":";
  }
  void member(std::string_view key, std::string_view json) {
    if (is_null(json)) return;
    begin_member(key);
    out_ += json;
  }

 private:
  std::string& out_;
  char close_;
  bool first_ = true;
};

void write_text(std::string_view content, List& parts, std::string& out) {
  parts.separate();
  List part(out, '{', '}');
  part.member("type", "\"text\"");
  part.member("content", content);
}

void write_tool_call(std::string_view id, std::string_view name, std::string_view arguments, List& parts, std::string& out) {
  parts.separate();
  List part(out, '{', '}');
  part.member("type", "\"tool_call\"");
  part.member("id", id);
  part.member("name", name);
  part.member("arguments", arguments);
}

void write_tool_response(std::string_view id, std::string_view response, List& parts, std::string& out) {
  parts.separate();
  List part(out, '{', '}');
  part.member("type", "\"tool_call_response\"");
  part.member("id", id);
  part.member("response", is_null(response) ? std::string_view("\"\"") : response);
}

// One piece of a message: a part of OpenAI's or Google's, a block of Anthropic's, an item of the Responses API.
void write_part(std::string_view json, List& parts, std::string& out) {
  if (is_string(json)) return write_text(json, parts, out);
  if (!is_object(json)) return;
  const Members part(json);
  const std::string_view type = part["type"];
  if (type == "\"tool_use\"") return write_tool_call(part["id"], part["name"], part["input"], parts, out);
  if (type == "\"function_call\"") return write_tool_call(part["call_id"], part["name"], part["arguments"], parts, out);
  if (type == "\"tool_result\"") return write_tool_response(part["tool_use_id"], part["content"], parts, out);
  if (type == "\"function_call_output\"") return write_tool_response(part["call_id"], part["output"], parts, out);
  if (const Members call(part["functionCall"]); !is_null(call["name"])) {
    return write_tool_call(call["id"], call["name"], call["args"], parts, out);
  }
  if (const Members response(part["functionResponse"]); !is_null(response["name"])) {
    return write_tool_response(response["id"], response["response"], parts, out);
  }
  if (type == "\"thinking\"" || type == "\"reasoning\"") {
    parts.separate();
    List reasoning(out, '{', '}');
    reasoning.member("type", "\"reasoning\"");
    return reasoning.member("content", part.first_of({"thinking", "content", "summary", "text"}));
  }
  if (is_string(part["text"])) return write_text(part["text"], parts, out);
  // Of a kind that the conventions do not name: they allow any, as long as it says its type.
  if (is_string(type)) parts.separate(), out += json;
}

void write_parts(std::string_view content, List& parts, std::string& out) {
  if (!is_array(content)) return write_part(content, parts, out);
  if (const auto pieces = elements_of(content)) {
    for (const std::string_view piece : *pieces) write_part(piece, parts, out);
  }
}

// Whether an item of the Responses API stands for itself, without a message around it.
bool is_bare_item(const Members& item) {
  const std::string_view type = item["type"];
  return is_null(item["role"]) && is_string(type) && type != "\"message\"";
}

void write_message(std::string_view json, std::string_view role, List& messages, std::string& out) {
  const Members around(json);
  const std::string_view inner = around["message"];
  const std::optional<Members> within = is_object(inner) ? std::optional<Members>(inner) : std::nullopt;
  const Members& message = within ? *within : around;
  std::string named(message["role"]);
  if (!is_string(named)) ((named = "\"") += role) += '"';

  messages.separate();
  List written(out, '{', '}');
  written.member("role", named);
  {
    written.begin_member("parts");
    List parts(out, '[', ']');
    if (is_string(json) || is_bare_item(message)) {
      write_part(json, parts, out);
    } else if (named == "\"tool\"") {
      write_tool_response(message["tool_call_id"], message["content"], parts, out);
    } else {
      write_parts(message.first_of({"content", "parts", "text"}), parts, out);
      if (const auto calls = elements_of(message["tool_calls"])) {
        for (const std::string_view call : *calls) {
          const Members outer(call), function(outer["function"]);
          write_tool_call(outer["id"], function["name"], function["arguments"], parts, out);
        }
      }
    }
  }
  written.member("finish_reason", around.first_of({"finish_reason", "finishReason", "stop_reason"}));
}

void add_messages(std::string_view key, std::string_view json, std::string_view role, Span& span) {
  if (std::string messages = messages_of(json, role); !messages.empty()) span.add(key, span.keep(std::move(messages)));
}

// Why the model stopped, of each choice.
void add_finish_reasons(std::string_view output, Span& span) {
  if (output.find("eason\"") == output.npos) return;  // looked for quickly, before all is taken apart
  std::string reasons;
  const auto add = [&](std::string_view json) {
    const std::string_view reason = Members(json).first_of({"finish_reason", "finishReason", "stop_reason"});
    if (is_string(reason)) ((reasons += reasons.empty() ? "[" : ",") += reason);
  };
  if (is_object(output)) add(output);
  if (const auto choices = is_array(output) ? elements_of(output) : std::nullopt) {
    for (const std::string_view choice : *choices) add(choice);
  }
  if (!reasons.empty()) {
    span.add("gen_ai.response.finish_reasons", {span.keep(std::move(reasons) + "]")}, Attribute::Type::strings);
  }
}

void add_model_call(const CallFields& call, Span& span) {
  const bool embedding = call.output.starts_with(R"({"embedding_length")");
  span.add("gen_ai.operation.name", embedding ? "embeddings" : "chat");
  add_named(call.metadata, request_names, span);
  add_named(call.metrics, usage_names, span);
  if (embedding) return;
  add_messages("gen_ai.input.messages", call.input, "user", span);
  add_messages("gen_ai.output.messages", call.output, "assistant", span);
  add_finish_reasons(call.output, span);
}

void add_tool_call(const CallFields& call, Span& span) {
  span.add("gen_ai.operation.name", "execute_tool");
  span.add("gen_ai.tool.name", span.name);
  if (!is_null(call.input)) span.add("gen_ai.tool.call.arguments", call.input);
  if (!is_null(call.output)) span.add("gen_ai.tool.call.result", call.output);
}

}  // namespace

std::string messages_of(std::string_view json, std::string_view role) {
  if (is_object(json)) {  // perhaps a whole request
    if (const std::string_view listed = Members(json)["messages"]; is_array(listed)) return messages_of(listed, role);
  }
  std::string out;
  if (is_string(json) || is_object(json)) {
    List messages(out, '[', ']');
    write_message(json, role, messages, out);
  } else if (const auto elements = is_array(json) ? elements_of(json) : std::nullopt) {
    List messages(out, '[', ']');
    for (const std::string_view element : *elements) {
      if (is_string(element) || is_object(element)) write_message(element, role, messages, out);
    }
  }
  return out == "[]" ? std::string() : out;
}

void add_gen_ai(const CallFields& call, Span& span) {
  if (call.type == "llm") add_model_call(call, span);
  if (call.type == "tool") add_tool_call(call, span);
}

}  // namespace braintrust::detail::otlp
