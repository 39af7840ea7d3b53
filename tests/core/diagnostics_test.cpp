// The diagnostics handler, where what it does to itself matters.

#include <braintrust/core/diagnostics.h>

#include <string>

#include <gtest/gtest.h>

namespace braintrust {
namespace {

TEST(DiagnosticsHandler, MayReplaceItself) {
  std::string seen;
  const std::string captured(100, 'x');  // on the heap, so that a sanitizer sees a use after its end
  set_diagnostics_handler([&seen, captured](Severity, const Error& error) {
    set_diagnostics_handler({});
    seen = error.message + captured;
  });
  detail::report(Severity::error, ErrorCode::io, "first");
  EXPECT_EQ(seen, "first" + captured);
  set_diagnostics_handler([&seen](Severity, const Error& error) { seen = error.message; });
  detail::report(Severity::error, ErrorCode::io, "second");
  EXPECT_EQ(seen, "second");
  set_diagnostics_handler({});
}

}  // namespace
}  // namespace braintrust
