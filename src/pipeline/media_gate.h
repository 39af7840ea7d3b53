#pragma once

// `MediaGate`: whether media in model calls become attachments at present, or stay in their rows as they are.
//
// One for the process. Logger start says what the user wants (BRAINTRUST_AUTO_CONVERT_AI_ATTACHMENTS); an upload that fails for
// good closes it for a while, since a reference that leads nowhere is worse than a large row. What a user attaches by hand is
// uploaded all the same.
//
// Threads: any. Source: INST 18.46, 18.50, 18.57. There a failure closes for ever; a service that runs for months should not
// pay for one bad minute that long.

#include <atomic>
#include <chrono>

namespace braintrust::pipeline {

class MediaGate {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::minutes pause{10};

  // A logger starts: the user's wish, and a fresh try.
  void set_wanted(bool wanted) noexcept {
    closed_until_.store(Clock::time_point::min().time_since_epoch().count(), std::memory_order_relaxed);
    wanted_.store(wanted, std::memory_order_relaxed);
  }

  // The background thread of a logger begins. Only Braintrust takes attachments: elsewhere media stay in their rows.
  static void set_taken_by_this_thread(bool taken) noexcept { taken_by_this_thread_ = taken; }

  bool open() const noexcept {
    return taken_by_this_thread_ && wanted_.load(std::memory_order_relaxed) &&
           Clock::now().time_since_epoch().count() >= closed_until_.load(std::memory_order_relaxed);
  }

  // True when it was not closed already, by another failure.
  bool close() noexcept {
    const auto now = Clock::now();
    const auto before = closed_until_.exchange((now + pause).time_since_epoch().count(), std::memory_order_relaxed);
    return now.time_since_epoch().count() >= before;
  }

 private:
  static inline thread_local bool taken_by_this_thread_ = true;
  std::atomic<bool> wanted_ = true;
  std::atomic<Clock::rep> closed_until_ = Clock::time_point::min().time_since_epoch().count();
};

inline MediaGate media_gate;

}  // namespace braintrust::pipeline
