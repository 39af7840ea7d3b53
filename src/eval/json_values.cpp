#include "eval/json_values.h"

#include <stdexcept>

#include "core/json_scan.h"

namespace braintrust::eval {

using nlohmann::json;

std::string_view text_of(const json& value, std::string& storage) {
  if (value.is_string()) return value.get_ref<const std::string&>();
  return storage = value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::optional<json> parsed(std::string_view text) {
  // nlohmann takes any depth, and the recursion over the value would find the end of the stack.
  if (!detail::valid_json(text)) return std::nullopt;
  json value = json::parse(text, nullptr, false);
  if (value.is_discarded()) return std::nullopt;  // a number that no double can hold
  return value;
}

bool holds_container(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && (text[first] == '{' || text[first] == '[') && detail::valid_json(text);
}

void require(bool condition, std::string_view scorer, std::string_view problem) {
  if (!condition) throw std::invalid_argument(std::string(scorer).append(" ").append(problem));
}

void require_expected(const json& expected, std::string_view scorer) {
  require(!expected.is_null(), scorer, "needs an expected value: give each case one, or leave this scorer out");
}

}  // namespace braintrust::eval
