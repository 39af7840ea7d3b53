#pragma once

// `ExportRequest`: spans of opentelemetry-cpp as one request of OTLP, in opentelemetry-cpp's encoding. What is too much for one
// request can be cut in two.
//
// Threads: one at a time. Errors: throws where there is no OTLP in opentelemetry-cpp, or no memory. Source: opentelemetry-proto
// 1.3, collector/trace/v1.

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <google/protobuf/message.h>
#include <opentelemetry/sdk/trace/recordable.h>

namespace braintrust::otel::detail {

class ExportRequest {
 public:
  // Makes what all of them share.
  static void prepare();

  // `records` are opentelemetry-cpp's own for OTLP. They point to the resource of their provider and the scope of their tracer,
  // which must be there until this returns and are copied.
  explicit ExportRequest(std::vector<std::unique_ptr<opentelemetry::sdk::trace::Recordable>> records);

  // Makes UTF-8 of every text: many servers refuse all of a request in which one is none.
  void repair_texts();

  std::size_t spans() const noexcept { return spans_; }
  std::size_t bytes() const { return message_->ByteSizeLong(); }
  std::string body() const { return message_->SerializeAsString(); }

  // Keeps the first half of the spans, and returns the others, with the same resources and scopes around them.
  ExportRequest split_off_half();

 private:
  using Message = google::protobuf::Message;

  ExportRequest(std::unique_ptr<Message> message, std::size_t spans) noexcept : message_(std::move(message)), spans_(spans) {}

  std::unique_ptr<Message> message_;
  std::size_t spans_;
};

}  // namespace braintrust::otel::detail
