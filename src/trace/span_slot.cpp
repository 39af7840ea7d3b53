#include "trace/span_slot.h"

#include <mutex>

namespace braintrust::detail {
namespace {

constexpr int slots_per_slab = 32;

struct Slab {
  SpanSlot slots[slots_per_slab];
  Slab* next = nullptr;
};

std::atomic<Slab*> slabs = nullptr;

// Slots for any thread to take: of threads that ended, or that had too many.
std::mutex orphans_mutex;
SpanSlot* orphans = nullptr;

// Each thread's free slots. Trivially destructible, so that spans may still end while a thread's objects are destroyed.
struct FreeSlots {
  SpanSlot* first;
  int count;
  bool thread_ended;
};
constinit thread_local FreeSlots free_slots = {};
// More than that go to other threads: one that only ends what others start would keep them all.
constexpr int most_free = 2 * slots_per_slab;

void give_to_orphans(int count) noexcept {
  const std::lock_guard lock(orphans_mutex);
  for (; count > 0; --count) {
    SpanSlot* const slot = free_slots.first;
    free_slots.first = slot->next_free;
    --free_slots.count;
    slot->next_free = orphans;
    orphans = slot;
  }
}

struct FreeSlotsOwner {
  bool armed = true;
  ~FreeSlotsOwner() {
    give_to_orphans(free_slots.count);
    free_slots.thread_ended = true;
  }
};
thread_local FreeSlotsOwner owner;

std::atomic<unsigned> epoch = 1;

void refill() {
  if (!free_slots.thread_ended) {
    [[maybe_unused]] const bool arm = owner.armed;  // touching the owner arms its destructor
  }
  {
    const std::lock_guard lock(orphans_mutex);
    while (orphans != nullptr && free_slots.count < slots_per_slab) {
      SpanSlot* const slot = orphans;
      orphans = slot->next_free;
      slot->next_free = free_slots.first;
      free_slots.first = slot;
      ++free_slots.count;
    }
  }
  if (free_slots.first != nullptr) return;
  auto* const slab = new Slab;
  for (SpanSlot& slot : slab->slots) {
    slot.next_free = free_slots.first;
    free_slots.first = &slot;
  }
  free_slots.count = slots_per_slab;
  slab->next = slabs.load(std::memory_order_relaxed);
  while (!slabs.compare_exchange_weak(slab->next, slab, std::memory_order_release, std::memory_order_relaxed)) {
  }
}

}  // namespace

SpanSlot* take_slot() {
  if (free_slots.first == nullptr) refill();
  SpanSlot* const slot = free_slots.first;
  free_slots.first = slot->next_free;
  --free_slots.count;
  return slot;
}

void give_slot_back(SpanSlot* slot) noexcept {
  constexpr std::size_t largest_kept = 64 * 1024;
  if (slot->fields.capacity() > largest_kept) slot->fields = Buffer();
  slot->fields.clear();
  if (free_slots.first == nullptr && !free_slots.thread_ended) {
    [[maybe_unused]] const bool arm = owner.armed;
  }
  slot->next_free = free_slots.first;
  free_slots.first = slot;
  ++free_slots.count;
  if (free_slots.count > most_free || free_slots.thread_ended) {
    give_to_orphans(free_slots.thread_ended ? free_slots.count : slots_per_slab);
  }
}

void for_each_slot(void (*f)(SpanSlot&, void*), void* context) {
  for (Slab* slab = slabs.load(std::memory_order_acquire); slab != nullptr; slab = slab->next) {
    for (SpanSlot& slot : slab->slots) f(slot, context);
  }
}

unsigned process_epoch() noexcept { return epoch.load(std::memory_order_relaxed); }

void slots_before_fork() noexcept { orphans_mutex.lock(); }

void slots_after_fork(bool in_child) noexcept {
  if (in_child) epoch.fetch_add(1, std::memory_order_relaxed);
  orphans_mutex.unlock();
}

}  // namespace braintrust::detail
