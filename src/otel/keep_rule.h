#pragma once

// `KeepRule`: which spans are sent.
//
// A custom filter is asked first; where it has no opinion, the AI filter decides, if it is on. Looked at when a span ends,
// since attributes may come late. Threads: any; on the one that ends the span. Source: INST 21, PROTO 19.1.

#include <atomic>
#include <string_view>

#include <braintrust/otel.h>

#include "otel/span_record.h"

namespace braintrust::otel::detail {

// Whether an attribute of this key makes a span one of AI.
bool is_ai_attribute(std::string_view key) noexcept;

class KeepRule {
 public:
  KeepRule(SpanFilter custom, bool only_ai, bool keep_roots)
      : custom_(std::move(custom)), only_ai_(only_ai), keep_roots_(keep_roots) {}

  bool keeps(const SpanRecord& span) noexcept;

 private:
  const SpanFilter custom_;
  const bool only_ai_;
  const bool keep_roots_;
  std::atomic<bool> told_of_roots_ = false;
};

}  // namespace braintrust::otel::detail
