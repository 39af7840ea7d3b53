#pragma once

// `terminal_reporter`: tells people, or a program, how an eval goes. It is what an eval has when its options name no reporter.
//
//   Experiment say-hi-1763 is running at https://www.braintrust.dev/app/acme/p/Say%20Hi%20Bot/experiments/say-hi-1763
//   Say Hi Bot  ━━━━━━──────────────  12/40  30%  ETA 9 s  1 failed  Levenshtein 81.2%        (on a terminal, redrawn in place)
//
//   Say Hi Bot: 40 cases in 12.3 s, 1 failed
//   say-hi-1763 compared to say-hi-1702:
//      80.00%   (+5.00%)  'Levenshtein' score  (3 improvements, 1 regression)
//      1.24 s  (-160 ms)  'duration'           (22 improvements, 18 regressions)
//   1 case failed:
//     ✗ Foo
//       the model answered with status 500
//   See results for say-hi-1763 at https://www.braintrust.dev/app/acme/p/Say%20Hi%20Bot/experiments/say-hi-1763
//
// Where the output is no terminal there is no bar, but a line now and then: at each tenth of the cases, at most one a second,
// and else every ten seconds. NO_COLOR and TERM=dumb are heeded. What users and models wrote is made harmless for a terminal.
//
// With `jsonl` an eval is one line of JSON when it is over, and nothing else stands on the output: for CI. The bar then goes to
// standard error, if that is a terminal.
//
//   {"eval_name": …, "experiment_name": …, "experiment_id": …, "experiment_url": …, "project_name": …, "project_id": …,
//    "comparison_experiment_name": …, "scores": {NAME: {"score", "diff", "improvements", "regressions"}},
//    "metrics": {NAME: {"metric", "unit", "diff", "improvements", "regressions"}}, "cases": …, "failed_cases": …,
//    "error": null or {"code", "message"}, "interrupted": …}             what there is none of is null
//
// Threads: as `EvalReporter`; evals one after another may share one. Errors: what `write` throws passes through; a file that
// cannot be written is ignored. Source: PROTO 14.12 to 14.14.
//
// Cost: includes the whole of nlohmann/json.hpp.

#include <cstddef>
#include <cstdio>
#include <functional>
#include <memory>
#include <string_view>

#include <braintrust/eval/eval.h>

namespace braintrust {

struct ReporterOptions {
  std::FILE* output = nullptr;                       // null: standard output
  std::function<void(std::string_view)> write = {};  // takes the text in place of `output`; counts as no terminal
  bool jsonl = false;
  enum class Color { automatic, yes, no };
  Color color = Color::automatic;  // automatic: on a terminal
  enum class Progress { automatic, bar, lines, none };
  Progress progress = Progress::automatic;  // automatic: a bar on a terminal, else lines; with `jsonl` a bar or none
  std::size_t width = 0;                    // columns. 0: the terminal's, else 100
  std::size_t shown_failures = 10;          // the others are counted
};

std::shared_ptr<EvalReporter> terminal_reporter(ReporterOptions options = {});

}  // namespace braintrust
