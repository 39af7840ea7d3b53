#pragma once

// `SpanRecord`: a span while opentelemetry-cpp records it for us.
//
// The record that opentelemetry-cpp's OTLP exporter makes of a span can be written but not read. So what a filter may ask
// about, and all attributes, are kept here until the span is sent, and handed on then: on the batch processor's thread, each
// attribute once (one that was set again is in opentelemetry-cpp's record twice, and readers do not agree which counts).
// Everything else goes to that record at once.
//
// Threads: one at a time. Errors: an attribute for which there is no memory is left out.

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <opentelemetry/sdk/common/attribute_utils.h>
#include <opentelemetry/sdk/trace/recordable.h>

namespace braintrust::otel::detail {

namespace sdk = opentelemetry::sdk;
namespace api = opentelemetry::trace;

inline constexpr const char* parent_key = "braintrust.parent";

class SpanRecord final : public sdk::trace::Recordable {
 public:
  using Value = sdk::common::OwnedAttributeValue;
  using Attribute = std::pair<std::string, Value>;

  explicit SpanRecord(std::unique_ptr<sdk::trace::Recordable> otlp) noexcept : otlp_(std::move(otlp)) {}

  // What was recorded so far.
  std::string name = {};
  std::string_view instrumentation = {};  // valid as long as its tracer is
  api::SpanId id = {};
  api::SpanId parent = {};
  api::SpanKind kind = api::SpanKind::kInternal;
  api::StatusCode status = api::StatusCode::kUnset;
  std::chrono::nanoseconds duration{0};
  std::vector<Attribute> attributes = {};  // in the order in which they were set; of one key, the last counts

  const Value* find(std::string_view key) const noexcept;
  // The text of an attribute, or blank.
  std::string_view text(std::string_view key) const noexcept;

  // Hands the rest on. The span is over.
  std::unique_ptr<sdk::trace::Recordable> finish();

  void SetIdentity(const api::SpanContext& context, api::SpanId parent_id) noexcept override;
  void SetAttribute(opentelemetry::nostd::string_view key,
                    const opentelemetry::common::AttributeValue& value) noexcept override;
  void AddEvent(opentelemetry::nostd::string_view event, opentelemetry::common::SystemTimestamp at,
                const opentelemetry::common::KeyValueIterable& more) noexcept override;
  void AddLink(const api::SpanContext& context, const opentelemetry::common::KeyValueIterable& more) noexcept override;
  void SetStatus(api::StatusCode code, opentelemetry::nostd::string_view description) noexcept override;
  void SetName(opentelemetry::nostd::string_view new_name) noexcept override;
  void SetTraceFlags(api::TraceFlags flags) noexcept override;
  void SetSpanKind(api::SpanKind new_kind) noexcept override;
  void SetResource(const sdk::resource::Resource& resource) noexcept override;
  void SetStartTime(opentelemetry::common::SystemTimestamp start) noexcept override;
  void SetDuration(std::chrono::nanoseconds new_duration) noexcept override;
  void SetInstrumentationScope(const sdk::trace::InstrumentationScope& scope) noexcept override;

 private:
  std::unique_ptr<sdk::trace::Recordable> otlp_;
};

// All that come from `MakeRecordable` of ours are of this kind.
inline SpanRecord& record_of(sdk::trace::Recordable& recordable) noexcept { return static_cast<SpanRecord&>(recordable); }

}  // namespace braintrust::otel::detail
