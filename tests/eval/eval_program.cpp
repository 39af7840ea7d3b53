// A program of evals, for main_test.cpp to run.

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include <braintrust/eval/main.h>
#include <braintrust/eval/scorers.h>

namespace {

using braintrust::EvalOptions;
using nlohmann::json;

void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

std::string greet(const json& input) {
  const auto name = input.is_string() ? input.get<std::string>() : input.at("name").get<std::string>();
  return std::getenv("BE_RUDE") ? "Go away" : "Hi " + name;
}

struct Question {
  int left = 0, right = 0;
};
void to_json(json& j, const Question& question) { j = {question.left, question.right}; }
void from_json(const json& j, Question& question) { question = {j.at(0), j.at(1)}; }

}  // namespace

BRAINTRUST_EVAL("Say Hi Bot") {
  return EvalOptions<>{
      .data = {{.input = "Foo", .expected = "Hi Foo"},
               {.input = {{"name", "Bar"}}, .expected = "Hi Bar", .tags = {"nested"}},
               {.input = "Baz", .expected = "Hello Baz"},
               {.input = "Qux", .expected = "Hi Qux"}},
      .task = greet,
      .scores = {braintrust::scorers::exact_match, {"Always", [](const braintrust::ScorerArgs&) { return 1; }}}};
}

BRAINTRUST_EVAL("Sums") {
  return EvalOptions<Question, int>{
      .data = {{.input = {1, 2}, .expected = 3}},
      .task = [](const Question& question) { return question.left + question.right; },
      .scores = {{"Right", [](const braintrust::ScorerArgsOf<Question, int>& args) { return args.output == *args.expected; }}}};
}

BRAINTRUST_EVAL("Broken task") {
  return EvalOptions<>{.data = {{.input = "Foo"}},
                       .task = [](const json&) -> json { throw std::runtime_error("out of luck"); },
                       .scores = {braintrust::scorers::exact_match}};
}

BRAINTRUST_EVAL("Broken (body)") { throw std::runtime_error("the body ran"); }

BRAINTRUST_EVAL("Empty") {
  return EvalOptions<>{
      .data = std::vector<braintrust::EvalCase>(), .task = greet, .scores = {braintrust::scorers::exact_match}};
}

// One case that is over, and one that waits until it is asked to stop. Or, told to be stubborn, does not stop then.
BRAINTRUST_EVAL("Patient") {
  return EvalOptions<>{.data = {{.input = "first", .expected = "first"}, {.input = "second"}, {.input = "third"}},
                       .task =
                           [](const json& input, braintrust::EvalHooks& hooks) {
                             if (input == "second") say("began");
                             while (input == "second" && (std::getenv("BE_STUBBORN") || !hooks.stopped())) ::usleep(1000);
                             return input;
                           },
                       .scores = {braintrust::scorers::levenshtein},
                       .max_concurrency = 1};
}

// Defined once there is the file that BE_DEFINED names.
BRAINTRUST_EVAL("Late") {
  say("defining");
  while (::access(std::getenv("BE_DEFINED"), F_OK) != 0) ::usleep(1000);
  return EvalOptions<>{.data = {{.input = "Foo"}}, .task = greet, .scores = {braintrust::scorers::exact_match}};
}

BRAINTRUST_EVAL_MAIN
