#pragma once

// Where spans go: `braintrust.parent` of a span that starts, and the memory of what others got.
//
// opentelemetry-cpp shows nobody the attributes of a span that is open. So those that were sent elsewhere than the processor's
// own parent are remembered here by their ids: while they are open, and then, since children may start later, until so many
// others have ended as well. A program with one parent pays one look at a counter.
//
// Threads: any. Source: PROTO 19.1 (the order is Java's, with the parent span's attribute before the default).

#include <cstddef>
#include <string>
#include <string_view>

#include <opentelemetry/context/context.h>
#include <opentelemetry/trace/span_context.h>

#include "otel/span_record.h"

namespace braintrust::otel::detail {

// How many ended spans are remembered, at least; up to 16 times as many.
inline constexpr std::size_t ended_parents_kept = 1024;

// Makes the memory, before other threads use it; see `BraintrustExporter::prepare`.
void prepare_parents();

// Gives `span` its attribute, where it has none. `otherwise`: the processor's own; blank for none.
void place(SpanRecord& span, const opentelemetry::trace::SpanContext& parent, std::string_view otherwise);

// Where spans below `parent` go that are started under `context`: what `with_parent` or the baggage says, else what `parent`
// got, as far as it is remembered; or blank.
std::string parent_below(const opentelemetry::context::Context& context, const opentelemetry::trace::SpanContext& parent);

// The span has ended.
void forget_later(const SpanRecord& span) noexcept;

// How many spans are remembered.
std::size_t remembered_parents();

}  // namespace braintrust::otel::detail
