#include <braintrust/trace/context.h>

#include <cstdlib>
#include <cstring>
#include <new>

#include "trace/context_stack.h"
#include "trace/lineage.h"
#include "trace/span_slot.h"

namespace braintrust {
namespace detail {
namespace {

// Trivially destructible, so that spans in destructors of other thread-local objects still find it.
struct ThreadContext {
  ContextStack* active;  // null: `own`
  ContextStack own;
};
constinit thread_local ThreadContext this_thread = {};

// Frees what the stack of an ending thread grew to.
struct ThreadContextOwner {
  bool armed = true;
  ~ThreadContextOwner() { this_thread.own.clear(); }
};
thread_local ThreadContextOwner owner;

bool ended(const ContextEntry& entry) noexcept {
  return !entry.bound && entry.ref.slot->generation.load(std::memory_order_relaxed) != entry.ref.generation;
}

}  // namespace

void ContextStack::push(const SpanRef& ref, bool bound, const char* traced_by) {
  if (size == capacity) {
    if (this == &this_thread.own) [[maybe_unused]]
      const bool arm = owner.armed;
    const std::size_t larger = capacity * 2;
    auto* const grown = static_cast<ContextEntry*>(std::malloc(larger * sizeof(ContextEntry)));
    if (grown == nullptr) return;  // the span is recorded, only not current
    std::memcpy(static_cast<void*>(grown), entries(), size * sizeof(ContextEntry));
    std::free(heap);
    heap = grown;
    capacity = larger;
  }
  retain(ref.lineage);
  entries()[size++] = {ref, traced_by, bound};
}

void ContextStack::erase(std::size_t index) noexcept {
  ContextEntry* const all = entries();
  release(all[index].ref.lineage);
  for (std::size_t i = index + 1; i < size; ++i) all[i - 1] = all[i];
  --size;
}

void ContextStack::remove(const SpanSlot* slot, std::uint64_t generation) noexcept {
  ContextEntry* const all = entries();
  for (std::size_t i = size; i-- > 0;) {
    if (!all[i].bound && all[i].ref.slot == slot && all[i].ref.generation == generation) return erase(i);
  }
}

void ContextStack::pop_bound(const SpanRef& ref) noexcept {
  ContextEntry* const all = entries();
  for (std::size_t i = size; i-- > 0;) {
    if (all[i].bound && all[i].ref.span == ref.span && all[i].ref.row == ref.row) return erase(i);
  }
}

ContextEntry* ContextStack::top() noexcept {
  while (size > 0) {
    ContextEntry& entry = entries()[size - 1];
    if (!ended(entry)) return &entry;
    erase(size - 1);
  }
  return nullptr;
}

ContextEntry* ContextStack::top_traced() noexcept {
  ContextEntry* const all = entries();
  for (std::size_t i = size; i-- > 0;) {
    if (all[i].traced_by != nullptr && !ended(all[i])) return &all[i];
  }
  return nullptr;
}

void ContextStack::clear() noexcept {
  while (size > 0) erase(size - 1);
  std::free(heap);
  heap = nullptr;
  capacity = inline_entries;
}

void ContextStack::append(ContextStack& other) {
  for (std::size_t i = 0; i < other.size; ++i) {
    const ContextEntry& entry = other.entries()[i];
    push(entry.ref, entry.bound, entry.traced_by);
  }
  other.clear();
}

ContextStack& active_stack() noexcept {
  ThreadContext& thread = this_thread;
  return thread.active != nullptr ? *thread.active : thread.own;
}

ContextStack* exchange_active_stack(ContextStack* stack) noexcept { return std::exchange(this_thread.active, stack); }

}  // namespace detail

ContextScope::ContextScope(const SpanHandle& span) noexcept : pushed_(static_cast<bool>(span)), span_(span) {
  if (pushed_) detail::active_stack().push(span_.ref(), true);
}

ContextScope::~ContextScope() {
  if (pushed_) detail::active_stack().pop_bound(span_.ref());
}

SpanHandle current_span() noexcept {
  if (!detail::tracing()) return {};
  const detail::ContextEntry* const entry = detail::active_stack().top();
  return entry != nullptr ? SpanHandle(entry->ref) : SpanHandle();
}

TaskContext::TaskContext() noexcept : stack_(new (std::nothrow) detail::ContextStack) {
  const SpanHandle parent = current_span();
  if (stack_ != nullptr && parent) static_cast<detail::ContextStack*>(stack_)->push(parent.ref(), true);
}

TaskContext::~TaskContext() {
  auto* const stack = static_cast<detail::ContextStack*>(stack_);
  if (stack != nullptr) stack->clear();
  delete stack;
}

TaskContext::Scope::Scope(TaskContext& task) noexcept
    : former_(detail::exchange_active_stack(static_cast<detail::ContextStack*>(task.stack_))) {}

TaskContext::Scope::~Scope() { detail::exchange_active_stack(static_cast<detail::ContextStack*>(former_)); }

}  // namespace braintrust
