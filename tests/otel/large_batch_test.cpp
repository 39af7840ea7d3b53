// Batches that are too large for one request: by our own bound, or as the server has it. Given to the exporter itself, since
// the batch processor may begin a batch after any span.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include <opentelemetry/sdk/resource/resource.h>

#include "otel/exporter.h"
#include "otel/received.h"
#include "otlp/request_size.h"
#include "support/told.h"

namespace braintrust::test {
namespace {

using nlohmann::json;
using opentelemetry::sdk::instrumentationscope::InstrumentationScope;
using otel::detail::BraintrustExporter;

class LargeBatch : public testing::Test {
 protected:
  void refuse_more_than(std::size_t bytes) {
    receiver.server.handle(path, [bytes](const ServerRequest& request) {
      return Answer{.status = request.body.size() > bytes ? 413 : 200, .body = {}};
    });
  }
  void add(const std::string& name, std::size_t bytes) { add(name, bytes, *scope); }
  void add(const std::string& name, std::size_t bytes, const InstrumentationScope& its_scope) {
    auto span = BraintrustExporter::new_record();
    span->SetResource(resource);
    span->SetInstrumentationScope(its_scope);
    span->SetName(name);
    span->SetAttribute("text", std::string(bytes, 'x').c_str());
    batch.push_back(std::move(span));
  }
  // Whether all of the batch was taken.
  bool send() {
    const auto result = exporter.Export({batch.data(), batch.size()});
    batch.clear();
    return result == opentelemetry::sdk::common::ExportResult::kSuccess;
  }
  // How often the spans of each name came, in requests of so many bytes at most.
  std::map<std::string, int> came(std::size_t most_bytes) const {
    std::map<std::string, int> times;
    for (const ReceivedSpan& span : receiver.spans(most_bytes)) ++times[span.name];
    return times;
  }

