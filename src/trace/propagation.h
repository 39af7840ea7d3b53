#pragma once

// What a span begins with whose parent is not ours: it came in from another process, or is another library's. Threads: any.
// Errors: none but memory. Source: INST 19.13 to 19.15.

#include <string_view>

#include <braintrust/trace/propagation.h>

#include "pipeline/destination.h"
#include "trace/foreign_context.h"
#include "trace/trace_headers.h"

namespace braintrust::detail {

struct ContextEntry;
struct LoggerCore;

// A span of elsewhere: its ids and what its descendants pass on. Of no logger. `tracestate` may be anything.
SpanHandle span_of(const Traceparent& parent, std::string_view tracestate);

// Where the spans of `core` go below a span of another library.
pipeline::Destination* destination_below(const ForeignSpan& foreign, const LoggerCore& core) noexcept;

// The parent that `context` stands for, on `logger`, or, null, where a span without a parent would go: to the object and logger
// of the current span (`top`, null: there is none), else the current logger. No `core`: there is no logger. No `span`: a trace
// begins. Holds a reference to its lineage.
SpanRef received_parent(const Parent& context, LoggerCore* logger, const ContextEntry* top);

// The slug of a received parent, for interfaces that take nothing else; blank where its container is not known.
std::string received_slug(const Parent& context);

}  // namespace braintrust::detail
