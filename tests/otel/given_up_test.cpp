// What an exporter reads of spans once it was given up: their provider may be destroyed next.

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "otel/exporter.h"
#include "otel/received.h"
#include "otel/span_record.h"

namespace braintrust::test {
namespace {

using opentelemetry::common::AttributeValue;
using opentelemetry::common::KeyValueIterable;
using opentelemetry::common::SystemTimestamp;
using opentelemetry::nostd::string_view;
using opentelemetry::sdk::trace::Recordable;

// Stands for opentelemetry-cpp's record of a span whose encoding is still going on when the exporter is given up.
class SlowRecord final : public Recordable {
 public:
  struct Reading {
    explicit Reading(const otel::detail::BraintrustExporter& reader) : exporter(reader) {}
    const otel::detail::BraintrustExporter& exporter;
    std::atomic<int> begun = 0;
    std::atomic<int> over = 0;
  };
  explicit SlowRecord(Reading& reading) : reading_(reading) {}

  void SetName(string_view) noexcept override {
    ++reading_.begun;
    EXPECT_TRUE(eventually([this] { return reading_.exporter.is_given_up(); }));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));  // in which whoever does not wait for the end is gone
    ++reading_.over;
  }
  void SetIdentity(const opentelemetry::trace::SpanContext&, opentelemetry::trace::SpanId) noexcept override {}
  void SetAttribute(string_view, const AttributeValue&) noexcept override {}
  void AddEvent(string_view, SystemTimestamp, const KeyValueIterable&) noexcept override {}
  void AddLink(const opentelemetry::trace::SpanContext&, const KeyValueIterable&) noexcept override {}
  void SetStatus(opentelemetry::trace::StatusCode, string_view) noexcept override {}
  void SetSpanKind(opentelemetry::trace::SpanKind) noexcept override {}
  void SetResource(const opentelemetry::sdk::resource::Resource&) noexcept override {}
  void SetStartTime(SystemTimestamp) noexcept override {}
  void SetDuration(std::chrono::nanoseconds) noexcept override {}
  void SetInstrumentationScope(const opentelemetry::sdk::trace::InstrumentationScope&) noexcept override {}

 private:
  Reading& reading_;
};

TEST(ExporterThatIsGivenUp, HasFinishedReadingAndWaitsForOneSpanAtMost) {
  Receiver receiver;
  const auto options = receiver.options();
  const auto counts = std::make_shared<otel::detail::ExportCounts>();
  otel::detail::BraintrustExporter exporter(
      {.connection = {.api_key = options.api_key, .api_url = options.api_url}, .parent = options.parent}, counts);
  SlowRecord::Reading reading(exporter);
  std::vector<std::unique_ptr<Recordable>> spans;
  for (int i = 0; i < 3; ++i) {
    spans.push_back(std::make_unique<otel::detail::SpanRecord>(std::make_unique<SlowRecord>(reading)));
  }
  std::thread sender([&] { exporter.Export({spans.data(), spans.size()}); });
  EXPECT_TRUE(eventually([&] { return reading.begun == 1; }));
  exporter.give_up();
  EXPECT_EQ(reading.over, 1);
  sender.join();
  EXPECT_EQ(reading.begun, 1);
  EXPECT_EQ(counts->given_up, 3u);
  EXPECT_EQ(receiver.server.count(), 0u);
}

}  // namespace
}  // namespace braintrust::test
