#include "local/attachment_text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace braintrust::local {
namespace {

using json = nlohmann::ordered_json;

std::string text_at(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Blank when the object is no reference.
std::string short_reference(const json& object, const AttachmentSize& size_of) {
  const std::string type = text_at(object, "type");
  if (type != "braintrust_attachment" && type != "external_attachment") return {};
  std::string text = "[" + text_at(object, "content_type");
  if (type == "external_attachment") return text + " " + text_at(object, "url") + "]";
  text += " " + text_at(object, "filename");
  if (size_of) {
    const auto size = size_of(text_at(object, "key"));
    text += size ? " " + size_text(*size) : ", not uploaded";
  }
  return text + "]";
}

bool is_short_reference(const std::string& text) {
  const auto slash = text.find('/');
  return text.starts_with('[') && text.ends_with(']') && slash != std::string::npos && slash < text.find(' ');
}

}  // namespace

void shorten_references(json& value, const AttachmentSize& size_of) {
  if (value.is_object()) {
    if (auto text = short_reference(value, size_of); !text.empty()) {
      value = std::move(text);
      return;
    }
  }
  if (!value.is_structured()) return;
  for (json& inner : value) shorten_references(inner, size_of);
}

std::string short_reference_in(const json& value) {
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    return is_short_reference(text) ? text : std::string();
  }
  if (!value.is_structured()) return {};
  for (const json& inner : value) {
    if (auto text = short_reference_in(inner); !text.empty()) return text;
  }
  return {};
}

std::string size_text(std::size_t bytes) {
  const auto amount = static_cast<double>(bytes);
  if (bytes < 1000) return fmt::format("{} B", bytes);
  if (bytes < 999'500) return fmt::format("{:.0f} KB", amount / 1e3);
  if (bytes < 9'950'000) return fmt::format("{:.1f} MB", amount / 1e6);
  return fmt::format("{:.0f} MB", amount / 1e6);
}

}  // namespace braintrust::local
