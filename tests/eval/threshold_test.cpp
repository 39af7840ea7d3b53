// Whether what came of evals is good enough.

#include <braintrust/eval/threshold.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace braintrust {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

EvalResult eval(std::string name, std::vector<ScoreSummary> scores) {
  return {.name = std::move(name), .summary = {.comparison_experiment_name = "before", .scores = std::move(scores)}};
}

TEST(Thresholds, AreReachedByTheLeastScoreItself) {
  EXPECT_THAT(missed_thresholds(eval("A", {{.name = "s", .score = 0.8}}), {.min_scores = {{"s", 0.8}}}), IsEmpty());
  const double average = (0.7 + 0.8 + 0.9) / 3 - 1e-16;
  EXPECT_THAT(missed_thresholds(eval("A", {{.name = "s", .score = average}}), {.min_scores = {{"s", 0.8}}}), IsEmpty())
      << "rounding is nobody's fault";
}

TEST(Thresholds, AreMissedBelow) {
  EXPECT_THAT(missed_thresholds(eval("A", {{.name = "s", .score = 0.79999}}), {.min_scores = {{"s", 0.8}}}),
              ElementsAre("A: the score 's' is 0.79999, and must be at least 0.8"));
  const auto nothing = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(missed_thresholds(eval("A", {{.name = "s", .score = nothing}}), {.min_scores = {{"s", 0}}}),
              ElementsAre(HasSubstr("nan")));
}

TEST(Thresholds, AreForEachEvalThatHasTheScoreAndForOneAtLeast) {
  const std::vector<EvalResult> results{eval("A", {{.name = "s", .score = 0.9}}), eval("B", {{.name = "s", .score = 0.1}}),
                                        eval("C", {{.name = "t", .score = 0.1}})};
  EXPECT_THAT(missed_thresholds(results, {.min_scores = {{"s", 0.5}, {"u", 0}}}),
              ElementsAre(HasSubstr("B: the score 's'"), "no eval has a score 'u'; there are: 's', 't'"));
  EXPECT_THAT(missed_thresholds(std::vector<EvalResult>(), {.min_scores = {{"u", 0}}}),
              ElementsAre("no eval has a score 'u'; there are no scores"));
}

TEST(Thresholds, CountRegressionsOfAnEvalOverAllItsScores) {
  const std::vector<EvalResult> results{
      eval("A", {{.name = "s", .regressions = 2}, {.name = "t"}, {.name = "u", .regressions = 1}}),
      eval("B", {{.name = "s", .regressions = 2}})};
  EXPECT_THAT(missed_thresholds(results, {.max_regressions = 3}), IsEmpty());
  EXPECT_THAT(missed_thresholds(results, {.max_regressions = 2}),
              ElementsAre("A: 3 regressions against before, and at most 2 may be: 's' 2, 'u' 1"));
  EXPECT_THAT(missed_thresholds(results, {}), IsEmpty());
}

}  // namespace
}  // namespace braintrust
