#include "llm/dialect.h"

namespace braintrust::llm {
namespace {

constexpr std::size_t longest_message = 4096;

// The first that is there; numbers count as text.
std::string first_text(std::initializer_list<JsonView> values) {
  for (const JsonView value : values) {
    if (value.is_string() && !value.inside().empty()) return value.string();
    if (value.is_number()) return std::string(value.text());
  }
  return {};
}

}  // namespace

// OpenAI and those like it: {"error":{"message","type","code"}}, or {"error":"…"}; OpenRouter
// adds its upstream's as metadata.raw.
// Anthropic: {"type":"error","error":{"type","message"}}. Google: {"error":{"code","message","status"}}, in an array for
// streams. AWS, Cohere, Mistral: {"message"}. FastAPI servers: {"detail"}. Ollama: {"error":"…"}.
std::string error_in(JsonView body, std::string_view kind) {
  if (body.is_array()) body = body.element(0);
  const JsonView error = body["error"];
  const std::string message =
      first_text({error["message"], error, body["message"], body["Message"], body["detail"], body["detail"].element(0)["msg"],
                  body["errors"].element(0)["message"], body["errors"].element(0)});
  const std::string type = first_text({error["type"], error["status"], error["code"], body["code"]});
  if (message.empty() && type.empty()) return {};
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

}  // namespace braintrust::llm
