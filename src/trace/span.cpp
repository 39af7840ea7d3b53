#include <braintrust/trace/span.h>

#include <cmath>
#include <cstring>
#include <utility>

#include <braintrust/core/diagnostics.h>
#include <braintrust/trace/traced.h>

#include "core/clock.h"
#include "trace/capture.h"
#include "trace/context_stack.h"
#include "trace/exception_text.h"
#include "trace/ids.h"
#include "trace/logger_core.h"
#include "trace/prompt_mark.h"
#include "trace/propagation.h"
#include "trace/slug.h"
#include "trace/span_slot.h"

namespace braintrust {

std::string_view to_string(SpanType type) noexcept {
  switch (type) {
    case SpanType::none:
      return "";
    case SpanType::llm:
      return "llm";
    case SpanType::score:
      return "score";
    case SpanType::function:
      return "function";
    case SpanType::eval:
      return "eval";
    case SpanType::task:
      return "task";
    case SpanType::tool:
      return "tool";
    case SpanType::automation:
      return "automation";
    case SpanType::facet:
      return "facet";
    case SpanType::preprocessor:
      return "preprocessor";
    case SpanType::classifier:
      return "classifier";
    case SpanType::review:
      return "review";
  }
  return "";
}

namespace detail {
namespace {

constexpr std::string_view unwound =
    R"("left by an exception; a destructor cannot see its message: use Span::run or traced() to record it")";

std::atomic<std::uint32_t> exec_counter = 0;

Moment at(UnixTime time) noexcept {
  // What no clock has ever said counts as "now"; the limit is that of 64 bits of nanoseconds.
  if (time.seconds == 0 || !(std::abs(time.seconds) < 9.2e9)) return {steady_now(), Moment::steady};
  return {static_cast<std::int64_t>(time.seconds * 1e9), Moment::wall};
}

const char* base_name(const char* path) noexcept {
  const char* name = path;
  for (const char* c = path; *c != '\0'; ++c) {
    if (*c == '/' || *c == '\\') name = c + 1;
  }
  return name;
}

// The name of a span that was given none (PROTO 5).
void append_default_name(Buffer& fields, bool root, const Site& site) {
  if (root) return append_text(fields, FieldKind::name, "root");
  if (site.function == nullptr || site.file == nullptr) return append_text(fields, FieldKind::name, "subspan");
  append_text(fields, FieldKind::name,
              std::string(site.function) + ":" + base_name(site.file) + ":" + std::to_string(site.line));
}

SpanRef ref_of(const SpanSlot& slot) noexcept {
  const RecordHeader& header = slot.header;
  return {.core = slot.core.load(std::memory_order_relaxed),
          .destination = header.destination,
          .slot = const_cast<SpanSlot*>(&slot),
          .generation = slot.generation.load(std::memory_order_relaxed),
          .trace = header.trace,
          .span = header.span,
          .row = header.row,
          .lineage = header.lineage};
}

// The header of an update of the row that `ref` names.
RecordHeader update_of(const SpanRef& ref) noexcept {
  RecordHeader header;
  header.merge = true;
  header.has_span = static_cast<bool>(ref.span);
  header.destination = static_cast<pipeline::Destination*>(ref.destination);
  header.row = ref.row;
  header.trace = ref.trace;
  header.span = ref.span;
  header.lineage = ref.lineage;  // the trace's id may stand there
  return header;
}

// A parent that has no row, as it is recorded elsewhere, for spans of `receiver`. Holds a reference to its lineage.
SpanRef rowless_parent(LoggerCore* receiver, const ForeignSpan& foreign) noexcept {
  if (receiver == nullptr || !foreign.span.span_id()) return {};
  SpanRef parent = foreign.span.ref();
  parent.core = receiver;
  parent.destination = destination_below(foreign, *receiver);
  retain(parent.lineage);
  return parent;
}
// Likewise, one that is carried as a span of another logger.
SpanRef rowless_parent(LoggerCore& receiver, SpanRef carried) noexcept {
  if (carried.destination == carried.core->destination) carried.destination = receiver.destination;
  carried.core = &receiver;
  retain(carried.lineage);
  return carried;
}

// Adds fields to an open span, or sends them as an update of its row when it has ended. `append` writes them into a buffer.
template <class Append>
void add_to(const SpanRef& ref, Append&& append) noexcept {
  if (ref.core == nullptr || !ref.row) return;
  try {
    const bool was_open = (ref.generation & 1) != 0;
    if (SpanSlot* const slot = ref.slot; slot != nullptr && was_open) {
      // A span of the parent process: the parent sends it. (Its lock may have been held by a thread that is not here.)
      if (slot->process.load(std::memory_order_relaxed) != process_epoch()) return;
      slot->lock();
      if (slot->generation.load(std::memory_order_relaxed) == ref.generation) {
        try {
          append(slot->fields);
        } catch (...) {
          slot->unlock();
          throw;
        }
        slot->unlock();
        return;
      }
      slot->unlock();
    }
    Buffer fields;
    append(fields);
    if (!fields.empty()) ref.core->push_update(update_of(ref), fields.view());
  } catch (const std::exception& error) {
    report(Severity::error, ErrorCode::io, std::string("a span's fields were lost: ") + error.what());
  }
}

// Whether `fields` are those of the span while it is open, under its lock; else they will be an update's.
bool of_open_span(const SpanRef& ref, const Buffer& fields) noexcept {
  return ref.slot != nullptr && &fields == &ref.slot->fields;
}

void log_fields(const SpanRef& ref, const SpanFields& fields) noexcept {
  add_to(ref, [&](Buffer& out) {
    append_fields(out, fields);
    if (fields.error.present() && of_open_span(ref, out)) ref.slot->has_error = true;
  });
}

// Starts a span. `traced_by`: the function whose TRACED this is, or null. `type` counts where the options name none.
Span begin(LoggerCore* logger, std::string_view name, const SpanOptions* options, const Site& site, SpanType type,
           const char* traced_by) noexcept {
  try {
    ContextStack& stack = active_stack();
    SlugParent foreign;
    std::optional<ForeignSpan> other;
    const SpanRef* parent = nullptr;
    if (options != nullptr && options->parent.span()) {
      parent = &options->parent.span().ref();
    } else if (options != nullptr && options->parent.received()) {
      foreign.ref = received_parent(options->parent, logger, stack.top());
      if (foreign.ref.core == nullptr) return {};
      parent = &foreign.ref;
    } else if (options != nullptr && !options->parent.slug().empty()) {
      LoggerCore* const receiver = logger != nullptr ? logger : current_core();
      if (receiver == nullptr) return {};
      foreign = read_slug(options->parent.slug(), *receiver);
      if (foreign.ref.core != nullptr) parent = &foreign.ref;
    } else if (other = foreign_inside(stack); other && other->span.ref().row) {
      if (logger == nullptr || other->span.ref().core == logger) parent = &other->span.ref();
    } else if (other) {
      foreign.ref = rowless_parent(logger != nullptr ? logger : current_core(), *other);
      if (foreign.ref.core != nullptr) parent = &foreign.ref;
    } else if (const ContextEntry* const top = stack.top(); top != nullptr) {
      if (logger == nullptr || top->ref.core == logger) {
        parent = &top->ref;
      } else if (!top->ref.row) {
        foreign.ref = rowless_parent(*logger, top->ref);
        parent = &foreign.ref;
      }
    }
    LoggerCore* const core = parent != nullptr ? parent->core : logger != nullptr ? logger : current_core();
    if (core == nullptr) return {};
    core->flusher.expect_rows();
    // A slug may name an object without naming a span in it, and a request may come without a caller's: the trace is new.
    const bool root = parent == nullptr || !parent->span;

    SpanSlot* const slot = take_slot();
    RecordHeader& header = slot->header;
    header = RecordHeader{};
    header.destination = parent != nullptr ? static_cast<pipeline::Destination*>(parent->destination) : core->destination;
    const SpanIds ids = random_span_ids();
    header.row = ids.row;
    header.span = ids.span;
    header.trace = root ? ids.trace : parent->trace;
    header.parent = root ? SpanId{} : parent->span;
    if (options != nullptr && options->type != SpanType::none) type = options->type;
    header.type = type == SpanType::none && root ? SpanType::task : type;
    header.exec_counter = exec_counter.fetch_add(1, std::memory_order_relaxed) + 1;
    header.line = static_cast<std::uint32_t>(site.line);
    slot->file = site.file;
    slot->function = site.function;

    if (name.empty()) {
      append_default_name(slot->fields, root, site);
    } else {
      append_text(slot->fields, FieldKind::name, name);
    }
    if (options != nullptr) {
      append_field(slot->fields, FieldKind::input, options->input);
      append_field(slot->fields, FieldKind::metadata, options->metadata);
      append_field(slot->fields, FieldKind::tags, options->tags.field());
      append_field(slot->fields, FieldKind::attributes, options->attributes);
    }
    if (!foreign.span_id.empty()) append_text(slot->fields, FieldKind::parent_id, foreign.span_id);
    Lineage* const inherited = parent != nullptr ? parent->lineage : nullptr;
    const bool propagates = options != nullptr && options->propagated.present();
    const std::string* const prompt = header.type == SpanType::llm ? current_prompt() : nullptr;
    if (propagates || prompt != nullptr) {
      auto* const lineage = descend(inherited);
      header.lineage = lineage;
      if (propagates) {
        lineage->propagated = options->propagated.value().text();
        lineage->raw = options->propagated.value().unchecked();
      }
      if (prompt != nullptr) {
        lineage->prompt = *prompt;
        lineage->prompt_span = header.span;
      }
    } else {
      header.lineage = retain(inherited);
    }
    release(foreign.ref.lineage);

    // In a forked child its lock may be held by a thread of the parent's that is not here.
    if (slot->process.load(std::memory_order_relaxed) != process_epoch()) slot->unlock();
    slot->exceptions = std::uncaught_exceptions();
    slot->thread = std::this_thread::get_id();
    slot->process.store(process_epoch(), std::memory_order_relaxed);
    slot->core.store(core, std::memory_order_relaxed);
    slot->last_partial.store(0, std::memory_order_relaxed);
    header.created = {steady_now(), Moment::steady};
    header.start = options != nullptr && options->start_time.seconds != 0 ? at(options->start_time) : header.created;
    slot->started.store(header.created.nanoseconds, std::memory_order_relaxed);
    slot->generation.store(slot->generation.load(std::memory_order_relaxed) + 1, std::memory_order_release);

    const bool current = options == nullptr || options->set_current;
    slot->stack = current ? &stack : nullptr;
    if (current) stack.push(ref_of(*slot), ContextKind::guard, traced_by);
    return LoggerCore::make_span(slot);
  } catch (const std::exception& error) {
    report(Severity::error, ErrorCode::io, std::string("a span could not be started: ") + error.what());
    return {};
  }
}

}  // namespace

Span start_span(LoggerCore* logger, std::string_view name, const SpanOptions* options, const Site& site) noexcept {
  return begin(logger, name, options, site, SpanType::none, nullptr);
}

Span start_row(LoggerCore& core, const Site& site) noexcept {
  ContextStack empty;
  empty.activated = context_number();
  ContextStack* const former = exchange_active_stack(&empty);
  Span span = begin(&core, {}, nullptr, site, SpanType::none, nullptr);
  exchange_active_stack(former);
  empty.clear();
  return span;
}

Span TracedScope::start_traced(const Site& site) noexcept {
  return begin(nullptr, site.function, nullptr, site, SpanType::function, site.function);
}

void TracedScope::report_failed_input() noexcept { report_failed_value("TRACED", "input"); }

void report_failed_value(std::string_view name, const char* field) noexcept {
  try {
    report(Severity::warning, ErrorCode::callback_failed,
           std::string(name) + ": writing a value as JSON threw; the span has no " + field);
  } catch (...) {  // out of memory
  }
}

void log_traced_output(Json&& output, const char* function) noexcept {
  const ContextEntry* const entry = active_stack().top_traced();
  if (entry == nullptr || std::strcmp(entry->traced_by, function) != 0) {
    report(Severity::warning, ErrorCode::invalid_argument,
           std::string("TRACED_OUTPUT in ") + function + " has no TRACED in the same function; the output is not recorded");
    return;
  }
  add_to(entry->ref, [&](Buffer& fields) { append_text(fields, FieldKind::output, output.text(), output.unchecked()); });
}

void report_failed_output(const char* function) noexcept {
  report(Severity::warning, ErrorCode::callback_failed,
         std::string("TRACED_OUTPUT in ") + function + ": writing the value as JSON threw; the span has no output");
}

void log_deferred(const SpanRef& span, Interpret interpret, std::initializer_list<std::string_view> pieces) noexcept {
  add_to(span, [&](Buffer& fields) {
    append_deferred(fields, interpret, [&](Buffer& out) {
      for (const std::string_view piece : pieces) out.append(piece);
    });
  });
}

void log_error_if_none(const SpanRef& span, std::string_view message) noexcept {
  add_to(span, [&](Buffer& fields) {
    if (!of_open_span(span, fields) || span.slot->has_error) return;
    append_text(fields, FieldKind::error, Json(message).text());
    span.slot->has_error = true;
  });
}

void log_instrumentation(const SpanRef& span, std::string_view name) noexcept {
  add_to(span, [&](Buffer& fields) { append_text(fields, FieldKind::instrumentation, name); });
}

}  // namespace detail

SpanHandle::SpanHandle(const detail::SpanRef& ref) noexcept : ref_(ref) { detail::retain(ref_.lineage); }

void SpanHandle::release() noexcept { detail::release(ref_.lineage); }

void SpanHandle::log(const SpanFields& fields) const noexcept { detail::log_fields(ref_, fields); }

void SpanHandle::set_attributes(std::string_view name, SpanType type, const Field& attributes) const noexcept {
  detail::add_to(ref_, [&](detail::Buffer& out) {
    if (!name.empty()) append_text(out, detail::FieldKind::name, name);
    if (type != SpanType::none) {
      const char byte = static_cast<char>(type);
      append_text(out, detail::FieldKind::type, std::string_view(&byte, 1));
    }
    append_field(out, detail::FieldKind::attributes, attributes);
  });
}

std::string SpanHandle::id() const { return ref_.row ? to_string(ref_.row) : std::string(); }

std::string SpanHandle::export_slug() const { return ref_.core != nullptr ? detail::write_slug(ref_) : std::string(); }

std::string SpanHandle::link() const { return detail::link_to(ref_); }

void Span::moved_here() noexcept { slot_->guard.store(this, std::memory_order_relaxed); }

SpanHandle Span::handle() const noexcept { return slot_ != nullptr ? SpanHandle(detail::ref_of(*slot_)) : SpanHandle(); }

void Span::record(const SpanFields& fields) noexcept { detail::log_fields(detail::ref_of(*slot_), fields); }

void Span::record_exception(const std::exception_ptr& exception) noexcept {
  if (slot_ == nullptr) return;
  try {
    log({.error = detail::exception_text(exception)});
  } catch (...) {  // out of memory: the destructor still marks the span
  }
}

void Span::end_now(UnixTime end_time) noexcept {
  detail::SpanSlot& slot = *slot_;
  const detail::Moment end = detail::at(end_time);
  detail::ContextStack& stack = detail::active_stack();
  if (slot.process.load(std::memory_order_relaxed) != detail::process_epoch()) {
    // A span of the parent process, which sends it. Its lock may have been held by a thread that is not here.
    const std::uint64_t generation = slot.generation.load(std::memory_order_relaxed);
    if (!slot.open()) return;
    slot.generation.store(generation + 1, std::memory_order_release);
    if (slot.stack == &stack) stack.remove(&slot, generation);
    return;
  }
  slot.lock();
  if (!slot.open()) return slot.unlock();
  const std::uint64_t generation = slot.generation.load(std::memory_order_relaxed);
  const bool unwinding = slot.thread == std::this_thread::get_id() && std::uncaught_exceptions() > slot.exceptions;
  if (unwinding && !slot.has_error) append_text(slot.fields, detail::FieldKind::error, detail::unwound);

  slot.header.end = end;
  retain(slot.header.lineage);
  slot.core.load(std::memory_order_relaxed)->push(slot.header, slot.file, slot.function, slot.fields.view());
  slot.generation.store(generation + 1, std::memory_order_release);
  slot.unlock();

  // Where it ended on another thread or task, that stack drops the entry when it next looks.
  if (slot.stack == &stack) stack.remove(&slot, generation);
}

void Span::finish() noexcept {
  end_now({});
  if (slot_->process.load(std::memory_order_relaxed) != detail::process_epoch()) {
    slot_ = nullptr;  // left as it is: another thread of the parent process may have been writing to it
    return;
  }
  detail::release(slot_->header.lineage);
  slot_->header.lineage = nullptr;
  slot_->has_error = false;
  detail::give_slot_back(std::exchange(slot_, nullptr));
}

}  // namespace braintrust
