// Which spans are sent: INST 21.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "otel/received.h"
#include "support/told.h"

namespace braintrust::test {
namespace {

using Attributes = std::vector<std::pair<std::string, std::string>>;

std::vector<std::string> names(const Receiver& receiver) {
  std::vector<std::string> found;
  for (const ReceivedSpan& span : receiver.spans()) found.push_back(span.name);
  return found;
}

struct FilterCase {
  const char* what;
  Attributes at_start;
  Attributes later;
  bool kept;
};

class AiFilter : public testing::TestWithParam<FilterCase> {};

TEST_P(AiFilter, KeepsWhatHasToDoWithAi) {
  Receiver receiver;
  auto options = receiver.options();
  options.filter_ai_spans = true;
  Tracing tracing(options);
  auto span = tracing.tracer().StartSpan("a span", GetParam().at_start);
  for (const auto& [key, value] : GetParam().later) span->SetAttribute(key, value);
  span->End();
  ASSERT_TRUE(tracing.flush());
  EXPECT_EQ(receiver.spans().size(), GetParam().kept ? 1u : 0u) << GetParam().what;
  EXPECT_EQ(tracing.stats().filtered, GetParam().kept ? 0u : 1u);
}

INSTANTIATE_TEST_SUITE_P(
    Inst21, AiFilter,
    testing::Values(FilterCase{"gen_ai.", {{"gen_ai.system", "x"}}, {}, true},
                    FilterCase{"llm.", {{"llm.model", "x"}}, {}, true}, FilterCase{"ai.", {{"ai.model", "x"}}, {}, true},
                    FilterCase{"traceloop.", {{"traceloop.span.kind", "x"}}, {}, true},
                    FilterCase{"braintrust.", {{"braintrust.input_json", "1"}}, {}, true},
                    FilterCase{"set late", {}, {{"gen_ai.request.model", "x"}}, true},
                    FilterCase{"one of many", {{"http.route", "/"}, {"llm.x", "1"}}, {{"db.system", "x"}}, true},
                    FilterCase{"near miss: another word before", {{"xbraintrust.y", "1"}}, {}, false},
                    FilterCase{"near miss: no dot", {{"gen_ai", "1"}, {"llmx.y", "1"}, {"aix.y", "1"}}, {}, false},
                    FilterCase{"near miss: upper case", {{"GEN_AI.system", "1"}}, {}, false},
                    FilterCase{"the value does not count", {{"x", "gen_ai.system"}}, {}, false},
                    FilterCase{"no attributes", {}, {}, false},
                    FilterCase{"only where it goes", {{"braintrust.parent", "project_name:q"}}, {}, false},
                    FilterCase{"only system attributes",
                               {{"braintrust.org", "o"}, {"braintrust.app_url", "u"}, {"braintrust.context_json", "{}"}},
                               {},
                               false},
                    FilterCase{"system attributes and others", {{"braintrust.org", "o"}, {"braintrust.tags", "t"}}, {}, true}));

TEST(AiFilterRoots, AreNoExceptionUnlessAskedFor) {
  for (const bool keep : {false, true}) {
    Receiver receiver;
    auto options = receiver.options();
    options.filter_ai_spans = true;
    options.keep_root_spans = keep;
    Tracing tracing(options);
    {
      auto root = tracing.start("root");
      const OtelScope in_root(root);
      auto middle = tracing.start("middle");
      const OtelScope in_middle(middle);
      tracing.tracer().StartSpan("chat", {{"gen_ai.system", "x"}})->End();
      middle->End();
      root->End();
    }
    ASSERT_TRUE(tracing.flush());
    if (keep) {
      EXPECT_THAT(names(receiver), testing::UnorderedElementsAre("root", "chat"));
    } else {
      EXPECT_THAT(names(receiver), testing::ElementsAre("chat"));
    }
  }
}

// How often it is told that a root was filtered, and how many spans were, where two roots and a span below each end.
std::string told_of_filtered_roots(bool keep) {
  int times = 0;
  set_diagnostics_handler([&](Severity severity, const Error& error) {
    times += severity == Severity::info && error.message.find("a root span without AI attributes") != std::string::npos ? 1 : 0;
  });
  Receiver receiver;
  auto options = receiver.options();
  options.filter_ai_spans = true;
  options.keep_root_spans = keep;
  Tracing tracing(options);
  for (int i = 0; i < 2; ++i) {
    auto root = tracing.start("root");
    const OtelScope in_root(root);
    tracing.start("below")->End();
    root->End();
  }
  set_diagnostics_handler({});
  return std::to_string(times) + " for " + std::to_string(tracing.stats().filtered);
}

// Each in a process of its own: from which severity on things are told is read once.
TEST(AiFilterRoots, ThatAreFilteredAreToldOfOnce) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const Variables variables({{"BRAINTRUST_DEBUG_LOG_LEVEL", "info"}});
  const auto tell = [](const std::string& text) {
    std::fputs(text.c_str(), stderr);
    std::_Exit(0);
  };
  EXPECT_EXIT(tell(told_of_filtered_roots(false)), testing::ExitedWithCode(0), "^1 for 4$");
  EXPECT_EXIT(tell(told_of_filtered_roots(true)), testing::ExitedWithCode(0), "^0 for 2$");
}

TEST(AiFilterSpanNames, DoNotCount) {
  Receiver receiver;
  auto options = receiver.options();
  options.filter_ai_spans = true;
  Tracing tracing(options);
  tracing.start("gen_ai.chat")->End();
  ASSERT_TRUE(tracing.flush());
  EXPECT_EQ(receiver.spans().size(), 0u);
}

TEST(AiFilterSwitch, IsOffUnlessOptionOrVariableSaySo) {
  struct Case {
    std::optional<bool> option;
    std::optional<std::string> variable;
    bool filtered;
  };
  for (const Case& one : {Case{{}, {}, false}, Case{{}, "true", true}, Case{{}, "1", true}, Case{{}, "false", false},
                          Case{{}, "  ", false}, Case{false, "true", false}, Case{true, "false", true}}) {
    const Variables variables({{"BRAINTRUST_FILTER_AI_SPANS", one.variable}});
    Receiver receiver;
    auto options = receiver.options();
    options.filter_ai_spans = one.option;
    Tracing tracing(options);
    tracing.start("plain")->End();
    ASSERT_TRUE(tracing.flush());
    EXPECT_EQ(receiver.spans().size(), one.filtered ? 0u : 1u) << one.variable.value_or("unset");
  }
}

TEST(CustomFilter, KeepsDropsOrLeavesItToTheAiFilter) {
  Receiver receiver;
  auto options = receiver.options();
  options.filter_ai_spans = true;
  options.custom_filter = [](const otel::EndedSpan& span) -> std::optional<bool> {
    if (span.name().starts_with("keep")) return true;
    if (span.name().starts_with("drop")) return false;
    return std::nullopt;
  };
  Tracing tracing(options);
  const Attributes ai = {{"gen_ai.system", "x"}};
  tracing.start("keep plain")->End();
  tracing.tracer().StartSpan("keep ai", ai)->End();
  tracing.start("drop plain")->End();
  tracing.tracer().StartSpan("drop ai", ai)->End();
  tracing.start("none plain")->End();
  tracing.tracer().StartSpan("none ai", ai)->End();
  ASSERT_TRUE(tracing.flush());
  EXPECT_THAT(names(receiver), testing::UnorderedElementsAre("keep plain", "keep ai", "none ai"));
  EXPECT_EQ(tracing.stats().ended, 6u);
  EXPECT_EQ(tracing.stats().filtered, 3u);
  EXPECT_EQ(tracing.stats().sent, 3u);
}

TEST(CustomFilter, IsAskedWithoutTheAiFilterToo) {
  Receiver receiver;
  auto options = receiver.options();
  options.custom_filter = [](const otel::EndedSpan& span) -> std::optional<bool> {
    return span.name() == "health" ? std::optional(false) : std::nullopt;
  };
  Tracing tracing(options);
  tracing.start("health")->End();
  tracing.start("work")->End();
  ASSERT_TRUE(tracing.flush());
  EXPECT_THAT(names(receiver), testing::ElementsAre("work"));
}

TEST(CustomFilter, SeesTheSpanAsItEnded) {
  Receiver receiver;
  auto options = receiver.options();
  int asked = 0;
  options.custom_filter = [&](const otel::EndedSpan& span) -> std::optional<bool> {
    if (span.name() != "renamed") return std::nullopt;
    ++asked;
    EXPECT_EQ(span.instrumentation(), "test");
    EXPECT_TRUE(span.has_parent());
    EXPECT_EQ(span.kind(), opentelemetry::trace::SpanKind::kClient);
    EXPECT_EQ(span.status(), opentelemetry::trace::StatusCode::kError);
    EXPECT_GE(span.duration(), std::chrono::nanoseconds(0));
    EXPECT_EQ(std::get<std::string_view>(span.attribute("text")), "second");
    EXPECT_EQ(std::get<std::int64_t>(span.attribute("whole")), -7);
    EXPECT_EQ(std::get<double>(span.attribute("real")), 0.5);
    EXPECT_EQ(std::get<bool>(span.attribute("yes")), true);
    EXPECT_THAT(std::get<std::vector<std::string_view>>(span.attribute("list")), testing::ElementsAre("a", "b"));
    EXPECT_TRUE(std::holds_alternative<std::monostate>(span.attribute("none")));
    EXPECT_TRUE(span.any_key([](std::string_view key) { return key == "yes"; }));
    EXPECT_FALSE(span.any_key([](std::string_view key) { return key == "none"; }));
    return std::nullopt;
  };
  Tracing tracing(options);
  {
    auto parent = tracing.start("parent");
    const OtelScope scope(parent);
    opentelemetry::trace::StartSpanOptions client;
    client.kind = opentelemetry::trace::SpanKind::kClient;
    auto span = tracing.tracer().StartSpan("a span", {{"text", "first"}}, client);
    span->SetAttribute("text", "second");
    span->SetAttribute("whole", -7);
    span->SetAttribute("real", 0.5);
    span->SetAttribute("yes", true);
    const opentelemetry::nostd::string_view list[] = {"a", "b"};
    span->SetAttribute("list", opentelemetry::nostd::span<const opentelemetry::nostd::string_view>(list));
    span->SetStatus(opentelemetry::trace::StatusCode::kError, "it failed");
    span->UpdateName("renamed");
    span->End();
    parent->End();
  }
  EXPECT_EQ(asked, 1);
}

TEST(CustomFilter, ThatThrowsHasNoOpinionAndIsToldOf) {
  Receiver receiver;
  const Told told;
  auto options = receiver.options();
  options.custom_filter = [](const otel::EndedSpan&) -> std::optional<bool> { throw std::runtime_error("no idea"); };
  Tracing tracing(options);
  tracing.start("work")->End();
  ASSERT_TRUE(tracing.flush());
  EXPECT_THAT(names(receiver), testing::ElementsAre("work"));
  EXPECT_TRUE(told.mentions("no idea"));
}

}  // namespace
}  // namespace braintrust::test
