#pragma once

// Signals as something to wait for, instead of something that interrupts.
//
// Threads: block before the first thread is started, or that thread gets them. Source: signal(7), sigwaitinfo(2).

#include <csignal>
#include <initializer_list>

namespace braintrust::local {

// Blocks the signals in this thread and those it starts, until destroyed.
class BlockedSignals {
 public:
  BlockedSignals(std::initializer_list<int> signals) {
    sigemptyset(&set_);
    for (const int signal : signals) sigaddset(&set_, signal);
    pthread_sigmask(SIG_BLOCK, &set_, &before_);
  }
  ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

  // The next one that arrives.
  siginfo_t wait() const {
    siginfo_t info{};
    while (sigwaitinfo(&set_, &info) < 0) {
    }
    return info;
  }

  // The mask as it was.
  const sigset_t& before() const { return before_; }

 private:
  sigset_t set_{};
  sigset_t before_{};
};

}  // namespace braintrust::local
