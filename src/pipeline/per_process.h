#pragma once

// `PerProcess`: an object that a forked child has anew.
//
//   static PerProcess<Table>& tables = *new PerProcess<Table>;
//   tables.get().find(…);
//
// When a process forks, a lock may be held by a thread that the child does not have, and would never be given back; and what an
// object holds, as connections, may be the parent's. So the child makes one of its own at first need. The parent's is left
// alone, in sight of leak checkers.
//
// Threads: any. `get` takes no lock; the object needs its own.

#include <atomic>
#include <memory>

#include "pipeline/background_thread.h"

namespace braintrust::pipeline {

template <class T>
class PerProcess {
 public:
  PerProcess() = default;
  ~PerProcess() {
    // Never a parent's: its lock may be held.
    Made* of_parents = newest_.load(std::memory_order_acquire);
    if (of_parents != nullptr && of_parents->process == process_id()) {
      const std::unique_ptr<Made> own(of_parents);
      of_parents = own->of_parent;
    }
    if (of_parents != nullptr) keep_in_sight(of_parents);
  }
  PerProcess(const PerProcess&) = delete;
  PerProcess& operator=(const PerProcess&) = delete;

  T& get() {
    Made* known = newest_.load(std::memory_order_acquire);
    const long process = process_id();
    if (known != nullptr && known->process == process) return known->value;
    auto made = std::make_unique<Made>();
    made->process = process;
    do {
      if (known != nullptr && known->process == process) return known->value;  // another thread was first
      made->of_parent = known;
    } while (!newest_.compare_exchange_weak(known, made.get(), std::memory_order_acq_rel, std::memory_order_acquire));
    return made.release()->value;
  }

 private:
  struct Made {
    long process = 0;
    Made* of_parent = nullptr;
    T value = {};
  };

  static void keep_in_sight(Made* newest) noexcept {
    static constinit std::atomic<Made*> all = nullptr;
    Made* oldest = newest;
    while (oldest->of_parent != nullptr) oldest = oldest->of_parent;
    oldest->of_parent = all.load(std::memory_order_relaxed);
    while (!all.compare_exchange_weak(oldest->of_parent, newest, std::memory_order_acq_rel, std::memory_order_relaxed)) {
    }
  }

  std::atomic<Made*> newest_ = nullptr;
};

}  // namespace braintrust::pipeline
