#pragma once

// The live counters behind `Stats`. Written by the background thread (and `queue_full`, `closed` by app threads), read by anyone.

#include <atomic>
#include <cstdint>

#include <braintrust/pipeline/stats.h>

namespace braintrust::pipeline {

struct Counters {
  using Count = std::atomic<std::uint64_t>;
  Count sent_rows = 0, sent_bytes = 0, requests = 0, retries = 0;
  Count refused = 0, exhausted = 0, unresolved = 0, invalid = 0, closed = 0;
  // What the courier holds at present.
  Count held_rows = 0, held_bytes = 0;
  // Steady-clock nanoseconds at which the oldest held row was taken; 0 when none is held.
  Count oldest_held = 0;
};

}  // namespace braintrust::pipeline
