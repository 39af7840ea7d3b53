#pragma once

// `missed_thresholds`: whether what came of evals is good enough, for programs whose exit code decides something.
//
//   const auto result = braintrust::Eval("Say Hi Bot", {…});
//   const auto missed = braintrust::missed_thresholds(result, {.min_scores = {{"Levenshtein", 0.8}}, .max_regressions = 2});
//   for (const auto& why : missed) std::cerr << why << '\n';
//   return result.ok() && missed.empty() ? 0 : 1;
//
// Programs of evals have this as flags (main.h).
//
// Threads: pure. Errors: none. Units: scores 0 to 1.
//
// Cost: includes the whole of nlohmann/json.hpp.

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <braintrust/eval/eval.h>

namespace braintrust {

struct EvalThresholds {
  // By the name of a score: the least that its average may be. Each eval that has the score must reach it, and there must be
  // one.
  std::map<std::string, double> min_scores = {};
  // Cases that are worse than in the base experiment, all scores of an eval together. Without a base experiment there are none;
  // a comparison that could not be had misses the threshold.
  std::optional<std::uint64_t> max_regressions = {};
};

// A sentence for each threshold that was missed; none: all were reached.
std::vector<std::string> missed_thresholds(std::span<const EvalResult> results, const EvalThresholds& thresholds);
std::vector<std::string> missed_thresholds(const EvalResult& result, const EvalThresholds& thresholds);

}  // namespace braintrust
