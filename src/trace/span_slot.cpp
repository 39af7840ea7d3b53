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

// Slots of threads that ended, for others to take.
std::mutex orphans_mutex;
SpanSlot* orphans = nullptr;

// Each thread's free slots. Trivially destructible, so that spans may still end while a thread's objects are destroyed.
constinit thread_local SpanSlot* free_slots = nullptr;

struct FreeSlotsOwner {
  bool armed = true;
  ~FreeSlotsOwner() {
    const std::lock_guard lock(orphans_mutex);
    while (free_slots != nullptr) {
      SpanSlot* const slot = free_slots;
      free_slots = slot->next_free;
      slot->next_free = orphans;
      orphans = slot;
    }
  }
};
thread_local FreeSlotsOwner owner;

std::atomic<unsigned> epoch = 1;

void refill() {
  [[maybe_unused]] const bool arm = owner.armed;
  {
    const std::lock_guard lock(orphans_mutex);
    free_slots = orphans;
    orphans = nullptr;
  }
  if (free_slots != nullptr) return;
  auto* const slab = new Slab;
  for (SpanSlot& slot : slab->slots) {
    slot.next_free = free_slots;
    free_slots = &slot;
  }
  slab->next = slabs.load(std::memory_order_relaxed);
  while (!slabs.compare_exchange_weak(slab->next, slab, std::memory_order_release, std::memory_order_relaxed)) {
  }
}

}  // namespace

SpanSlot* take_slot() {
  if (free_slots == nullptr) refill();
  SpanSlot* const slot = free_slots;
  free_slots = slot->next_free;
  return slot;
}

void give_slot_back(SpanSlot* slot) noexcept {
  constexpr std::size_t largest_kept = 64 * 1024;
  if (slot->fields.capacity() > largest_kept) slot->fields = Buffer();
  slot->fields.clear();
  slot->next_free = free_slots;
  free_slots = slot;
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
