#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include <braintrust/api/prompt.h>

#include "api/mustache.h"
#include "api/prompt_attachments.h"
#include "core/environment.h"
#include "core/json_member.h"
#include "trace/prompt_mark.h"

namespace braintrust {
namespace {

using detail::member;
using detail::text_at;
using nlohmann::json;

constexpr std::size_t most_schema_depth = 200;

// Settings that only Braintrust's own clients understand (PROTO 20.38).
bool is_ours(std::string_view setting) {
  return setting == "use_cache" || setting == "reasoning_enabled" || setting == "reasoning_budget";
}

// Renders the texts of one prompt in place. After the first error nothing more is done.
class Filling {
 public:
  Filling(const json& variables, bool templates, bool strict)
      : variables_(variables), templates_(templates), options_{.strict = strict} {}

  const std::optional<Error>& error() const { return error_; }

  void text(json& value) {
    if (!templates_ || error_ || !value.is_string()) return;
    auto rendered = detail::render_mustache(value.get_ref<const std::string&>(), variables_, options_);
    if (!rendered) {
      error_ = rendered.error();
    } else {
      value = std::move(*rendered);
    }
  }

  void text_in(json& object, const char* key) {
    if (!object.is_object()) return;
    if (const auto found = object.find(key); found != object.end()) text(*found);
  }

  void all_texts(json& value, std::size_t depth = 0) {
    if (depth > most_schema_depth) return fail("the schema nests too deep");
    text(value);
    if (!value.is_structured()) return;
    for (json& inner : value) all_texts(inner, depth + 1);
  }

  void message(json& message) {
    if (!message.is_object()) return fail("a message is no object");
    if (const auto content = message.find("content"); content != message.end()) {
      text(*content);
      if (content->is_array()) parts(*content);
    }
    if (const auto calls = message.find("tool_calls"); calls != message.end()) {
      if (!calls->is_array() || calls->empty()) {
        message.erase(calls);  // providers refuse an empty list
      } else {
        for (json& call : *calls) tool_call(call);
      }
    }
    text_in(message, "tool_call_id");
  }

  // A text that is JSON once it is filled in.
  json parsed(json text_value, const char* what) {
    text(text_value);
    if (error_) return nullptr;
    json value = detail::parse_bounded(text_value.get_ref<const std::string&>());
    if (value.is_discarded()) fail(fmt::format("the prompt's {}, filled in, is no JSON", what));
    return value;
  }

  void fail(std::string what) {
    if (!error_) error_ = Error{ErrorCode::invalid_argument, std::move(what)};
  }

 private:
  void parts(json& content) {
    json filled = json::array();
    for (json& part : content) {
      if (expand(part, "image_url", "url", filled) || expand(part, "file", "file_data", filled)) continue;
      text_in(part, "text");
      if (part.is_object()) {
        if (const auto image = part.find("image_url"); image != part.end()) text_in(*image, "url");
        if (const auto file = part.find("file"); file != part.end()) {
          for (const char* const key : {"file_data", "file_id", "filename"}) text_in(*file, key);
        }
      }
      filled.push_back(std::move(part));
    }
    content = std::move(filled);
  }

  // A picture or file that is nothing but one variable, which is a list: one part for each of the list. What is an attachment
  // stays one.
  bool expand(json& part, const char* kind, const char* key, json& filled) {
    const std::string pattern = templates_ ? text_at(member(part, kind), key) : std::string();
    std::string_view name = detail::trimmed(pattern);
    if (!name.starts_with("{{") || !name.ends_with("}}") || name.size() < 4) return false;
    name = detail::trimmed(name.substr(2, name.size() - 4));
    const json* const value = detail::find_variable(variables_, name);
    if (value == nullptr || !(value->is_array() || detail::is_attachment(*value))) return false;
    for (const char* const other : {"file_id", "filename"}) text_in(part[kind], other);
    for (const json& element : value->is_array() ? *value : json::array({*value})) {
      json copy = part;
      if (detail::is_attachment(element)) {
        copy[kind][key] = element;
      } else if (element.is_object() && element.contains(key)) {
        copy[kind].update(element);
      } else {
        copy[kind][key] = detail::mustache_text(element);
      }
      filled.push_back(std::move(copy));
    }
    return true;
  }

  void tool_call(json& call) {
    text_in(call, "id");
    if (!call.is_object()) return;
    if (const auto function = call.find("function"); function != call.end()) {
      text_in(*function, "name");
      text_in(*function, "arguments");
    }
  }

