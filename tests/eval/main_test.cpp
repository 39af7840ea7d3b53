// A program of evals as its users and their CI meet it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <braintrust/local/server.h>
#include <braintrust/version.h>
#include <nlohmann/json.hpp>

#include "local/must.h"
#include "local/program.h"
#include "local/temporary_folder.h"

namespace braintrust {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

struct Outcome {
  int code = 0;
  std::string output = {};  // and errors
};

class EvalMain : public testing::Test {
 protected:
  EvalMain() { std::signal(SIGINT, SIG_DFL); }  // a shell in the background has it ignored, and so would our programs

  std::vector<std::string> environment() const {
    return {"BRAINTRUST_API_KEY=local", "BRAINTRUST_APP_URL=" + server_.url(), "BRAINTRUST_API_URL=" + server_.url()};
  }

  Outcome run(std::vector<std::string> arguments, const std::vector<std::string>& more = {}) {
    arguments.insert(arguments.begin(), BRAINTRUST_EVAL_PROGRAM);
    auto variables = more;  // the first of a name counts
    for (auto& ours : environment()) variables.push_back(std::move(ours));
    Program running(std::move(arguments), variables);
    auto output = running.rest();
    return {running.wait(), std::move(output)};
  }
  // Standard output alone, of one eval.
  json run_jsonl(const std::string& arguments, int code = 0) {
    const std::string command = std::string(BRAINTRUST_EVAL_PROGRAM) + " --jsonl " + arguments + " 2>/dev/null";
    Program running({"sh", "-c", command}, environment());
    const auto output = running.rest();
    EXPECT_EQ(running.wait(), code) << output;
    EXPECT_EQ(output.find('\n'), output.size() - 1) << output;
    return json::parse(output);
  }
  std::size_t requests_that_stored() { return must(server_.store().row_count()); }

  local::Server server_ = must(local::Server::start());
};

// Reads lines up to one with `text`, and returns those before it.
std::string until(Program& program, const std::string& text) {
  std::string before;
  for (int i = 0; i < 100; ++i) {  // at its end a program has blank lines without end
    const auto line = program.line();
    if (line.find(text) != line.npos) return before;
    before += line + "\n";
  }
  ADD_FAILURE() << "never said '" << text << "':\n" << before;
  return before;
}

const std::vector<std::string> say_hi{"--filter", "Say Hi Bot"};

std::vector<std::string> with(std::vector<std::string> more) {
  more.insert(more.begin(), say_hi.begin(), say_hi.end());
  return more;
}

TEST_F(EvalMain, RunsEvalsAndShowsTheTableAndTheLink) {
  const auto outcome = run(say_hi);
  EXPECT_EQ(outcome.code, 0) << outcome.output;
  EXPECT_THAT(outcome.output, StartsWith("Experiment "));
  EXPECT_THAT(outcome.output, HasSubstr(" is running at http"));
  EXPECT_THAT(outcome.output, HasSubstr("\nSay Hi Bot: 4 cases in "));
  EXPECT_THAT(outcome.output, HasSubstr("  75.00%  'ExactMatch' score\n"));
  EXPECT_THAT(outcome.output, HasSubstr("See results for "));
  EXPECT_THAT(outcome.output, AllOf(Not(HasSubstr("\x1b")), Not(HasSubstr("\r")))) << "a pipe is no terminal";
  EXPECT_GT(requests_that_stored(), 0U);
}

TEST_F(EvalMain, ListsEvalsWithoutRunningThem) {
  const auto outcome = run({"--list"}, {"BRAINTRUST_API_KEY="});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.output, "Say Hi Bot\nSums\nBroken task\nBroken (body)\nEmpty\nPatient\nLate\n");
  EXPECT_EQ(run({"--list", "--filter", "^S", "--filter", "(body)"}).output, "Say Hi Bot\nSums\nBroken (body)\n")
      << "regular expressions, and texts as they stand; one of several is enough";
  EXPECT_EQ(requests_that_stored(), 0U);
}

TEST_F(EvalMain, RunsEvalsWithTypesOfTheirOwn) {
  const auto line = run_jsonl("--filter Sums");
  EXPECT_EQ(line.at("scores").at("Right").at("score"), 1);
}

