// Spans on their way to an OTLP server, through the public interface and real HTTP.

#include <braintrust/otlp/otlp.h>

#include <deque>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <braintrust/braintrust.h>

#include "core/gzip.h"
#include "otlp/protobuf_reader.h"
#include "otlp/schema.h"
#include "support/fake_braintrust.h"
#include "support/told.h"
#include "trace/backend.h"

namespace braintrust {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Answer;
using test::Deed;
using test::ScriptedServer;
using test::ServerRequest;
using testing::Contains;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

constexpr const char* path = "/v1/traces";

class OtlpExporter : public testing::Test {
 protected:
  OtlpExporter() { collector.on(path, {{}}); }

  // To the collector alone, as JSON.
  LoggerOptions only(OtlpOptions options = {}) {
    if (options.endpoint.empty()) options.endpoint = collector.url();
    if (!options.protocol) options.protocol = OtlpProtocol::http_json;
    return {.project = "My Project", .exporter = otlp(options)};
  }

  static json spans_in(const ServerRequest& request) {
    const json body = json::parse(request.body);
    return body["resourceSpans"][0]["scopeSpans"][0]["spans"];
  }
  // All spans that came, by name.
  std::map<std::string, json> spans() const {
    std::map<std::string, json> all;
    for (const ServerRequest& request : collector.requests(path)) {
      for (const json& span : spans_in(request)) {
        EXPECT_TRUE(all.emplace(span["name"], span).second) << span["name"] << " came twice";
      }
    }
    return all;
  }
  static json attribute(const json& span, std::string_view key) {
    for (const json& one : span["attributes"]) {
      if (one["key"] == key) return one["value"].begin().value();
    }
    return nullptr;
  }

  ScriptedServer collector;
  test::Told told;
};

TEST_F(OtlpExporter, SendsSpansToTheCollectorAndAsksNothingElse) {
  auto logger = init_logger(only());
  {
    auto outer = logger.start_span("outer");
    auto inner = logger.start_span("inner", {.type = SpanType::llm, .input = "Hi", .metadata = {{"model", "m"}}});
    inner.log({.output = "Hello", .metrics = {{"prompt_tokens", 3}}});
  }
  EXPECT_TRUE(logger.flush().complete());
  const auto came = spans();
  ASSERT_EQ(came.size(), 2U);
  const json& outer = came.at("outer");
  const json& inner = came.at("inner");
  EXPECT_EQ(inner["traceId"], outer["traceId"]);
  EXPECT_EQ(inner["parentSpanId"], outer["spanId"]);
  EXPECT_FALSE(outer.contains("parentSpanId"));
  EXPECT_EQ(attribute(inner, "braintrust.parent"), "project_name:My Project");
  EXPECT_EQ(attribute(inner, "braintrust.input_json"), "\"Hi\"");
  EXPECT_EQ(attribute(inner, "gen_ai.usage.input_tokens"), "3");
  EXPECT_LE(std::stoull(outer["startTimeUnixNano"].get<std::string>()),
            std::stoull(inner["startTimeUnixNano"].get<std::string>()));
  EXPECT_LE(std::stoull(inner["endTimeUnixNano"].get<std::string>()), std::stoull(outer["endTimeUnixNano"].get<std::string>()));
  EXPECT_EQ(collector.requests().size(), collector.requests(path).size()) << "no login, no project: only traces";
  EXPECT_THAT(told.all(), testing::IsEmpty());
  EXPECT_EQ(logger.stats().sent_rows, 2U);
}

TEST_F(OtlpExporter, SpeaksProtobufUnlessAskedOtherwise) {
  auto logger = init_logger({.exporter = otlp({.endpoint = collector.url()})});
  logger.start_span("work").end();
  EXPECT_TRUE(logger.flush().complete());
  ASSERT_EQ(collector.count(path), 1U);
  const ServerRequest request = collector.requests(path).front();
  EXPECT_EQ(request.headers.at("content-type"), "application/x-protobuf");
  namespace schema = detail::otlp::schema;
  std::vector<std::string> names;
  for (detail::otlp::ProtobufReader top(request.body); top.next();) {
    for (detail::otlp::ProtobufReader resource(top.bytes()); resource.next();) {
      if (resource.field() != schema::resource_spans::scope_spans) continue;
      for (detail::otlp::ProtobufReader scope(resource.bytes()); scope.next();) {
        if (scope.field() != schema::scope_spans::spans) continue;
        for (detail::otlp::ProtobufReader span(scope.bytes()); span.next();) {
          if (span.field() == schema::span::name) names.emplace_back(span.bytes());
        }
      }
    }
  }
  EXPECT_THAT(names, ElementsAre("work"));
}

TEST_F(OtlpExporter, SaysWhoTheSpansComeFrom) {
  auto logger =
      init_logger(only({.service_name = "assistant", .resource_attributes = {{"deployment.environment.name", "prod"}}}));
  logger.start_span("work").end();
  logger.flush();
  const json body = json::parse(collector.requests(path).at(0).body);
  std::map<std::string, std::string> resource;
  for (const json& one : body["resourceSpans"][0]["resource"]["attributes"]) resource[one["key"]] = one["value"]["stringValue"];
  EXPECT_EQ(resource["service.name"], "assistant");
  EXPECT_EQ(resource["deployment.environment.name"], "prod");
  EXPECT_EQ(resource["telemetry.sdk.language"], "cpp");
  EXPECT_EQ(body["resourceSpans"][0]["scopeSpans"][0]["scope"]["name"], "braintrust.sdk.cpp");
}

class OtlpBesideBraintrust : public OtlpExporter {
 protected:
  OtlpBesideBraintrust() { play_braintrust(braintrust); }

