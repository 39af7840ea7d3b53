#pragma once

// A reporter that says nothing, so that a test's output is the test's.

#include <memory>

#include <braintrust/eval/eval.h>

namespace braintrust::test {

inline std::shared_ptr<EvalReporter> quiet() { return std::make_shared<EvalReporter>(); }

}  // namespace braintrust::test
