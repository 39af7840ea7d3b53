#pragma once

// Random ids, from a generator of each thread that is seeded by the operating system, and again after a fork.
// Threads: any. Errors: none. Source: PROTO 7 (never all zeros), promise 12.

#include "core/id_text.h"

namespace braintrust::detail {

// Those of a new span; `trace` is for the first of a trace.
struct SpanIds {
  RowId row;
  SpanId span;
  TraceId trace;
};
SpanIds random_span_ids() noexcept;
RowId random_row_id() noexcept;  // UUID version 4

}  // namespace braintrust::detail
