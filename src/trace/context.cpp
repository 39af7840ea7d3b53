#include <braintrust/trace/context.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <optional>

#include "trace/call_stack.h"
#include "trace/context_stack.h"
#include "trace/lineage.h"
#include "trace/logger_core.h"
#include "trace/propagation.h"
#include "trace/span_slot.h"

// Present in a program with the address sanitizer, which keeps local variables beside the call stack.
extern "C" {
[[gnu::weak]] void* __asan_get_current_fake_stack();
[[gnu::weak]] void* __asan_addr_is_in_fake_stack(void* fake_stack, void* address, void** begin, void** end);
}

namespace braintrust {
namespace detail {

// What a suspended coroutine took along.
struct ParkedEntries {
  std::atomic<unsigned> references = 1;
  std::atomic<bool> resumed = false;  // loans have ended
  ContextStack stack = {};            // of the coroutine alone
  // What was current in another library inside of all that; without ids: something that has no span.
  std::optional<SpanHandle> foreign = {};
  std::uint64_t foreign_number = 0;  // zero: nothing was
};

namespace {

ParkedEntries* retain(ParkedEntries* parked) noexcept {
  if (parked != nullptr) parked->references.fetch_add(1, std::memory_order_relaxed);
  return parked;
}
void release(ParkedEntries* parked) noexcept {
  if (parked == nullptr || parked->references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  parked->stack.clear();
  delete parked;
}

// Trivially destructible, so that spans in destructors of other thread-local objects still find it.
struct ThreadContext {
  ContextStack* active;  // null: `own`
  ContextStack own;
};
constinit thread_local ThreadContext this_thread = {};

// Frees what the stack of an ending thread still holds.
struct ThreadContextOwner {
  bool armed = true;
  ~ThreadContextOwner() { this_thread.own.clear(); }
};
thread_local ThreadContextOwner owner;

// Whether a plain function on this thread's call stack holds it, rather than a coroutine or an object on the heap.
bool on_call_stack(const void* object) noexcept {
  static thread_local const char* const call_stack = find_call_stack();
  const auto* const address = static_cast<const char*>(object);
  if (address > static_cast<const char*>(__builtin_frame_address(0)) && address < call_stack) return true;
  if (__asan_get_current_fake_stack == nullptr || __asan_addr_is_in_fake_stack == nullptr) return false;
  void* const fake_stack = __asan_get_current_fake_stack();
  return fake_stack != nullptr &&
         __asan_addr_is_in_fake_stack(fake_stack, const_cast<void*>(object), nullptr, nullptr) != nullptr;
}

bool ended(const SpanRef& ref) noexcept {
  return ref.slot != nullptr && ref.slot->generation.load(std::memory_order_relaxed) != ref.generation;
}

bool gone(const ContextEntry& entry) noexcept {
  switch (entry.kind) {
    case ContextKind::guard:
      return ended(entry.ref);
    case ContextKind::bound:
    case ContextKind::held:
      return false;
    case ContextKind::prompt:
      return entry.prompt->over.load(std::memory_order_relaxed);
    case ContextKind::base:
      return entry.lender != nullptr ? entry.lender->resumed.load(std::memory_order_relaxed) : ended(entry.ref);
  }
  return false;
}

// Whether the entry's mark counts: where it was bound, also after its scope has ended.
bool counts(const ContextEntry& entry) noexcept {
  return !gone(entry) && (entry.kind == ContextKind::held || !entry.prompt->over.load(std::memory_order_relaxed));
}

// Whether the entry is the thread's, and not the coroutine's that runs on it.
bool stays(const ContextEntry& entry) noexcept {
  switch (entry.kind) {
    case ContextKind::guard:
      return on_call_stack(entry.ref.slot->guard.load(std::memory_order_relaxed));
    case ContextKind::bound:
    case ContextKind::prompt:
      return on_call_stack(entry.holder);
    case ContextKind::held:
      return true;
    case ContextKind::base:
      return false;
  }
  return false;
}

}  // namespace

void ContextStack::push(const ContextEntry& entry, std::uint64_t number) {
  const bool needs_owner =
      size == capacity || entry.ref.lineage != nullptr || entry.lender != nullptr || entry.prompt != nullptr;
  if (needs_owner && this == &this_thread.own) [[maybe_unused]]
    const bool arm = owner.armed;
  // Of spans that ended elsewhere, when nobody has asked what is current since.
  for (std::size_t i = size == capacity ? size : 0; i-- > 0;) {
    if (gone(entries()[i])) erase(i);
  }
  if (size == capacity) {
    const std::size_t larger = capacity * 2;
    auto* const grown = static_cast<ContextEntry*>(std::malloc(larger * sizeof(ContextEntry)));
    if (grown == nullptr) return;  // the span is recorded, only not current
    std::memcpy(static_cast<void*>(grown), entries(), size * sizeof(ContextEntry));
    std::free(heap);
    heap = grown;
    capacity = larger;
  }
  retain(entry.ref.lineage);
  retain(entry.lender);
  retain(entry.prompt);
  entries()[size] = entry;
  entries()[size++].number = number;
  ++changes;
}

void ContextStack::erase(std::size_t index) noexcept {
  ContextEntry* const all = entries();
  Lineage* const lineage = all[index].ref.lineage;
  ParkedEntries* const lender = all[index].lender;
  PromptNode* const prompt = all[index].prompt;
  for (std::size_t i = index + 1; i < size; ++i) all[i - 1] = all[i];
  --size;
  ++changes;
  release(lineage);
  release(lender);
  release(prompt);
}

void ContextStack::remove(const SpanSlot* slot, std::uint64_t generation) noexcept {
  ContextEntry* const all = entries();
  for (std::size_t i = size; i-- > 0;) {
    if (all[i].kind == ContextKind::guard && all[i].ref.slot == slot && all[i].ref.generation == generation) return erase(i);
  }
}

void ContextStack::pop(const void* holder) noexcept {
  for (std::size_t i = size; i-- > 0;) {
    if (entries()[i].holder != holder) continue;
    // What runs after a bound function is not of the coroutines that it resumed.
    if (entries()[i].kind == ContextKind::held) {
      for (std::size_t above = size; above-- > i + 1;) {
        if (entries()[above].kind == ContextKind::base) erase(above);
      }
    }
    return erase(i);
  }
}

void ContextStack::remove_lent(const ParkedEntries* lender) noexcept {
  for (std::size_t i = size; i-- > 0;) {
    if (entries()[i].lender == lender) return erase(i);
  }
}

ContextEntry* ContextStack::top() noexcept {
  for (std::size_t i = size; i-- > 0;) {
    ContextEntry& entry = entries()[i];
    if (gone(entry)) {
      erase(i);
    } else if (entry.ref.core != nullptr) {
      return &entry;
    }
  }
  return nullptr;
}

ContextEntry* ContextStack::top_traced() noexcept {
  ContextEntry* const all = entries();
  for (std::size_t i = size; i-- > 0;) {
    if (all[i].traced_by != nullptr && !gone(all[i])) return &all[i];
  }
  return nullptr;
}

const ContextEntry* ContextStack::top_mark(std::size_t below) const noexcept {
  for (std::size_t i = below; i-- > 0;) {
    const ContextEntry& entry = entries()[i];
    if (entry.prompt != nullptr && counts(entry)) return &entry;
    const bool from_elsewhere = entry.kind == ContextKind::held || entry.kind == ContextKind::base;
    if (from_elsewhere && entry.ref.core != nullptr && !gone(entry)) return nullptr;
  }
  return nullptr;
}

void ContextStack::clear() noexcept {
  while (size > 0) erase(size - 1);
  std::free(heap);
  heap = nullptr;
  capacity = inline_entries;
}

void ContextStack::copy(const ContextStack& other) {
  for (std::size_t i = 0; i < other.size; ++i) {
    const ContextEntry& entry = other.entries()[i];
    if (!gone(entry)) push(entry);
  }
}

void ContextStack::take(ContextStack& own) {
  std::size_t first = size;
  for (; first > 0; --first) {
    const ContextEntry& entry = entries()[first - 1];
    if (!gone(entry) && (entry.kind == ContextKind::base || stays(entry))) break;
  }

  ContextEntry base{.kind = ContextKind::base};
  const bool has_base = first > 0 && entries()[first - 1].kind == ContextKind::base;
  if (has_base) {
    own.push(entries()[first - 1], entries()[first - 1].number);
  } else {
    // It has just been started: by the plain function whose span is current below.
    for (std::size_t i = first; i-- > 0;) {
      const ContextEntry& below = entries()[i];
      if (gone(below) || below.ref.core == nullptr) continue;
      base.ref = below.ref;
      base.number = below.number;
      break;
    }
    base.prompt = top_prompt(first);
    own.push(base, base.number);
  }
  for (std::size_t i = first; i < size; ++i) {
    if (!gone(entries()[i])) own.push(entries()[i], entries()[i].number);
  }
  const std::size_t left = has_base ? first - 1 : first;
  while (size > left) erase(size - 1);
}

void ContextStack::put_back(ContextStack& own, bool as_before) {
  // Bases on top were left by coroutines that ended here, or are of one that resumes this one by a plain call. The latter is
  // kept; what is over, or there already, makes room, so that the stack does not grow.
  ContextEntry& base = own.entries()[0];
  for (std::size_t i = size; i > 0 && entries()[i - 1].kind == ContextKind::base; --i) {
    const ContextEntry& left = entries()[i - 1];
    // Of a span that has ended only the line counts, and one is enough.
    const bool same_span =
        gone(base) ? left.ref.core == nullptr : left.ref.slot == base.ref.slot && left.ref.span == base.ref.span;
    const bool same_prompt = left.prompt == base.prompt || (left.prompt != nullptr && !counts(left));
    if (gone(left) || (same_span && same_prompt)) erase(i - 1);
  }
  if (gone(base)) push({.kind = ContextKind::base, .prompt = base.prompt});  // the line it drew stays, and the mark
  for (std::size_t i = 0; i < own.size; ++i) {
    const ContextEntry& entry = own.entries()[i];
    if (!gone(entry)) push(entry, as_before ? entry.number : context_number());
  }
  own.clear();
}

ContextStack& active_stack() noexcept {
  ThreadContext& thread = this_thread;
  return thread.active != nullptr ? *thread.active : thread.own;
}

ContextStack* exchange_active_stack(ContextStack* stack) noexcept { return std::exchange(this_thread.active, stack); }

std::optional<ForeignSpan> ask_foreign_context(ContextStack& stack) noexcept {
  ForeignContext* const other = foreign_context.load(std::memory_order_acquire);
  const ContextEntry* const top = stack.top();
  return other->newer_than(std::max(stack.activated, top != nullptr ? top->number : 0));
}

namespace {

// What a task begins with: what counts here.
void push_first(ContextStack& stack) {
  const SpanHandle parent = current_span();
  const PromptHandle prompt = PromptHandle::current();
  if (parent || prompt.node() != nullptr) {
    stack.push({.ref = parent.ref(), .kind = ContextKind::held, .prompt = prompt.node()});
  }
}

// A span of another library as one that may have children here, and has no row.
SpanHandle handle_of(const ForeignSpan& foreign) noexcept {
  LoggerCore* const core = current_core();
  if (foreign.span) return foreign.span;
  if (core == nullptr || !foreign.span.span_id()) return {};
  SpanRef ref = foreign.span.ref();
  ref.core = core;
  ref.destination = destination_below(foreign, *core);
  return SpanHandle(ref);
}

// Adds a span that came from elsewhere under the mark that counts here, which ends as it would without that span.
void push_inside(ContextStack& stack, const SpanHandle& span) {
  const ContextEntry* const marked = stack.top_mark(stack.size);
  const ContextEntry mark = marked != nullptr ? *marked : ContextEntry{};
  const bool scoped = mark.kind == ContextKind::prompt;
  stack.push({.ref = span.ref(), .kind = ContextKind::held, .prompt = scoped ? nullptr : mark.prompt});
  if (scoped) stack.push(mark);
}

// Whether the innermost of the other library on this thread is the one of this number.
bool is_attached_here(std::uint64_t number) noexcept {
  ForeignContext* const other = foreign_context.load(std::memory_order_acquire);
  if (other == nullptr || number == 0) return false;
  const auto attached = other->newer_than(number - 1);
  return attached && attached->number == number;
}

}  // namespace

bool BoundScope::push(const SpanHandle& span, const PromptHandle& prompt) noexcept {
  active_stack().push({.ref = span.ref(), .kind = ContextKind::held, .holder = this, .prompt = prompt.node()});
  return true;
}

void BoundScope::pop() noexcept { active_stack().pop(this); }

ParkedContext::~ParkedContext() {
  if (parked_ == nullptr) return;
  parked_->resumed.store(true, std::memory_order_relaxed);
  release(parked_);
}

void ParkedContext::take() noexcept {
  if (!tracing()) return;
  parked_ = new (std::nothrow) ParkedEntries;
  if (parked_ == nullptr) return;
  ContextStack& stack = active_stack();
  if (const auto foreign = foreign_inside(stack)) {
    parked_->foreign_number = foreign->number;
    SpanHandle span = handle_of(*foreign);
    if (span || !foreign->span.span_id()) parked_->foreign = std::move(span);
  }
  stack.take(parked_->stack);
}

void ParkedContext::put_back() noexcept {
  if (parked_ == nullptr) return;
  parked_->resumed.store(true, std::memory_order_relaxed);
  // What was the inner one then is so still, if this is where it was attached.
  active_stack().put_back(parked_->stack, is_attached_here(parked_->foreign_number));
  release(std::exchange(parked_, nullptr));
}

ParkedContext::Loan ParkedContext::lend() noexcept {
  if (parked_ == nullptr) return {};
  const ContextEntry* const own = parked_->stack.top();
  const SpanRef* const current = parked_->foreign ? &parked_->foreign->ref() : own != nullptr ? &own->ref : nullptr;
  const SpanRef lent = current != nullptr && current->core != nullptr ? *current : SpanRef{};
  PromptNode* const prompt = parked_->stack.top_prompt();
  if (lent.core == nullptr && prompt == nullptr) return {};
  // Just behind what is current in the other library: on this thread, that is there itself.
  const std::uint64_t number = parked_->foreign_number != 0 ? parked_->foreign_number - 1 : context_number();
  active_stack().push({.ref = lent, .kind = ContextKind::base, .lender = parked_, .prompt = prompt}, number);
  return Loan(parked_);
}

ParkedContext::Loan::Loan(ParkedEntries* parked) noexcept : parked_(retain(parked)) {}

ParkedContext::Loan::~Loan() { release(parked_); }

void ParkedContext::Loan::take_back() noexcept {
  if (parked_ != nullptr) active_stack().remove_lent(parked_);
}

struct ContextTask::State {
  std::mutex mutex;
  ContextImage last;  // what the last part left
};

namespace {

// The stack of a part, or an image of one. (Those of threads are trivially destructible.)
struct OwnedStack : ContextStack {
  OwnedStack() = default;
  OwnedStack(const OwnedStack&) = delete;
  OwnedStack& operator=(const OwnedStack&) = delete;
  ~OwnedStack() { clear(); }

