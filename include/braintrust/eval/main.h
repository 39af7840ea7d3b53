#pragma once

// Programs made of evals, with flags and an exit code for people and for CI.
//
//   #include <braintrust/eval/main.h>
//
//   BRAINTRUST_EVAL("Say Hi Bot") {
//     return braintrust::EvalOptions<>{.data = …, .task = …, .scores = {…}};
//   }
//
//   BRAINTRUST_EVAL_MAIN
//
//   $ ./say_hi --min-score Levenshtein=0.8 --max-regressions 0
//
// The body runs when the eval does: not for `--list`, and not when it is filtered out. It may return `EvalOptions<Question,
// Answer>` just as well. A program may have any number of evals, in any number of files. Without macros: `register_eval` and
// `eval_main`.
//
//   --list                 the names of the evals, one a line, and nothing else
//   --filter TEXT          evals whose name has this text, or matches this regular expression; one of several is enough
//   --filter PATH=REGEX    cases whose field matches (anywhere), for PATHs that begin with input, expected, metadata, tags or
//                          id, as input.question=^Why; all of several must. The first 8 192 bytes of a field are looked at.
//   --no-send-logs         nothing is sent; no key is needed
//   --experiment NAME      of the experiment
//   --base NAME            the experiment to compare with: a run that failed should not be the measure of the next one
//   --max-concurrency N    cases at a time
//   --trial-count N        how often each case runs
//   --timeout SECONDS      of each eval
//   --min-score NAME=0.8   the least average of a score (threshold.h); again for further ones
//   --max-regressions N    scores of cases of an eval. Without a base experiment that is said, and none are assumed; with a
//   --base
//                          that does not exist, it is missed
//   --jsonl                a line of JSON for each eval on standard output, and nothing else (reporter.h)
//   --no-color
//   --help, --version
//
// What a flag says goes before what the options say. An eval with a reporter of its own keeps it, also with --jsonl.
//
// Exit codes:
//   0    all is good
//   1    a case failed, a threshold was missed, or an eval did not run to its end or had no cases
//   2    wrong usage: an unknown flag, a bad value, a filter that nothing matches, a program without evals
//   130  Ctrl-C (143: SIGTERM): what was finished until then is sent and summarised. The second Ctrl-C ends at once.
//
// A test of a CMake project:
//
//   target_link_libraries(say_hi PRIVATE braintrust::eval_main)
//   add_test(NAME say_hi COMMAND say_hi --min-score Levenshtein=0.8)
//
// Needs the library braintrust::eval_main, which is built where CLI11 is found.
//
// Threads: `eval_main` from one thread, as the main function; registering from any, before. Source: PROTO 14.
//
// Cost: includes the whole of nlohmann/json.hpp.

#include <functional>
#include <string>
#include <utility>

#include <braintrust/eval/eval.h>

namespace braintrust {

// The options of an eval, whatever its types.
class EvalDefinition {
 public:
  template <class Input, class Output>
  EvalDefinition(EvalOptions<Input, Output> options) : plan_(detail::plan_of(std::move(options))) {}

  detail::EvalPlan& plan() noexcept { return plan_; }

 private:
  detail::EvalPlan plan_;
};

// Adds an eval to those that `eval_main` runs, in order. What `define` throws is that eval's error. Returns true.
bool register_eval(std::string name, std::function<EvalDefinition()> define);

// Runs what was registered, as the flags say. Returns the exit code. Does not throw.
int eval_main(int argc, char** argv) noexcept;

}  // namespace braintrust

#define BRAINTRUST_EVAL(name) BRAINTRUST_DETAIL_EVAL(name, __COUNTER__)
#define BRAINTRUST_DETAIL_EVAL(name, number) BRAINTRUST_DETAIL_EVAL_(name, number)
#define BRAINTRUST_DETAIL_EVAL_(name, number)                              \
  static ::braintrust::EvalDefinition braintrust_eval_##number();          \
  [[maybe_unused]] static const bool braintrust_eval_registered_##number = \
      ::braintrust::register_eval(name, braintrust_eval_##number);         \
  static ::braintrust::EvalDefinition braintrust_eval_##number()

#define BRAINTRUST_EVAL_MAIN \
  int main(int argc, char** argv) { return ::braintrust::eval_main(argc, argv); }
