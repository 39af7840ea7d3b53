// JsonDiff: how alike two values are, part by part. The comments derive the numbers from the definition (PROTO 15.1).

#include <braintrust/eval/scorers.h>

#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace braintrust {
namespace {

using nlohmann::json;
using testing::ElementsAre;

double diff(const json& output, const json& expected) {
  const double score = *scorers::json_diff(output, expected).score;
  EXPECT_DOUBLE_EQ(score, *scorers::json_diff(expected, output).score) << "the other way round";
  return score;
}

TEST(JsonDiff, OfTheSameIsOne) {
  for (const json& value : {json("mango"), json(1), json(nullptr), json(true), json::array(), json::object(),
                            json{{"a", {1, "two", nullptr, {{"b", false}}}}}}) {
    EXPECT_DOUBLE_EQ(diff(value, value), 1) << value;
  }
}

TEST(JsonDiff, OfTextsIsTheirDistanceAndOfNumbersTheirDifference) {
  EXPECT_DOUBLE_EQ(diff("abc", "abd"), 1 - 1.0 / 3);
  EXPECT_DOUBLE_EQ(diff(1, 3), 1 - 2.0 / 4);
  EXPECT_DOUBLE_EQ(diff(true, false), 0);
}

TEST(JsonDiff, OfObjectsIsTheMeanOverTheKeysOfBoth) {
  EXPECT_DOUBLE_EQ(diff({{"a", "x"}, {"b", "y"}}, {{"a", "x"}, {"b", "z"}}), 0.5);
  EXPECT_DOUBLE_EQ(diff({{"a", 1}}, {{"a", 1}, {"b", 2}}), 0.5);      // b is missing: 0
  EXPECT_DOUBLE_EQ(diff({{"a", 1}}, {{"a", 1}, {"b", nullptr}}), 1);  // missing is null
  EXPECT_DOUBLE_EQ(diff({{"a", 1}}, {{"b", 1}}), 0);
  EXPECT_DOUBLE_EQ(diff({{"a", {{"b", 1}, {"c", 2}}}, {"d", 1}}, {{"a", {{"b", 1}, {"c", -2}}}, {"d", 1}}),
                   0.75);  // (.5 + 1) / 2
  EXPECT_DOUBLE_EQ(diff(json::object(), {{"a", 1}}), 0);
}

TEST(JsonDiff, OfListsGoesByPlaceAndCountsTheLongerOne) {
  EXPECT_DOUBLE_EQ(diff({"a", "b", "c"}, {"a", "b", "c", "d"}), 0.75);
  EXPECT_DOUBLE_EQ(diff({"a", "b"}, {"b", "a"}), 0);
  EXPECT_DOUBLE_EQ(diff({1, 2, 3}, {1, 2, -3}), 2.0 / 3);
  EXPECT_DOUBLE_EQ(diff(json::array(), {1}), 0);
}

TEST(JsonDiff, OfNullIsOneWithNullAndZeroWithAllElse) {
  EXPECT_DOUBLE_EQ(diff(nullptr, 0), 0);
  EXPECT_DOUBLE_EQ(diff(nullptr, "null"), 0);
  EXPECT_DOUBLE_EQ(diff(nullptr, json::object()), 0);
  EXPECT_DOUBLE_EQ(diff({nullptr, 1}, {nullptr, 1}), 1);
  EXPECT_DOUBLE_EQ(*scorers::json_diff({.output = "x"}).score, 0) << "no expected value";
}

TEST(JsonDiff, OfDifferentKindsComparesTheirJson) {
  EXPECT_DOUBLE_EQ(diff("1", 1), 1 - 2.0 / 3);              // "1" in quotes, and 1
  EXPECT_DOUBLE_EQ(diff({1, 2}, {{"1", 2}}), 1 - 5.0 / 7);  // [1,2] and {"1":2}: 1 and 2 stay
  EXPECT_DOUBLE_EQ(diff(12, json{12}), 1 - 2.0 / 4);
}

TEST(JsonDiff, LooksIntoTextsThatHoldAListOrAnObject) {
  EXPECT_DOUBLE_EQ(diff(R"({"a": 1, "b": 2})", {{"b", 2}, {"a", 1}}), 1);
  EXPECT_DOUBLE_EQ(diff(R"({"a":1})", R"({ "a": 1 })"), 1);
  EXPECT_DOUBLE_EQ(diff({{"inner", " [1, 2]"}}, {{"inner", {1, 2}}}), 1);
  EXPECT_DOUBLE_EQ(diff("10", "12"), 0.5) << "a number in a text is a text";
  EXPECT_DOUBLE_EQ(diff("[1", "[2"), 0.5) << "no JSON";
}

TEST(JsonDiff, KeepsThemTextsWhenAsked) {
  const scorers::JsonDiff keeping{.preserve_strings = true};
  EXPECT_DOUBLE_EQ(*keeping("[1]", "[ 1 ]").score, 1 - 2.0 / 5);
  EXPECT_DOUBLE_EQ(*scorers::json_diff("[1]", "[ 1 ]").score, 1);
}

TEST(JsonDiff, AsksTheScorersItIsGiven) {
  std::vector<std::string> texts;
  std::vector<std::string> numbers;
  const auto noting = [](std::vector<std::string>& list, double score) {
    return [&list, score](const ScorerArgs& args) {
      list.push_back(args.output.dump() + " " + args.expected.dump() + " " + args.input.dump());
      return Score{.score = score};
    };
  };
  const scorers::JsonDiff asking{.string_scorer = noting(texts, 0.2), .number_scorer = noting(numbers, 0.6)};
  const Score score = asking({.input = "q", .output = {{"n", 1}, {"t", "x"}}, .expected = {{"n", 2}, {"t", "y"}}});
  EXPECT_DOUBLE_EQ(*score.score, 0.4);
  EXPECT_THAT(texts, ElementsAre(R"("x" "y" "q")"));
  EXPECT_THAT(numbers, ElementsAre(R"(1 2 "q")"));
}

TEST(JsonDiff, LeavesPartsWithoutAScoreOutOfTheMeanOfAnObject) {
  const scorers::JsonDiff silent{.string_scorer = [](const ScorerArgs&) { return Score{}; }};
  EXPECT_EQ(silent({{"n", 1}, {"t", "x"}}, {{"n", -1}, {"t", "y"}}).score, 0.0);
  EXPECT_EQ(silent({{"n", 1}, {"t", "x"}}, {{"n", 1}, {"t", "y"}}).score, 1.0);
  EXPECT_EQ(silent({{"t", "x"}}, {{"t", "y"}}).score, std::nullopt) << "nothing is left";
  EXPECT_EQ(silent({1, "x"}, {1, "y"}).score, 0.5) << "a list has its length";
}

TEST(JsonDiff, DoesNotFollowATextIntoAnyDepth) {
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  EXPECT_DOUBLE_EQ(*scorers::json_diff(deep, deep).score, 1);
  EXPECT_LT(*scorers::json_diff(deep, json::array()).score, 0.01);
}

}  // namespace
}  // namespace braintrust
