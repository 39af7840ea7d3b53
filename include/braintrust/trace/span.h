#pragma once

// Spans: one step of a program each, nested into a trace.
//
//   auto span = logger.start_span("rerank", {.type = SpanType::tool, .metadata = {{"k", 10}}});
//   span.log({.input = query});
//   …                                    // spans started here, on this thread, are its children
//   span.log({.output = hits});
//                                        // ends with its scope, and is delivered in the background
//
// `Span` is the guard: move-only, ends once, at `end()` or destruction, whichever is first. `SpanHandle` names a span without
// owning it: copyable, valid for ever, `current_span()` gives one.
//
// Which span is the parent: `SpanOptions::parent` if given, else the current span of this thread if it belongs to the same
// logger, else none: the span begins a trace. A started span is current on its thread until it ends (unless `set_current` is
// false), whatever the order in which spans end: ending takes it out of the middle, too.
//
// Edges: ending twice does nothing the second time. A moved-from or default-made span is a no-op, like one started without any
// logger. A span may end on another thread than it began on; until then it stays current on the first. What is logged to a span
// after its end is sent as an update of its row. A child may outlive its parent. A span that outlives its logger is dropped and
// counted (`Dropped::closed`). A span left open by an exception is marked with an error; the message is out of reach of a
// destructor, so use `run` (or `traced()`) to record it. In a forked child, spans of the parent are no-ops: the parent sends
// them.
//
// Threads: a guard is used from one thread at a time. Handles may log from any thread at the same time.
// Errors: nothing throws; refused values go to the diagnostics handler. Cost: see docs/design.md, "What a span costs".
// Source: PROTO 5 and 7.

#include <exception>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <braintrust/core/id.h>
#include <braintrust/trace/fields.h>
#include <braintrust/trace/site.h>

namespace braintrust {

class Span;
class Logger;
class TraceContext;

namespace detail {

struct LoggerCore;
struct SpanSlot;
struct Lineage;

// All that a child, a handle or a slug has to know of a span. Plain bytes; `SpanHandle` owns the reference to `lineage`.
struct SpanRef {
  LoggerCore* core = nullptr;   // null: no span
  void* destination = nullptr;  // pipeline::Destination
  SpanSlot* slot = nullptr;     // holds the span's fields while `generation` is the slot's; null when made from a slug
  std::uint64_t generation = 0;
  TraceId trace = {};
  SpanId span = {};
  RowId row = {};
  Lineage* lineage = nullptr;  // what descendants inherit, or null
};

}  // namespace detail

// Seconds since 1970, UTC; zero means "now". Made from a number or from a time point of a system clock.
struct UnixTime {
  constexpr UnixTime() = default;
  constexpr UnixTime(double seconds_since_epoch) : seconds(seconds_since_epoch) {}
  template <detail::TimePoint T>
  UnixTime(const T& time)
      : seconds(static_cast<double>(time.time_since_epoch().count()) * T::duration::period::num / T::duration::period::den) {}

  double seconds = 0;
};

// Names a span: to log to it from anywhere, to be the parent of others.
class SpanHandle {
 public:
  SpanHandle() = default;  // no span
  explicit SpanHandle(const detail::SpanRef& ref) noexcept;
  SpanHandle(const SpanHandle& other) noexcept : SpanHandle(other.ref_) {}
  SpanHandle(SpanHandle&& other) noexcept : ref_(std::exchange(other.ref_, {})) {}
  SpanHandle& operator=(SpanHandle other) noexcept {
    std::swap(ref_, other.ref_);
    return *this;
  }
  ~SpanHandle() {
    if (ref_.lineage != nullptr) release();
  }

  // False: nothing is recorded here.
  explicit operator bool() const noexcept { return ref_.core != nullptr; }

  void log(const SpanFields& fields) const noexcept;

  // Replaces the name or type (blank or `none` = leave), and merges `attributes` into the span's attributes.
  void set_attributes(std::string_view name, SpanType type = SpanType::none, const Field& attributes = {}) const noexcept;

  SpanId span_id() const noexcept { return ref_.span; }
  TraceId trace_id() const noexcept { return ref_.trace; }  // on the wire: root_span_id
  std::string id() const;                                   // the row's id, a UUID; "" for no span

  // A text that names this span in another process: `SpanOptions::parent` takes it there. "" for no span. (PROTO 7.1, V4.)
  std::string export_slug() const;

  // Writes this span into a request's headers, as `inject_trace_context` does; include <braintrust/trace/propagation.h>.
  template <class Carrier>
  void inject(Carrier&& carrier) const noexcept;

  // Where a browser shows this span. Never waits: says in the link what is not known yet. (PROTO 7.2)
  std::string link() const;

  const detail::SpanRef& ref() const noexcept { return ref_; }

