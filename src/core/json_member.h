#pragma once

// Looking into JSON that somebody else wrote: nothing here throws, whatever stands there.

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "core/json_scan.h"

namespace braintrust::detail {

// The tree of a text; discarded when that is no JSON, or nests so deep that copying or writing the tree, which recurs, would
// end the process.
inline nlohmann::json parse_bounded(std::string_view text) {
  if (nests_deeper(text, max_json_depth)) return nlohmann::json::value_t::discarded;
  return nlohmann::json::parse(text, nullptr, false);
}

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
