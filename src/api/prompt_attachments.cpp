#include "api/prompt_attachments.h"

#include <optional>
#include <string>

#include <fmt/format.h>

#include <braintrust/api/dataset.h>

#include "core/base64.h"
#include "core/json_member.h"

namespace braintrust::detail {
namespace {

using nlohmann::json;

bool is_kept_somewhere(const json& value) {
  const std::string type = text_at(value, "type");
  return (type == "braintrust_attachment" && !text_at(value, "key").empty()) ||
         (type == "external_attachment" && !text_at(value, "url").empty());
}

std::optional<Error> read_into(json& value, const ConnectionOptions& connection) {
  if (is_kept_somewhere(value)) {
    const auto bytes = read_attachment(value, connection);
    if (!bytes) return bytes.error();
    const std::string type = text_at(value, "content_type");
    value = fmt::format("data:{};base64,{}", type.empty() ? "application/octet-stream" : type, base64::encode(*bytes));
    return {};
  }
  if (!value.is_structured()) return {};
  for (json& inner : value) {
    if (auto error = read_into(inner, connection)) return error;
  }
  return {};
}

}  // namespace

bool is_attachment(const json& value) {
  return is_kept_somewhere(value) || (text_at(value, "type") == "inline_attachment" && !text_at(value, "src").empty());
}

Result<json> attachments_as_urls(const json& value, const ConnectionOptions& connection) {
  json readable = value;
  if (const auto error = read_into(readable, connection)) return *error;
  return readable;
}

}  // namespace braintrust::detail
