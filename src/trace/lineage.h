#pragma once

// `Lineage`: what a span passes on to all its descendants, beyond its ids. Immutable and shared; most spans have none. Counted
// by hand, because references live in plain bytes (SpanRef) that are copied and dropped on hot paths.

#include <atomic>
#include <cstdint>
#include <string>

#include <braintrust/core/id.h>

namespace braintrust::detail {

struct Lineage {
  std::atomic<unsigned> references = 1;
  std::string propagated = {};  // JSON object text merged over the fields of each span, or blank
  bool raw = false;             // `propagated` came from Json::raw: to be checked
  std::string trace_id = {};  // where the trace began under an id that is not 32 hex digits (a UUID of an older SDK), or blank
  std::string tracestate = {};   // of W3C trace context, as it came in with the trace, or blank
  std::uint8_t trace_flags = 1;  // likewise; 01 in a trace of our own
  std::string prompt = {};       // `metadata.prompt` of one span, JSON object text, or blank. Not passed on: it is of this span
  SpanId prompt_span = {};
};

inline Lineage* retain(Lineage* lineage) noexcept {
  if (lineage != nullptr) lineage->references.fetch_add(1, std::memory_order_relaxed);
  return lineage;
}
// What a descendant that adds something of its own begins with.
inline Lineage* descend(const Lineage* lineage) {
  auto* const own = new Lineage;
  if (lineage != nullptr) {
    own->propagated = lineage->propagated;
    own->raw = lineage->raw;
    own->trace_id = lineage->trace_id;
    own->tracestate = lineage->tracestate;
    own->trace_flags = lineage->trace_flags;
  }
  return own;
}
inline void release(Lineage* lineage) noexcept {
  if (lineage != nullptr && lineage->references.fetch_sub(1, std::memory_order_acq_rel) == 1) delete lineage;
}

}  // namespace braintrust::detail
