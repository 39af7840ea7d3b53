#pragma once

// What to do after a request failed: stop, or wait and repeat it.
//
// Repeated are requests without an answer, and the statuses 408, 425, 429 and 5xx. Any other status is the server's last word.
// The wait is a random part of a span that doubles with each attempt ("full jitter"), so that many programs that lost one
// server do not come back together; a `Retry-After` is waited for in full.
//
// Threads: pure functions. Source: PROTO 4.6, promises.md 6 (6).

#include <chrono>
#include <optional>
#include <string_view>

namespace braintrust::pipeline {

// `status` 0 stands for no answer.
bool may_retry(int status) noexcept;

struct Backoff {
  std::chrono::milliseconds first{500};
  std::chrono::milliseconds most{30'000};

  // The wait after `failures` failures (1 = the first); `random` in [0, 1).
  std::chrono::milliseconds wait(unsigned failures, double random) const noexcept;
};

// Seconds or an HTTP date, at most five minutes from `now`; nothing when `text` is blank or neither.
std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view text, std::chrono::system_clock::time_point now);

}  // namespace braintrust::pipeline
