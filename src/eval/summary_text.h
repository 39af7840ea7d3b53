#pragma once

// What came of an eval, for people and for programs. Threads: pure functions. Errors: none.

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <braintrust/eval/eval.h>

#include "core/terminal.h"

namespace braintrust::detail {

// A case that failed, in what is shown of it.
struct FailedCase {
  std::string input = {};
  std::vector<std::string> errors = {};  // the first line of each
  unsigned trial = 0;
};
FailedCase failed_case(const EvalCaseResult& result);

// `failures` are those to be shown; `result.failed_cases` says how many there are. Without `elapsed` it is not known.
std::string summary_text(const EvalResult& result, const std::vector<FailedCase>& failures,
                         std::optional<std::chrono::nanoseconds> elapsed, const Style& style);

// One line, as reporter.h describes it, without its end.
std::string summary_json(const EvalResult& result);

}  // namespace braintrust::detail