  LoggerOptions both(QueueOptions queue = {}) {
    return {.project = "P",
            .api_key = test::FakeBraintrust().api_key,
            .app_url = braintrust.url(),
            .queue = queue,
            .exporters = {otlp({.endpoint = collector.url(), .protocol = OtlpProtocol::http_json})}};
  }
  // Waits until a span that is open was shown to Braintrust.
  void shown(std::size_t rows) {
    ASSERT_TRUE(test::eventually([&] { return rows_of(braintrust).size() >= rows; }));
  }

  ScriptedServer braintrust;
};

TEST_F(OtlpBesideBraintrust, SendsAsWellToBraintrustWhenItIsOneOfSeveral) {
  auto logger = init_logger(both());
  logger.start_span("both").end();
  EXPECT_TRUE(logger.flush().complete());
  const auto rows = rows_of(braintrust);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0]["span_id"], spans().at("both")["spanId"]);
  EXPECT_EQ(logger.stats().sent_rows, 2U) << "one for each place";
}

TEST_F(OtlpBesideBraintrust, SendsASpanOnceThoughBraintrustWasShownItWhileItWasOpen) {
  auto logger = init_logger(both());
  auto span = logger.start_span("long", {.input = "first"});
  shown(1);
  span.log({.metadata = {{"k", 1}}});
  shown(2);
  EXPECT_TRUE(spans().empty());
  span.log({.output = "last"});
  span.end();
  EXPECT_TRUE(logger.flush().complete());
  const auto came = spans();
  EXPECT_EQ(attribute(came.at("long"), "braintrust.input_json"), "\"first\"");
  EXPECT_EQ(attribute(came.at("long"), "braintrust.output_json"), "\"last\"");
  EXPECT_EQ(attribute(came.at("long"), "braintrust.metadata"), R"({"k":1})");
}

TEST_F(OtlpBesideBraintrust, GoesOnToBraintrustWhileTheCollectorIsAway) {
  collector.on(path, {{.status = 503}});
  auto logger = init_logger(both({.max_bytes = 8u << 20, .max_rows = 1'000'000}));
  // More than the whole queue may hold.
  const std::string text(2000, 'x');
  constexpr std::uint64_t rows = 10'000;
  for (std::uint64_t i = 0; i < rows; ++i) {
    logger.start_span("span", {.input = text}).end();
    while (logger.stats().queued_bytes > (5u << 20)) std::this_thread::yield();
  }
  const auto sent = [&] { return logger.stats().sent_rows; };
  while (sent() < rows && logger.stats().dropped.queue_full < rows) {
    std::this_thread::yield();
    logger.flush(milliseconds(1));
  }
  EXPECT_EQ(sent(), rows) << "all of them reached Braintrust";
  EXPECT_GT(logger.stats().dropped.queue_full, 0U) << "and what the collector has no place for is counted";
  EXPECT_TRUE(told.mentions("one of several places"));
  logger.shutdown(milliseconds(0));
}