TEST_F(EvalMain, SendsNothingWhenToldSo) {
  const auto outcome = run(with({"--no-send-logs"}), {"BRAINTRUST_API_KEY="});
  EXPECT_EQ(outcome.code, 0) << outcome.output;
  EXPECT_THAT(outcome.output, HasSubstr("75.00%"));
  EXPECT_EQ(requests_that_stored(), 0U);
}

TEST_F(EvalMain, FailsWithoutAKeyAndSaysSo) {
  const auto outcome = run(say_hi, {"BRAINTRUST_API_KEY="});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.output, HasSubstr("Say Hi Bot did not run: "));
  EXPECT_THAT(outcome.output, HasSubstr("BRAINTRUST_API_KEY"));
}

TEST_F(EvalMain, FailsWhereACaseFailed) {
  const auto outcome = run({"--filter", "task|Sums"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.output, HasSubstr("out of luck"));
  EXPECT_THAT(outcome.output, HasSubstr("\n1 of 2 evals failed: Broken task\n"));
}

TEST_F(EvalMain, FailsWhereAnEvalCannotBeMade) {
  const auto outcome = run({"--filter", "(body)"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.output, HasSubstr("Broken (body) did not run: "));
  EXPECT_THAT(outcome.output, HasSubstr("the body ran"));
}

TEST_F(EvalMain, FailsWhereAnEvalHasNoCases) {
  const auto outcome = run({"--filter", "Empty", "--no-send-logs"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.output, HasSubstr("1 of 1 eval failed: Empty (no cases)"));
}

TEST_F(EvalMain, RunsOnlyTheCasesThatAFilterMatches) {
  const auto cases = [&](const std::string& filters) {
    return run_jsonl("--no-send-logs --filter Say " + filters).at("cases");
  };
  EXPECT_EQ(cases("--filter 'input=^Ba'"), 1);
  EXPECT_EQ(cases("--filter input.name=ar"), 1);
  EXPECT_EQ(cases("--filter tags.0=nested"), 1);
  EXPECT_EQ(cases("--filter 'expected=^Hi'"), 3);
  EXPECT_EQ(cases("--filter 'expected=^Hi' --filter input=Foo"), 1) << "all of them must match";
}

TEST_F(EvalMain, CallsAFilterThatNothingMatchesWrongUsage) {
  auto outcome = run({"--filter", "No such eval"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.output, HasSubstr("no eval matches"));
  EXPECT_EQ(run({"--list", "--filter", "No such eval"}).code, 2);
  outcome = run(with({"--no-send-logs", "--filter", "input=nothing"}));
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.output, HasSubstr("no case matches"));
}

TEST_F(EvalMain, FailsBelowTheLeastScore) {
  EXPECT_EQ(run(with({"--min-score", "ExactMatch=0.75"})).code, 0);
  const auto outcome = run(with({"--min-score", "Always=1", "--min-score", "ExactMatch=0.8"}));
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.output,
              HasSubstr("\nthreshold missed: Say Hi Bot: the score 'ExactMatch' is 0.75, and must be at least 0.8\n"));
  EXPECT_THAT(outcome.output, Not(HasSubstr("'Always' is")));
}

TEST_F(EvalMain, FailsForAScoreThatNoEvalHas) {
  const auto outcome = run(with({"--min-score", "Exact=0.1"}));
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.output, HasSubstr("no eval has a score 'Exact'; there are: 'Always', 'ExactMatch'"));
  EXPECT_EQ(run({"--filter", "Say|Sums", "--min-score", "Right=1"}).code, 0) << "one eval that has it is enough";
}

TEST_F(EvalMain, FailsForTooManyRegressions) {
  auto outcome = run(with({"--max-regressions", "0"}));
  EXPECT_EQ(outcome.code, 0) << outcome.output;
  EXPECT_THAT(outcome.output, HasSubstr("Say Hi Bot: there is no base experiment to count regressions against"));
  outcome = run(with({"--max-regressions", "2"}), {"BE_RUDE=1"});
  EXPECT_EQ(outcome.code, 1) << outcome.output;
  EXPECT_THAT(outcome.output, HasSubstr(" compared to "));
  EXPECT_THAT(outcome.output, HasSubstr("(-75.00%)  'ExactMatch' score  (0 improvements, 3 regressions)"));
  EXPECT_THAT(outcome.output, HasSubstr("Say Hi Bot: 3 regressions against "));
  EXPECT_THAT(outcome.output, HasSubstr("and at most 2 may be: 'ExactMatch' 3"));
  EXPECT_THAT(outcome.output, Not(HasSubstr("no base experiment")));
}

TEST_F(EvalMain, AllowsAsManyRegressionsAsItIsTold) {
  EXPECT_EQ(run(say_hi).code, 0);
  EXPECT_EQ(run(with({"--max-regressions", "3"}), {"BE_RUDE=1"}).code, 0);
}

TEST_F(EvalMain, ComparesWithTheExperimentItIsTold) {
  EXPECT_EQ(run(with({"--experiment", "good"})).code, 0);
  EXPECT_EQ(run(say_hi, {"BE_RUDE=1"}).code, 0);
  EXPECT_EQ(run(with({"--max-regressions", "0"}), {"BE_RUDE=1"}).code, 0) << "no worse than the one before";
  const auto outcome = run(with({"--max-regressions", "0", "--base", "good"}), {"BE_RUDE=1"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.output, HasSubstr("compared to good"));
}

TEST_F(EvalMain, FailsWhereThereIsNoExperimentToCountRegressionsAgainst) {
  EXPECT_EQ(run(with({"--experiment", "before"})).code, 0);
  const auto outcome = run(with({"--base", "befor", "--max-regressions", "0"}));
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.output, HasSubstr("against \"befor\", and there is no such experiment"));
  EXPECT_EQ(run(with({"--base", "before", "--max-regressions", "0"})).code, 0);
}

TEST_F(EvalMain, PrintsOneLineOfJsonForEachEvalAndNothingElse) {
  const auto line = run_jsonl("--filter 'Say Hi' --experiment nightly");
  EXPECT_EQ(line.at("eval_name"), "Say Hi Bot");
  EXPECT_EQ(line.at("experiment_name"), "nightly");
  EXPECT_THAT(line.at("experiment_url").get<std::string>(), StartsWith("http"));
  EXPECT_EQ(line.at("scores").at("ExactMatch").at("score"), 0.75);
  EXPECT_EQ(line.at("cases"), 4);
  EXPECT_EQ(line.at("error"), nullptr);
  EXPECT_EQ(run_jsonl("--filter '(body)'", 1).at("error").at("code"), "callback_failed");
}

TEST_F(EvalMain, RunsEachCaseAsOftenAsItIsTold) {
  EXPECT_EQ(run_jsonl("--no-send-logs --filter 'Say Hi' --trial-count 3 --max-concurrency 1").at("cases"), 12);
}

TEST_F(EvalMain, EndsAnEvalWhoseTimeIsOver) {
  const auto outcome = run({"--filter", "Patient", "--no-send-logs", "--timeout", "0.2"});
  EXPECT_EQ(outcome.code, 1) << "that is no Ctrl-C";
  EXPECT_THAT(outcome.output, HasSubstr("Patient was interrupted: the eval's time of 0.2 s was over"));
}

TEST_F(EvalMain, CallsWhatItDoesNotUnderstandWrongUsage) {
  const std::vector<std::vector<std::string>> wrong{{"--nonsense"},
                                                    {"extra"},
                                                    {"--filter"},
                                                    {"--filter", "input=["},
                                                    {"--min-score", "ExactMatch"},
                                                    {"--min-score", "ExactMatch=80"},
                                                    {"--min-score", "ExactMatch=high"},
                                                    {"--min-score", "=0.5"},
                                                    {"--max-regressions", "-1"},
                                                    {"--max-regressions", "1.5"},
                                                    {"--max-concurrency", "0"},
                                                    {"--trial-count", "0"},
                                                    {"--timeout", "0"},
                                                    {"--timeout", "soon"}};
  for (const auto& arguments : wrong) {
    const auto outcome = run(arguments);
    EXPECT_EQ(outcome.code, 2) << arguments.front() << '\n' << outcome.output;
    EXPECT_THAT(outcome.output, HasSubstr(arguments.front()));
    EXPECT_THAT(outcome.output, HasSubstr("--help"));
  }
  EXPECT_EQ(requests_that_stored(), 0U);
}

TEST_F(EvalMain, NamesTheFlagThatAMisspeltOneComesNearestTo) {
  const std::vector<std::pair<std::string, std::string>> misspelt{{"--no-sendlogs", "--no-send-logs"},
                                                                  {"-filter", "--filter"},
                                                                  {"--concurrency=4", "--max-concurrency"},
                                                                  {"--no-colour", "--no-color"}};
  for (const auto& [written, meant] : misspelt) {
    const auto outcome = run({written});
    EXPECT_EQ(outcome.code, 2);
    EXPECT_THAT(outcome.output, HasSubstr("\nDid you mean " + meant + "?\n")) << written;
  }
  for (const char* other : {"--nonsense", "--", "extra", "--x"}) {
    EXPECT_THAT(run({"--nothing-like-it", other}).output, Not(HasSubstr("Did you mean"))) << other;
  }
}

TEST_F(EvalMain, ExplainsItself) {
  const auto help = run({"--help"});
  EXPECT_EQ(help.code, 0);
  for (const char* flag :
       {"--list", "--filter", "--no-send-logs", "--experiment", "--base", "--max-concurrency", "--trial-count", "--timeout",
        "--min-score", "--max-regressions", "--jsonl", "--no-color", "--version", "130"}) {
    EXPECT_THAT(help.output, HasSubstr(flag));
  }
  const auto version = run({"--version"});
  EXPECT_EQ(version.code, 0);
  EXPECT_EQ(version.output, "braintrust " BRAINTRUST_VERSION "\n");
}

TEST_F(EvalMain, SendsAndSummarisesWhatWasFinishedBeforeCtrlC) {
  for (const int number : {SIGINT, SIGTERM}) {
    const auto rows_before = requests_that_stored();
    Program running({BRAINTRUST_EVAL_PROGRAM, "--filter", "Patient|Sums$"}, environment());
    until(running, "began");
    running.signal(number);
    const auto output = running.rest();
    EXPECT_EQ(running.wait(), 128 + number);
    EXPECT_THAT(output, HasSubstr("Patient was interrupted"));
    EXPECT_THAT(output, HasSubstr("Patient: 2 cases in ")) << "the third did not begin";
    EXPECT_THAT(output, HasSubstr("'Levenshtein' score"));
    EXPECT_GT(requests_that_stored(), rows_before);
  }
}

TEST_F(EvalMain, RunsNoCaseOfAnEvalThatWasInterruptedWhileItWasDefined) {
  const auto rows_before = requests_that_stored();
  const TemporaryFolder folder;
  auto variables = environment();
  variables.push_back("BE_DEFINED=" + folder / "defined");
  Program running({BRAINTRUST_EVAL_PROGRAM, "--filter", "Late"}, variables);
  until(running, "defining");
  running.signal(SIGINT);
  until(running, "Once more ends at once");
  std::ofstream(folder / "defined");
  EXPECT_THAT(running.rest(), HasSubstr("no case ran"));
  EXPECT_EQ(running.wait(), 130);
  EXPECT_EQ(requests_that_stored(), rows_before);
}

TEST_F(EvalMain, RunsNoFurtherEvalAfterCtrlC) {
  Program running({BRAINTRUST_EVAL_PROGRAM, "--filter", "Patient", "--filter", "Say Hi", "--no-send-logs"}, environment());
  EXPECT_THAT(until(running, "began"), HasSubstr("Say Hi Bot: 4 cases"));
  running.signal(SIGINT);
  EXPECT_THAT(running.rest(), Not(HasSubstr("Say Hi Bot")));
  EXPECT_EQ(running.wait(), 130);
}

TEST_F(EvalMain, EndsAtOnceAtTheSecondCtrlC) {
  auto variables = environment();
  variables.push_back("BE_STUBBORN=1");
  Program running({BRAINTRUST_EVAL_PROGRAM, "--filter", "Patient"}, variables);
  until(running, "began");
  running.signal(SIGINT);
  until(running, "Once more ends at once");
  running.signal(SIGINT);
  EXPECT_THAT(running.rest(), Not(HasSubstr("Patient"))) << "there was no time for a summary";
  EXPECT_EQ(running.wait(), 128 + SIGINT);
}

TEST_F(EvalMain, LeavesASignalIgnoredThatItWasToldToIgnore) {
  const std::string command = std::string("trap '' INT; exec ") + BRAINTRUST_EVAL_PROGRAM + " --filter Patient --no-send-logs";
  Program running({"sh", "-c", command}, environment());
  until(running, "began");
  running.signal(SIGINT);
  running.signal(SIGTERM);
  EXPECT_THAT(running.rest(), HasSubstr("Patient was interrupted"));
  EXPECT_EQ(running.wait(), 128 + SIGTERM);
}

}  // namespace
}  // namespace braintrust
