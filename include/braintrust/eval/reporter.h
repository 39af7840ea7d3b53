#pragma once
#include <braintrust/eval/eval.h>
namespace braintrust {
struct ReporterOptions {};
inline std::shared_ptr<EvalReporter> terminal_reporter(const ReporterOptions& = {}) { return std::make_shared<EvalReporter>(); }
}  // namespace braintrust
