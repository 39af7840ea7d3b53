#pragma once

// The live counters behind `Stats`. Written by the background thread (and `queue_full`, `closed` by app threads), read by
// anyone.

#include <atomic>
#include <cstdint>

#include <braintrust/pipeline/queue.h>
#include <braintrust/pipeline/stats.h>

namespace braintrust::pipeline {

struct Counters {
  using Count = std::atomic<std::uint64_t>;
  Count sent_rows = 0, sent_bytes = 0, requests = 0, retries = 0;
  Count refused = 0, exhausted = 0, unresolved = 0, invalid = 0, closed = 0;
  Count outlet_full = 0, not_carried = 0;
  // What the courier holds at present, for all its outlets together.
  Queue::Held held = {};
  // Steady-clock nanoseconds at which the oldest held row was taken; 0 when none is held.
  Count oldest_held = 0;
  // Attachments: what became of them, how many are left, and when the oldest of those was taken.
  Count uploads_sent = 0, uploads_sent_bytes = 0, uploads_failed = 0, uploads_closed = 0;
  Count uploads_held = 0, oldest_upload = 0;

  void reset() noexcept {
    for (Count* count : {&sent_rows,          &sent_bytes,     &requests,       &retries,      &refused,
                         &exhausted,          &unresolved,     &invalid,        &closed,       &outlet_full,
                         &not_carried,        &held.rows,      &held.bytes,     &oldest_held,  &uploads_sent,
                         &uploads_sent_bytes, &uploads_failed, &uploads_closed, &uploads_held, &oldest_upload}) {
      count->store(0, std::memory_order_relaxed);
    }
  }
};

// One thread writes, so a load and a store do for an addition.
inline void add(Counters::Count& counter, std::uint64_t more) noexcept {
  counter.store(counter.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
}

}  // namespace braintrust::pipeline
