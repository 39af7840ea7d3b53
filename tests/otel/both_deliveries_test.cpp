// Both deliveries into one backend: spans of opentelemetry-cpp by OTLP, ours as rows, read back as one tree.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include <braintrust/local/draw.h>
#include <braintrust/trace/traced.h>

#include "otel/received.h"
#include "support/told.h"

namespace braintrust::test {
namespace {

class BothDeliveries : public testing::Test {
 protected:
  BothDeliveries() { otel::bridge_contexts(); }

  otel::SpanProcessorOptions options() const {
    otel::SpanProcessorOptions options;
    options.parent = "project_name:p";
    options.api_key = "local";
    options.api_url = backend.url();
    options.batch.schedule_delay_millis = std::chrono::milliseconds(20);
    return options;
  }
  OtelSpan start_model_call() {
    return tracing.tracer().StartSpan("chat", {{"gen_ai.operation.name", "chat"},
                                               {"gen_ai.request.model", "gpt-5-mini"},
                                               {"gen_ai.usage.input_tokens", 12},
                                               {"gen_ai.usage.output_tokens", 5}});
  }
  // theirs ─ ours ─ theirs (a model call), and ours below the first again.
  void handle_request() {
    auto request = tracing.start("request");
    const OtelScope in_request(request);
    {
      auto answer = backend.logger().start_span("answer", {.input = "question"});
      start_model_call()->End();
      answer.log({.output = "Paris"});
    }
    { auto judge = backend.logger().start_span("judge"); }
    request->End();
  }
  std::string tree() const {
    const auto traces = backend.store().traces_written();
    if (traces.size() != 1) throw std::runtime_error(std::to_string(traces.size()) + " traces were written");
    const auto text = local::draw_trace(backend.store(), traces.front());
    return text ? *text : text.error().message;
  }

  mutable Backend backend;
  Tracing tracing{options()};
};

// In whatever characters it is drawn: one in front of a child, two in front of a grandchild.
constexpr const char* whole_tree =
    "4 spans[^\n]*17 tok[^\n]*\nrequest [^\n]*\n[^\n ]+ answer [^\n]*\n[^\n]*in +question\n[^\n]*out +Paris\n"
    "[^\n ]+ +[^\n ]+ chat +llm [^\n]*17 tok[^\n]*\n[^\n ]+ judge ";

TEST_F(BothDeliveries, AreOneTreeWhenOursArriveFirst) {
  handle_request();
  backend.rows();
  ASSERT_TRUE(tracing.flush());
  EXPECT_THAT(tree(), testing::ContainsRegex(whole_tree));
  EXPECT_THAT(tree(), testing::Not(testing::HasSubstr("parent missing")));
}

TEST_F(BothDeliveries, AreOneTreeWhenTheirsArriveFirst) {
  handle_request();
  ASSERT_TRUE(tracing.flush());
  backend.rows();
  EXPECT_THAT(tree(), testing::ContainsRegex(whole_tree));
  EXPECT_THAT(tree(), testing::Not(testing::HasSubstr("parent missing")));
}

TEST_F(BothDeliveries, AreOneTraceWithParentsOfEitherKind) {
  {
    auto a = backend.logger().start_span("a");
    auto b = tracing.start("b");
    const OtelScope in_b(b);
    auto c = backend.logger().start_span("c");
    auto d = tracing.start("d");
    const OtelScope in_d(d);
    auto e = backend.logger().start_span("e");
    tracing.start("f")->End();
    d->End();
    b->End();
  }
  ASSERT_TRUE(tracing.flush());
  const auto rows = backend.rows();
  ASSERT_EQ(rows.size(), 6u);
  std::optional<Row> parent;
  for (const char* const name : {"a", "b", "c", "d", "e", "f"}) {
    Row row = only_row(rows, name);
    EXPECT_EQ(row["project_id"], rows[0]["project_id"]) << name;
    EXPECT_EQ(row["root_span_id"], rows[0]["root_span_id"]) << name;
    EXPECT_EQ(row.value("span_parents", Row::array()), parent ? Row::array({(*parent)["span_id"]}) : Row::array()) << name;
    parent = row;
  }
}

TEST_F(BothDeliveries, PutTheirSpansBelowOursIntoOurProjectWhateverTheProcessorsIs) {
  auto elsewhere = options();
  elsewhere.parent = "project_name:elsewhere";
  Tracing other(elsewhere);
  {
    auto ours = backend.logger().start_span("ours");
    other.start("theirs")->End();
  }
  other.start("theirs alone")->End();
  ASSERT_TRUE(other.flush());
  Row ours = backend.row("ours"), theirs = backend.row("theirs"), alone = backend.row("theirs alone");
  EXPECT_EQ(theirs["project_id"], ours["project_id"]);
  EXPECT_NE(alone["project_id"], ours["project_id"]);
}

TEST_F(BothDeliveries, TellWhatTheBackendRejects) {
  const Told told;
  tracing.start("taken")->End();
  tracing.tracer().StartSpan("of no place", {{"braintrust.parent", "nowhere"}})->End();
  EXPECT_FALSE(tracing.flush());
  EXPECT_EQ(tracing.stats().sent, 1u);
  EXPECT_EQ(tracing.stats().failed, 1u);
  EXPECT_TRUE(told.mentions("of no project or experiment"));
  EXPECT_EQ(name_of(backend.only()), "taken");
}

}  // namespace
}  // namespace braintrust::test
