#pragma once

// What the command line of a program of evals says (main.h). Threads: a plain value.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <braintrust/eval/threshold.h>

#include "eval/eval_filter.h"

namespace braintrust::detail {

struct MainArguments {
  bool list = false;
  std::vector<NameFilter> names = {};
  std::vector<CaseFilter> cases = {};
  bool no_send_logs = false;
  bool jsonl = false;
  bool no_color = false;
  EvalThresholds thresholds = {};
  std::optional<std::string> experiment = {};
  std::optional<std::string> base = {};
  std::optional<unsigned> max_concurrency = {};
  std::optional<unsigned> trial_count = {};
  std::optional<std::chrono::milliseconds> timeout = {};
};

// The arguments, or the exit code, after what was asked for (help, version) or what is wrong was printed.
std::variant<MainArguments, int> parse_main_arguments(int argc, char** argv);

}  // namespace braintrust::detail
