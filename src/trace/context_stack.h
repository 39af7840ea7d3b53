#pragma once

// `ContextStack`: the current spans of one thread or task, innermost last.
//
//   thread: │ held: bound here │ guard: request │ ← top        a plain function runs below a coroutine that was resumed:
//   thread: │ guard: main's    │ base: (whose)  │ guard: of the coroutine │ ← top
//
// Entries that a guard pushed vanish when its span ends, also when that happens elsewhere: an entry whose slot has moved on is
// skipped and dropped. Entries that were bound (bind_context, ContextScope) stay until their scope ends, because children may
// outlive their parent.
//
// A coroutine shares the stack of the thread it runs on with the plain functions below it. When it suspends, `take` separates
// them: what lies above the innermost entry that stays (a base, a bound function's span, a span whose guard lies on the
// thread's own call stack) is the coroutine's and goes with it.
//
// Threads: used by the thread on which it is active.

#include <cstddef>
#include <cstdint>

#include <braintrust/trace/context.h>

#include "trace/foreign_context.h"
#include "trace/prompt_mark.h"

namespace braintrust::detail {

enum class ContextKind : unsigned char {
  guard,   // a `Span`'s
  bound,   // a `ContextScope`'s
  held,    // a bound function's, or a task's first: stays where it is. Without a span: only a line between what is whose
  prompt,  // a mark's: no span
  base,  // the first of a coroutine's entries on the thread that runs it; may be without a span. Counts while its span is open
         // or, when another coroutine lent it, until that one resumes
};

struct ContextEntry {
  SpanRef ref = {};  // holds a reference to `lineage`
  ContextKind kind = ContextKind::guard;
  const char* traced_by = nullptr;  // the function whose TRACED made it, or null
  const void* holder = nullptr;     // bound, held, prompt: the scope that pushed it
  ParkedEntries* lender = nullptr;  // base: who lent it, or null. Holds a reference
  PromptNode* prompt = nullptr;     // held, base, prompt: the mark that counts from here on, or null. Holds a reference
  std::uint64_t number = 0;         // set by `push`, see foreign_context.h
};

struct ContextStack {
  static constexpr std::size_t inline_entries = 6;

  void push(const SpanRef& ref, ContextKind kind, const char* traced_by = nullptr) {
    push({.ref = ref, .kind = kind, .traced_by = traced_by});
  }
  void push(const ContextEntry& entry) { push(entry, context_number()); }
  void push(const ContextEntry& entry, std::uint64_t number);  // takes references of its own
  // Removes the entry of this open span, wherever it stands.
  void remove(const SpanSlot* slot, std::uint64_t generation) noexcept;
  // Removes what this scope pushed.
  void pop(const void* holder) noexcept;
  // Removes what was lent here.
  void remove_lent(const ParkedEntries* lender) noexcept;
  // The innermost entry that still counts, or null.
  ContextEntry* top() noexcept;
  ContextEntry* top_traced() noexcept;
  // The innermost entry with a mark that still counts, among the lowest `below`; or null. What begins under a span that came
  // from elsewhere is not of the marks of the thread that runs it.
  const ContextEntry* top_mark(std::size_t below) const noexcept;
  PromptNode* top_prompt(std::size_t below) const noexcept {
    const ContextEntry* const marked = top_mark(below);
    return marked != nullptr ? marked->prompt : nullptr;
  }
  PromptNode* top_prompt() const noexcept { return top_prompt(size); }
  void clear() noexcept;
  // Adds the entries of `other` that still count to the end of this stack.
  void copy(const ContextStack& other);

  // Moves the entries of the coroutine that runs on this thread into `own`, behind a base.
  void take(ContextStack& own);
  // Puts back what `take` took, here or on another thread; as current from now on, or (`as_before`) as it was.
  void put_back(ContextStack& own, bool as_before);

  std::size_t size = 0;
  std::size_t capacity = inline_entries;
  ContextEntry* heap = nullptr;  // instead of `few`, once it was too small
  ContextEntry few[inline_entries] = {};
  std::uint64_t changes = 0;    // so far
  std::uint64_t activated = 0;  // a `context_number`: what was current before is not of this task

  // For the stack of a `ContextTask`'s part: whose, and what was active before it.
  const ContextTask* task = nullptr;
  ContextStack* former = nullptr;

  ContextEntry* entries() noexcept { return heap != nullptr ? heap : few; }
  const ContextEntry* entries() const noexcept { return heap != nullptr ? heap : few; }

 private:
  void erase(std::size_t index) noexcept;
};

// The stack that is active on this thread.
ContextStack& active_stack() noexcept;
ContextStack* exchange_active_stack(ContextStack* stack) noexcept;  // null = the thread's own

// What is current in another library inside of all that this stack holds.
std::optional<ForeignSpan> ask_foreign_context(ContextStack& stack) noexcept;
inline std::optional<ForeignSpan> foreign_inside(ContextStack& stack) noexcept {
  if (foreign_context.load(std::memory_order_acquire) == nullptr) return std::nullopt;
  return ask_foreign_context(stack);
}

}  // namespace braintrust::detail
