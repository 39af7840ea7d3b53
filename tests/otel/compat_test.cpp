// BRAINTRUST_OTEL_COMPAT. A process of its own: contexts that were bridged stay so.

#include <gtest/gtest.h>

#include "otel/received.h"

namespace braintrust::test {
namespace {

TEST(OtelCompat, BridgesContextsWhenAProcessorIsMade) {
  Backend backend;
  Receiver receiver;
  const auto trace_of_ours = [&](Tracing& tracing, const std::string& name) {
    auto theirs = tracing.start("theirs of " + name);
    const OtelScope scope(theirs);
    { const auto ours = backend.logger().start_span(name); }
    theirs->End();
    return backend.row(name)["root_span_id"] == hex_of(theirs->GetContext().trace_id());
  };
  for (const char* const no : {"", "  ", "false", "0", "no", "off", "perhaps"}) {
    const Variables variables({{"BRAINTRUST_OTEL_COMPAT", no}});
    Tracing tracing(receiver.options());
    EXPECT_FALSE(trace_of_ours(tracing, std::string("apart: ") + no)) << no;
  }
  for (const char* const yes : {"on", "true", "1", "yes", "y", "Y"}) {
    const Variables variables({{"BRAINTRUST_OTEL_COMPAT", yes}});
    Tracing tracing(receiver.options());
    EXPECT_TRUE(trace_of_ours(tracing, std::string("bridged: ") + yes)) << yes;
  }
}

}  // namespace
}  // namespace braintrust::test
