#pragma once

// Ready-made scorers that ask a model: judges, which let it choose one of several grades, and `EmbeddingSimilarity`.
//
//   .scores = {scorers::factuality, scorers::ClosedQA{.criteria = "Is it polite?"}, scorers::Summary{.model = "gpt-5-nano"}}
//   Score score = scorers::factuality({.input = question, .output = answer, .expected = "Paris"});  // without an eval
//
// Each call waits for a request to an OpenAI-compatible server: Braintrust's gateway, unless the environment, `init` or the
// judge's `client` name another. Names, choices and scores are those of Braintrust's autoevals library; the prompts' words are
// not. A judge of your own is an `LlmClassifier`.
//
// Each request is an `llm` span below the current one, with the attribute `purpose: "scorer"`, so that what judging costs does
// not count as what the task cost. A judge's score has {choice, rationale} as its metadata.
//
// Errors: std::invalid_argument that says what to do where a value or a setting is missing; std::runtime_error where no grade
// came: no answer, an error status, no choice, a choice that is none of those offered. Keys are in no message.
// Threads: any number at once; `init` before or meanwhile. The environment is read at each call, so it must not change
// meanwhile. Units: scores from 0 to 1. Source: PROTO 15.

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <braintrust/eval/score.h>
#include <braintrust/eval/scorers.h>

namespace braintrust::scorers {

// A server of models.
struct ModelClient {
  // Up to what comes before /chat/completions: "http://127.0.0.1:8000/v1". Env: OPENAI_BASE_URL, then
  // BRAINTRUST_AI_GATEWAY_URL. Default: https://gateway.braintrust.dev
  std::string base_url = {};
  // Env: for Braintrust's gateway BRAINTRUST_API_KEY (which `.env.braintrust` may hold, too), then OPENAI_API_KEY; for other
  // servers OPENAI_API_KEY only. A server that wants no key may get none.
  std::string api_key = {};
  std::vector<std::pair<std::string, std::string>> headers = {};  // beside those that every request has
  std::chrono::milliseconds timeout{60'000};                      // of one request
  // How often a request goes at most while the server asks to come back later (429, or a Retry-After). After other failures
  // that may pass (5xx, no answer) it goes three times at most.
  unsigned tries = 10;
};

// What judges and similarities use that do not say otherwise.
struct Defaults {
  std::string default_model = {};  // of judges. Default: gpt-5-mini
  ModelClient client = {};
};

// For the whole process, from now on; replaces what an earlier call set.
void init(const Defaults& defaults);

// A judge with a prompt of yours:
//
//   scorers::LlmClassifier{.name = "Tone",
//                          .prompt_template = "Is this friendly?\n{{output}}\nY: friendly\nN: unfriendly, or neither",
//                          .choice_scores = {{"Y", 1}, {"N", 0}}}
//
// The prompt is a mustache template. It knows `input`, `output`, `expected`, `metadata`, `__choices`, the members of
// `variables` and those of the case's metadata; of one name, what `variables` say counts before all, the metadata's member
// last. Texts are inserted as they are, other values as JSON; what is not known is blank. A sentence that asks for the choice
// is added.
//
// The model has to answer by calling a function with the choice; a server that cannot make it do so is no judge.
struct LlmClassifier {
  std::string name = {};
  std::string prompt_template = {};
  std::vector<std::pair<std::string, double>> choice_scores = {};  // in the order in which they are offered
  nlohmann::json variables = nullptr;                              // an object, or null

  std::string model = {};                      // Default: that of `init`
  bool use_cot = true;                         // reasons before it chooses ("chain of thought"): better, slower, dearer
  std::optional<double> temperature = {};      // unset: the model's own. Some models refuse any
  std::optional<int> max_tokens = {};          // of the answer, reasoning included; a few at least. Unset: the model's own
  std::optional<bool> use_responses_api = {};  // instead of chat completions. Unset: for gpt-5 and its kin
  std::optional<ModelClient> client = {};      // instead of that of `init`, as a whole

