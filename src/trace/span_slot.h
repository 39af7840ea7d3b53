#pragma once

// `SpanSlot`: the memory of one open span.
//
// Slots are never freed, only reused: a pointer to one is always good, and its `generation` tells whether it still means the
// same span (odd: open; it changes at start and at end). So handles, contexts and the background thread need no reference
// counts.
//
// Threads: `lock` guards the fields below it while the span is open; it is held for a few copies, never while anything waits.
// The background thread takes it only for spans that have been open for a second.

#include <atomic>
#include <cstdint>
#include <thread>

#include <braintrust/core/buffer.h>
#include <braintrust/trace/span.h>

#include "trace/record.h"

namespace braintrust::detail {

struct ContextStack;

struct alignas(64) SpanSlot {
  std::atomic<std::uint64_t> generation = 0;
  std::atomic<bool> locked = false;
  std::atomic<LoggerCore*> core = nullptr;
  std::atomic<std::int64_t> started = 0;       // steady nanoseconds; what the background thread looks at first
  std::atomic<std::int64_t> last_partial = 0;  // steady nanoseconds of the last partial row, 0 = none was sent

  RecordHeader header = {};  // ids, times, type: everything but sizes and names
  const char* file = nullptr;
  const char* function = nullptr;
  Buffer fields = {};
  ContextStack* stack = nullptr;  // where it was made current, or null
  bool has_error = false;
  int exceptions = 0;  // in flight on this thread when it began
  std::thread::id thread = {};
  std::atomic<const void*> guard = nullptr;  // where its `Span` is: tells the spans of coroutines from those of plain functions
  std::atomic<unsigned> process = 0;         // see process_epoch()
  SpanSlot* next_free = nullptr;

  void lock() noexcept {
    while (locked.exchange(true, std::memory_order_acquire)) std::this_thread::yield();
  }
  void unlock() noexcept { locked.store(false, std::memory_order_release); }
  bool open() const noexcept { return (generation.load(std::memory_order_acquire) & 1) != 0; }
};

SpanSlot* take_slot();
void give_slot_back(SpanSlot* slot) noexcept;

// Calls `f(slot)` for every slot ever made. Background thread.
void for_each_slot(void (*f)(SpanSlot&, void*), void* context);

// Changes when the process forks: what was begun under another value belongs to the parent process.
unsigned process_epoch() noexcept;

// Around fork: no thread may be moving slots while the process is copied.
void slots_before_fork() noexcept;
void slots_after_fork(bool in_child) noexcept;

}  // namespace braintrust::detail
