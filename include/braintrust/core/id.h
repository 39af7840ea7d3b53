#pragma once

// Identifiers: what names a row, a span and a trace.
//
// Made by the library from a random generator of each thread; binary here, lower-case hex (or, for rows, a UUID) on the wire.
// All zeros is "none" and never made.
//
// Threads: plain values. Source: PROTO 7 (hex ids: 8 bytes a span, 16 a trace; UUIDv4 rows, because a row id is an upsert key).

#include <cstdint>
#include <string>
#include <string_view>

namespace braintrust {

struct SpanId {
  std::uint64_t value = 0;
  explicit operator bool() const noexcept { return value != 0; }
  friend bool operator==(const SpanId&, const SpanId&) = default;
};

struct TraceId {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  explicit operator bool() const noexcept { return (high | low) != 0; }
  friend bool operator==(const TraceId&, const TraceId&) = default;
};

struct RowId {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  explicit operator bool() const noexcept { return (high | low) != 0; }
  friend bool operator==(const RowId&, const RowId&) = default;
};

std::string to_string(SpanId id);   // "0123456789abcdef"
std::string to_string(TraceId id);  // "00112233445566778899aabbccddeeff"
std::string to_string(RowId id);    // "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"

}  // namespace braintrust