TEST_F(OtlpExporter, ReachesTheCollectorThoughBraintrustHasNoKey) {
  ScriptedServer braintrust;
  auto logger = init_logger({.project = "P",
                             .api_key = "",
                             .app_url = braintrust.url(),
                             .exporters = {otlp({.endpoint = collector.url(), .protocol = OtlpProtocol::http_json})}});
  logger.start_span("work").end();
  while (collector.count(path) == 0) logger.flush(milliseconds(50));
  EXPECT_EQ(spans().count("work"), 1U);
  EXPECT_EQ(logger.shutdown(milliseconds(100)).pending, 1U) << "Braintrust's";
}

TEST_F(OtlpBesideBraintrust, SendsTheEndOfALongSpanThatCameJustBeforeTheLoggerEnds) {
  auto logger = init_logger(both());
  auto span = logger.start_span("long", {.input = "first"});
  shown(1);
  span.log({.output = "last"});
  span.end();
  EXPECT_TRUE(logger.shutdown().complete());
  EXPECT_EQ(attribute(spans().at("long"), "braintrust.output_json"), "\"last\"");
  EXPECT_EQ(logger.stats().dropped.total(), 0U);
}

TEST_F(OtlpBesideBraintrust, IsNotHeldUpByOpenSpansHoweverMuchTheyHold) {
  auto logger = init_logger(both({.max_bytes = 3u << 20, .max_rows = 10'000}));
  // More than the exporter's share of the bound.
  std::vector<Span> open;
  for (int i = 0; i < 10; ++i) {
    open.push_back(logger.start_span("open " + std::to_string(i), {.input = std::string(120'000, 'x'), .set_current = false}));
  }
  shown(open.size());
  const std::size_t lost = logger.stats().dropped.queue_full;
  for (Span& span : open) span.end();
  EXPECT_EQ(logger.flush(seconds(30)).pending, 0U);
  EXPECT_EQ(spans().size() + lost, open.size()) << "what there was no room for is counted once";
  EXPECT_GT(lost, 0U);
  EXPECT_EQ(logger.stats().dropped.total(), lost);
  EXPECT_TRUE(told.mentions("spans that are open for long"));
}

TEST_F(OtlpBesideBraintrust, CountsALongSpanOnceThatBeganWhileTheCollectorHadNoRoom) {
  collector.on(path, {{.status = 503}});
  auto logger = init_logger(both({.max_bytes = 3u << 20, .max_rows = 100'000}));
  const std::string text(20'000, 'x');
  std::size_t others = 0;
  while (!told.mentions("one of several places")) {
    logger.start_span("other", {.input = text}).end();
    ++others;
    while (logger.stats().queued_bytes > (2u << 20)) logger.flush(milliseconds(1));
  }
  shown(others);  // what the collector has no room for is counted by then
  const auto before = logger.stats().dropped.queue_full;
  auto span = logger.start_span("long", {.input = text});
  const auto named_long = [](const json& row) { return row["span_attributes"].value("name", "") == "long"; };
  ASSERT_TRUE(test::eventually([&] {
    const auto rows = rows_of(braintrust);
    return std::any_of(rows.begin(), rows.end(), named_long);
  }));
  span.log({.metadata = {{"k", 1}}});
  ASSERT_TRUE(test::eventually([&] {
    const auto rows = rows_of(braintrust);
    return std::any_of(rows.begin(), rows.end(), [](const json& row) { return row.contains("metadata"); });
  }));
  collector.on(path, {{}});
  span.end();
  EXPECT_TRUE(logger.flush(seconds(60)).pending == 0);
  for (const ServerRequest& request : collector.requests(path)) {
    for (const json& one : spans_in(request)) EXPECT_NE(one["name"], "long");
  }
  EXPECT_EQ(logger.stats().dropped.queue_full, before + 1);
  EXPECT_EQ(logger.stats().dropped.not_carried, 0U);
}

TEST_F(OtlpBesideBraintrust, SendsALongSpanAsItStandsWhenTheQueueHadNoRoomForItsEnd) {
  auto logger = init_logger(both({.max_bytes = 3u << 20, .max_rows = 10'000}));
  auto span = logger.start_span("long", {.input = "first"});
  shown(1);
  collector.on(path, {{.status = 503}});
  braintrust.on("/logs3", {{.status = 503}});
  // Until the queue stays full.
  const auto dropped = [&] { return logger.stats().dropped.queue_full; };
  for (int refused = 0; refused < 1000;) {
    const auto before = dropped();
    logger.start_span("other", {.input = std::string(1000, 'x'), .set_current = false}).end();
    refused = dropped() > before ? refused + 1 : 0;
    if (refused == 0) logger.flush(milliseconds(1));
  }
  const auto before = dropped();
  span.log({.output = std::string(50'000, 'x')});
  span.end();
  ASSERT_EQ(dropped(), before + 1);
  collector.on(path, {{}});
  braintrust.on("/logs3", {{}});
  EXPECT_EQ(logger.flush(seconds(60)).pending, 0U);
  json came;
  for (const ServerRequest& request : collector.requests(path)) {
    for (const json& one : spans_in(request)) {
      if (one["name"] == "long") came = one;
    }
  }
  ASSERT_TRUE(came.is_object()) << "while the logger lives";
  EXPECT_EQ(attribute(came, "braintrust.input_json"), "\"first\"");
  EXPECT_EQ(attribute(came, "braintrust.output_json"), nullptr);
  EXPECT_GT(came["endTimeUnixNano"].get<std::string>(), came["startTimeUnixNano"].get<std::string>());
}

TEST_F(OtlpBesideBraintrust, DropsNothingWhileAllPlacesAreAwayAndTheQueueHasRoom) {
  collector.on(path, {{.status = 503}});
  braintrust.on("/logs3", {{.status = 503}});
  auto logger = init_logger(both({.max_bytes = 16u << 20, .max_rows = 100'000}));
  logger.start_span("first").end();
  while (!told.mentions("takes no rows") || !told.mentions("takes no spans")) logger.flush(milliseconds(10));
  for (int i = 0; i < 3000; ++i) {
    logger.start_span("span", {.input = std::string(2000, 'x')}).end();
    if (i % 500 == 0) logger.flush(milliseconds(1));
  }
  logger.flush(milliseconds(300));
  EXPECT_EQ(logger.stats().dropped.total(), 0U);
  collector.on(path, {{}});
  braintrust.on("/logs3", {{}});
  EXPECT_TRUE(logger.flush(seconds(60)).complete());
  EXPECT_EQ(logger.stats().sent_rows, 2U * 3001);
}

TEST_F(OtlpBesideBraintrust, SendsTheEndOfASpanThatItKeepsThoughTheCollectorIsAway) {
  auto logger = init_logger(both({.max_bytes = 3u << 20, .max_rows = 10'000}));
  auto span = logger.start_span("kept", {.input = "first"});
  shown(1);
  collector.on(path, {{.status = 503}});
  while (logger.stats().dropped.queue_full == 0) {  // the collector's share is used up
    logger.start_span("other", {.input = std::string(50'000, 'x'), .set_current = false}).end();
    logger.flush(milliseconds(5));
  }
  span.log({.output = "last"});
  span.end();
  collector.on(path, {{}});
  EXPECT_EQ(logger.flush(seconds(60)).pending, 0U);
  std::vector<std::string> outputs;
  for (const ServerRequest& request : collector.requests(path)) {
    for (const json& one : spans_in(request)) {
      if (one["name"] == "kept") outputs.push_back(attribute(one, "braintrust.output_json"));
    }
  }
  ASSERT_FALSE(outputs.empty());
  EXPECT_THAT(outputs, testing::Each(std::string("\"last\"")));
}

// --- retry

TEST_F(OtlpExporter, RepeatsWhatTheSpecificationSaysAndLosesNothing) {
  const int statuses[] = {429, 502, 503, 504};
  std::deque<ScriptedServer> servers;
  std::vector<Logger> loggers;
  for (const int status : statuses) {
    servers.emplace_back().on(path, {{.deed = Deed::drop}, {.status = status}, {.status = status}, {}});
    loggers.push_back(init_logger(only({.endpoint = servers.back().url()})));
    loggers.back().start_span("work").end();
  }
  for (std::size_t i = 0; i < std::size(statuses); ++i) {
    EXPECT_TRUE(loggers[i].flush(seconds(30)).complete()) << statuses[i];
    EXPECT_EQ(servers[i].count(path), 4U) << statuses[i];
    EXPECT_EQ(loggers[i].stats().retries, 3U) << statuses[i];
  }
}

TEST_F(OtlpExporter, DoesNotRepeatWhatTheSpecificationForbids) {
  for (const int status : {400, 401, 404, 500, 501}) {
    ScriptedServer strict;
    strict.on(path, {{.status = status}, {}});
    auto logger = init_logger(only({.endpoint = strict.url()}));
    logger.start_span("work").end();
    const FlushResult result = logger.flush();
    EXPECT_EQ(result.failed, 1U) << status;
    EXPECT_EQ(strict.count(path), 1U) << status;
    EXPECT_TRUE(told.mentions("refused 1 span (status " + std::to_string(status))) << status;
  }
}

TEST_F(OtlpExporter, WaitsAsLongAsTheServerAsks) {
  collector.on(path, {{.status = 429, .headers = {{"Retry-After", "1"}}}, {}});
  auto logger = init_logger(only());
  logger.start_span("work").end();
  const auto begin = std::chrono::steady_clock::now();
  while (!told.mentions("takes no spans at present")) logger.flush(milliseconds(1));
  logger.start_span("more").end();
  EXPECT_FALSE(logger.flush(milliseconds(200)).complete());
  EXPECT_EQ(collector.count(path), 1U) << "others wait, too";
  EXPECT_TRUE(logger.flush(seconds(30)).complete());
  EXPECT_GE(std::chrono::steady_clock::now() - begin, seconds(1));
}

TEST_F(OtlpExporter, DeliversEverythingWhenTheCollectorComesUpLate) {
  const int port = test::free_port();
  auto logger = init_logger(only({.endpoint = "http://127.0.0.1:" + std::to_string(port)}));
  for (int i = 0; i < 2500; ++i) logger.start_span("span " + std::to_string(i)).end();
  while (!told.mentions("takes no spans at present")) logger.flush(milliseconds(10));
  ScriptedServer late(port);
  late.on(path, {{}});
  EXPECT_TRUE(logger.flush(seconds(60)).complete());
  std::size_t came = 0;
  for (const ServerRequest& request : late.requests(path)) came += spans_in(request).size();
  EXPECT_EQ(came, 2500U);
}

TEST_F(OtlpExporter, HalvesWhatIsTooLarge) {
  collector.handle(path,
                   [](const ServerRequest& request) { return Answer{.status = request.body.size() > 20'000 ? 413 : 200}; });
  auto logger = init_logger(only());
  for (int i = 0; i < 100; ++i) logger.start_span("span " + std::to_string(i), {.input = std::string(1000, 'x')}).end();
  EXPECT_TRUE(logger.flush(seconds(30)).complete());
  std::map<std::string, int> came;
  for (const ServerRequest& request : collector.requests(path)) {
    if (request.body.size() > 20'000) continue;
    for (const json& span : spans_in(request)) ++came[span["name"]];
  }
  EXPECT_EQ(came.size(), 100U);
  for (const auto& [name, times] : came) EXPECT_EQ(times, 1) << name;
}

TEST_F(OtlpExporter, CountsWhatTheServerTookOnlyInPart) {
  collector.on(path, {{.body = R"({"partialSuccess":{"rejectedSpans":"2","errorMessage":"too old"}})"}});
  auto logger = init_logger(only());
  for (int i = 0; i < 5; ++i) logger.start_span("span").end();
  const FlushResult result = logger.flush();
  EXPECT_EQ(result.sent, 3U);
  EXPECT_EQ(result.failed, 2U);
  EXPECT_EQ(collector.count(path), 1U) << "a success is never repeated";
  EXPECT_TRUE(told.mentions("refused 2 of 5 spans: too old"));
}

TEST_F(OtlpExporter, HidesItsKeyInWhatTheServerSays) {
  collector.on(path, {{.body = R"({"partialSuccess":{"rejectedSpans":"1","errorMessage":"Bearer secret-key-1 may not"}})"}});
  auto logger = init_logger(only({.headers = {{"authorization", "Bearer secret-key-1"}}}));
  logger.start_span("span").end();
  logger.flush();
  EXPECT_TRUE(told.mentions("refused 1 of 1 span"));
  EXPECT_FALSE(told.mentions("secret-key-1"));
}

TEST_F(OtlpExporter, PutsRightTheNameOfAProjectThatIsNoUtf8) {
  LoggerOptions options = only({.protocol = OtlpProtocol::http_protobuf});
  options.project = "M\xFCller";
  auto logger = init_logger(options);
  logger.start_span("span").end();
  EXPECT_TRUE(logger.flush().complete());
  EXPECT_THAT(collector.requests(path).at(0).body, testing::HasSubstr("project_name:M\xEF\xBF\xBDller"));
}

// --- what OTLP cannot say

TEST_F(OtlpExporter, CountsWhatOtlpHasNoFormFor) {
  auto logger = init_logger(only());
  auto span = logger.start_span("work");
  const SpanHandle handle = span.handle();
  span.end();
  handle.log({.metadata = {{"late", true}}});
  logger.log_feedback({.id = handle.id(), .scores = {{"good", 1}}, .comment = "yes"});
  const FlushResult result = logger.flush();
  EXPECT_EQ(result.sent, 1U);
  EXPECT_EQ(result.dropped, 3U);
  EXPECT_EQ(logger.stats().dropped.not_carried, 3U);
  EXPECT_TRUE(told.mentions("OTLP has no form"));
}

TEST_F(OtlpExporter, LeavesMediaOfModelCallsInTheirMessagesWhereNobodyTakesAttachments) {
  const std::string picture =
      "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
  auto logger = init_logger(only());
  auto create =
      wrap_openai([](const json&) { return json::parse(R"({"choices":[{"index":0,"message":{"content":"A dot."}}]})"); });
  create({{"model", "m"},
          {"messages", {{{"role", "user"}, {"content", {{{"type", "image_url"}, {"image_url", {{"url", picture}}}}}}}}}});
  EXPECT_TRUE(logger.flush().complete());
  EXPECT_THAT(attribute(spans().at("Chat Completion"), "braintrust.input_json").get<std::string>(),
              testing::HasSubstr(picture));
}

TEST_F(OtlpExporter, SaysOnceThatAttachmentsAreNotForCollectors) {
  auto logger = init_logger(only());
  logger.start_span("one", {.input = Attachment::bytes("bytes")}).end();
  const FlushResult result = logger.flush();
  EXPECT_EQ(result.sent, 1U);
  EXPECT_EQ(result.attachments_failed, 1U);
  EXPECT_TRUE(told.mentions("attachments go to Braintrust only"));
}

TEST_F(OtlpExporter, LeavesRecordsOfDatasetsToBraintrust) {
  auto backend = local::Server::start();
  ASSERT_TRUE(backend);
  auto logger = init_logger(only());
  const test::Variables variables(
      {{"BRAINTRUST_API_KEY", "any"}, {"BRAINTRUST_APP_URL", backend->url()}, {"BRAINTRUST_API_URL", backend->url()}});
  auto dataset = init_dataset({.project = "P", .name = "D"});  // of the usual connection, which is the logger's, too
  dataset.insert({.input = "question"});
  EXPECT_TRUE(dataset.flush().complete());
  std::size_t records = 0;
  for (const auto& record : dataset) records += record ? 1 : 0;
  EXPECT_EQ(records, 1U);
}

TEST_F(OtlpExporter, SendsOpenSpansAsTheyStandWhenTheLoggerEnds) {
  auto logger = init_logger(only());
  auto span = logger.start_span("open", {.input = "so far"});
  EXPECT_EQ(logger.shutdown().pending, 0U);
  const auto came = spans();
  ASSERT_EQ(came.count("open"), 1U);
  EXPECT_EQ(attribute(came.at("open"), "braintrust.input_json"), "\"so far\"");
  EXPECT_GE(std::stoull(came.at("open")["endTimeUnixNano"].get<std::string>()),
            std::stoull(came.at("open")["startTimeUnixNano"].get<std::string>()));
}

// --- options and environment

class OtlpEnvironment : public OtlpExporter {
 protected:
  void set(const char* name, const std::string& value) { variables_.emplace_back(test::Variables::Values{{name, value}}); }

  // What the collector got of one span of a logger with these options.
  ServerRequest request_of(const OtlpOptions& options) {
    auto logger = init_logger({.project = "P", .exporter = otlp(options)});
    logger.start_span("work").end();
    EXPECT_TRUE(logger.flush().complete());
    const auto all = collector.requests();
    return all.empty() ? ServerRequest() : all.back();
  }

 private:
  std::deque<test::Variables> variables_;
};

TEST_F(OtlpEnvironment, TakesTheStandardVariables) {
  collector.on("/base/v1/traces", {{}});
  set("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url() + "/base");
  set("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json");
  set("OTEL_EXPORTER_OTLP_HEADERS", "x-one=a%20b, x-two=2,broken,=none");
  set("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip");
  set("OTEL_SERVICE_NAME", "from env");
  set("OTEL_RESOURCE_ATTRIBUTES", "service.name=other,host.name=h%2C1");
  const ServerRequest request = request_of({});
  EXPECT_EQ(request.path, "/base/v1/traces");
  EXPECT_EQ(request.headers.at("content-type"), "application/json");
  EXPECT_EQ(request.headers.at("x-one"), "a b");
  EXPECT_EQ(request.headers.at("x-two"), "2");
  EXPECT_EQ(request.headers.at("content-encoding"), "gzip");
  const auto body = detail::gunzip(request.body, 1 << 20);
  ASSERT_TRUE(body);
  EXPECT_THAT(*body, testing::HasSubstr(R"({"key":"service.name","value":{"stringValue":"from env"}})"));
  EXPECT_THAT(*body, testing::HasSubstr(R"({"key":"host.name","value":{"stringValue":"h,1"}})"));
}

TEST_F(OtlpEnvironment, PrefersTheVariableForTracesAndTakesItsAddressAsItIs) {
  collector.on("/elsewhere", {{}});
  set("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1");
  set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", collector.url() + "/elsewhere");
  set("OTEL_EXPORTER_OTLP_HEADERS", "x-one=general,x-two=2");
  set("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "x-one=traces");
  const ServerRequest request = request_of({});
  EXPECT_EQ(request.path, "/elsewhere");
  EXPECT_EQ(request.headers.at("x-one"), "traces");
  EXPECT_EQ(request.headers.at("x-two"), "2");
}

TEST_F(OtlpEnvironment, TakesHeadersOfAnyCaseForTheSame) {
  set("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20env");
  const ServerRequest request = request_of({.endpoint = collector.url(), .headers = {{"Authorization", "Bearer option"}}});
  EXPECT_EQ(request.headers.at("authorization"), "Bearer option");
}

TEST_F(OtlpEnvironment, TakesAKeyWithTheLineBreakOfItsFileAndTellsOfAHeaderThatCanBeNone) {
  set("OTEL_EXPORTER_OTLP_HEADERS", "x-one=1%0A,x%20two=2");
  const ServerRequest request =
      request_of({.endpoint = collector.url(), .headers = {{"Authorization", "Bearer key\n"}, {"x-three", "3\r\nx-four: 4"}}});
  EXPECT_EQ(request.headers.at("authorization"), "Bearer key");
  EXPECT_EQ(request.headers.at("x-one"), "1");
  EXPECT_EQ(request.headers.count("x-three") + request.headers.count("x-four") + request.headers.count("x two"), 0U);
  EXPECT_TRUE(told.mentions("a header has a name or a value that no header can have"));
}

TEST_F(OtlpEnvironment, PutsRightWhatIsNoUtf8) {
  set("OTEL_RESOURCE_ATTRIBUTES", "host.name=m%FCller");
  const ServerRequest request = request_of({.endpoint = collector.url()});
  EXPECT_THAT(request.body, testing::HasSubstr("m\xEF\xBF\xBDller"));
}

TEST_F(OtlpEnvironment, PrefersOptions) {
  set("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1");
  set("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf");
  set("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip");
  set("OTEL_EXPORTER_OTLP_HEADERS", "x-one=env");
  const ServerRequest request = request_of({.endpoint = collector.url() + "/v1/traces",
                                            .headers = {{"x-one", "option"}},
                                            .protocol = OtlpProtocol::http_json,
                                            .gzip = false});
  EXPECT_EQ(request.path, path);
  EXPECT_EQ(request.headers.at("x-one"), "option");
  EXPECT_EQ(request.headers.at("content-type"), "application/json");
  EXPECT_EQ(request.headers.count("content-encoding"), 0U);
}

TEST_F(OtlpEnvironment, SaysWhichVariableIsWrongAndGoesOn) {
  set("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
  set("OTEL_EXPORTER_OTLP_COMPRESSION", "zip");
  set("OTEL_EXPORTER_OTLP_TIMEOUT", "10s");
  const ServerRequest request = request_of({.endpoint = collector.url()});
  EXPECT_EQ(request.headers.at("content-type"), "application/x-protobuf");
  for (const char* const name : {"PROTOCOL", "COMPRESSION", "TIMEOUT"}) {
    EXPECT_TRUE(told.mentions(std::string("OTEL_EXPORTER_OTLP_") + name)) << name;
  }
}

}  // namespace
}  // namespace braintrust
