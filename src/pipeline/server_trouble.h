#pragma once

// `ServerTrouble`: whether the server that batches go to fails at present, and when it is to be tried again.
//
// While it does, one batch at a time is sent, each after a longer wait than the one before, and never sooner than the server
// asked for. Requests that were out together failed for one reason and count once.
//
// Threads: one instance, one thread. Source: promises.md 6 (6).

#include <algorithm>
#include <chrono>
#include <utility>

#include "pipeline/jitter.h"
#include "pipeline/retry.h"

namespace braintrust::pipeline {

class ServerTrouble {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  explicit ServerTrouble(const Backoff& backoff) : backoff_(backoff) {}

  explicit operator bool() const noexcept { return failures_ > 0; }
  TimePoint probe_due() const noexcept { return probe_due_; }

  // A request that was sent at `sent_at` failed, and the server asks for a pause of `asked`. True: until now it had worked.
  bool begin_or_grow(TimePoint sent_at, std::chrono::milliseconds asked, TimePoint now) {
    const bool begins = failures_ == 0;
    if (begins || sent_at >= noted_at_) {
      noted_at_ = now;
      probe_due_ = now + backoff_.wait(++failures_, jitter_.fraction());
    }
    asked_to_wait_until_ = std::max(asked_to_wait_until_, now + asked);
    probe_due_ = std::max(probe_due_, asked_to_wait_until_);
    return begins;
  }
  // A request succeeded. True: until now the server had failed.
  bool end() noexcept { return std::exchange(failures_, 0) > 0; }

  // Somebody waits: no further pause than the server asked for.
  void try_now(TimePoint now) noexcept { probe_due_ = std::max(now, asked_to_wait_until_); }

 private:
  const Backoff backoff_;
  Jitter jitter_;
  unsigned failures_ = 0;  // in a row
  TimePoint noted_at_ = {};
  TimePoint probe_due_ = {};
  TimePoint asked_to_wait_until_ = {};  // by the server
};

}  // namespace braintrust::pipeline
