// What arrives of spans of opentelemetry-cpp: attributes, headers, and where each goes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include <opentelemetry/baggage/baggage_context.h>
#include <opentelemetry/context/runtime_context.h>
#include <opentelemetry/exporters/memory/in_memory_span_data.h>
#include <opentelemetry/exporters/memory/in_memory_span_exporter.h>
#include <opentelemetry/sdk/trace/simple_processor.h>
#include <opentelemetry/trace/noop.h>
#include <opentelemetry/trace/provider.h>

#include "otel/parents.h"
#include "otel/received.h"
#include "support/told.h"

namespace braintrust::test {
namespace {

using opentelemetry::context::Context;
using opentelemetry::context::RuntimeContext;

// Nothing of the tester's own reaches a test.
class ProcessorTest : public testing::Test {
 protected:
  Variables nothing_set_{{{"BRAINTRUST_API_KEY", std::nullopt},
                          {"BRAINTRUST_API_URL", std::nullopt},
                          {"BRAINTRUST_APP_URL", std::nullopt},
                          {"BRAINTRUST_PARENT", std::nullopt},
                          {"BRAINTRUST_PROJECT", std::nullopt},
                          {"BRAINTRUST_PROJECT_ID", std::nullopt},
                          {"BRAINTRUST_DEFAULT_PROJECT", std::nullopt},
                          {"BRAINTRUST_FILTER_AI_SPANS", std::nullopt}}};
};
using SpanProcessor = ProcessorTest;
using SpanProcessorPlace = ProcessorTest;
using SpanProcessorSettings = ProcessorTest;

// A working directory of its own for `.env.braintrust`.
class Folder {
 public:
  Folder() : former_(std::filesystem::current_path()) {
    std::string name = (std::filesystem::temp_directory_path() / "braintrust-otel.XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder");
    path_ = name;
    std::filesystem::current_path(path_);
    write("");  // nothing above counts
  }
  ~Folder() {
    std::filesystem::current_path(former_);
    std::filesystem::remove_all(path_);
  }
  void write(const std::string& text) const { std::ofstream(path_ / ".env.braintrust") << text; }

