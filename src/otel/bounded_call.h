#pragma once

// `within`: a call that may take longer than its caller wants to wait.
//
// What opentelemetry-cpp calls a timeout is not one everywhere: its batch processor looks at the clock every
// `schedule_delay_millis` when it flushes, and never when it shuts down. So the call is made on a thread of its own, and left
// behind when time is up; what it needs, it must own.

#include <chrono>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <utility>

#include "pipeline/background_thread.h"

namespace braintrust::otel::detail {

// Whether `call()` was true, in time.
template <class Call>
bool within(std::chrono::steady_clock::time_point deadline, Call call) noexcept {
  struct Shared {
    std::mutex mutex;
    std::condition_variable changed;
    bool is_over = false;
    bool result = false;
  };
  try {
    const auto shared = std::make_shared<Shared>();
    pipeline::start_background_thread("bt-otel", [shared, call = std::move(call)]() mutable {
      const bool result = call();
      {
        const auto done = std::move(call);  // what it owns goes first
      }
      const std::lock_guard lock(shared->mutex);
      shared->result = result;
      shared->is_over = true;
      shared->changed.notify_all();
    }).detach();
    std::unique_lock lock(shared->mutex);
    return shared->changed.wait_until(lock, deadline, [&] { return shared->is_over; }) && shared->result;
  } catch (const std::exception&) {  // no thread to be had
    return false;
  }
}

}  // namespace braintrust::otel::detail
