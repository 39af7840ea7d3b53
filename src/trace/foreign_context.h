#pragma once

// `ForeignContext`: the current span of another tracing library in this process, which is to be one world with ours.
//
// While one is set, each entry of a context stack and each activation of one takes a number, and so does whatever the other
// library makes current; of two current spans, the one with the higher number is the inner one. While none is set, all of that
// is one look at a null pointer.
//
// Threads: set once, never taken back; asked from any thread about what is current there. Errors: none.

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include <braintrust/trace/span.h>

namespace braintrust::detail {

// With a row: a span of ours that took the way through the other library. Without: one of theirs, as `span_of` makes it
// (propagation.h). Without ids: something that has no span.
struct ForeignSpan {
  SpanHandle span = {};
  std::string container = {};  // of theirs: where spans below it go ("project_name:…"); blank: where their logger sends them
  std::uint64_t number = 0;    // when it became current
};

class ForeignContext {
 public:
  // What became current after `number` on this thread, if anything did.
  virtual std::optional<ForeignSpan> newer_than(std::uint64_t number) noexcept = 0;

 protected:
  ~ForeignContext() = default;
};

inline constinit std::atomic<ForeignContext*> foreign_context = nullptr;

// Counts up, and never gives zero.
inline std::uint64_t next_context_number() noexcept {
  static constinit std::atomic<std::uint64_t> last = 0;
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

// The number for what becomes current now; zero while there is nothing to compare it with.
inline std::uint64_t context_number() noexcept {
  return foreign_context.load(std::memory_order_acquire) == nullptr ? 0 : next_context_number();
}

}  // namespace braintrust::detail
