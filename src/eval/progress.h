#pragma once

// `Progress`: how far an eval is, and that as a line of text. Threads: a plain value and pure functions.

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include <braintrust/eval/eval.h>

#include "core/terminal.h"

namespace braintrust::detail {

struct Progress {
  std::string eval_name = {};
  std::optional<std::size_t> cases = {};  // none: not known
  std::size_t done = 0;
  std::size_t failed = 0;
  std::chrono::nanoseconds elapsed = {};
  struct Average {
    double sum = 0;
    std::size_t count = 0;
    double value() const { return sum / static_cast<double>(count); }
  };
  std::map<std::string, Average> scores = {};

  void add(const EvalCaseResult& result);
  // 0 to 100; nothing where the end is not known.
  std::optional<std::size_t> percent() const;
};

// To be redrawn: what fits into `columns`, the most important first.
std::string progress_bar(const Progress& progress, std::size_t columns, const Painter& paint);

// For a log.
std::string progress_line(const Progress& progress);

}  // namespace braintrust::detail
