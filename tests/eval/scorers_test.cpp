// The scorers without settings, and what all scorers have in common: how they are called and how they refuse.
// Where numbers are not obvious, the comment beside them derives them from the definitions (PROTO 15.1).

#include <braintrust/eval/scorers.h>

#include <functional>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace braintrust {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;

template <class Call>
std::string refusal(Call&& call) {
  try {
    call();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "no refusal";
}

// ----------------------------------------------------------------------------------------------------------- calling

TEST(Scorers, StandInAListAsTheyAre) {
  const std::vector<std::function<Score(const ScorerArgs&)>> scores = {
      scorers::exact_match,
      scorers::levenshtein,
      scorers::numeric_diff,
      scorers::json_diff,
      scorers::valid_json,
      scorers::list_contains,
      scorers::JsonDiff{},
      scorers::ValidJson{.schema = {{"type", "array"}}},
      scorers::ListContains{.allow_extra_entities = true},
  };
  const json output = {1};
  const json number = 1;
  std::vector<std::string> names;
  for (const auto& scorer : scores) {
    const bool numeric = names.size() == 2;
    const Score score = scorer({.output = numeric ? number : output, .expected = numeric ? number : output});
    EXPECT_EQ(score.score, 1.0) << score.name;
    names.push_back(score.name);
  }
  EXPECT_THAT(names, testing::ElementsAre("ExactMatch", "Levenshtein", "NumericDiff", "JSONDiff", "ValidJSON", "ListContains",
                                          "JSONDiff", "ValidJSON", "ListContains"));
}

TEST(Scorers, AreCalledWithValuesToo) {
  EXPECT_EQ(scorers::exact_match("a", "a").score, 1.0);
  EXPECT_EQ(scorers::levenshtein("a", "a").score, 1.0);
  EXPECT_EQ(scorers::numeric_diff(1, 1).score, 1.0);
  EXPECT_EQ(scorers::json_diff("a", "a").score, 1.0);
  EXPECT_EQ(scorers::valid_json("[]").score, 1.0);
  EXPECT_EQ(scorers::valid_json(ScorerArgs{.output = "[]"}).score, 1.0);
  EXPECT_EQ(scorers::list_contains(json{"a"}, json{"a"}).score, 1.0);
}

TEST(Scorers, TellTheirNamesBeforeTheyRun) {
  EXPECT_EQ(scorers::json_diff.name, "JSONDiff");
  EXPECT_EQ(scorers::JsonDiff::name, scorers::json_diff(1, 1).name);
  EXPECT_EQ(scorers::levenshtein.name, "Levenshtein");
}

TEST(Scorers, AreGivenViewsWhoseWrittenValuesLiveAsLong) {
  const ScorerArgs args{.output = "kitten", .expected = "kitten"};
  EXPECT_EQ(args.output, "kitten");
  EXPECT_TRUE(args.input.is_null());
  EXPECT_TRUE(args.metadata.is_null());
  EXPECT_EQ(scorers::levenshtein(args).score, 1.0);
}

TEST(Scorers, ThatCompareSayWhenThereIsNothingToCompareWith) {
  EXPECT_THAT(refusal([] { return scorers::levenshtein({.output = "a"}); }),
              AllOf(HasSubstr("Levenshtein"), HasSubstr("needs an expected value")));
  EXPECT_THAT(refusal([] { return scorers::numeric_diff({.output = 1}); }),
              AllOf(HasSubstr("NumericDiff"), HasSubstr("needs an expected value")));
  EXPECT_THAT(refusal([] { return scorers::list_contains({.output = json{1}}); }),
              AllOf(HasSubstr("ListContains"), HasSubstr("needs an expected value")));
}

// -------------------------------------------------------------------------------------------------------- ExactMatch

double exact(const json& output, const json& expected) {
  const double score = *scorers::exact_match(output, expected).score;
  EXPECT_EQ(score, *scorers::exact_match(expected, output).score) << "the other way round";
  return score;
}

TEST(ExactMatch, IsOneForTheSameAndZeroForAllElse) {
  EXPECT_EQ(exact("hello", "hello"), 1);
  EXPECT_EQ(exact("hello", "Hello"), 0);
  EXPECT_EQ(exact("", ""), 1);
  EXPECT_EQ(exact(123, 123), 1);
  EXPECT_EQ(exact(123, 124), 0);
  EXPECT_EQ(exact(true, true), 1);
  EXPECT_EQ(exact(true, 1), 0);
  EXPECT_EQ(exact({1, 2, 3}, {1, 2, 3}), 1);
  EXPECT_EQ(exact({1, 2, 3}, {3, 2, 1}), 0);
  EXPECT_EQ(exact({{"a", 1}}, {{"a", 1}, {"b", nullptr}}), 0);
  EXPECT_EQ(exact(json::array(), json::object()), 0);
}

TEST(ExactMatch, TakesNullForAValue) {
  EXPECT_EQ(exact(nullptr, nullptr), 1);
  EXPECT_EQ(exact(nullptr, ""), 0);
  EXPECT_EQ(exact(nullptr, 0), 0);
  EXPECT_EQ(exact(nullptr, json::object()), 0);
}

TEST(ExactMatch, ReadsATextBesideAListOrAnObject) {
  EXPECT_EQ(exact({{"a", 1}, {"b", {1, 2}}}, R"( { "b": [1, 2], "a": 1 } )"), 1);
  EXPECT_EQ(exact({{"a", 1}}, R"({"a": 2})"), 0);
  EXPECT_EQ(exact({{"a", 1}}, R"({"a": 1)"), 0);
  EXPECT_EQ(exact({1, 2}, "[1,2]"), 1);
}

TEST(ExactMatch, ComparesTwoTextsLetterByLetter) {
  EXPECT_EQ(exact(R"({"a": 1})", R"({"a":1})"), 0);
  EXPECT_EQ(exact("1", "1.0"), 0);
}

TEST(ExactMatch, ComparesATextWithWhatAValueIsWrittenLike) {
  EXPECT_EQ(exact("123", 123), 1);
  EXPECT_EQ(exact("1.5", 1.5), 1);
  EXPECT_EQ(exact("true", true), 1);
  EXPECT_EQ(exact("null", nullptr), 1);
  EXPECT_EQ(exact(" 123", 123), 0);
}

TEST(ExactMatch, HasOneKindOfNumber) {
  EXPECT_EQ(exact(1, 1.0), 1);
  EXPECT_EQ(exact({{"a", {1.0}}}, {{"a", {1}}}), 1);
}

// ------------------------------------------------------------------------------------------------------- Levenshtein

double alike(const json& output, const json& expected) {
  const double score = *scorers::levenshtein(output, expected).score;
  EXPECT_EQ(score, *scorers::levenshtein(expected, output).score) << "the other way round";
  return score;
}

TEST(Levenshtein, IsTheShareOfTheLongerTextThatStays) {
  EXPECT_DOUBLE_EQ(alike("", ""), 1);
  EXPECT_DOUBLE_EQ(alike("", "a"), 0);
  EXPECT_DOUBLE_EQ(alike("a", "a"), 1);
  EXPECT_DOUBLE_EQ(alike("a", "b"), 0);
  EXPECT_DOUBLE_EQ(alike("ab", "ac"), 0.5);
  EXPECT_DOUBLE_EQ(alike("abc", "axc"), 1 - 1.0 / 3);
  EXPECT_DOUBLE_EQ(alike("xabxcdxxefxgx", "1ab2cd34ef5g6"), 1 - 6.0 / 13);  // x→1, x→2, xx→34, x→5, x→6
  EXPECT_DOUBLE_EQ(alike("kitten", "sitting"), 1 - 3.0 / 7);
}

TEST(Levenshtein, CountsCodePoints) {
  EXPECT_DOUBLE_EQ(alike("é", "e"), 0);
  EXPECT_DOUBLE_EQ(alike("naïve", "naive"), 1 - 1.0 / 5);
  EXPECT_DOUBLE_EQ(alike("世界", "世間"), 0.5);
  EXPECT_DOUBLE_EQ(alike("🙂a", "🙃a"), 0.5);
  EXPECT_DOUBLE_EQ(alike("e\u0301", "e"), 0.5);  // a letter and its accent: two
}

TEST(Levenshtein, TakesWhatIsNoUtf8ForReplacementCharacters) {
  EXPECT_DOUBLE_EQ(alike("a\xff", "a\uFFFD"), 1);
  EXPECT_DOUBLE_EQ(alike("a\xff", "a\xfe"), 1);
  EXPECT_DOUBLE_EQ(alike("a\xe4\xb8", "a"), 0.5);  // two bytes of three are one character
}

TEST(Levenshtein, ComparesOtherValuesAsTheirJson) {
  EXPECT_DOUBLE_EQ(alike(123, "123"), 1);
  EXPECT_DOUBLE_EQ(alike(json{{"b", 1}, {"a", 2}}, R"({"a":2,"b":1})"), 1);
  EXPECT_DOUBLE_EQ(*scorers::levenshtein(nullptr, "none").score, 0.25);  // null→none: n stays, three are replaced
}

// ------------------------------------------------------------------------------------------------------- NumericDiff

double near(const json& output, const json& expected) {
  const double score = *scorers::numeric_diff(output, expected).score;
  EXPECT_EQ(score, *scorers::numeric_diff(expected, output).score) << "the other way round";
  return score;
}

TEST(NumericDiff, IsTheDifferenceBesideTheSum) {
  EXPECT_DOUBLE_EQ(near(0, 0), 1);
  EXPECT_DOUBLE_EQ(near(0, 1), 0);
  EXPECT_DOUBLE_EQ(near(1, 2), 1 - 1.0 / 3);
  EXPECT_DOUBLE_EQ(near(1.0, 2.0), 1 - 1.0 / 3);
  EXPECT_DOUBLE_EQ(near(-1, -2), 1 - 1.0 / 3);
  EXPECT_DOUBLE_EQ(near(-1, 2), 0);
  EXPECT_DOUBLE_EQ(near(99, 101), 1 - 2.0 / 200);
  EXPECT_DOUBLE_EQ(near(-0.0, 0), 1);
}

TEST(NumericDiff, StaysBetweenZeroAndOneForTheLargestNumbers) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  EXPECT_DOUBLE_EQ(near(1e308, 1e308), 1);
  EXPECT_DOUBLE_EQ(near(1.6e308, 1.2e308), 1 - 0.4 / 2.8);
  EXPECT_DOUBLE_EQ(near(infinity, infinity), 1);
  EXPECT_DOUBLE_EQ(near(infinity, 1), 0);
  EXPECT_DOUBLE_EQ(near(std::numeric_limits<double>::quiet_NaN(), 1), 0);
}