  ContextImage image = {};  // what it was after `imaged` changes
  std::uint64_t imaged = 0;
};

}  // namespace

ContextTask::ContextTask() noexcept {
  if (!tracing()) return;
  try {
    auto state = std::make_unique<State>();
    auto stack = std::make_shared<OwnedStack>();
    push_first(*stack);
    state->last = std::move(stack);
    state_ = std::move(state);
  } catch (const std::bad_alloc&) {  // its spans begin traces of their own
  }
}

ContextTask::~ContextTask() = default;

ContextImage ContextTask::image(const ContextImage& otherwise) const noexcept {
  if (state_ == nullptr) return nullptr;
  if (active_stack().task != this) return otherwise;
  auto& active = static_cast<OwnedStack&>(active_stack());
  try {
    const auto foreign = foreign_inside(active);
    if (foreign || active.image == nullptr || active.imaged != active.changes) {
      auto stack = std::make_shared<OwnedStack>();
      stack->copy(active);
      if (foreign) {
        push_inside(*stack, handle_of(*foreign));
      }
      active.image = std::move(stack);
      active.imaged = foreign ? ~active.changes : active.changes;  // the other library does not count changes here
    }
    // An operation that ends elsewhere may come back by the task's first executor, even before this part has ended.
    ContextImage replaced = active.image;
    const std::lock_guard lock(state_->mutex);
    std::swap(state_->last, replaced);
    return active.image;
  } catch (const std::bad_alloc&) {
    return otherwise;
  }
}

ContextTask::Part::Part(ContextTask& task, const ContextImage& image) noexcept : task_(task) {
  if (task.state_ == nullptr) return;
  try {
    ContextImage from = image;
    if (from == nullptr) {
      const std::lock_guard lock(task.state_->mutex);
      from = task.state_->last;
    }
    auto stack = std::make_shared<OwnedStack>();
    stack->copy(*from);
    stack->image = std::move(from);
    stack->imaged = stack->changes;
    stack->task = &task;
    stack->activated = context_number();
    stack->former = former_ = exchange_active_stack(stack.get());
    stack_ = std::move(stack);
  } catch (const std::bad_alloc&) {  // it runs under what is current on its thread
  }
}

ContextTask::Part::~Part() {
  if (stack_ == nullptr) return;
  exchange_active_stack(former_);
  auto& stack = static_cast<OwnedStack&>(*stack_);
  ContextImage left = stack.imaged == stack.changes ? stack.image : stack_;
  stack.image = nullptr;  // else each part would keep the one before it
  const std::lock_guard lock(task_.state_->mutex);
  std::swap(task_.state_->last, left);
}

bool ContextTask::carries() const noexcept { return state_ != nullptr; }

void ContextTask::leave() const noexcept {
  if (state_ == nullptr) return;
  while (active_stack().task == this) exchange_active_stack(active_stack().former);  // parts may call parts
}

}  // namespace detail

ContextScope::ContextScope(const SpanHandle& span) noexcept : pushed_(static_cast<bool>(span)) {
  if (pushed_) detail::active_stack().push({.ref = span.ref(), .kind = detail::ContextKind::bound, .holder = this});
}

ContextScope::~ContextScope() {
  if (pushed_) detail::active_stack().pop(this);
}

SpanHandle current_span() noexcept {
  if (!detail::tracing()) return {};
  detail::ContextStack& stack = detail::active_stack();
  if (const auto foreign = detail::foreign_inside(stack)) return detail::handle_of(*foreign);
  const detail::ContextEntry* const entry = stack.top();
  return entry != nullptr ? SpanHandle(entry->ref) : SpanHandle();
}

TaskContext::TaskContext() noexcept : stack_(new (std::nothrow) detail::ContextStack) {
  if (stack_ != nullptr) detail::push_first(*static_cast<detail::ContextStack*>(stack_));
}

TaskContext::~TaskContext() {
  auto* const stack = static_cast<detail::ContextStack*>(stack_);
  if (stack != nullptr) stack->clear();
  delete stack;
}

TaskContext::Scope::Scope(TaskContext& task) noexcept
    : former_(detail::exchange_active_stack(static_cast<detail::ContextStack*>(task.stack_))) {
  if (task.stack_ != nullptr) static_cast<detail::ContextStack*>(task.stack_)->activated = detail::context_number();
}

TaskContext::Scope::~Scope() { detail::exchange_active_stack(static_cast<detail::ContextStack*>(former_)); }

}  // namespace braintrust
