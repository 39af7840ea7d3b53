#pragma once

// `Jitter`: random numbers that spread retries and name files. Not for ids, not for secrets.
//
// Threads: one instance, one thread.

#include <cstdint>
#include <random>

namespace braintrust::pipeline {

class Jitter {
 public:
  Jitter() : state_(std::uint64_t{std::random_device{}()} << 32 | std::random_device{}()) {}

  // splitmix64
  std::uint64_t next() noexcept {
    std::uint64_t value = state_ += 0x9E3779B97F4A7C15U;
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9U;
    value = (value ^ value >> 27) * 0x94D049BB133111EBU;
    return value ^ value >> 31;
  }

  // In [0, 1).
  double fraction() noexcept { return static_cast<double>(next() >> 11) * 0x1p-53; }

 private:
  std::uint64_t state_;
};

}  // namespace braintrust::pipeline