 private:
  std::filesystem::path former_;
  std::filesystem::path path_;
};

TEST_F(SpanProcessor, DeliversEveryAttributeIntact) {
  Receiver receiver;
  Tracing tracing(receiver.options());
  const std::string text = "Zo\xC3\xAB \"quoted\" \\ \n\t and \xF0\x9F\x98\x80";
  {
    auto parent = tracing.start("parent");
    const OtelScope scope(parent);
    auto span = tracing.start("child");
    span->SetAttribute("text", text);
    span->SetAttribute("empty", "");
    span->SetAttribute("whole", std::int64_t{-9007199254740993});
    span->SetAttribute("real", 0.1);
    span->SetAttribute("no", false);
    const std::int64_t wholes[] = {1, -2};
    span->SetAttribute("wholes", opentelemetry::nostd::span<const std::int64_t>(wholes));
    const bool bools[] = {false, true};
    span->SetAttribute("bools", opentelemetry::nostd::span<const bool>(bools));
    const opentelemetry::nostd::string_view tags[] = {"a", "b"};
    span->SetAttribute("braintrust.tags", opentelemetry::nostd::span<const opentelemetry::nostd::string_view>(tags));
    span->SetAttribute("braintrust.input_json", R"({"question":"why?"})");
    span->AddEvent("an event", {{"detail", "d"}});
    span->SetStatus(opentelemetry::trace::StatusCode::kError, "it failed");
    span->End();
    parent->End();
  }
  ASSERT_TRUE(tracing.flush());

  const ReceivedSpan span = receiver.span("child");
  EXPECT_EQ(span.parent_id, receiver.span("parent").span_id);
  EXPECT_EQ(span.trace_id, receiver.span("parent").trace_id);
  EXPECT_EQ(span.text("text"), text);
  EXPECT_EQ(span.text("empty"), "");
  EXPECT_EQ(span.attribute("whole")["intValue"], "-9007199254740993");
  EXPECT_EQ(span.attribute("real")["doubleValue"], 0.1);
  EXPECT_EQ(span.attribute("no")["boolValue"], false);
  EXPECT_EQ(span.attribute("wholes")["arrayValue"]["values"][1]["intValue"], "-2");
  EXPECT_EQ(span.attribute("bools")["arrayValue"]["values"][1]["boolValue"], true);
  EXPECT_EQ(span.attribute("braintrust.tags")["arrayValue"]["values"][1]["stringValue"], "b");
  EXPECT_EQ(span.text("braintrust.input_json"), R"({"question":"why?"})");
  ASSERT_EQ(span.json["events"].size(), 1u);
  EXPECT_EQ(span.json["events"][0]["name"], "an event");
  EXPECT_EQ(span.json["status"]["message"], "it failed");
  EXPECT_EQ(span.json["kind"], "SPAN_KIND_INTERNAL");
  EXPECT_GE(std::stoull(span.json["endTimeUnixNano"].get<std::string>()),
            std::stoull(span.json["startTimeUnixNano"].get<std::string>()));
  EXPECT_EQ(tracing.stats().sent, 2u);
}

TEST_F(SpanProcessor, SendsAnAttributeThatWasSetAgainOnceWithItsLastValue) {
  Receiver receiver;
  Tracing tracing(receiver.options());
  auto span = tracing.tracer().StartSpan("work", {{"a", "1"}, {"b", "1"}, {"c", "1"}});
  span->SetAttribute("b", "2");
  span->SetAttribute("a", "2");
  span->SetAttribute("b", "3");
  span->SetAttribute("braintrust.parent", "project_name:late");
  span->End();
  ASSERT_TRUE(tracing.flush());
  const ReceivedSpan received = receiver.span("work");
  EXPECT_EQ(received.json["attributes"].size(), 4u);
  EXPECT_EQ(received.text("a"), "2");
  EXPECT_EQ(received.text("b"), "3");
  EXPECT_EQ(received.text("c"), "1");
  EXPECT_EQ(received.text("braintrust.parent"), "project_name:late");
}

TEST_F(SpanProcessor, SaysWhoItIsAndWhereSpansGo) {
  Receiver receiver;
  auto options = receiver.options();
  options.headers = {{"X-Tenant", "seven"}, {"user-agent", "mine"}};
  Tracing tracing(options);
  tracing.start("work")->End();
  ASSERT_TRUE(tracing.flush());
  const ReceivedSpan span = receiver.span("work");
  EXPECT_EQ(span.headers.at("authorization"), "Bearer " + options.api_key);
  EXPECT_EQ(span.headers.at("x-bt-parent"), "project_name:p");
  EXPECT_EQ(span.headers.at("content-type"), "application/x-protobuf");
  EXPECT_EQ(span.headers.at("x-tenant"), "seven");
  EXPECT_EQ(span.headers.at("user-agent"), "mine");
  EXPECT_EQ(span.text("braintrust.parent"), "project_name:p");
}

TEST_F(SpanProcessor, LeavesOutAHeaderThatWouldBreakTheRequest) {
  Receiver receiver;
  const Told told;
  auto options = receiver.options();
  options.parent = "project_name:a\r\nX-Evil: 1";
  options.headers = {{"X-Good", "1"}, {"X-Bad", "1\r\nX-Evil: 1"}, {"X Bad", "1"}};
  Tracing tracing(options);
  tracing.start("work")->End();
  ASSERT_TRUE(tracing.flush());
  const ReceivedSpan span = receiver.span("work");
  EXPECT_EQ(span.headers.count("x-evil"), 0u);
  EXPECT_EQ(span.headers.count("x-bad"), 0u);
  EXPECT_EQ(span.headers.at("x-good"), "1");
  EXPECT_EQ(span.headers.at("x-bt-parent"), "project_name:Global");
  EXPECT_EQ(told.count(ErrorCode::invalid_argument), 3u);
}

TEST_F(SpanProcessor, TakesNothingFromTheSettingsOfAnotherCollector) {
  const Variables variables({{"OTEL_EXPORTER_OTLP_HEADERS", "authorization=secret,x-other=1"},
                             {"OTEL_EXPORTER_OTLP_TRACES_HEADERS", "authorization=secret,x-other=1"},
                             {"OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"},
                             {"OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"},
                             {"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "1ns"}});
  Receiver receiver;
  Tracing tracing(receiver.options());
  tracing.start("work")->End();
  ASSERT_TRUE(tracing.flush());
  const ReceivedSpan span = receiver.span("work");
  EXPECT_EQ(span.headers.at("authorization"), "Bearer " + FakeBraintrust().api_key);
  EXPECT_EQ(span.headers.count("x-other"), 0u);
}

TEST_F(SpanProcessor, LeavesOtherProcessorsUntouched) {
  namespace memory = opentelemetry::exporter::memory;
  Receiver receiver;
  auto options = receiver.options();
  options.filter_ai_spans = true;
  Tracing tracing(options);
  auto exporter = std::make_unique<memory::InMemorySpanExporter>();
  const auto data = exporter->GetData();
  tracing.provider().AddProcessor(std::make_unique<opentelemetry::sdk::trace::SimpleSpanProcessor>(std::move(exporter)));
  tracing.tracer().StartSpan("plain", {{"a", "1"}})->End();
  const auto spans = data->GetSpans();
  ASSERT_EQ(spans.size(), 1u);
  EXPECT_EQ(spans[0]->GetAttributes().size(), 1u);
  ASSERT_TRUE(tracing.flush());
  EXPECT_EQ(receiver.spans().size(), 0u);
}

TEST_F(SpanProcessor, IsAddedToAProviderOfTheSdkOnly) {
  Receiver receiver;
  const Told told;
  opentelemetry::sdk::trace::TracerProvider provider(std::vector<std::unique_ptr<opentelemetry::sdk::trace::SpanProcessor>>{});
  EXPECT_TRUE(otel::add_braintrust_span_processor(provider, receiver.options()));
  provider.GetTracer("t")->StartSpan("work")->End();
  EXPECT_TRUE(provider.ForceFlush());
  EXPECT_EQ(receiver.span("work").text("braintrust.parent"), "project_name:p");

  EXPECT_EQ(told.all().size(), 0u);
  opentelemetry::trace::NoopTracerProvider noop;
  EXPECT_FALSE(otel::add_braintrust_span_processor(noop, receiver.options()));
  EXPECT_EQ(told.count(ErrorCode::invalid_argument), 1u);
}

// ---------------------------------------------------------------------------------------------------------------- settings

TEST_F(SpanProcessorSettings, AreMadeWithoutAnyKeyAndTheKeyIsLookedForWhenSpansAreSent) {
  const Folder folder;
  Receiver receiver;
  const Told told;
  auto options = receiver.options();
  options.api_key = "  ";
  Tracing tracing(options);
  EXPECT_EQ(told.all().size(), 0u);
  tracing.start("lost")->End();
  EXPECT_FALSE(tracing.flush());
  EXPECT_EQ(told.count(ErrorCode::missing_api_key), 1u);
  EXPECT_TRUE(told.mentions("BRAINTRUST_API_KEY"));
  EXPECT_TRUE(told.mentions(".env.braintrust"));
  EXPECT_EQ(tracing.stats().failed, 1u);

  folder.write("BRAINTRUST_API_KEY=from-file\n");
  tracing.start("later")->End();
  EXPECT_TRUE(tracing.flush());
  EXPECT_EQ(receiver.span("later").headers.at("authorization"), "Bearer from-file");
}

TEST_F(SpanProcessorSettings, PreferTheOptionToTheVariableToTheFile) {
  struct Case {
    std::string option, variable, file, used;
  };
  for (const Case& one : {Case{"o", "v", "f", "o"}, Case{"", "v", "f", "v"}, Case{" ", " ", "f", "f"}}) {
    const Folder folder;
    Receiver receiver;
    folder.write("BRAINTRUST_API_KEY=key-" + one.file + "\nBRAINTRUST_API_URL=" + receiver.server.url() +
                 "/f\nBRAINTRUST_PROJECT=project-f\nBRAINTRUST_PARENT=project_name:never\n");
    const auto value = [](const std::string& prefix, const std::string& text) {
      return text == " " || text.empty() ? text : prefix + text;
    };
    const Variables variables({{"BRAINTRUST_API_KEY", value("key-", one.variable)},
                               {"BRAINTRUST_API_URL", value(receiver.server.url() + "/", one.variable)},
                               {"BRAINTRUST_PARENT", value("project_name:project-", one.variable)}});
    receiver.server.on("/" + one.used + "/otel/v1/traces", {{.body = {}}});
    otel::SpanProcessorOptions options;
    options.parent = value("project_name:project-", one.option);
    options.api_key = value("key-", one.option);
    options.api_url = value(receiver.server.url() + "/", one.option);
    Tracing tracing(options);
    tracing.start("work")->End();
    EXPECT_TRUE(tracing.flush());
    const auto requests = receiver.server.requests("/" + one.used + "/otel/v1/traces");
    ASSERT_EQ(requests.size(), 1u) << one.used;
    EXPECT_EQ(requests[0].headers.at("authorization"), "Bearer key-" + one.used);
    EXPECT_EQ(requests[0].headers.at("x-bt-parent"), "project_name:project-" + one.used);
  }
}

TEST_F(SpanProcessorSettings, TakeTheProjectThatALoggerWouldTake) {
  struct Case {
    Variables::Values variables;
    std::string parent;
  };
  for (const Case& one : {Case{{{"BRAINTRUST_PROJECT", "named"}}, "project_name:named"},
                          Case{{{"BRAINTRUST_PROJECT", "named"}, {"BRAINTRUST_PROJECT_ID", "id7"}}, "project_id:id7"},
                          Case{{}, "project_name:Global"}}) {
    const Folder folder;
    const Variables variables(one.variables);
    Receiver receiver;
    auto options = receiver.options();
    options.parent.clear();
    Tracing tracing(options);
    tracing.start("work")->End();
    ASSERT_TRUE(tracing.flush());
    EXPECT_EQ(receiver.span("work").headers.at("x-bt-parent"), one.parent);
  }
}

TEST_F(SpanProcessorSettings, LearnTheUrlFromTheLoginWhereNothingNamesOne) {
  const Folder folder;
  Receiver receiver;  // where the account's data live
  ScriptedServer app;
  FakeBraintrust fake;
  fake.api_url = receiver.server.url();
  play_braintrust(app, fake);
  auto options = receiver.options();
  options.api_url.clear();
  options.app_url = app.url();
  Tracing tracing(options);
  tracing.start("work")->End();
  tracing.start("work")->End();
  ASSERT_TRUE(tracing.flush());
  tracing.start("later")->End();
  ASSERT_TRUE(tracing.flush());
  EXPECT_EQ(receiver.spans().size(), 3u);
  EXPECT_EQ(app.count("/api/apikey/login"), 1u);
}

TEST_F(SpanProcessorSettings, AreLookedForAgainAfterTheKeyWasRefused) {
  for (const bool with_login : {false, true}) {
    const Folder folder;
    Receiver receiver;
    receiver.server.on("/otel/v1/traces", {{.status = 401, .body = "no: sk-old-key"}, {.body = {}}});
    receiver.server.on("/api/apikey/login",
                       {{.body = R"({"org_info":[{"id":"o","name":"acme","api_url":")" + receiver.server.url() + R"("}]})"}});
    const Told told;
    auto options = receiver.options();
    options.api_key.clear();
    options.app_url = receiver.server.url();
    if (with_login) options.api_url.clear();
    folder.write("BRAINTRUST_API_KEY=sk-old-key\n");
    Tracing tracing(options);
    tracing.start("refused")->End();
    EXPECT_FALSE(tracing.flush());
    EXPECT_EQ(told.count(ErrorCode::unauthorized), 1u);
    EXPECT_FALSE(told.mentions("sk-old-key"));
    folder.write("BRAINTRUST_API_KEY=sk-new-key\n");
    tracing.start("taken")->End();
    EXPECT_TRUE(tracing.flush());
    EXPECT_EQ(receiver.span("taken").headers.at("authorization"), "Bearer sk-new-key");
  }
}

TEST_F(SpanProcessorSettings, SayWhenTheKeyIsRefusedWithoutSayingTheKey) {
  const Folder folder;
  Receiver receiver;
  const Told told;
  auto options = receiver.options();
  options.api_url.clear();
  options.app_url = receiver.server.url();
  options.api_key = "sk-wrong-key";
  Tracing tracing(options);
  tracing.start("work")->End();
  EXPECT_FALSE(tracing.flush());
  EXPECT_EQ(told.count(ErrorCode::unauthorized), 1u);
  EXPECT_FALSE(told.mentions("sk-wrong-key"));
}

TEST_F(SpanProcessor, MakesUtf8OfTextsThatAreNone) {
  Receiver receiver;
  Tracing tracing(receiver.options());
  auto span = tracing.start("na\xFFme");
  span->SetAttribute("url.path", "/m\xFCller");
  span->SetAttribute("k\xFFy", "good");
  const opentelemetry::nostd::string_view texts[] = {"a\xFF", "b"};
  span->SetAttribute("texts", opentelemetry::nostd::span<const opentelemetry::nostd::string_view>(texts));
  span->AddEvent("ev\xFFnt", {{"exception.message", "b\xFF"}});
  span->SetStatus(opentelemetry::trace::StatusCode::kError, "st\xFFtus");
  span->End();
  ASSERT_TRUE(tracing.flush());
  const ReceivedSpan came = receiver.span("na\xEF\xBF\xBDme");
  EXPECT_EQ(came.text("url.path"), "/m\xEF\xBF\xBDller");
  EXPECT_EQ(came.text("k\xEF\xBF\xBDy"), "good");
  EXPECT_EQ(came.attribute("texts")["arrayValue"]["values"][0]["stringValue"], "a\xEF\xBF\xBD");
  EXPECT_EQ(came.json["events"][0]["name"], "ev\xEF\xBF\xBDnt");
  EXPECT_EQ(came.json["events"][0]["attributes"][0]["value"]["stringValue"], "b\xEF\xBF\xBD");
  EXPECT_EQ(came.json["status"]["message"], "st\xEF\xBF\xBDtus");
}

// ------------------------------------------------------------------------------------------------------- where a span goes

Context with_baggage(const std::string& parent) {
  Context context = RuntimeContext::GetCurrent();
  const auto baggage = opentelemetry::baggage::GetBaggage(context)->Set("other", "x")->Set("braintrust.parent", parent);
  return opentelemetry::baggage::SetBaggage(context, baggage);
}

TEST_F(SpanProcessorPlace, IsTheFirstOfAttributeContextBaggageParentSpanAndOption) {
  Receiver receiver;
  Tracing tracing(receiver.options());
  const opentelemetry::nostd::string_view key = "braintrust.parent";
  {
    tracing.start("option")->End();
    auto parent = tracing.tracer().StartSpan("attribute", {{key, "project_name:attribute"}});
    const OtelScope in_parent(parent);
    auto child = tracing.start("parent span");
    {
      const OtelScope in_child(child);
      tracing.start("grandparent span")->End();
    }
    {
      const auto token = RuntimeContext::Attach(with_baggage("project_id:baggage"));
      tracing.start("baggage")->End();
      const auto inner = RuntimeContext::Attach(otel::with_parent(RuntimeContext::GetCurrent(), "experiment_id:context"));
      tracing.start("context")->End();
      tracing.tracer().StartSpan("attribute in context", {{key, "project_name:own"}})->End();
      tracing.tracer().StartSpan("blank attribute", {{key, "  "}})->End();
    }
    child->End();
    parent->End();
  }
  tracing.start("option again")->End();
  ASSERT_TRUE(tracing.flush());
  const std::map<std::string, std::string> expected = {{"option", "project_name:p"},
                                                       {"attribute", "project_name:attribute"},
                                                       {"parent span", "project_name:attribute"},
                                                       {"grandparent span", "project_name:attribute"},
                                                       {"baggage", "project_id:baggage"},
                                                       {"context", "experiment_id:context"},
                                                       {"attribute in context", "project_name:own"},
                                                       {"blank attribute", "experiment_id:context"},
                                                       {"option again", "project_name:p"}};
  for (const auto& [name, parent] : expected) EXPECT_EQ(receiver.span(name).text("braintrust.parent"), parent) << name;
}

TEST_F(SpanProcessorPlace, IsNoneThatABaggageNamesWronglyOrAtGreatLength) {
  Receiver receiver;
  Tracing tracing(receiver.options());
  for (const std::string& parent : {std::string("garbage"), std::string("playground_logs:x"), std::string("project_name: "),
                                    "project_name:" + std::string(2000, 'x')}) {
    const auto token = RuntimeContext::Attach(with_baggage(parent));
    tracing.start(parent)->End();
    ASSERT_TRUE(tracing.flush());
    EXPECT_EQ(receiver.span(parent).text("braintrust.parent"), "project_name:p");
  }
}

TEST_F(SpanProcessorPlace, MayBeAnyText) {
  Receiver receiver;
  Tracing tracing(receiver.options());
  const auto token = RuntimeContext::Attach(otel::with_parent({}, "project_name:Zo\xC3\xAB, 50%+x"));
  tracing.start("work")->End();
  ASSERT_TRUE(tracing.flush());
  EXPECT_EQ(receiver.span("work").text("braintrust.parent"), "project_name:Zo\xC3\xAB, 50%+x");
}

TEST_F(SpanProcessorPlace, IsInheritedFromAParentThatEndedOnAnotherThread) {
  Receiver receiver;
  Tracing tracing(receiver.options());
  auto parent = tracing.tracer().StartSpan("parent", {{"braintrust.parent", "project_name:q"}});
  std::thread([&] { parent->End(); }).join();
  opentelemetry::trace::StartSpanOptions below;
  below.parent = parent->GetContext();
  tracing.tracer().StartSpan("child", {}, below)->End();
  ASSERT_TRUE(tracing.flush());
  EXPECT_EQ(receiver.span("child").text("braintrust.parent"), "project_name:q");
}

TEST_F(SpanProcessorPlace, IsRememberedForBoundedlyManySpans) {
  Receiver receiver;
  auto options = receiver.options();
  options.custom_filter = [](const otel::EndedSpan&) { return std::optional(false); };
  Tracing tracing(options);
  constexpr std::size_t most = 16 * otel::detail::ended_parents_kept;
  for (std::size_t i = 0; i < most + most / 2; ++i) {
    tracing.tracer().StartSpan("elsewhere", {{"braintrust.parent", "project_name:q"}})->End();
  }
  EXPECT_LE(otel::detail::remembered_parents(), most);
  EXPECT_GE(otel::detail::remembered_parents(), otel::detail::ended_parents_kept);
  const std::size_t before = otel::detail::remembered_parents();
  tracing.start("at home")->End();
  EXPECT_EQ(otel::detail::remembered_parents(), before);
}

TEST_F(SpanProcessor, LeavesBothWorldsApartUnlessTheyAreBridged) {
  Receiver receiver;
  Tracing tracing(receiver.options());
  Backend backend;
  {
    auto theirs = tracing.start("theirs");
    const OtelScope scope(theirs);
    auto ours = backend.logger().start_span("ours");
    tracing.start("theirs below")->End();
    theirs->End();
  }
  ASSERT_TRUE(tracing.flush());
  EXPECT_NE(backend.row("ours")["root_span_id"], receiver.span("theirs").trace_id);
  EXPECT_EQ(receiver.span("theirs below").parent_id, receiver.span("theirs").span_id);
}

}  // namespace
}  // namespace braintrust::test
