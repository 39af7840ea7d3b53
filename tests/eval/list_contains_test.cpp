// ListContains: the best pairs of two lists, and what they are worth.

#include <braintrust/eval/scorers.h>

#include <limits>
#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace braintrust {
namespace {

using nlohmann::json;

double contained(const json& output, const json& expected) { return *scorers::list_contains(output, expected).score; }

TEST(ListContains, IsOneForTheSameEntriesInAnyOrder) {
  EXPECT_DOUBLE_EQ(contained({"a", "b", "c"}, {"c", "a", "b"}), 1);
  EXPECT_DOUBLE_EQ(contained(json::array(), json::array()), 1);
}

TEST(ListContains, IsZeroWhenOneListIsEmpty) {
  EXPECT_DOUBLE_EQ(contained(json::array(), {"a"}), 0);
  EXPECT_DOUBLE_EQ(contained({"a"}, json::array()), 0);
  EXPECT_DOUBLE_EQ(*scorers::ListContains{.allow_extra_entities = true}({"a"}, json::array()).score, 0) << "not 0 / 0";
}

TEST(ListContains, DividesByTheLongerList) {
  EXPECT_DOUBLE_EQ(contained({"a"}, {"a", "b"}), 0.5);
  EXPECT_DOUBLE_EQ(contained({"a", "b", "c", "d"}, {"a"}), 0.25);
  EXPECT_DOUBLE_EQ(contained({"a", "a"}, {"a", "b"}), 0.5) << "an entry is found once";
}

TEST(ListContains, LetsMoreEntriesPassWhenAsked) {
  const scorers::ListContains lenient{.allow_extra_entities = true};
  EXPECT_DOUBLE_EQ(*lenient({"a", "b", "c", "d"}, {"a", "d"}).score, 1);
  EXPECT_DOUBLE_EQ(*lenient({"a"}, {"a", "b"}).score, 0.5) << "a missing one still counts";
}

TEST(ListContains, PairsSoThatAllTogetherIsBest) {
  // Alone, "ab" would go to "ab". With "ab" to "ax" (1/2) and "ac" to "ab" (1/2) the sum is 1; with "ab" to "ab" (1) and "ac"
  // to "ax" (1/2) it is 1.5.
  const Score score = scorers::list_contains({"ac", "ab"}, {"ab", "ax"});
  EXPECT_DOUBLE_EQ(*score.score, 0.75);
  EXPECT_EQ(score.metadata, (json{{"pairs",
                                   {{{"output", "ac"}, {"expected", "ax"}, {"score", 0.5}},
                                    {{"output", "ab"}, {"expected", "ab"}, {"score", 1.0}}}}}));
}

TEST(ListContains, GivesUpTheBestPairWhereTwoGoodOnesAreWorthMore) {
  const auto table = [](const ScorerArgs& args) {
    static const json scores = {{"p", {{"x", 0.9}, {"y", 0.8}}}, {"q", {{"x", 0.8}, {"y", 0.1}}}};
    return Score{.score = scores[args.output.get<std::string>()][args.expected.get<std::string>()].get<double>()};
  };
  EXPECT_DOUBLE_EQ(*scorers::ListContains{.pairwise_scorer = table}({"p", "q"}, {"x", "y"}).score, 0.8);
}

TEST(ListContains, ComparesEntriesOfAnyKind) {
  EXPECT_DOUBLE_EQ(contained({1, {{"a", 2}}}, {{{"a", 2}}, 1}), 1);
  const scorers::ListContains numbers{.pairwise_scorer = scorers::numeric_diff};
  EXPECT_DOUBLE_EQ(*numbers({3, 1}, {1, 1}).score, 0.75);  // 1 with 1, 3 with 1: (1 + 1/2) / 2
}

TEST(ListContains, StaysBetweenZeroAndOneWhateverThePairsAreWorth) {
  const auto always = [](std::optional<double> score) {
    return scorers::ListContains{.pairwise_scorer = [score](const ScorerArgs&) { return Score{.score = score}; }};
  };
  const json pair = {"a", "b"};
  EXPECT_EQ(always(1.7)(pair, pair).score, 1.0);
  EXPECT_EQ(always(-3)(pair, pair).score, 0.0);
  EXPECT_EQ(always(std::nullopt)(pair, pair).score, 0.0);
  EXPECT_EQ(always(std::numeric_limits<double>::quiet_NaN())(pair, pair).score, 0.0);
  EXPECT_EQ(always(std::numeric_limits<double>::infinity())(pair, pair).score, 0.0);
}

TEST(ListContains, SaysWhatIsNoList) {
  try {
    scorers::list_contains("a", json{"a"});
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("lists"));
    EXPECT_THAT(error.what(), testing::HasSubstr("string and array"));
  }
}

}  // namespace
}  // namespace braintrust
