// Grades cases as the official autoevals library grades them; scorers.mjs has made them, and check_scorers.mjs judges.
//
//   interop_scorers CASES.json       [{"name", "score", "metadata"} or {"score": "error", "error"}, …]
//
// Exit code 0: each case has a grade, or was refused.

#include <cstdio>
#include <exception>
#include <fstream>
#include <functional>
#include <iostream>
#include <stdexcept>
#include <string>

#include <nlohmann/json.hpp>

#include <braintrust/eval/judges.h>
#include <braintrust/eval/scorers.h>

namespace {

namespace scorers = braintrust::scorers;
using braintrust::Score;
using braintrust::ScorerArgs;
using nlohmann::json;

scorers::PairScorer scorer_of(const std::string& name, const json& options = json::object()) {
  const auto inner = [&](const char* option) {
    return options.contains(option) ? scorer_of(options[option].get<std::string>()) : scorers::PairScorer{};
  };
  if (name == "ExactMatch") return scorers::exact_match;
  if (name == "Levenshtein") return scorers::levenshtein;
  if (name == "NumericDiff") return scorers::numeric_diff;
  if (name == "JSONDiff") {
    return scorers::JsonDiff{.string_scorer = inner("stringScorer"),
                             .number_scorer = inner("numberScorer"),
                             .preserve_strings = options.value("preserveStrings", false)};
  }
  if (name == "ValidJSON") return scorers::ValidJson{.schema = options.value("schema", json())};
  if (name == "ListContains") {
    return scorers::ListContains{.pairwise_scorer = inner("pairwiseScorer"),
                                 .allow_extra_entities = options.value("allowExtraEntities", false)};
  }
  if (name == "EmbeddingSimilarity") {
    scorers::EmbeddingSimilarity similarity{.prefix = options.value("prefix", ""), .model = options.value("model", "")};
    similarity.expected_min = options.value("expectedMin", similarity.expected_min);
    return similarity;
  }
  throw std::runtime_error("no scorer is named " + name);
}

json graded(const json& one) {
  const auto scorer = scorer_of(one.at("scorer").get<std::string>(), one.at("options"));
  const json expected = one.value("expected", json());
  try {
    const Score score = scorer({.output = one.at("output"), .expected = expected});
    return {{"name", score.name}, {"score", score.score ? json(*score.score) : json()}, {"metadata", score.metadata}};
  } catch (const std::invalid_argument& error) {
    return {{"score", "error"}, {"error", error.what()}};
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: interop_scorers CASES.json\n", stderr);
    return 2;
  }
  try {
    std::ifstream in(argv[1]);
    json grades = json::array();
    for (const json& one : json::parse(in)) grades.push_back(graded(one));
    std::cout << grades << '\n';
  } catch (const std::exception& error) {
    std::fprintf(stderr, "interop_scorers: %s\n", error.what());
    return 1;
  }
  return 0;
}
