#pragma once

// Ready-made scorers that compute: no model, no network, the same result each time.
//
//   .scores = {scorers::levenshtein, scorers::JsonDiff{.preserve_strings = true}, scorers::ValidJson{.schema = schema}}
//   double close = *scorers::levenshtein(answer, "Paris").score;  // without an eval: output, expected
//
// Each is an object that is called with `ScorerArgs`, or with the values themselves. One with settings is an aggregate of
// them; its name in small letters is the same with nothing set: `json_diff` is `JsonDiff{}`. The scores are named as in
// Braintrust's autoevals library ("Levenshtein", "JSONDiff"), so that experiments of both can be compared.
//
// Errors: std::invalid_argument that says what to do, where a value cannot be graded: `expected` is missing (null) although the
// scorer compares, a text is given for a number, a schema cannot be read. A wrong answer is a score of 0, never an error.
// Threads: any number at once, as long as the scorers you put into the settings allow it.
// Units: scores from 0 to 1. Source: PROTO 15.1.

#include <concepts>
#include <functional>
#include <string_view>

#include <braintrust/eval/score.h>

namespace braintrust::scorers {

// 1 when output and expected are the same, else 0. The order of keys does not count, 1 and 1.0 are the same, and null is a
// value like others. A text equals a list or an object when it is its JSON, and any other value when it is written like it.
struct ExactMatch {
  static constexpr std::string_view name = "ExactMatch";
  Score operator()(const ScorerArgs& args) const { return (*this)(args.output, args.expected); }
  Score operator()(const nlohmann::json& output, const nlohmann::json& expected) const;
};
inline constexpr ExactMatch exact_match;

// How alike two texts are: 1 - edits / length of the longer one, counted in code points (an accented letter may be two).
// Values that are no texts are compared as their JSON. What is no UTF-8 counts as U+FFFD, as which it is stored.
// Fast for long texts, too: two of 10 000 code points take a few milliseconds.
struct Levenshtein {
  static constexpr std::string_view name = "Levenshtein";
  Score operator()(const ScorerArgs& args) const { return (*this)(args.output, args.expected); }
  Score operator()(const nlohmann::json& output, const nlohmann::json& expected) const;
};
inline constexpr Levenshtein levenshtein;

// How near two numbers are: 1 - |expected - output| / (|expected| + |output|), so 0 for opposite signs.
// true and false count as 1 and 0.
struct NumericDiff {
  static constexpr std::string_view name = "NumericDiff";
  Score operator()(const ScorerArgs& args) const { return (*this)(args.output, args.expected); }
  Score operator()(const nlohmann::json& output, const nlohmann::json& expected) const;
};
inline constexpr NumericDiff numeric_diff;

// Grades a part of the output against its counterpart. Empty: the default that is named at the setting.
using PairScorer = std::function<Score(const ScorerArgs& args)>;

// How alike two JSON values are, part by part: objects by the mean over the keys of both, lists by place and the longer one's
// length, texts and numbers by the scorers below. null equals null only, so an `expected` of null is no error. Values of
// different kinds are compared as their JSON, by the scorer for texts. A part without a score is left out of an object's mean.
struct JsonDiff {
  PairScorer string_scorer = {};  // Levenshtein
  PairScorer number_scorer = {};  // NumericDiff; sees true and false, too
  bool preserve_strings = false;  // texts that hold a list or an object stay texts

  static constexpr std::string_view name = "JSONDiff";
  Score operator()(const ScorerArgs& args) const;
  Score operator()(const nlohmann::json& output, const nlohmann::json& expected) const {
    return (*this)({.output = output, .expected = expected});
  }
};

// 1 when the output is a list or an object, or a text that holds one; given a schema: when it is any JSON that fits. Else 0.
// A text that nests more than 512 deep counts as no JSON.
//
// The schema is JSON Schema, 2020-12 or draft 7. Its unknown keywords are ignored, and `format`, as the standard has it. What
// would be checked wrongly is an error: references to another document, `unevaluated…`, `$dynamicRef`, and patterns that
// std::regex does not know (\p{L}, back references).
struct ValidJson {
  nlohmann::json schema = nullptr;  // null: none

  static constexpr std::string_view name = "ValidJSON";
  Score operator()(const ScorerArgs& args) const { return (*this)(args.output); }
  Score operator()(const nlohmann::json& output) const;
};

// How much of a list was found, in any order: each entry is paired with at most one of the other list so that the sum of the
// pairs' scores is the greatest, and divided by the length of the longer list. `metadata.pairs` has {output, expected, score}.
struct ListContains {
  PairScorer pairwise_scorer = {};    // Levenshtein; no score counts as 0
  bool allow_extra_entities = false;  // divide by the length of `expected`: more entries in the output cost nothing

  static constexpr std::string_view name = "ListContains";
  Score operator()(const ScorerArgs& args) const;
  Score operator()(const nlohmann::json& output, const nlohmann::json& expected) const {
    return (*this)({.output = output, .expected = expected});
  }
};

// A scorer with settings when none is set. It holds nothing, so it is there before `main` and after it.
template <class Scorer>
struct Default {
  static constexpr std::string_view name = Scorer::name;
  Score operator()(const ScorerArgs& args) const { return Scorer{}(args); }
  Score operator()(const nlohmann::json& output) const requires std::invocable<const Scorer&, const nlohmann::json&> {
    return Scorer{}(output);
  }
  Score operator()(const nlohmann::json& output, const nlohmann::json& expected)
      const requires std::invocable<const Scorer&, const nlohmann::json&, const nlohmann::json&> {
    return Scorer{}(output, expected);
  }
};
inline constexpr Default<JsonDiff> json_diff;
inline constexpr Default<ValidJson> valid_json;
inline constexpr Default<ListContains> list_contains;

}  // namespace braintrust::scorers
