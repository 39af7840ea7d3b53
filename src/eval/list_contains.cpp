#include <braintrust/eval/scorers.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "eval/assignment.h"
#include "eval/json_values.h"

namespace braintrust::scorers {

using nlohmann::json;

Score ListContains::operator()(const ScorerArgs& args) const {
  const json& output = args.output;
  const json& expected = args.expected;
  eval::require_expected(expected, name);
  eval::require(
      output.is_array() && expected.is_array(), name,
      std::string("compares lists, and was given ").append(output.type_name()).append(" and ").append(expected.type_name()));
  if (output.empty() || expected.empty()) {
    return {.name = std::string(name), .score = output.empty() && expected.empty() ? 1.0 : 0.0};
  }

  std::vector<double> scores;
  scores.reserve(output.size() * expected.size());
  for (const json& given : output) {
    for (const json& wanted : expected) {
      const ScorerArgs pair{args.input, given, wanted, args.metadata};
      const double score = (pairwise_scorer ? pairwise_scorer(pair) : levenshtein(pair)).score.value_or(0);
      scores.push_back(std::isfinite(score) ? score : 0);
    }
  }

  double sum = 0;
  json pairs = json::array();
  for (const auto& [row, column] : eval::best_assignment(scores, output.size(), expected.size())) {
    const double score = scores[row * expected.size() + column];
    sum += score;
    pairs.push_back({{"output", output[row]}, {"expected", expected[column]}, {"score", score}});
  }
  const std::size_t full = allow_extra_entities ? expected.size() : std::max(output.size(), expected.size());
  return {.name = std::string(name),
          .score = std::clamp(sum / static_cast<double>(full), 0.0, 1.0),
          .metadata = {{"pairs", std::move(pairs)}}};
}

}  // namespace braintrust::scorers
