#include <braintrust/eval/threshold.h>

#include <algorithm>

#include <fmt/format.h>

#include "core/quantity_text.h"

namespace braintrust {
namespace {

// An average of eights may end up a hair below 0.8.
constexpr double rounding = 1e-9;

const ScoreSummary* find_score(const EvalResult& result, const std::string& name) {
  const auto& scores = result.summary.scores;
  const auto found = std::find_if(scores.begin(), scores.end(), [&](const auto& score) { return score.name == name; });
  return found == scores.end() ? nullptr : &*found;
}

std::string unknown_score(std::span<const EvalResult> results, const std::string& name) {
  std::vector<std::string> known;
  for (const auto& result : results) {
    for (const auto& score : result.summary.scores) {
      if (auto quoted = "'" + score.name + "'"; std::find(known.begin(), known.end(), quoted) == known.end()) {
        known.push_back(std::move(quoted));
      }
    }
  }
  std::string list;
  for (const auto& one : known) list += (list.empty() ? "" : ", ") + one;
  return fmt::format("no eval has a score '{}'; {}", name, list.empty() ? "there are no scores" : "there are: " + list);
}

std::optional<std::string> too_many_regressions(const EvalResult& result, std::uint64_t most) {
  if (result.summary_error) {
    return fmt::format("{}: regressions cannot be counted, because the comparison could not be had: {}", result.name,
                       result.summary_error->message);
  }
  std::uint64_t sum = 0;
  std::string list;
  for (const auto& score : result.summary.scores) {
    if (score.regressions == 0) continue;
    sum += score.regressions;
    list += fmt::format("{}'{}' {}", list.empty() ? "" : ", ", score.name, score.regressions);
  }
  if (sum <= most) return std::nullopt;
  return fmt::format("{}: {} against {}, and at most {} may be: {}", result.name,
                     detail::counted(sum, "regression", "regressions"), result.summary.comparison_experiment_name, most, list);
}

}  // namespace

std::vector<std::string> missed_thresholds(std::span<const EvalResult> results, const EvalThresholds& thresholds) {
  std::vector<std::string> missed;
  for (const auto& [name, least] : thresholds.min_scores) {
    bool found = false;
    for (const auto& result : results) {
      const auto* score = find_score(result, name);
      if (!score) continue;
      found = true;
      if (score->score >= least - rounding) continue;  // what is no number does not reach it
      missed.push_back(
          fmt::format("{}: the score '{}' is {:.6g}, and must be at least {:.6g}", result.name, name, score->score, least));
    }
    if (!found) missed.push_back(unknown_score(results, name));
  }
  if (thresholds.max_regressions) {
    for (const auto& result : results) {
      if (auto why = too_many_regressions(result, *thresholds.max_regressions)) missed.push_back(*std::move(why));
    }
  }
  return missed;
}

std::vector<std::string> missed_thresholds(const EvalResult& result, const EvalThresholds& thresholds) {
  return missed_thresholds(std::span(&result, 1), thresholds);
}

}  // namespace braintrust