 private:
  void release() noexcept;
  detail::SpanRef ref_;
};

// A span's parent: another span, the text that `export_slug` made of one, or what another process sent (propagation.h).
class Parent {
 public:
  Parent() = default;
  Parent(SpanHandle span) noexcept : span_(std::move(span)) {}
  Parent(const Span& span) noexcept;
  Parent(const TraceContext& context);
  template <detail::Stringish T>
  Parent(const T& slug) {
    text_.append(std::string_view(slug));
  }

  const SpanHandle& span() const noexcept { return span_; }
  std::string_view slug() const noexcept { return received_ ? std::string_view() : text_.view(); }

  // Made of a `TraceContext`: `span` has its ids, none for "no parent", and no logger; its container may be blank.
  bool received() const noexcept { return received_; }
  std::string_view container() const noexcept { return received_ ? text_.view() : std::string_view(); }

 private:
  SpanHandle span_;
  detail::Buffer text_;
  bool received_ = false;
};

// The order is part of the interface: fields are only ever appended.
struct SpanOptions {
  SpanType type = SpanType::none;  // by default `task` for the first span of a trace, none for its descendants
  Field input = {};
  Field metadata = {};
  Tags tags = {};
  Parent parent = {};
  UnixTime start_time = {};
  bool set_current = true;
  Field attributes = {};  // further `span_attributes`, an object: {{"purpose", "scorer"}}
  Field propagated = {};  // an object, merged over the fields of this span and of every descendant, through slugs too (PROTO 5)
};

class [[nodiscard]] Span {
 public:
  Span() = default;  // a no-op
  Span(Span&& other) noexcept : Span(std::exchange(other.slot_, nullptr)) {}
  Span& operator=(Span&& other) noexcept {
    Span taken(std::move(other));
    std::swap(slot_, taken.slot_);
    if (slot_ != nullptr) moved_here();
    return *this;
  }
  Span(const Span&) = delete;
  Span& operator=(const Span&) = delete;
  ~Span() {
    if (slot_ != nullptr) finish();
  }

  explicit operator bool() const noexcept { return slot_ != nullptr; }

  void log(const SpanFields& fields) noexcept {
    if (slot_ != nullptr) record(fields);
  }
  // Ends the span now, or at a time of yours.
  void end(UnixTime end_time = {}) noexcept {
    if (slot_ != nullptr) end_now(end_time);
  }

  // Calls `fn()` or `fn(*this)` and returns its result. An exception is recorded with type and message, and passes on.
  template <class Fn>
  decltype(auto) run(Fn&& fn) {
    try {
      if constexpr (std::is_invocable_v<Fn, Span&>) {
        return std::forward<Fn>(fn)(*this);
      } else {
        return std::forward<Fn>(fn)();
      }
    } catch (...) {
      record_exception(std::current_exception());
      throw;
    }
  }
  // Records an exception as the span's error: "std::runtime_error: message".
  void record_exception(const std::exception_ptr& exception) noexcept;

  SpanHandle handle() const noexcept;
  void set_attributes(std::string_view name, SpanType type = SpanType::none, const Field& attributes = {}) noexcept {
    handle().set_attributes(name, type, attributes);
  }
  SpanId span_id() const noexcept { return handle().span_id(); }
  TraceId trace_id() const noexcept { return handle().trace_id(); }
  std::string id() const { return handle().id(); }
  std::string export_slug() const { return handle().export_slug(); }
  template <class Carrier>
  void inject(Carrier&& carrier) const noexcept;
  std::string link() const { return handle().link(); }

 private:
  friend struct detail::LoggerCore;
  explicit Span(detail::SpanSlot* slot) noexcept : slot_(slot) {
    if (slot_ != nullptr) moved_here();
  }
  void moved_here() noexcept;
  void record(const SpanFields& fields) noexcept;
  void end_now(UnixTime end_time) noexcept;
  void finish() noexcept;

  detail::SpanSlot* slot_ = nullptr;
};

inline Parent::Parent(const Span& span) noexcept : span_(span.handle()) {}

namespace detail {
// `logger` null: the current span's logger, else the current logger. `options` null: all defaults.
Span start_span(LoggerCore* logger, std::string_view name, const SpanOptions* options, const Site& site) noexcept;
}  // namespace detail

// A child of the current span, else a span of the current logger, else a no-op. A blank name becomes "root" for the first span
// of a trace and "<function>:<file>:<line>" for others.
inline Span start_span(std::string_view name = {}, Site site = Site::current()) noexcept {
  return detail::tracing() ? detail::start_span(nullptr, name, nullptr, site) : Span();
}
inline Span start_span(std::string_view name, const SpanOptions& options, Site site = Site::current()) noexcept {
  return detail::tracing() ? detail::start_span(nullptr, name, &options, site) : Span();
}

// The innermost open span of this thread (or coroutine, or bound function); a false handle when there is none.
SpanHandle current_span() noexcept;

}  // namespace braintrust
