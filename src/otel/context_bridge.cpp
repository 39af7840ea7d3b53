// The bridge of contexts: a storage of opentelemetry-cpp's contexts around the one that was there, and what `trace/` asks about
// the spans that are current in it.
//
//   GetCurrent():  ours is the inner one  →  the attached context, with a span that stands for ours
//                  else                   →  the attached context, as it was attached
//
// A context is attached with a mark, which holds its number and the context itself: so the storage below may keep contexts in
// any way (of threads, of fibers), and what is attached again and again does not grow. A span that stands for ours holds a
// handle: it may be kept, and attached elsewhere.

#include <algorithm>
#include <exception>
#include <memory>
#include <mutex>
#include <utility>

#include <braintrust/otel.h>
#include <opentelemetry/context/runtime_context.h>
#include <opentelemetry/trace/default_span.h>
#include <opentelemetry/trace/span_metadata.h>
#include <opentelemetry/trace/trace_state.h>

#include "otel/parents.h"
#include "pipeline/container.h"
#include "trace/context_stack.h"
#include "trace/lineage.h"
#include "trace/logger_core.h"
#include "trace/propagation.h"

namespace braintrust::otel {
namespace {

using opentelemetry::context::Context;
using opentelemetry::context::RuntimeContext;
using opentelemetry::context::RuntimeContextStorage;
using opentelemetry::context::Token;
using opentelemetry::nostd::get_if;
using opentelemetry::nostd::shared_ptr;
using opentelemetry::nostd::unique_ptr;
using opentelemetry::trace::DefaultSpan;
using opentelemetry::trace::SpanContext;

constexpr const char* mark_key = "braintrust.attached";
using SpanPointer = shared_ptr<opentelemetry::trace::Span>;

// Ids are big-endian on both sides' wires.
void write_bytes(std::uint64_t value, std::uint8_t* out) noexcept {
  for (int i = 0; i < 8; ++i) out[i] = static_cast<std::uint8_t>(value >> (56 - 8 * i));
}
std::uint64_t read_bytes(const std::uint8_t* bytes) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) value = value << 8 | bytes[i];
  return value;
}

SpanContext context_of(const braintrust::detail::SpanRef& span) {
  std::uint8_t trace[16];
  write_bytes(span.trace.high, trace);
  write_bytes(span.trace.low, trace + 8);
  std::uint8_t id[8];
  write_bytes(span.span.value, id);
  namespace trace_api = opentelemetry::trace;
  trace_api::TraceFlags flags(trace_api::TraceFlags::kIsSampled);
  auto state = trace_api::TraceState::GetDefault();
  if (const auto* const lineage = span.lineage) {
    flags = trace_api::TraceFlags(lineage->trace_flags);
    if (!lineage->tracestate.empty()) state = trace_api::TraceState::FromHeader(lineage->tracestate);
  }
  return {trace_api::TraceId(trace), trace_api::SpanId(id), flags, false, std::move(state)};
}

SpanHandle span_of(const SpanContext& context) {
  const std::uint8_t* const trace = context.trace_id().Id().data();
  const auto& state = context.trace_state();
  return braintrust::detail::span_of({.trace = {read_bytes(trace), read_bytes(trace + 8)},
                                      .span = {read_bytes(context.span_id().Id().data())},
                                      .flags = context.trace_flags().flags()},
                                     state == nullptr || state->Empty() ? std::string() : state->ToHeader());
}

// Stands for a span of ours in their contexts.
class OurSpan final : public DefaultSpan {
 public:
  explicit OurSpan(SpanHandle span) : DefaultSpan(context_of(span.ref())), span_(std::move(span)) {}
  const SpanHandle& span() const noexcept { return span_; }

 private:
  const SpanHandle span_;
};

// A context as it was attached, and when. (What a context holds beside numbers are spans.)
class Mark final : public DefaultSpan {
 public:
  Mark(const Context& context, std::uint64_t number)
      : DefaultSpan(SpanContext::GetInvalid()), context_(context), number_(number) {}
  const Context& context() const noexcept { return context_; }
  std::uint64_t number() const noexcept { return number_; }