TEST(NumericDiff, TellsTheSmallestNumbersApart) {
  EXPECT_DOUBLE_EQ(near(5e-324, 1e-323), 1 - 1.0 / 3);  // one and two times the smallest there is
  EXPECT_DOUBLE_EQ(near(5e-324, -5e-324), 0);
  EXPECT_DOUBLE_EQ(near(5e-324, 0), 0);
}

TEST(NumericDiff, TakesTrueForOneAndFalseForZero) {
  EXPECT_DOUBLE_EQ(near(true, true), 1);
  EXPECT_DOUBLE_EQ(near(false, false), 1);
  EXPECT_DOUBLE_EQ(near(true, false), 0);
  EXPECT_DOUBLE_EQ(near(true, 1), 1);
}

TEST(NumericDiff, SaysWhatIsNoNumber) {
  EXPECT_THAT(refusal([] { return scorers::numeric_diff("1", 1); }), AllOf(HasSubstr("output"), HasSubstr("string")));
  EXPECT_THAT(refusal([] { return scorers::numeric_diff(1, json::array()); }),
              AllOf(HasSubstr("expected"), HasSubstr("array")));
  EXPECT_THAT(refusal([] { return scorers::numeric_diff(nullptr, 1); }), AllOf(HasSubstr("output"), HasSubstr("null")));
}

}  // namespace
}  // namespace braintrust
