// What an eval does with cases, a task and scorers, and what arrives of it.

#include <braintrust/eval/eval.h>

#include <cmath>
#include <condition_variable>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>

#include <braintrust/eval/scorers.h>
#include <braintrust/eval/threshold.h>
#include <braintrust/trace/traced.h>

#include "eval/quiet.h"
#include "support/told.h"
#include "trace/backend.h"

namespace braintrust::test {
namespace {

using nlohmann::json;

std::string say_hi(const json& input) { return "Hi " + input.get<std::string>(); }

std::vector<Row> rows_named(const std::vector<Row>& rows, std::string_view name) {
  std::vector<Row> found;
  for (const Row& row : rows) {
    if (name_of(row) == name) found.push_back(row);
  }
  return found;
}

TEST(Eval, GivesEachCaseATraceOfItsTaskAndScorers) {
  Backend backend;
  const auto result =
      Eval("Say Hi Bot", {.data = {{.input = "Foo", .expected = "Hi Foo", .metadata = {{"k", 1}}, .tags = {"t"}}},
                          .task = say_hi,
                          .scores = {scorers::levenshtein, scorers::exact_match},
                          .reporter = quiet()});
  ASSERT_TRUE(result.ok()) << (result.error ? result.error->message : "a case failed");
  const auto rows = backend.rows();
  ASSERT_EQ(rows.size(), 4u);
  const Row root = only_row(rows, "eval"), task = only_row(rows, "task"), scorer = only_row(rows, "Levenshtein");
  EXPECT_EQ(root["span_attributes"]["type"], "eval");
  EXPECT_FALSE(root.contains("span_parents"));
  EXPECT_EQ(root["input"], "Foo");
  EXPECT_EQ(root["expected"], "Hi Foo");
  EXPECT_EQ(root["output"], "Hi Foo");
  EXPECT_EQ(root["metadata"], json({{"k", 1}}));
  EXPECT_EQ(root["tags"], json::array({"t"}));
  EXPECT_EQ(root["experiment_id"], result.summary.experiment_id);
  EXPECT_FALSE(root.contains("project_id"));
  EXPECT_EQ(task["span_attributes"]["type"], "task");
  EXPECT_EQ(task["span_parents"], json::array({root["span_id"]}));
  EXPECT_EQ(task["input"], "Foo");
  EXPECT_EQ(task["output"], "Hi Foo");
  EXPECT_EQ(scorer["span_attributes"]["type"], "score");
  EXPECT_EQ(scorer["span_attributes"]["purpose"], "scorer");
  EXPECT_EQ(scorer["span_parents"], json::array({root["span_id"]}));
  EXPECT_EQ(scorer["input"], (json{{"input", "Foo"}, {"output", "Hi Foo"}, {"expected", "Hi Foo"}, {"metadata", {{"k", 1}}}}));
  EXPECT_EQ(scorer["output"], json({{"score", 1.0}}));
  EXPECT_EQ(scorer["scores"], json({{"Levenshtein", 1.0}}));
  for (const Row& row : rows) EXPECT_EQ(row["root_span_id"], root["root_span_id"]);
}

TEST(Eval, ReturnsWhatCameOfEachCaseInTheOrderOfTheData) {
  Backend backend;
  std::vector<EvalCase> cases;
  for (int i = 0; i < 20; ++i) cases.push_back({.input = std::to_string(i), .expected = "Hi 0"});
  const auto result =
      Eval("p", {.data = cases, .task = say_hi, .scores = {scorers::exact_match}, .max_concurrency = 4, .reporter = quiet()});
  ASSERT_EQ(result.results.size(), 20u);
  EXPECT_EQ(result.cases, 20u);
  for (std::size_t i = 0; i < 20; ++i) {
    EXPECT_EQ(result.results[i].input, std::to_string(i));
    EXPECT_EQ(result.results[i].output, "Hi " + std::to_string(i));
    EXPECT_EQ(result.results[i].scores.at("ExactMatch"), i == 0 ? 1 : 0);
    EXPECT_FALSE(result.results[i].row_id.empty());
  }
  ASSERT_EQ(result.summary.scores.size(), 1u);
  EXPECT_DOUBLE_EQ(result.summary.scores[0].score, 0.05);
  EXPECT_EQ(result.summary.project_name, "p");
}

TEST(Eval, NestsWhatTheTaskDoesInTheTask) {
  Backend backend;
  Eval("p", {.data = {{.input = "x"}},
             .task =
                 [](const json& input) {
                   auto span = start_span("inner");
                   return input;
                 },
             .scores = {[](const ScorerArgs&) {
               auto span = start_span("in the scorer");
               return 1;
             }},
             .reporter = quiet()});
  const auto rows = backend.rows();
  EXPECT_EQ(only_row(rows, "inner")["span_parents"], json::array({only_row(rows, "task")["span_id"]}));
  const Row inner = only_row(rows, "in the scorer");
  EXPECT_EQ(inner["span_parents"], json::array({only_row(rows, "scorer_0")["span_id"]}));
  EXPECT_EQ(inner["span_attributes"]["purpose"], "scorer");
  EXPECT_FALSE(only_row(rows, "inner")["span_attributes"].contains("purpose"));
}

TEST(Eval, LogsInputAndExpectedBeforeTheTaskRuns) {
  Backend backend;
  json seen;
  const auto result = Eval("p", {.data = {{.input = "asked", .expected = "wanted"}},
                                 .task =
                                     [&](const json& input) {
                                       // As a crash would find it: what is open is sent after a second.
                                       eventually([&] {
                                         for (const Row& row : backend.stored_rows()) {
                                           if (name_of(row) == "eval") seen["eval"] = row;
                                           if (name_of(row) == "task") seen["task"] = row;
                                         }
                                         return seen.size() == 2;
                                       });
                                       return input;
                                     },
                                 .scores = {scorers::exact_match},
                                 .reporter = quiet()});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(seen["eval"]["input"], "asked");
  EXPECT_EQ(seen["eval"]["expected"], "wanted");
  EXPECT_FALSE(seen["eval"].contains("output"));
  EXPECT_EQ(seen["task"]["input"], "asked");
}

TEST(Eval, KeepsATaskThatThrowsToItsCase) {
  Backend backend;
  const auto result = Eval("p", {.data = {{.input = "a"}, {.input = "b"}, {.input = "c"}},
                                 .task =
                                     [](const json& input) {
                                       if (input == "b") throw std::runtime_error("no model");
                                       return input;
                                     },
                                 .scores = {{"one", [](const ScorerArgs&) { return 1; }}},
                                 .reporter = quiet()});
  EXPECT_FALSE(result.ok());
  EXPECT_FALSE(result.error);
  EXPECT_EQ(result.cases, 3u);
  EXPECT_EQ(result.failed_cases, 1u);
  EXPECT_EQ(result.results[1].error, "std::runtime_error: no model");
  EXPECT_TRUE(result.results[1].scores.empty());
  EXPECT_EQ(result.results[2].scores.at("one"), 1);
  const auto rows = backend.rows();
  EXPECT_EQ(rows_named(rows, "one").size(), 2u);
  for (const char* const name : {"eval", "task"}) {
    int failed = 0;
    for (const Row& row : rows_named(rows, name)) {
      if (row["input"] != "b") continue;
      ++failed;
      EXPECT_EQ(row["error"], "std::runtime_error: no model");
      EXPECT_FALSE(row.contains("output"));
    }
    EXPECT_EQ(failed, 1);
  }
}

TEST(Eval, KeepsAScorerThatThrowsToItsScore) {
  Backend backend;
  const auto result = Eval("p", {.data = {{.input = "a"}},
                                 .task = [](const json& input) { return input; },
                                 .scores = {{"bad", [](const ScorerArgs&) -> double { throw std::runtime_error("no judge"); }},
                                            {"good", [](const ScorerArgs&) { return 0.5; }}},
                                 .reporter = quiet()});
  ASSERT_EQ(result.results.size(), 1u);
  EXPECT_EQ(result.failed_cases, 1u);
  EXPECT_TRUE(result.results[0].error.empty());
  EXPECT_EQ(result.results[0].scorer_errors.at("bad"), "std::runtime_error: no judge");
  EXPECT_EQ(result.results[0].scores, (std::map<std::string, std::optional<double>>{{"good", 0.5}}));
  const auto rows = backend.rows();
  EXPECT_EQ(only_row(rows, "bad")["error"], "std::runtime_error: no judge");
  EXPECT_EQ(only_row(rows, "eval")["metadata"]["scorer_errors"], json({{"bad", "std::runtime_error: no judge"}}));
  EXPECT_EQ(only_row(rows, "eval")["output"], "a");
}

TEST(Eval, RefusesAScoreThatIsNone) {
  Backend backend;
  const auto result = Eval("p", {.data = {{.input = "a"}},
                                 .task = [](const json& input) { return input; },
                                 .scores = {{"high", [](const ScorerArgs&) { return 1.7; }},
                                            {"nan", [](const ScorerArgs&) { return std::nan(""); }},
                                            {"fine", [](const ScorerArgs&) { return 1; }}},
                                 .reporter = quiet()});
  const auto& errors = result.results.at(0).scorer_errors;
  EXPECT_EQ(errors.size(), 2u);
  EXPECT_NE(errors.at("high").find("1.7"), std::string::npos);
  EXPECT_EQ(result.results[0].scores.size(), 1u);
  EXPECT_FALSE(only_row(backend.rows(), "high").contains("scores"));
}

TEST(Eval, TakesScoresInEveryForm) {
  Backend backend;
  const auto result =
      Eval("p", {.data = {{.input = "a"}},
                 .task = [](const json& input) { return input; },
                 .scores = {{"bool", [](const ScorerArgs&) { return true; }},
                            {"nothing", [](const ScorerArgs&) -> std::optional<double> { return {}; }},
                            {"ungraded", [](const ScorerArgs&) { return Score{}; }},
                            {"several",
                             [](const ScorerArgs&) {
                               return std::vector<Score>{{.name = "x", .score = 0.25, .metadata = {{"why", "dx"}}},
                                                         {.name = "y", .score = 0.75}};
                             }},
                            [](const ScorerArgs&) {
                              return Score{.name = "own", .score = 0.5, .metadata = {{"why", "so"}}};
                            }},
                 .reporter = quiet()});
  ASSERT_TRUE(result.ok());
  using Scores = std::map<std::string, std::optional<double>>;
  EXPECT_EQ(result.results.at(0).scores,
            (Scores{{"bool", 1}, {"ungraded", std::nullopt}, {"x", 0.25}, {"y", 0.75}, {"own", 0.5}}));
  const auto rows = backend.rows();
  EXPECT_FALSE(only_row(rows, "nothing").contains("scores"));
  EXPECT_EQ(only_row(rows, "ungraded")["scores"], json({{"ungraded", nullptr}}));
  EXPECT_EQ(only_row(rows, "several")["scores"], json({{"x", 0.25}, {"y", 0.75}}));
  EXPECT_EQ(only_row(rows, "several")["output"], json({{"x", {{"score", 0.25}}}, {"y", {{"score", 0.75}}}}));
  EXPECT_EQ(only_row(rows, "scorer_4")["metadata"], json({{"why", "so"}}));
}

TEST(Eval, ScoresFailuresAsTheUserSays) {
  Backend backend;
  const auto task = [](const json& input) {
    if (input == "bad") throw std::runtime_error("no");
    return input;
  };
  const auto result = Eval("p", {.data = {{.input = "bad"}, {.input = "good"}},
                                 .task = task,
                                 .scores = {{"a", [](const ScorerArgs&) { return 1; }},
                                            {"b", [](const ScorerArgs&) -> double { throw std::runtime_error("x"); }}},
                                 .error_scores = zero_scores,
                                 .reporter = quiet()});
  using Scores = std::map<std::string, std::optional<double>>;
  EXPECT_EQ(result.results.at(0).scores, (Scores{{"a", 0}, {"b", 0}}));
  EXPECT_EQ(result.results.at(1).scores, (Scores{{"a", 1}, {"b", 0}}));
  for (const Row& row : rows_named(backend.rows(), "eval")) {
    EXPECT_EQ(row["scores"], row["input"] == "bad" ? json({{"a", 0.0}, {"b", 0.0}}) : json({{"b", 0.0}}));
  }
}

TEST(Eval, SortsOutputsByClassifiers) {
  Backend backend;
  const auto result =
      Eval("p", {.data = {{.input = "a"}},
                 .task = [](const json& input) { return input; },
                 .classifiers = {{"topic",
                                  [](const ScorerArgs&) {
                                    return std::vector<Classification>{{.id = "billing", .label = "Billing"}, {.id = "refund"}};
                                  }},
                                 {"mood", [](const ScorerArgs&) { return Classification{.name = "feeling", .id = "angry"}; }},
                                 {"none", [](const ScorerArgs&) { return std::optional<Classification>(); }},
                                 {"broken", [](const ScorerArgs&) { return Classification{}; }}},
                 .reporter = quiet()});
  EXPECT_EQ(result.failed_cases, 1u);
  const json expected = {{"topic", {{{"id", "billing"}, {"label", "Billing"}}, {{"id", "refund"}}}},
                         {"feeling", json::array({json::object({{"id", "angry"}})})}};
  EXPECT_EQ(result.results.at(0).classifications, expected);
  EXPECT_EQ(result.results.at(0).classifier_errors.count("broken"), 1u);
  const auto rows = backend.rows();
  const Row root = only_row(rows, "eval");
  EXPECT_EQ(root["classifications"], expected);
  EXPECT_TRUE(root["metadata"]["classifier_errors"].contains("broken"));
  EXPECT_EQ(only_row(rows, "topic")["span_attributes"]["type"], "classifier");
  EXPECT_EQ(only_row(rows, "topic")["span_attributes"]["purpose"], "scorer");
}

TEST(Eval, ShowsTheTaskWhatItMayUseAndLogsWhatItChanges) {
  Backend backend;
  const auto result = Eval("p", {.data = {{.input = "a", .expected = "e", .metadata = {{"k", 1}}, .tags = {"t"}}},
                                 .task =
                                     [](const json& input, EvalHooks& hooks) {
                                       EXPECT_EQ(hooks.expected, "e");
                                       hooks.metadata["model"] = "m";
                                       hooks.tags.push_back("slow");
                                       hooks.span.log({.metrics = {{"tokens", 3}}});
                                       return input;
                                     },
                                 .scores = {{"sees", [](const ScorerArgs& args) { return args.metadata["model"] == "m"; }}},
                                 .reporter = quiet()});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result.results.at(0).scores.at("sees"), 1);
  const auto rows = backend.rows();
  EXPECT_EQ(only_row(rows, "eval")["metadata"], json({{"k", 1}, {"model", "m"}}));
  EXPECT_EQ(only_row(rows, "eval")["tags"], json::array({"t", "slow"}));
  EXPECT_EQ(only_row(rows, "task")["metrics"]["tokens"], 3);
}

TEST(Eval, RunsEachCaseAsOftenAsItShould) {
  Backend backend;
  std::mutex mutex;
  std::multiset<std::pair<std::string, unsigned>> seen;
  const auto result = Eval("p", {.data = {{.input = "a"}, {.input = "b", .trial_count = 3}},
                                 .task =
                                     [&](const json& input, EvalHooks& hooks) {
                                       const std::lock_guard lock(mutex);
                                       seen.emplace(input.get<std::string>(), hooks.trial);
                                       return input;
                                     },
                                 .scores = {scorers::exact_match},
                                 .trial_count = 2,
                                 .reporter = quiet()});
  EXPECT_EQ(result.cases, 5u);
  EXPECT_EQ(seen, (std::multiset<std::pair<std::string, unsigned>>{{"a", 0}, {"a", 1}, {"b", 0}, {"b", 1}, {"b", 2}}));
  EXPECT_EQ(rows_named(backend.rows(), "eval").size(), 5u);
}

TEST(Eval, RunsNoMoreCasesAtATimeThanItMay) {
  Backend backend;
  std::mutex mutex;
  std::condition_variable changed;
  int running = 0, most = 0, arrived = 0;
  std::vector<EvalCase> cases(12, EvalCase{.input = "x"});
  Eval("p", {.data = cases,
             .task =
                 [&](const json& input) {
                   std::unique_lock lock(mutex);
                   most = std::max(most, ++running);
                   ++arrived;
                   changed.notify_all();
                   // The first three meet; a fourth would be seen here.
                   changed.wait(lock, [&] { return arrived >= 3; });
                   --running;
                   return input;
                 },
             .scores = {scorers::exact_match},
             .max_concurrency = 3,
             .reporter = quiet()});
  EXPECT_EQ(most, 3);
}

TEST(Eval, RunsAsManyCasesOrTrialsAtATimeAsItMay) {
  Backend backend;
  for (const unsigned trials : {1u, 8u}) {
    std::atomic<int> begun = 0;
    std::vector<EvalCase> cases(8 / trials, {.input = "x", .trial_count = trials});
    const auto result = Eval("p", {.data = std::move(cases),
                                   .task =
                                       [&](const json&) {
                                         ++begun;
                                         return eventually([&] { return begun == 8; });
                                       },
                                   .scores = {{"together", [](const ScorerArgs& args) { return args.output == true; }}},
                                   .max_concurrency = 8,
                                   .reporter = quiet()});
    ASSERT_EQ(result.summary.scores.size(), 1u);
    EXPECT_EQ(result.summary.scores[0].score, 1) << trials << " trials of a case";
  }
}

TEST(Eval, GradesOneCaseWithSeveralScorersAtATime) {
  Backend backend;
  std::mutex mutex;
  std::condition_variable changed;
  int inside = 0;
  const auto meet = [&](const ScorerArgs&) {
    std::unique_lock lock(mutex);
    ++inside;
    changed.notify_all();
    return changed.wait_for(lock, long_enough, [&] { return inside == 2; });
  };
  const auto result = Eval("p", {.data = {{.input = "x"}},
                                 .task = [](const json& input) { return input; },
                                 .scores = {{"a", meet}, {"b", meet}},
                                 .max_concurrency = 2,
                                 .reporter = quiet()});
  EXPECT_EQ(result.results.at(0).scores.at("a"), 1);
  EXPECT_EQ(result.results.at(0).scores.at("b"), 1);
}

struct Question {
  std::string text;
  int level = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Question, text, level)
struct Answer2 {
  std::string text;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Answer2, text)

TEST(Eval, WorksOnTheUsersOwnTypes) {
  Backend backend;
  const auto result = Eval<Question, Answer2>(
      "p", {.data = {{.input = {"why?", 2}, .expected = Answer2{"WHY?2"}}, {.input = {"how?", 1}}},
            .task = [](const Question& question) { return Answer2{question.text + std::to_string(question.level)}; },
            .scores = {{"typed",
                        [](const ScorerArgsOf<Question, Answer2>& args) {
                          return args.output.text.find(args.input.text) == 0 &&
                                 (args.expected == nullptr) == (args.input.level == 1);
                        }},
                       scorers::json_diff},
            .reporter = quiet()});
  ASSERT_EQ(result.results.size(), 2u);
  EXPECT_EQ(result.results[0].output, json({{"text", "why?2"}}));
  EXPECT_EQ(result.results[0].scores.at("typed"), 1);
  EXPECT_EQ(result.results[1].scores.at("typed"), 1);
  EXPECT_EQ(result.results[0].input, json({{"text", "why?"}, {"level", 2}}));
}

TEST(Eval, TakesCasesFromADatasetAndLinksEachToItsRecord) {
  Backend backend;
  const auto dataset = init_dataset({.project = "p", .name = "D"});
  const auto id = dataset.insert({.input = "Foo", .expected = "Hi Foo", .metadata = {{"m", 1}}, .tags = {"t"}});
  const auto result = Eval("p", {.data = dataset, .task = say_hi, .scores = {scorers::exact_match}, .reporter = quiet()});
  ASSERT_TRUE(result.ok()) << (result.error ? result.error->message : result.results.at(0).error);
  ASSERT_EQ(result.results.size(), 1u);
  EXPECT_EQ(result.results[0].scores.at("ExactMatch"), 1);
  const Row root = only_row(backend.rows(), "eval");
  EXPECT_EQ(root["origin"]["object_type"], "dataset");
  EXPECT_EQ(root["origin"]["object_id"], *dataset.id());
  EXPECT_EQ(root["origin"]["id"], id);
  EXPECT_FALSE(root["origin"]["_xact_id"].get<std::string>().empty());
}

TEST(Eval, TakesOnlyTheCasesOfADatasetThatAreWanted) {
  Backend backend;
  const auto dataset = init_dataset({.project = "p", .name = "D"});
  dataset.insert({.input = "Foo", .expected = "Hi Foo"});
  dataset.insert({.input = "Bar", .expected = "Hi Bar"});
  const auto wanted = EvalData(dataset).only([](const EvalCase& one) { return one.input == "Bar"; });
  const auto result = Eval("p", {.data = wanted, .task = say_hi, .scores = {scorers::exact_match}, .reporter = quiet()});
  ASSERT_TRUE(result.ok()) << (result.error ? result.error->message : result.results.at(0).error);
  ASSERT_EQ(result.results.size(), 1u);
  EXPECT_EQ(result.results[0].input, "Bar");
}

TEST(Eval, TakesCasesFromAFunction) {
  Backend backend;
  const auto from_list = Eval("p", {.data =
                                        [] {
                                          return std::vector<EvalCase>{{.input = "a"}, {.input = "b"}};
                                        },
                                    .task = say_hi,
                                    .scores = {{"one", [](const ScorerArgs&) { return 1; }}},
                                    .reporter = quiet()});
  EXPECT_EQ(from_list.cases, 2u);
  const auto generated = Eval("p", {.data = [n = 0]() mutable -> std::optional<EvalCase> {
                                      if (n == 3) return {};
                                      return EvalCase{.input = std::to_string(n++)};
                                    },
                                    .task = say_hi,
                                    .scores = {{"one", [](const ScorerArgs&) { return 1; }}},
                                    .reporter = quiet()});
  EXPECT_EQ(generated.cases, 3u);
}

TEST(Eval, KeepsWhatRanWhenTheDataFails) {
  Backend backend;
  const auto result = Eval("p", {.data = [n = 0]() mutable -> std::optional<EvalCase> {
                                   if (n == 3) throw std::runtime_error("the disk is gone");
                                   return EvalCase{.input = std::to_string(n++)};
                                 },
                                 .task = say_hi,
                                 .scores = {{"one", [](const ScorerArgs&) { return 1; }}},
                                 .reporter = quiet()});
  ASSERT_TRUE(result.error);
  EXPECT_NE(result.error->message.find("the disk is gone"), std::string::npos);
  EXPECT_EQ(result.cases, 3u);
  EXPECT_FALSE(result.ok());
  EXPECT_EQ(result.summary.scores.at(0).score, 1);
}

TEST(Eval, LeavesBehindWhatFailedInAnEarlierExperiment) {
  Backend backend;
  const Scorer fails{"broken", [](const ScorerArgs&) -> double { throw std::runtime_error("the judge is down"); }};
  const auto first = Eval("p", {.data = {{.input = "a", .metadata = {{"kept", 1}}}},
                                .task = say_hi,
                                .scores = {fails},
                                .experiment_name = "first",
                                .reporter = quiet()});
  ASSERT_FALSE(first.ok());
  const auto second =
      Eval("p", {.data = base_experiment("first"), .task = say_hi, .scores = {scorers::exact_match}, .reporter = quiet()});
  ASSERT_EQ(second.results.size(), 1u);
  EXPECT_EQ(second.results[0].metadata, json({{"kept", 1}}));
}

TEST(Eval, KnowsTheNumberOfItsCasesOnlyWhereAllRunAsOften) {
  const std::vector<EvalCase> usual = {{.input = "a"}, {.input = "b"}};
  EXPECT_EQ(EvalData(usual).size(), 2u);
  const std::vector<EvalCase> mixed = {{.input = "a"}, {.input = "b", .trial_count = 3}};
  EXPECT_EQ(EvalData(mixed).size(), std::nullopt);
}

TEST(Eval, TakesTheCasesOfAnEarlierExperiment) {
  Backend backend;
  const auto first = Eval("p", {.data = {{.input = "a"}, {.input = "b", .expected = "known"}},
                                .task = say_hi,
                                .scores = {{"one", [](const ScorerArgs&) { return 1; }}},
                                .experiment_name = "first",
                                .reporter = quiet()});
  ASSERT_TRUE(first.ok());
  const auto second = Eval("p", {.data = base_experiment("first"),
                                 .task = say_hi,
                                 .scores = {scorers::exact_match},
                                 .experiment_name = "second",
                                 .reporter = quiet()});
  ASSERT_TRUE(second.ok()) << (second.error ? second.error->message : "a case failed");
  ASSERT_EQ(second.results.size(), 2u);
  std::map<std::string, json> expected;
  for (const auto& one : second.results) expected[one.input.get<std::string>()] = one.expected;
  EXPECT_EQ(expected, (std::map<std::string, json>{{"a", "Hi a"}, {"b", "known"}}));
}

TEST(Eval, IsComparedWithTheExperimentBefore) {
  Backend backend;
  const auto run = [&](const char* name, double score) {
    return Eval("p", {.data = {{.input = "a"}},
                      .task = say_hi,
                      .scores = {{"quality", [score](const ScorerArgs&) { return score; }}},
                      .experiment_name = name,
                      .base_experiment = score < 0.9 ? "good" : "",
                      .reporter = quiet()});
  };
  ASSERT_TRUE(run("good", 0.9).ok());
  const auto worse = run("worse", 0.4);
  EXPECT_EQ(worse.summary.comparison_experiment_name, "good");
  ASSERT_EQ(worse.summary.scores.size(), 1u);
  EXPECT_NEAR(*worse.summary.scores[0].diff, -0.5, 1e-9);
  EXPECT_EQ(worse.summary.scores[0].regressions, 1u);
  EXPECT_EQ(worse.summary.scores[0].improvements, 0u);
}

TEST(Eval, SendsNothingWhenAsked) {
  ScriptedServer server;
  const auto result = Eval("p", {.data = {{.input = "a"}, {.input = "b"}},
                                 .task = say_hi,
                                 .scores = {{"half", [](const ScorerArgs& args) { return args.input == "a"; }}},
                                 .no_send_logs = true,
                                 .reporter = quiet(),
                                 .connection = {.api_key = "k", .app_url = server.url()}});
  EXPECT_TRUE(result.ok());
  EXPECT_EQ(server.count(), 0u);
  ASSERT_EQ(result.summary.scores.size(), 1u);
  EXPECT_EQ(result.summary.scores[0].score, 0.5);
  EXPECT_TRUE(result.results.at(0).row_id.empty());
}

TEST(Eval, NeedsNoLogger) {
  auto server = local::Server::start();
  ASSERT_TRUE(server);
  const auto result = Eval("p", {.data = {{.input = "a"}},
                                 .task =
                                     [](const json& input) {
                                       auto span = start_span("inner");
                                       return input;
                                     },
                                 .scores = {scorers::exact_match},
                                 .reporter = quiet(),
                                 .connection = {.api_key = "k", .app_url = server->url()}});
  EXPECT_EQ(result.cases, 1u);
  const auto rows = json::parse(*server->rows_json()).get<std::vector<Row>>();
  EXPECT_EQ(rows.size(), 4u);
  EXPECT_EQ(only_row(rows, "inner")["span_parents"], json::array({only_row(rows, "task")["span_id"]}));
}

TEST(Eval, KeepsNoResultsWhenAsked) {
  Backend backend;
  const auto result = Eval("p", {.data = {{.input = "a"}},
                                 .task = say_hi,
                                 .scores = {{"one", [](const ScorerArgs&) { return 1; }}},
                                 .keep_results = false,
                                 .reporter = quiet()});
  EXPECT_TRUE(result.results.empty());
  EXPECT_EQ(result.cases, 1u);
}

TEST(Eval, SaysWhatIsMissingBeforeAnythingRuns) {
  ScriptedServer server;
  const ConnectionOptions connection{.api_key = "k", .app_url = server.url()};
  const std::vector<ScorerOf<>> scores = {scorers::exact_match};
  const auto message = [](const EvalResult& result) { return result.error ? result.error->message : "no error"; };
  EXPECT_NE(
      message(Eval("p", {.task = say_hi, .scores = scores, .reporter = quiet(), .connection = connection})).find("`data`"),
      std::string::npos);
  EXPECT_NE(message(Eval("p", {.data = {{.input = 1}}, .scores = scores, .reporter = quiet(), .connection = connection}))
                .find("`task`"),
            std::string::npos);
  EXPECT_NE(message(Eval("p", {.data = {{.input = 1}}, .task = say_hi, .reporter = quiet(), .connection = connection}))
                .find("`scores`"),
            std::string::npos);
  EXPECT_NE(
      message(
          Eval(" ", {.data = {{.input = 1}}, .task = say_hi, .scores = scores, .reporter = quiet(), .connection = connection}))
          .find("name"),
      std::string::npos);
  EXPECT_EQ(server.count(), 0u);
}

TEST(Eval, RunsNoCaseWhenTheExperimentCannotBeRegistered) {
  Wire wire;
  wire.server.on("/api/experiment/register", {{.status = 400, .body = R"({"error":"project is full"})"}});
  bool ran = false;
  const auto result = Eval("p", {.data = {{.input = "a"}},
                                 .task =
                                     [&](const json& input) {
                                       ran = true;
                                       return input;
                                     },
                                 .scores = {scorers::exact_match},
                                 .reporter = quiet()});
  EXPECT_FALSE(ran);
  ASSERT_TRUE(result.error);
  EXPECT_NE(result.error->message.find("could not be registered"), std::string::npos);
  EXPECT_NE(result.error->message.find("project is full"), std::string::npos);
  EXPECT_EQ(wire.server.count("/api/experiment/register"), 1u);
}

TEST(Eval, AveragesByItselfWhenTheServersSummaryFails) {
  Wire wire;
  Told told;
  wire.server.on("/api/experiment/register",
                 {{.body = R"({"project":{"id":"p1","name":"p"},"experiment":{"id":"e1","name":"e"}})"}});
  wire.server.on("/api/base_experiment/get_id", {{.status = 400}});
  wire.server.on("/experiment-comparison2", {{.status = 403}});
  const auto result = Eval("p", {.data = {{.input = "a"}},
                                 .task = say_hi,
                                 .scores = {{"one", [](const ScorerArgs&) { return 1; }}},
                                 .reporter = quiet()});
  EXPECT_TRUE(result.ok());
  ASSERT_EQ(result.summary.scores.size(), 1u);
  EXPECT_EQ(result.summary.scores[0].score, 1);
  EXPECT_EQ(result.summary.experiment_name, "e");
  EXPECT_TRUE(told.mentions("the experiment's summary could not be had"));
  // What cannot be compared does not pass a gate.
  ASSERT_TRUE(result.summary_error);
  EXPECT_EQ(missed_thresholds(result, {.max_regressions = 0}).size(), 1u);
  EXPECT_TRUE(missed_thresholds(result, {}).empty());
}

TEST(Eval, SaysThatRowsDidNotArrive) {
  Wire wire;
  wire.server.on("/api/experiment/register",
                 {{.body = R"({"project":{"id":"p1","name":"p"},"experiment":{"id":"e1","name":"e"}})"}});
  wire.server.on("/logs3", {{.status = 400}});
  wire.server.on("/api/base_experiment/get_id", {{.status = 400}});
  wire.server.on("/experiment-comparison2", {{}});
  Told told;
  const auto result = Eval("p", {.data = {{.input = "a"}},
                                 .task = say_hi,
                                 .scores = {{"one", [](const ScorerArgs&) { return 1; }}},
                                 .reporter = quiet()});
  ASSERT_TRUE(result.error);
  EXPECT_NE(result.error->message.find("rows did not arrive"), std::string::npos);
}

TEST(Eval, TakesGradesThatAreJsonOrResults) {
  Backend backend;
  const auto result =
      Eval("p", {.data = {{.input = {{"confidence", 0.25}, {"sure", true}}}},
                 .task = [](const json& input) { return input; },
                 .scores = {{"number", [](const ScorerArgs& args) { return args.output["confidence"]; }},
                            {"bool", [](const ScorerArgs& args) { return args.output["sure"]; }},
                            {"null", [](const ScorerArgs& args) { return args.expected; }},
                            {"text", [](const ScorerArgs&) { return json("good"); }},
                            {"fine", [](const ScorerArgs&) { return Result<double>(0.5); }},
                            {"down", [](const ScorerArgs&) { return Result<Score>(Error{.message = "the judge is down"}); }}},
                 .reporter = quiet()});
  using Scores = std::map<std::string, std::optional<double>>;
  EXPECT_EQ(result.results.at(0).scores, (Scores{{"number", 0.25}, {"bool", 1}, {"fine", 0.5}}));
  const auto& errors = result.results[0].scorer_errors;
  EXPECT_EQ(errors.size(), 2u);
  EXPECT_NE(errors.at("down").find("the judge is down"), std::string::npos);
  EXPECT_NE(errors.at("text").find("no score"), std::string::npos);
}

TEST(Eval, TakesGradesThatAreJsonObjectsOrLists) {
  Backend backend;
  const auto graded = [](json grade) { return [grade](const ScorerArgs&) { return grade; }; };
  const auto result = Eval(
      "p", {.data = {{.input = 1}},
            .task = [](const json& input) { return input; },
            .scores = {{"judge", graded({{"score", 0.25}, {"metadata", {{"rationale", "dull"}}}})},
                       {"named", graded({{"name", "tone"}, {"score", 0.5}})},
                       {"none", graded({{"score", nullptr}})},
                       {"several", graded(json::array({{{"name", "a"}, {"score", 1}}, {{"name", "b"}, {"score", false}}}))},
                       {"lost", graded({{"grade", 1}})},
                       {"text", graded({{"score", "1"}})},
                       {"nested", graded(json::array({json::array({1})}))}},
            .reporter = quiet()});
  using Scores = std::map<std::string, std::optional<double>>;
  const auto& only = result.results.at(0);
  EXPECT_EQ(only.scores, (Scores{{"judge", 0.25}, {"tone", 0.5}, {"none", std::nullopt}, {"a", 1}, {"b", 0}}));
  EXPECT_EQ(only.scorer_errors.size(), 3u);
  for (const char* const name : {"lost", "text", "nested"}) {
    EXPECT_NE(only.scorer_errors.at(name).find("no score"), std::string::npos) << name;
  }
  EXPECT_EQ(backend.row("judge")["metadata"], json({{"rationale", "dull"}}));
}

TEST(Eval, TakesTwoScorersOfOneKindUnderNamesOfTheirOwn) {
  Backend backend;
  const auto result = Eval("p", {.data = {{.input = "Hallo", .expected = "Hello"}},
                                 .task = [](const json& input) { return input; },
                                 .scores = {{"first", scorers::levenshtein}, {"second", scorers::levenshtein}},
                                 .reporter = quiet()});
  using Scores = std::map<std::string, std::optional<double>>;
  EXPECT_EQ(result.results.at(0).scores, (Scores{{"first", 0.8}, {"second", 0.8}}));
  EXPECT_TRUE(result.ok());
}

TEST(Eval, TakesAFailedResultOfItsTaskForAFailure) {
  Backend backend;
  const auto result = Eval("p", {.data = {{.input = "a"}, {.input = "b"}},
                                 .task = [](const json& input) -> Result<json> {
                                   if (input == "b") return Error{.message = "no such function"};
                                   return input;
                                 },
                                 .scores = {scorers::valid_json},
                                 .reporter = quiet()});
  EXPECT_EQ(result.results.at(0).output, "a");
  EXPECT_NE(result.results.at(1).error.find("no such function"), std::string::npos);
}

TEST(Eval, TakesAFailedResultOfItsDataForAnErrorAndNotForTheEnd) {
  Backend backend;
  const auto result = Eval("p", {.data = [n = 0]() mutable -> Result<std::optional<EvalCase>> {
                                   if (n == 2) return Error{.message = "the page is lost"};
                                   return std::optional<EvalCase>(EvalCase{.input = n++});
                                 },
                                 .task = [](const json& input) { return input; },
                                 .scores = {{"one", [](const ScorerArgs&) { return 1; }}},
                                 .reporter = quiet()});
  EXPECT_EQ(result.cases, 2u);
  ASSERT_TRUE(result.error);
  EXPECT_NE(result.error->message.find("the page is lost"), std::string::npos);
}

TEST(Eval, ReadsBracesOfWhatIsExpectedLikeThoseOfTheInput) {
  const EvalCase one{.input = {{"k", 1}}, .expected = {{"k", 1}}};
  EXPECT_EQ(one.expected, one.input);
  EXPECT_TRUE(one.expected.is_object());
  EXPECT_TRUE(EvalCase{.input = 1}.expected.is_null());
}

TEST(Eval, KeepsNothingThatATaskTookAway) {
  Backend backend;
  Eval("p", {.data = {{.input = "a", .metadata = {{"gone", 1}, {"kept", 2}}, .tags = {"old"}}},
             .task =
                 [](const json& input, EvalHooks& hooks) {
                   hooks.metadata.erase("gone");
                   hooks.tags = {"new"};
                   return input;
                 },
             .scores = {scorers::valid_json},
             .reporter = quiet()});
  const Row root = only_row(backend.rows(), "eval");
  EXPECT_EQ(root["metadata"], json({{"kept", 2}}));
  EXPECT_EQ(root["tags"], json::array({"new"}));
}

TEST(Eval, ShowsWhatIsExpectedOnTheTaskAndNoPlaceInTheLibrary) {
  Backend backend;
  Eval("p", {.data = {{.input = "a", .expected = "b"}},
             .task = [](const json& input) { return input; },
             .scores = {scorers::exact_match},
             .reporter = quiet()});
  for (const char* const name : {"eval", "task", "ExactMatch"}) {
    const Row row = backend.row(name);
    EXPECT_FALSE(row["context"].contains("caller_filename")) << row.dump();
    EXPECT_TRUE(name == std::string("ExactMatch") || row["expected"] == "b");
  }
}

TEST(Eval, ChecksTheScoresOfFailures) {
  Backend backend;
  const auto result = Eval("p", {.data = {{.input = "a"}},
                                 .task = [](const json&) -> json { throw std::runtime_error("no"); },
                                 .scores = {{"s", [](const ScorerArgs&) { return 1; }}},
                                 .error_scores =
                                     [](const EvalCaseResult&, const std::vector<std::string>&) {
                                       return std::map<std::string, double>{{"s", 1.7}};
                                     },
                                 .reporter = quiet()});
  EXPECT_TRUE(result.results.at(0).scores.empty());
  EXPECT_NE(result.results[0].scorer_errors.at("error_scores").find("1.7"), std::string::npos);
  EXPECT_TRUE(only_row(backend.rows(), "eval")["metadata"]["scorer_errors"].contains("error_scores"));
}

TEST(Eval, WantsEachScoreToHaveANameOfItsOwn) {
  Backend backend;
  const auto one = [](const ScorerArgs&) { return 1; };
  const auto refused = Eval("p", {.data = {{.input = "a"}},
                                  .task = [](const json& input) { return input; },
                                  .scores = {{"s", one}, {"s", one}},
                                  .reporter = quiet()});
  ASSERT_TRUE(refused.error);
  EXPECT_NE(refused.error->message.find("\"s\""), std::string::npos);
  const auto twice = Eval("p", {.data = {{.input = "a"}},
                                .task = [](const json& input) { return input; },
                                .scores = {{"a", [](const ScorerArgs&) { return Score{.name = "same", .score = 1}; }},
                                           {"b", [](const ScorerArgs&) { return Score{.name = "same", .score = 0}; }}},
                                .reporter = quiet()});
  EXPECT_EQ(twice.results.at(0).scores.at("same"), 1);
  EXPECT_NE(twice.results[0].scorer_errors.at("b").find("given twice"), std::string::npos);
  const auto second = backend.row("b");
  EXPECT_NE(second.value("error", "").find("given twice"), std::string::npos);
  EXPECT_TRUE(second.at("scores").at("same").is_null());
  EXPECT_EQ(twice.summary.scores.at(0).score, 1) << "the average of what counts";
  const auto by_one =
      Eval("q", {.data = {{.input = "a"}},
                 .task = [](const json& input) { return input; },
                 .scores = {{"both",
                             [](const ScorerArgs&) {
                               return std::vector{Score{.name = "x", .score = 1}, Score{.name = "x", .score = 0}};
                             }}},
                 .reporter = quiet()});
  EXPECT_NE(by_one.results.at(0).scorer_errors.at("both").find("given twice"), std::string::npos);
  EXPECT_TRUE(by_one.results[0].scores.empty());
}

TEST(Eval, TellsACaseAndItsErrorScoresWithoutHoldingUpOthers) {
  Backend backend;
  std::mutex mutex;
  std::condition_variable changed;
  int failures = 0;
  // The scores of two failures are asked for at the same time.
  const auto meet = [&](const EvalCaseResult&, const std::vector<std::string>&) {
    std::unique_lock lock(mutex);
    ++failures;
    changed.notify_all();
    const bool met = changed.wait_for(lock, long_enough, [&] { return failures == 2; });
    return std::map<std::string, double>{{"met", met}};
  };
  const auto result = Eval("p", {.data = {{.input = "a"}, {.input = "b"}},
                                 .task = [](const json&) -> json { throw std::runtime_error("no"); },
                                 .scores = {{"s", [](const ScorerArgs&) { return 1; }}},
                                 .max_concurrency = 2,
                                 .error_scores = meet,
                                 .reporter = quiet()});
  for (const auto& one : result.results) EXPECT_EQ(one.scores.at("met"), 1);
}

TEST(Eval, LosesNoRowOfATrialHoweverSmallTheQueue) {
  Backend backend({.queue = {.max_bytes = 1u << 20}});
  const auto result = Eval("p", {.data = {{.input = std::string(10'000, 'x')}},
                                 .task = [](const json& input) { return input; },
                                 .scores = {scorers::valid_json},
                                 .trial_count = 400,
                                 .max_concurrency = 2,
                                 .reporter = quiet()});
  EXPECT_FALSE(result.error) << result.error->message;
  EXPECT_EQ(backend.rows().size(), 1200u);
  EXPECT_EQ(backend.logger().stats().dropped.total(), 0u);
}

}  // namespace
}  // namespace braintrust::test
