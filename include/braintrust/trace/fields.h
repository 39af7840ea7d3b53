#pragma once

// What a span can be told: `SpanFields` and its parts.
//
//   span.log({.input = question, .output = answer, .scores = {{"helpful", 0.9}}, .metadata = {{"model", name}}});
//
// A field is written as JSON text where it is given, and only if some logger exists: without one, nothing is evaluated beyond
// the expression you wrote. An absent field leaves the span's field as it is; `nullptr` overwrites it with null. Fields logged
// twice are merged: objects member by member, `tags` as a union, everything else is replaced (PROTO 4.3).
//
// Checked in the background (PROTO 6): scores are numbers in [0, 1], bools or null; metrics are numbers; metadata and
// classifications are objects; tags are distinct. What is refused is told to the diagnostics handler (diagnostics.h); the rest
// of the span is kept.
//
// Threads: plain values. Source: PROTO 4.2, INST 2.

#if !defined(__GNUC__)
#include <atomic>
#endif
#include <initializer_list>
#include <string_view>
#include <utility>

#include <braintrust/core/json.h>

namespace braintrust {

namespace detail {

#if defined(__GNUC__)
// An atomic counter without <atomic>, which would double what this header costs to include.
class LoggerCount {
 public:
  bool any() const noexcept { return __atomic_load_n(&count_, __ATOMIC_RELAXED) != 0; }
  void fetch_add(int more) noexcept { __atomic_fetch_add(&count_, more, __ATOMIC_RELAXED); }
  void fetch_sub(int less) noexcept { __atomic_fetch_sub(&count_, less, __ATOMIC_RELAXED); }

 private:
  int count_ = 0;
};
#else
struct LoggerCount : std::atomic<int> {
  bool any() const noexcept { return load(std::memory_order_relaxed) != 0; }
};
#endif

// How many loggers are open. Zero: spans are no-ops and fields stay unwritten.
inline constinit LoggerCount open_loggers = {};
inline bool tracing() noexcept { return open_loggers.any(); }
}  // namespace detail

// One field: absent, or a JSON value.
class Field {
 public:
  Field() = default;
  Field(Json&& value) noexcept : value_(std::move(value)), present_(true) {}
  Field(const Json& value) : Field(detail::tracing() ? Field(Json(value)) : Field()) {}
  template <detail::JsonValue T>
  requires(!std::same_as<T, Json> && !std::same_as<T, Field>) Field(const T& value)
      : Field(detail::tracing() ? Field(Json(value)) : Field()) {}
  Field(std::initializer_list<detail::Member> members) : Field(detail::tracing() ? Field(Json(members)) : Field()) {}

  bool present() const noexcept { return present_; }
  const Json& value() const noexcept { return value_; }

 private:
  Json value_;
  bool present_ = false;
};

// A list of distinct texts: `.tags = {"beta", "eu"}`, or any range of strings.
class Tags {
 public:
  Tags() = default;
  Tags(std::initializer_list<std::string_view> tags) : value_(detail::tracing() ? Field(Json(tags)) : Field()) {}
  template <detail::RangeLike T>
  requires(!std::same_as<T, Tags> && !detail::Stringish<T>) Tags(const T& tags) : value_(tags) {}

  const Field& field() const noexcept { return value_; }

 protected:
  explicit Tags(Field&& value) noexcept : value_(std::move(value)) {}

 private:
  Field value_;
};

// The order is part of the interface: fields are only ever appended.
struct SpanFields {
  Field input = {};
  Field output = {};
  Field expected = {};
  Field error = {};     // not null = the span failed; a text by habit
  Field scores = {};    // name → number in [0, 1], or null
  Field metadata = {};  // an object
  Field metrics = {};   // name → number; "start" and "end" (seconds since 1970) overwrite the measured ones
  Tags tags = {};
  Field classifications = {};  // name → [{id, label, metadata}]
  Field origin = {};           // {object_type, object_id, id, …}: the row this one was made from
};

// What a span stands for. Spelled as on the wire; `none` is not sent.
enum class SpanType : unsigned char {
  none,
  llm,
  score,
  function,
  eval,
  task,
  tool,
  automation,
  facet,
  preprocessor,
  classifier,
  review
};

std::string_view to_string(SpanType type) noexcept;

}  // namespace braintrust
