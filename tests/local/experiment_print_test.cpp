#include "local/experiment_print.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <string>

namespace braintrust::local {
namespace {

using testing::HasSubstr;
using testing::Not;

class ExperimentPrint : public testing::Test {
 protected:
  void SetUp() override {
    ::setenv("TZ", "UTC", 1);
    ::tzset();
  }

  static ExperimentSummary summary(const std::string& name) {
    return {"id",
            name,
            "Support",
            std::chrono::system_clock::time_point(std::chrono::seconds(1'700'000'000)),
            3,
            1,
            {{"exact", 2.0 / 3}, {"near", 1}}};
  }

  static Comparison comparison() {
    return {{{"exact", 0.5, 0.25, 2, 1}, {"new", 1, std::nullopt, 0, 0}},
            {{"duration", 1.5, 0.5, 0, 3}, {"estimated_cost", 0.002, -0.001, 1, 0}, {"tokens", 20, 0.0, 0, 0}},
            {{"\"Where is my order?\"", "exact", 1, 0.25, "0123456789abcdef"},
             {R"({"q":"deep"})", "exact", 0.5, 0.4, "fedcba9876543210"}}};
  }
};

TEST_F(ExperimentPrint, ListsExperimentsWithTheirScores) {
  auto without = summary("second");
  without.errors = 0;
  without.scores.clear();
  EXPECT_EQ(print_experiments({without, summary("first")}, {}),
            "EXPERIMENT  PROJECT  WHEN                 CASES  ERRORS  SCORES\n"
            "second      Support  2023-11-14 22:13:20      3       -  -\n"
            "first       Support  2023-11-14 22:13:20      3       1  exact 66.67%  near 100.00%\n");
}

TEST_F(ExperimentPrint, ListsDatasetsWithTheirVersions) {
  EXPECT_EQ(print_datasets({{"id-1", "cases", "Support", 12, "1000198271998820353"}, {"id-2", "none", "Support", 0, ""}}, {}),
            "DATASET  PROJECT  ROWS  VERSION              ID\n"
            "cases    Support    12  1000198271998820353  id-1\n"
            "none     Support     0  -                    id-2\n");
}

TEST_F(ExperimentPrint, ShowsWhatChangedAndThenTheCasesThatGotWorse) {
  EXPECT_EQ(print_comparison(summary("now"), "before", comparison(), 20, {}),
            "experiment now · Support · 2023-11-14 22:13:20 · 3 cases · 1 error\n"
            "compared to before\n"
            "\n"
            "                  AVERAGE      CHANGE  BETTER  WORSE\n"
            "exact              50.00%     +25.00%       2      1\n"
            "new               100.00%           -       -      -\n"
            "duration           1.50 s     +500 ms       -      3\n"
            "estimated_cost  $0.002000  -$0.001000       1      -\n"
            "tokens           20.0 tok    +0.0 tok       -      -\n"
            "\n"
            "TRACE     GOT WORSE             SCORE  INPUT\n"
            "01234567  exact      100.00% → 25.00%  Where is my order?\n"
            "fedcba98  exact       50.00% → 40.00%  {\"q\":\"deep\"}\n");
}

TEST_F(ExperimentPrint, ShortTimesHaveTheirDigitsToo) {
  const auto print = [](double value, double diff) {
    return print_comparison(summary("now"), "before", {{}, {{"duration", value, diff, 0, 0}}, {}}, 20, {});
  };
  EXPECT_THAT(print(0.0004, -0.0121), HasSubstr("duration   400 µs  -12.1 ms       -      -\n"));
  EXPECT_THAT(print(0.0004, -2e-7), HasSubstr("duration   400 µs   +0 µs       -      -\n")) << "nothing has no sign of less";
  EXPECT_THAT(print(1e300, -1e-4), HasSubstr("duration  1e+300 s  -100 µs "));
}

TEST_F(ExperimentPrint, SaysHowManyWorseCasesItLeavesOut) {
  const auto text = print_comparison(summary("now"), "before", comparison(), 1, {});
  EXPECT_THAT(text, HasSubstr("Where is my order?"));
  EXPECT_THAT(text, Not(HasSubstr("deep")));
  EXPECT_THAT(text, HasSubstr("1 more is not shown (--limit 0 shows all)"));
  EXPECT_THAT(print_comparison(summary("now"), "before", comparison(), 0, {}), HasSubstr("deep"));
}

TEST_F(ExperimentPrint, WithoutABaseThereAreNoChanges) {
  const auto text = print_comparison(summary("now"), std::nullopt, {{{"exact", 0.5, std::nullopt, 0, 0}}, {}, {}}, 20, {});
  EXPECT_THAT(text, HasSubstr("compared to nothing\n"));
  EXPECT_THAT(text, HasSubstr("exact   50.00%\n"));
  EXPECT_THAT(text, Not(HasSubstr("CHANGE")));
}

TEST_F(ExperimentPrint, WhereNothingGotWorseTheLowestScoresAreShown) {
  auto changes = comparison();
  changes.low = {{"\"Where?\"", "exact", std::nullopt, 0, "0123456789abcdef"},
                 {"\"When?\"", "exact", std::nullopt, 0.25, "fedcba9876543210"}};
  EXPECT_THAT(print_comparison(summary("now"), "before", changes, 20, {}), Not(HasSubstr("LOWEST")));
  changes.worse.clear();
  EXPECT_THAT(print_comparison(summary("now"), "before", changes, 20, {}), HasSubstr("\n"
                                                                                     "TRACE     LOWEST   SCORE  INPUT\n"
                                                                                     "01234567  exact    0.00%  Where?\n"
                                                                                     "fedcba98  exact   25.00%  When?\n"));
}

TEST_F(ExperimentPrint, NamesAndInputsAreMadeHarmless) {
  const std::string evil = "a\x1b[31mb\nc";
  auto one = summary(evil);
  one.project = evil;
  one.scores = {{evil, 1}};
  const Comparison changes{{{evil, 1, 0.0, 0, 0}}, {{evil, 1, 0.0, 0, 0}}, {{"\"" + evil + "\"", evil, 1, 0, evil}}};
  for (const auto& text : {print_experiments({one}, {}), print_datasets({{evil, evil, evil, 1, "1"}}, {}),
                           print_comparison(one, evil, changes, 20, {})}) {
    EXPECT_THAT(text, Not(HasSubstr("\x1b")));
    EXPECT_THAT(text, Not(HasSubstr("b\nc")));
  }
}

TEST_F(ExperimentPrint, ColoursSayWhatIsGoodAndWhatIsBad) {
  const auto text = print_comparison(summary("now"), "before", comparison(), 20, {.color = true});
  EXPECT_THAT(text, HasSubstr("\x1b[32m   +25.00%\x1b[0m"));  // a higher score is good
  EXPECT_THAT(text, HasSubstr("\x1b[31m   +500 ms\x1b[0m"));  // a longer time is not
  EXPECT_THAT(text, HasSubstr("\x1b[32m-$0.001000\x1b[0m"));
}

}  // namespace
}  // namespace braintrust::local