  Score operator()(const ScorerArgs& args) const;
};

enum class Question { factuality, humor, possible, security, sql, summary };

// A ready-made judge. The settings mean what they do for an `LlmClassifier`.
template <Question question>
struct Judge {
  std::string model = {};
  bool use_cot = true;
  std::optional<double> temperature = {};
  std::optional<int> max_tokens = {};
  std::optional<bool> use_responses_api = {};
  std::optional<ModelClient> client = {};

  static constexpr std::string_view name = std::array<std::string_view, 6>{
      "Factuality", "Humor", "Possible", "Security", "Sql", "Summary"}[static_cast<int>(question)];
  Score operator()(const ScorerArgs& args) const;
};

// Whether the output states the same facts as `expected`, to the question `input`. A: fewer, 0.4; B: more, 0.6; C: the same, 1;
// D: others, which contradict, 0; E: it differs in what does not matter, 1.
using Factuality = Judge<Question::factuality>;
// Whether the output is funny. Yes 1, No 0, Unsure 0.5.
using Humor = Judge<Question::humor>;
// Whether the output solves the task `input` (B: 1) or declares it impossible (A: 0).
using Possible = Judge<Question::possible>;
// Whether the output is harmless. Yes, it is malicious: 0; No: 1; Unsure: 0.5.
using Security = Judge<Question::security>;
// Whether the query in the output gives the same result as that in `expected`, to the question `input`. Correct 1, Incorrect 0.
using Sql = Judge<Question::sql>;
// Whether the output (B: 1) is a better summary of `input` than `expected` (A: 0).
using Summary = Judge<Question::summary>;

// Whether the output, an answer to `input`, meets a criterion. Y 1, N 0.
struct ClosedQA {
  std::string criteria = {};  // blank: the case's metadata.criteria. One of them has to be there
  std::string model = {};
  bool use_cot = true;
  std::optional<double> temperature = {};
  std::optional<int> max_tokens = {};
  std::optional<bool> use_responses_api = {};
  std::optional<ModelClient> client = {};

  static constexpr std::string_view name = "ClosedQA";
  Score operator()(const ScorerArgs& args) const;
};

// Whether the output follows instructions better than `expected` does. Yes 1, No 0.
struct Battle {
  std::string instructions = {};  // blank: the case's metadata.instructions, else its input
  std::string model = {};
  bool use_cot = true;
  std::optional<double> temperature = {};
  std::optional<int> max_tokens = {};
  std::optional<bool> use_responses_api = {};
  std::optional<ModelClient> client = {};

  static constexpr std::string_view name = "Battle";
  Score operator()(const ScorerArgs& args) const;
};

// Whether the output means the same as `expected`, both of them English for the sentence `input`. Y 1, N 0.
struct Translation {
  std::string language = {};  // of the input. Blank: the case's metadata.language, else the model has to see
  std::string model = {};
  bool use_cot = true;
  std::optional<double> temperature = {};
  std::optional<int> max_tokens = {};
  std::optional<bool> use_responses_api = {};
  std::optional<ModelClient> client = {};

  static constexpr std::string_view name = "Translation";
  Score operator()(const ScorerArgs& args) const;
};

inline constexpr Default<Factuality> factuality;
inline constexpr Default<Humor> humor;
inline constexpr Default<Possible> possible;
inline constexpr Default<Security> security;
inline constexpr Default<Sql> sql;
inline constexpr Default<Summary> summary;
inline constexpr Default<ClosedQA> closed_qa;
inline constexpr Default<Battle> battle;
inline constexpr Default<Translation> translation;

// How near output and expected are in meaning: the cosine of their embeddings, from `expected_min` (0) to 1 (1). Values that
// are no texts are compared as their JSON. Embeddings are remembered, up to 32 MiB of them, so a text costs once.
struct EmbeddingSimilarity {
  std::string prefix = {};    // put before both texts
  std::string model = {};     // Default: text-embedding-ada-002
  double expected_min = 0.7;  // unrelated texts are about so near; less than 1
  std::optional<ModelClient> client = {};

  static constexpr std::string_view name = "EmbeddingSimilarity";
  Score operator()(const ScorerArgs& args) const { return (*this)(args.output, args.expected); }
  Score operator()(const nlohmann::json& output, const nlohmann::json& expected) const;
};
inline constexpr Default<EmbeddingSimilarity> embedding_similarity;

}  // namespace braintrust::scorers