  const json& variables_;
  const bool templates_;
  const detail::MustacheOptions options_;
  std::optional<Error> error_;
};

// {"input": variables, …variables}
json all_variables(const json& variables) {
  json all = {{"input", variables}};
  if (variables.is_object()) all.update(variables);
  return all;
}

void fill_response_format(json& request, Filling& filling) {
  const auto format = request.find("response_format");
  if (format == request.end()) return;
  if (format->is_null()) {
    request.erase(format);
    return;
  }
  if (!format->is_object() || text_at(*format, "type") != "json_schema") return;
  const auto described = format->find("json_schema");
  if (described == format->end() || !described->is_object()) return;
  const auto schema = described->find("schema");
  if (schema == described->end()) return;
  if (schema->is_string()) {
    *schema = filling.parsed(*schema, "schema");
  } else {
    filling.all_texts(*schema);
  }
}

bool is_system(const json& message) { return text_at(message, "role") == "system"; }

}  // namespace

Result<Prompt> Prompt::from_row(const json& row, const json& defaults, bool no_trace) {
  const json& data = member(row, "prompt_data");
  if (!data.is_object()) return Error{ErrorCode::bad_response, "what came is no prompt: it has no `prompt_data`"};
  if (!defaults.is_null() && !defaults.is_object()) {
    return Error{ErrorCode::invalid_argument, "a prompt's defaults are an object"};
  }
  Prompt prompt;
  prompt.id_ = text_at(row, "id");
  prompt.project_id_ = text_at(row, "project_id");
  prompt.version_ = text_at(row, "_xact_id");
  prompt.name_ = text_at(row, "name");
  prompt.slug_ = text_at(row, "slug");
  prompt.session_id_ = text_at(row, "prompt_session_id");
  prompt.data_ = data;
  prompt.defaults_ = defaults.is_null() ? json::object() : defaults;
  prompt.no_trace_ = no_trace;
  return prompt;
}

Result<BuiltPrompt> Prompt::build(const json& variables, const BuildOptions& options) const {
  return build_of(variables, variables, options);
}

Result<BuiltPrompt> Prompt::build_with_attachments(const json& variables, const BuildOptions& options) const {
  const auto readable = detail::attachments_as_urls(variables, connection_);
  if (!readable) {
    return Error{readable.error().code,
                 fmt::format("prompt \"{}\": {}", slug_.empty() ? id_ : slug_, readable.error().message)};
  }
  return build_of(*readable, variables, options);
}

Result<BuiltPrompt> Prompt::build_of(const json& variables, const json& given, const BuildOptions& options) const {
  const auto error = [this](std::string what) {
    return Error{ErrorCode::invalid_argument, fmt::format("prompt \"{}\": {}", slug_.empty() ? id_ : slug_, what)};
  };
  const std::string format = text_at(data_, "template_format");
  if (!format.empty() && format != "mustache" && format != "none") {
    return error(fmt::format("its templates are {}, which this library cannot fill in; mustache it can", format));
  }
  if (!options.messages.is_null() && !options.messages.is_array()) return error("further messages are a list");

  BuiltPrompt built;
  json& request = built.request;
  request = defaults_;
  const json& settings = member(data_, "options");
  if (const json& params = member(settings, "params"); params.is_object()) {
    for (const auto& [name, value] : params.items()) {
      if (!is_ours(name)) request[name] = value;
    }
  }
  if (const json& model = member(settings, "model"); !model.is_null() && model != "") request["model"] = model;
  if (text_at(request, "model").empty()) return error("it names no model: give one in its `defaults`");

  const json all = all_variables(variables.is_null() ? json::object() : variables);
  Filling filling(all, format != "none", options.strict);
  fill_response_format(request, filling);

  const json& prompt = member(data_, "prompt");
  const std::string type = text_at(prompt, "type");
  if (type == "chat") {
    json messages = member(prompt, "messages");
    if (!messages.is_array()) return error("it has no messages");
    for (json& message : messages) filling.message(message);
    const bool has_system = std::any_of(messages.begin(), messages.end(), is_system);
    for (const json& message : options.messages) {
      if (!has_system || !is_system(message)) messages.push_back(message);
    }
    request["messages"] = std::move(messages);
    const json& tools = member(prompt, "tools");
    json filled = tools;
    if (tools.is_string()) filled = detail::is_blank(text_at(prompt, "tools")) ? json() : filling.parsed(tools, "tools");
    if (!filled.empty()) request["tools"] = std::move(filled);  // providers refuse an empty list
  } else if (type == "completion") {
    if (!options.messages.empty()) return error("it is a completion, which takes no messages");
    json content = member(prompt, "content");
    if (!content.is_string()) return error("it has no content");
    filling.text(content);
    request["prompt"] = std::move(content);
  } else {
    return error("it is neither a chat nor a completion");
  }
  if (filling.error()) return error(filling.error()->message);

  if (!no_trace_ && !id_.empty() && !project_id_.empty() && !version_.empty()) {
    built.provenance = {{"id", id_}, {"project_id", project_id_}, {"version", version_}};
    built.provenance["variables"] = given.is_null() ? json::object() : given;
    if (!session_id_.empty()) built.provenance["prompt_session_id"] = session_id_;
  }
  return built;
}

PromptScope::PromptScope(const json& provenance)
    : mark_(std::make_unique<detail::PromptMark>(provenance.is_null() ? std::string() : detail::to_text(provenance), this)) {}
PromptScope::~PromptScope() = default;

PromptScope BuiltPrompt::trace() const { return PromptScope(provenance); }

}  // namespace braintrust
