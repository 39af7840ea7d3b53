#pragma once

// Clocks and their text. Spans read the steady clock only; wall time is that plus an offset that the background thread keeps
// (see wall_offset in clock.cpp), so that no duration is ever negative. Units: nanoseconds.

#include <cstddef>
#include <cstdint>

namespace braintrust::detail {

// "2026-11-22T06:47:04.123456Z", written without a terminator; returns its length, at most 32.
std::size_t write_iso8601(long long nanoseconds_since_epoch, char* out) noexcept;

}  // namespace braintrust::detail
