#include "trace/propagation.h"

#include <algorithm>
#include <exception>
#include <utility>

#include <braintrust/core/diagnostics.h>

#include "core/ascii.h"
#include "pipeline/container.h"
#include "trace/context_stack.h"
#include "trace/lineage.h"
#include "trace/logger_core.h"
#include "trace/slug.h"

namespace braintrust {
namespace detail {
namespace {

using pipeline::Container;
using pipeline::ObjectType;

// The object that a container names, in the words of a slug.
SlugParts parts_of(const Container& container) {
  std::string value(container.value);
  switch (container.kind) {
    case Container::experiment_id:
      return {.type = ObjectType::experiment, .object_id = std::move(value)};
    case Container::project_id:
      return {.object_id = std::move(value)};
    case Container::project_name:
      break;
  }
  return {.project_name = std::move(value)};
}

// The object that a container names, for spans of `core`; null for what names none.
pipeline::Destination* destination_named(std::string_view text, const LoggerCore& core) {
  if (text.size() > most_container_bytes) return nullptr;
  const auto container = pipeline::read_container(text);
  return container ? destination_of(parts_of(*container), core) : nullptr;
}

// The header's place among the three, or null.
std::string* slot_of(std::string_view name, TraceHeaders& headers) noexcept {
  if (is_header(name, "traceparent")) return &headers.traceparent;
  if (is_header(name, "tracestate")) return &headers.tracestate;
  if (is_header(name, "baggage")) return &headers.baggage;
  return nullptr;
}

// A header that comes several times is one list.
void join(std::string& list, std::string_view more) {
  if (more.empty()) return;
  if (!list.empty()) list += ',';
  list.append(more);
}

}  // namespace

void TraceHeadersReader::add(std::string_view name, std::string_view value) {
  std::string* const variant = slot_of(name, variants_);
  if (variant == nullptr) return;
  const bool exact = std::none_of(name.begin(), name.end(), [](char c) { return c != ascii::lower(c); });
  join(exact ? *slot_of(name, exact_) : *variant, value);
}

void TraceHeadersReader::add_line(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  std::string_view value = line.substr(colon + 1);
  while (value.starts_with(' ') || value.starts_with('\t')) value.remove_prefix(1);
  while (value.ends_with(' ') || value.ends_with('\t') || value.ends_with('\r') || value.ends_with('\n'))
    value.remove_suffix(1);
  add(line.substr(0, colon), value);
}

TraceHeaders TraceHeadersReader::take() {
  // Of the first two the name in lower case counts; a baggage is a list, to be kept whole.
  if (exact_.traceparent.empty()) exact_.traceparent = std::move(variants_.traceparent);
  if (exact_.tracestate.empty()) exact_.tracestate = std::move(variants_.tracestate);
  join(variants_.baggage, exact_.baggage);
  exact_.baggage = std::move(variants_.baggage);
  return std::move(exact_);
}

bool is_header(std::string_view name, std::string_view wanted) noexcept { return ascii::same_ignoring_case(name, wanted); }

bool is_header_line(std::string_view line, std::string_view wanted) noexcept {
  return line.size() > wanted.size() && line[wanted.size()] == ':' && is_header(line.substr(0, wanted.size()), wanted);
}

bool Propagation::send(const SpanRef& span, TraceHeaders& headers) {
  // A trace that began under a UUID cannot be named in a traceparent.
  if (span.core == nullptr || !span.trace || !span.span) return false;
  Traceparent parent{.trace = span.trace, .span = span.span};
  headers.tracestate.clear();  // that of another trace, or our own
  if (span.lineage != nullptr) {
    if (!span.lineage->trace_id.empty()) return false;
    parent.flags = span.lineage->trace_flags;
    headers.tracestate = span.lineage->tracestate;
  }
  headers.traceparent = write_traceparent(parent);
  headers.baggage = baggage_with(
      container_of(*static_cast<const pipeline::Destination*>(span.destination), span.core->settings), headers.baggage);
  return true;
}

TraceContext Propagation::receive(TraceHeaders headers) {
  const auto parent = read_traceparent(headers.traceparent);
  if (!parent) return {};
  TraceContext context;
  context.container_.append(container_in(headers.baggage));
  context.caller_ = span_of(*parent, headers.tracestate);
  return context;
}

SpanHandle span_of(const Traceparent& parent, std::string_view tracestate) {
  SpanRef span = {.trace = parent.trace, .span = parent.span};
  tracestate = sendable_tracestate(tracestate);
  if (tracestate.empty() && parent.flags == Traceparent().flags) return SpanHandle(span);
  span.lineage = new Lineage{.tracestate = std::string(tracestate), .trace_flags = parent.flags};
  SpanHandle handle(span);
  release(span.lineage);  // the handle has its own
  return handle;
}

void report_failed_carrier(const char* function) noexcept {
  try {
    std::string what = "of an exception of no known type";
    try {
      throw;
    } catch (const std::exception& error) {
      what = error.what();
    } catch (...) {
    }
    report(Severity::warning, ErrorCode::callback_failed, std::string(function) + ": the carrier failed: " + what);
  } catch (...) {  // out of memory
  }
}

SpanRef received_parent(const Parent& context, LoggerCore* logger, const ContextEntry* top) {
  SpanRef parent = context.span().ref();
  if (logger != nullptr || top == nullptr) {
    parent.core = logger != nullptr ? logger : current_core();
    if (parent.core == nullptr) return {};
    parent.destination = parent.core->destination;
  } else {
    parent.core = top->ref.core;
    parent.destination = top->ref.destination;
  }
  if (auto* const named = destination_named(context.container(), *parent.core)) parent.destination = named;
  retain(parent.lineage);
  return parent;
}

pipeline::Destination* destination_below(const ForeignSpan& foreign, const LoggerCore& core) noexcept {
  try {
    if (auto* const named = destination_named(foreign.container, core)) return named;
  } catch (const std::exception&) {  // out of memory
  }
  return core.destination;
}

std::string received_slug(const Parent& context) {
  const auto container = pipeline::read_container(context.container());
  if (!container || !context.span().span_id()) return {};
  SlugParts parts = parts_of(*container);
  // The caller's row is not known, but a slug has to name one. (PROTO 19.2: the word of the JavaScript SDK.)
  parts.row_id = "bt-propagation";
  parts.span_id = to_string(context.span().span_id());
  parts.root_span_id = to_string(context.span().trace_id());
  return encode_slug(parts);
}

}  // namespace detail

Parent::Parent(const TraceContext& context) : span_(context.caller_), text_(context.container_), received_(true) {}

}  // namespace braintrust
