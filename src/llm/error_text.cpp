#include "core/environment.h"
#include "core/utf8.h"
#include "llm/dialect.h"

namespace braintrust::llm {
namespace {

constexpr std::size_t longest_message = 4096;
constexpr std::size_t longest_line = 300;

// The first that is there; numbers count as text.
std::string first_text(std::initializer_list<JsonView> values) {
  for (const JsonView value : values) {
    if (value.is_string() && !value.inside().empty()) return value.string();
    if (value.is_number()) return std::string(value.text());
  }
  return {};
}

// As much of a line as is kept; nothing of what is no text.
std::string_view beginning_of_text(std::string_view line) {
  std::size_t length = 0;
  while (length < line.size()) {
    const utf8::Sequence next = utf8::next_sequence(line.substr(length));
    const auto first = static_cast<unsigned char>(line[length]);
    if (!next.valid || (first < ' ' && first != '\t') || first == 0x7F) return {};
    if (length + next.length > longest_line) break;
    length += next.length;
  }
  return line.substr(0, length);
}

}  // namespace

// OpenAI and those like it: {"error":{"message","type","code"}}, or {"error":"…"}; OpenRouter
// adds its upstream's as metadata.raw. Mistral and older vLLM: {"object":"error","message","type","code"}, Mistral with a
// message.detail where the request is not what it should be.
// Anthropic: {"type":"error","error":{"type","message"}}. Google: {"error":{"code","message","status"}}, in an array for
// streams. AWS, Cohere, Mistral: {"message"}. FastAPI servers: {"detail"}. Ollama: {"error":"…"}.
std::string error_in(JsonView body, std::string_view kind) {
  if (body.is_array()) body = body.element(0);
  const JsonView error = body["error"];
  const bool is_error = body["object"].is("error");
  const std::string message = first_text({error["message"], error, body["message"], body["message"]["detail"].element(0)["msg"],
                                          body["Message"], body["detail"], body["detail"].element(0)["msg"],
                                          body["errors"].element(0)["message"], body["errors"].element(0)});
  const JsonView own_type = is_error ? body["type"] : JsonView();
  const std::string type = first_text({error["type"], error["status"], error["code"], own_type, body["code"]});
  if (message.empty() && type.empty() && !is_error) return {};
  std::string text(kind);
  if (!type.empty() && !kind.ends_with(type)) {  // some repeat the status as a code
    if (!text.empty()) text += ' ';
    text += type;
  }
  if (text.empty()) text = "error";
  const std::string upstream = error["metadata"]["raw"].string();
  for (const std::string& part : {message, upstream}) {
    if (part.empty()) continue;
    text += ": ";
    text += part.substr(0, longest_message);
  }
  return text;
}

// Its first line. Not that of a page, or of JSON that was cut off.
std::string error_in_text(std::string_view body, std::string_view kind) {
  body = detail::trimmed(body);
  const std::string_view line = detail::trimmed(body.substr(0, body.find_first_of("\r\n")));
  std::string text(kind);
  if (line.starts_with('<') || line.starts_with('{') || line.starts_with('[')) return text;
  if (const std::string_view kept = beginning_of_text(line); !kept.empty()) text.append(": ").append(kept);
  return text;
}

}  // namespace braintrust::llm