  static constexpr const char* path = "/otel/v1/traces";
  const opentelemetry::sdk::resource::Resource resource = opentelemetry::sdk::resource::Resource::Create({{"of", "all"}});
  const std::unique_ptr<InstrumentationScope> scope = InstrumentationScope::Create("test");
  const Told told;
  Receiver receiver;
  const otel::SpanProcessorOptions options = receiver.options();
  const std::shared_ptr<otel::detail::ExportCounts> counts = std::make_shared<otel::detail::ExportCounts>();
  BraintrustExporter exporter{
      {.connection = {.api_key = options.api_key, .api_url = options.api_url}, .parent = options.parent}, counts};
  std::vector<std::unique_ptr<BraintrustExporter::Recordable>> batch;
};

TEST_F(LargeBatch, GoesInHalvesWhereTheServerFindsItTooLarge) {
  refuse_more_than(20'000);
  for (int i = 0; i < 100; ++i) add(std::to_string(i), 1000);
  EXPECT_TRUE(send());
  EXPECT_EQ(counts->sent, 100u);
  EXPECT_EQ(counts->failed, 0u);
  const auto times = came(20'000);
  EXPECT_EQ(times.size(), 100u);
  EXPECT_THAT(times, testing::Each(testing::Pair(testing::_, 1)));
  EXPECT_THAT(told.all(), testing::IsEmpty());
}

TEST_F(LargeBatch, HasItsResourceAndScopesAroundEachPart) {
  refuse_more_than(5'000);
  const auto a = InstrumentationScope::Create("a", "1"), b = InstrumentationScope::Create("b", "1");
  for (int i = 0; i < 7; ++i) add("a", 1000, *a);
  for (int i = 0; i < 7; ++i) add("b", 1000, *b);
  EXPECT_TRUE(send());
  const auto requests = receiver.server.requests(path);
  ASSERT_GT(requests.size(), 2u);
  json expected;
  for (const ServerRequest& request : requests) {
    json message = decoded(request.body);
    for (json& part : message["resourceSpans"]) {
      if (expected.is_null()) expected = part["resource"];
      EXPECT_EQ(part["resource"], expected);
      for (json& of_scope : part["scopeSpans"]) {
        EXPECT_EQ(of_scope["scope"]["version"], "1");
        for (json& span : of_scope["spans"]) EXPECT_EQ(span["name"], of_scope["scope"]["name"]);
      }
    }
  }
  EXPECT_FALSE(expected["attributes"].empty());
}

TEST_F(LargeBatch, LosesOnlyTheSpanThatIsTooLargeByItself) {
  refuse_more_than(20'000);
  for (int i = 0; i < 9; ++i) add(std::to_string(i), 1000);
  add("large", 50'000);
  EXPECT_FALSE(send());
  EXPECT_EQ(counts->sent, 9u);
  EXPECT_EQ(counts->failed, 1u);
  EXPECT_EQ(came(20'000).size(), 9u);
  EXPECT_EQ(told.all().size(), 1u);
  EXPECT_TRUE(told.mentions("a span of OpenTelemetry is too large for " + receiver.server.url()));
  EXPECT_TRUE(told.mentions("413"));
}

TEST_F(LargeBatch, GoesInRequestsOfTwoMebibytesAtMost) {
  for (int i = 0; i < 5; ++i) add(std::to_string(i), 500'000);
  EXPECT_TRUE(send());
  EXPECT_EQ(receiver.server.count(path), 2u);
  const auto times = came(detail::otlp::most_request_bytes);
  EXPECT_EQ(times.size(), 5u);
  EXPECT_THAT(times, testing::Each(testing::Pair(testing::_, 1)));
}

TEST_F(LargeBatch, IsOneSpanWhereThatIsLargerThanARequestShouldBe) {
  add("small", 1000);
  add("large", 3'000'000);
  EXPECT_TRUE(send());
  EXPECT_EQ(counts->sent, 2u);
  EXPECT_EQ(receiver.server.count(path), 2u);
}

TEST_F(LargeBatch, CountsWhatBecameOfEachPart) {
  const std::string one_rejected = "\x0a\x02\x08\x01";  // partial_success { rejected_spans: 1 }
  receiver.server.on(path, {{.status = 413}, {.body = one_rejected}, {.status = 400}});
  for (int i = 0; i < 4; ++i) add("work", 1);
  EXPECT_FALSE(send());
  EXPECT_EQ(receiver.server.count(path), 3u);
  EXPECT_EQ(counts->sent, 1u);
  EXPECT_EQ(counts->failed, 3u);
}

TEST_F(LargeBatch, IsSentAgainPartByPart) {
  receiver.server.on(path, {{.status = 413}, {.status = 503}, {.body = {}}, {.deed = Deed::drop}, {.body = {}}});
  for (const char* const name : {"a", "b"}) add(name, 1);
  EXPECT_TRUE(send());
  EXPECT_EQ(counts->sent, 2u);
  const auto requests = receiver.server.requests(path);
  ASSERT_EQ(requests.size(), 5u);
  EXPECT_EQ(requests[1].body, requests[2].body);
  EXPECT_EQ(requests[3].body, requests[4].body);
}

TEST_F(LargeBatch, GoesNoFurtherOnceItsKeyIsRefused) {
  receiver.server.on(path, {{.status = 413}, {.status = 401}, {.body = {}}});
  for (int i = 0; i < 4; ++i) add("work", 1);
  EXPECT_FALSE(send());
  EXPECT_EQ(receiver.server.count(path), 2u);
  EXPECT_EQ(counts->failed, 4u);
  EXPECT_EQ(told.count(ErrorCode::unauthorized), 1u);
  EXPECT_EQ(told.all().size(), 1u);
  add("later", 1);
  EXPECT_TRUE(send());
}

TEST_F(LargeBatch, LosesOnlyWhatWasNotTakenBeforeItIsGivenUp) {
  receiver.server.on(path, {{.status = 413}, {.body = {}}, {.status = 413}, {.deed = Deed::hang}});
  for (int i = 0; i < 4; ++i) add("work", 1);
  std::thread sender([this] { EXPECT_FALSE(send()); });
  EXPECT_TRUE(eventually([&] { return receiver.server.count(path) == 4; }));
  exporter.give_up();
  sender.join();
  EXPECT_EQ(counts->sent, 2u);
  EXPECT_EQ(counts->given_up, 2u);
  EXPECT_EQ(counts->failed, 0u);
  EXPECT_EQ(receiver.server.count(path), 4u);
}

}  // namespace
}  // namespace braintrust::test
