#pragma once

// `ContextStack`: the current spans of one thread or task, innermost last.
//
// Entries that a guard pushed vanish when its span ends, also when that happens elsewhere: an entry whose slot has moved on is
// skipped and dropped. Entries that were bound (bind_context, ContextScope) stay, because children may outlive their parent.
//
// Threads: used by the thread on which it is active.

#include <cstddef>

#include <braintrust/trace/span.h>

namespace braintrust::detail {

struct ContextEntry {
  SpanRef ref;            // holds a reference to `lineage`
  const char* traced_by;  // the function whose TRACED made it, or null
  bool bound;
};

struct ContextStack {
  static constexpr std::size_t inline_entries = 6;

  void push(const SpanRef& ref, bool bound, const char* traced_by = nullptr);
  // Removes the entry of this open span, wherever it stands.
  void remove(const SpanSlot* slot, std::uint64_t generation) noexcept;
  void pop_bound(const SpanRef& ref) noexcept;
  // The innermost entry that still counts, or null.
  ContextEntry* top() noexcept;
  ContextEntry* top_traced() noexcept;
  void clear() noexcept;
  // Moves the entries of `other` to the end of this stack.
  void append(ContextStack& other);

  std::size_t size = 0;
  std::size_t capacity = inline_entries;
  ContextEntry* heap = nullptr;  // instead of `few`, once it was too small
  ContextEntry few[inline_entries] = {};

  ContextEntry* entries() noexcept { return heap != nullptr ? heap : few; }

 private:
  void erase(std::size_t index) noexcept;
};

// The stack that is active on this thread.
ContextStack& active_stack() noexcept;
ContextStack* exchange_active_stack(ContextStack* stack) noexcept;  // null = the thread's own

}  // namespace braintrust::detail
