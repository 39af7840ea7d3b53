#pragma once

// Looking into JSON that somebody else wrote: nothing here throws, whatever stands there.

#include <string>

#include <nlohmann/json.hpp>

namespace braintrust::detail {

// `object[key]`, or null when there is none.
inline const nlohmann::json& member(const nlohmann::json& object, const char* key) {
  static const auto* const none = new nlohmann::json();
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() ? *found : *none;
}

// `object[key]` when it is a text, else "".
inline std::string text_at(const nlohmann::json& object, const char* key) {
  const nlohmann::json& value = member(object, key);
  return value.is_string() ? value.get<std::string>() : std::string();
}

// As text, with U+FFFD in place of what is no UTF-8.
inline std::string to_text(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace braintrust::detail