 private:
  const Context context_;
  const std::uint64_t number_;
};

// Where the rows of a span go, for those of opentelemetry-cpp below it. Blank while only `.env.braintrust` says it, and for a
// span of theirs that was carried here.
std::string parent_of(const braintrust::detail::SpanRef& span) {
  if (!span.row) return {};
  return pipeline::container_of(*static_cast<const pipeline::Destination*>(span.destination), span.core->settings);
}

class Bridge final : public RuntimeContextStorage, public braintrust::detail::ForeignContext {
 public:
  // What is handed out as const was made as what it is.
  explicit Bridge(shared_ptr<const RuntimeContextStorage> below)
      : kept_(std::move(below)), below_(const_cast<RuntimeContextStorage*>(kept_.get())) {}

  Context GetCurrent() noexcept override {
    const Attached attached = current();
    if (!braintrust::detail::tracing()) return attached.context;
    braintrust::detail::ContextStack& stack = braintrust::detail::active_stack();
    const braintrust::detail::ContextEntry* const ours = stack.top();
    if (ours == nullptr || std::max(ours->number, stack.activated) < attached.number) return attached.context;
    try {
      const std::string parent = parent_of(ours->ref);
      Context context = parent.empty() ? attached.context : with_parent(attached.context, parent);
      return context.SetValue(opentelemetry::trace::kSpanKey, SpanPointer(new OurSpan(SpanHandle(ours->ref))));
    } catch (const std::exception&) {  // out of memory
      return attached.context;
    }
  }

  unique_ptr<Token> Attach(const Context& context) noexcept override {
    try {
      const SpanPointer mark(new Mark(context, braintrust::detail::next_context_number()));
      return below_->Attach(Context(context).SetValue(mark_key, mark));
    } catch (const std::exception&) {  // out of memory: it counts as attached long ago
      return below_->Attach(context);
    }
  }

  bool Detach(Token& token) noexcept override { return below_->Detach(token); }

  std::optional<braintrust::detail::ForeignSpan> newer_than(std::uint64_t number) noexcept override {
    const Attached attached = current();
    if (attached.number <= number) return std::nullopt;
    braintrust::detail::ForeignSpan found{.number = attached.number};
    const auto value = attached.context.GetValue(opentelemetry::trace::kSpanKey);
    const auto* const span = get_if<SpanPointer>(&value);
    if (span == nullptr || *span == nullptr) return found;
    if (const auto* const ours = dynamic_cast<const OurSpan*>(span->get())) {
      found.span = ours->span();
      return found;
    }
    try {
      if (const SpanContext context = (*span)->GetContext(); context.IsValid()) {
        found.container = detail::parent_below(attached.context, context);
        found.span = span_of(context);
      }
    } catch (const std::exception&) {  // out of memory
    }
    return found;
  }

 private:
  struct Attached {
    Context context;
    std::uint64_t number = 0;  // zero: before the bridge, or never
  };

  Attached current() noexcept {
    Context context = below_->GetCurrent();
    const auto value = context.GetValue(mark_key);
    const auto* const span = get_if<SpanPointer>(&value);
    const auto* const mark = span != nullptr ? static_cast<const Mark*>(span->get()) : nullptr;
    if (mark == nullptr) return {std::move(context), 0};
    return {mark->context(), mark->number()};
  }

  const shared_ptr<const RuntimeContextStorage> kept_;
  RuntimeContextStorage* const below_;
};

}  // namespace

void bridge_contexts() {
  static std::once_flag once;
  std::call_once(once, [] {
    detail::prepare_parents();
    // Never destroyed: spans ask it in destructors of static objects, too.
    auto* const bridge = new Bridge(RuntimeContext::GetConstRuntimeContextStorage());
    RuntimeContext::SetRuntimeContextStorage(std::shared_ptr<RuntimeContextStorage>(bridge, [](auto*) {}));
    braintrust::detail::foreign_context.store(bridge, std::memory_order_release);
  });
}

}  // namespace braintrust::otel
