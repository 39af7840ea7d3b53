#include <braintrust/eval/scorers.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "eval/edit_distance.h"
#include "eval/json_values.h"

namespace braintrust::scorers {

using nlohmann::json;

namespace {

bool text_equals(std::string_view text, const json& value) {
  if (!value.is_structured()) {
    std::string storage;
    return text == eval::text_of(value, storage);
  }
  return eval::parsed(text) == value;
}

bool same(const json& output, const json& expected) {
  if (output.is_string() == expected.is_string()) return output == expected;
  return output.is_string() ? text_equals(output.get_ref<const std::string&>(), expected)
                            : text_equals(expected.get_ref<const std::string&>(), output);
}

double number_of(const json& value, std::string_view which) {
  eval::require(value.is_number() || value.is_boolean(), NumericDiff::name,
                std::string("compares numbers, and the ").append(which).append(" is of type ").append(value.type_name()));
  return value.is_boolean() ? static_cast<double>(value.get<bool>()) : value.get<double>();
}

}  // namespace

Score ExactMatch::operator()(const json& output, const json& expected) const {
  return {.name = std::string(name), .score = same(output, expected) ? 1.0 : 0.0};
}

Score Levenshtein::operator()(const json& output, const json& expected) const {
  eval::require_expected(expected, name);
  std::string output_text;
  std::string expected_text;
  const auto [count, longest] = eval::edits_between(eval::text_of(output, output_text), eval::text_of(expected, expected_text));
  const double share = longest == 0 ? 0.0 : static_cast<double>(count) / static_cast<double>(longest);
  return {.name = std::string(name), .score = 1.0 - share};
}

Score NumericDiff::operator()(const json& output, const json& expected) const {
  eval::require_expected(expected, name);
  const double given = number_of(output, "output");
  const double wanted = number_of(expected, "expected value");
  if (given == wanted) return {.name = std::string(name), .score = 1.0};
  // Large numbers are halved, so that their sum is still a number; small ones are not, as half of the smallest is 0.
  const double part = std::max(std::abs(wanted), std::abs(given)) > 1 ? 0.5 : 1;
  const double share = std::abs(wanted * part - given * part) / (std::abs(wanted * part) + std::abs(given * part));
  // Infinity and what is not a number are far from everything.
  return {.name = std::string(name), .score = std::isfinite(share) ? 1.0 - share : 0.0};
}

}  // namespace braintrust::scorers
