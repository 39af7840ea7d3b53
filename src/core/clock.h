#pragma once

// Clocks and their text. Spans read the steady clock only; wall time is that plus an offset that the background thread keeps
// (RowWriter), so that no duration is ever negative. Units: nanoseconds.

#include <cstddef>
#include <cstdint>

namespace braintrust::detail {

// Now, of the clock that never jumps.
std::int64_t steady_now() noexcept;
// Nanoseconds since 1970 minus the steady clock, now.
std::int64_t measure_wall_offset() noexcept;

// "2026-11-22T06:47:04.123456Z", written without a terminator; returns its length, at most 32.
std::size_t write_iso8601(long long nanoseconds_since_epoch, char* out) noexcept;
// The same of seconds since 1970 and the nanoseconds (0 to 999 999 999) after them. Times before the year 0 or after 9999
// become the first or last moment of those.
std::size_t write_iso8601(long long seconds_since_epoch, int nanoseconds, char* out) noexcept;

}  // namespace braintrust::detail
