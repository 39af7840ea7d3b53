#include <braintrust/eval/scorers.h>

#include <algorithm>
#include <optional>
#include <string>

#include "eval/json_values.h"

namespace braintrust::scorers {

using nlohmann::json;

namespace {

class Comparison {
 public:
  Comparison(const JsonDiff& settings, const ScorerArgs& args) : settings_(settings), args_(args) {}

  std::optional<double> score(const json& output, const json& expected) const {
    if (const auto value = unpacked(output)) return score(*value, expected);
    if (const auto value = unpacked(expected)) return score(output, *value);
    if (output.is_object() && expected.is_object()) return objects(output, expected);
    if (output.is_array() && expected.is_array()) return lists(output, expected);
    if (output.is_string() && expected.is_string()) return text(output, expected);
    if (is_number(output) && is_number(expected)) return number(output, expected);
    if (output.is_null() || expected.is_null()) return output.is_null() && expected.is_null() ? 1.0 : 0.0;
    return text(as_text(output), as_text(expected));
  }

 private:
  static bool is_number(const json& value) { return value.is_number() || value.is_boolean(); }

  // Texts too, so that "1" and 1 differ.
  static json as_text(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

  // What a text holds, if that is a list or an object.
  std::optional<json> unpacked(const json& value) const {
    if (settings_.preserve_strings || !value.is_string()) return std::nullopt;
    const auto& packed = value.get_ref<const std::string&>();
    return eval::holds_container(packed) ? eval::parsed(packed) : std::nullopt;
  }

  std::optional<double> objects(const json& output, const json& expected) const {
    if (output.empty() && expected.empty()) return 1.0;
    double sum = 0;
    std::size_t count = 0;
    const auto add = [&](std::optional<double> part) {
      sum += part.value_or(0);
      count += part.has_value();
    };
    const json& missing = braintrust::detail::absent();
    for (const auto& [key, value] : output.items()) {
      const auto other = expected.find(key);
      add(score(value, other == expected.end() ? missing : *other));
    }
    for (const auto& [key, value] : expected.items()) {
      if (!output.contains(key)) add(score(missing, value));
    }
    if (count == 0) return std::nullopt;
    return sum / static_cast<double>(count);
  }

  double lists(const json& output, const json& expected) const {
    if (output.empty() && expected.empty()) return 1.0;
    double sum = 0;
    for (std::size_t i = 0; i < std::min(output.size(), expected.size()); ++i) sum += score(output[i], expected[i]).value_or(0);
    return sum / static_cast<double>(std::max(output.size(), expected.size()));
  }

  std::optional<double> text(const json& output, const json& expected) const {
    if (!settings_.string_scorer) return levenshtein(output, expected).score;
    return settings_.string_scorer({args_.input, output, expected, args_.metadata}).score;
  }
  std::optional<double> number(const json& output, const json& expected) const {
    if (!settings_.number_scorer) return numeric_diff(output, expected).score;
    return settings_.number_scorer({args_.input, output, expected, args_.metadata}).score;
  }

  const JsonDiff& settings_;
  const ScorerArgs& args_;
};

}  // namespace

Score JsonDiff::operator()(const ScorerArgs& args) const {
  return {.name = std::string(name), .score = Comparison(*this, args).score(args.output, args.expected)};
}

}  // namespace braintrust::scorers
