#pragma once

// Reads fields of requests and of stored objects, whatever they turn out to be. Threads: pure functions. Errors: none; what is
// not there, or of another type, comes back empty.

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace braintrust::local {

// `object[key]`, or null.
inline const nlohmann::json& field(const nlohmann::json& object, std::string_view key) {
  static const nlohmann::json nothing;
  if (!object.is_object()) return nothing;
  const auto found = object.find(key);
  return found == object.end() ? nothing : *found;
}

// `object[key]` when it is a text, else "".
inline std::string text_field(const nlohmann::json& object, std::string_view key) {
  const auto& value = field(object, key);
  return value.is_string() ? value.get<std::string>() : std::string();
}

// The text of a value, for the wire and for the database.
inline std::string compact(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace braintrust::local
