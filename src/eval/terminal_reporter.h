#pragma once

// `TerminalReporter`: when the default reporter (reporter.h) writes what. What it writes is made by progress.h and
// summary_text.h.
//
// Threads: one at a time. Errors: what a function to write to throws passes through.

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include <braintrust/eval/reporter.h>

#include "core/clock.h"
#include "core/terminal.h"
#include "eval/progress.h"
#include "eval/summary_text.h"

namespace braintrust::detail {

class TerminalReporter : public EvalReporter {
 public:
  // Nanoseconds of a clock that never jumps.
  using Clock = std::function<std::int64_t()>;
  explicit TerminalReporter(ReporterOptions options, Clock clock = steady_now);

  void on_start(const Start& start) override;
  void on_case(const EvalCaseResult& result, std::size_t done) override;
  void on_end(const EvalResult& result) override;

 private:
  using Write = std::function<void(std::string_view)>;

  void show_progress();
  void draw_bar();
  void clear_bar();

  ReporterOptions options_;
  Clock clock_;
  Write report_;
  Write progress_to_;  // none: there is no progress to tell
  Style style_;        // of the report
  Painter progress_paint_;
  std::FILE* bar_file_ = nullptr;  // the terminal of the bar, whose width may change

  // Of the eval that runs.
  std::optional<std::int64_t> began_ = {};
  std::int64_t told_ = 0;      // when progress was last told
  std::size_t told_step_ = 0;  // the tenth it stood at
  Progress progress_;
  std::vector<FailedCase> failures_;  // the first of them
  std::size_t drawn_columns_ = 0;     // of the bar that stands there
};

}  // namespace braintrust::detail
