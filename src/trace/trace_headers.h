#pragma once

// The values of the headers that carry a trace: `traceparent`, `tracestate`, `baggage`.
//
// Pure: text in, text out. What comes in may be anything, and is bounded: of a baggage, the first 64 members within 8192 bytes.
//
// Errors: what is not well formed is as if it were absent. Units: bytes.
// Source: INST 19.1 to 19.25; https://www.w3.org/TR/trace-context-1/, https://www.w3.org/TR/baggage/

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <braintrust/core/id.h>

namespace braintrust::detail {

// `00-<trace>-<span>-<flags>`. Flags: as they came in, or 01 (recorded) where a trace begins.
struct Traceparent {
  TraceId trace = {};
  SpanId span = {};
  std::uint8_t flags = 1;
};

// Version 00 only, in lower case, ids that are not zero.
std::optional<Traceparent> read_traceparent(std::string_view text) noexcept;
std::string write_traceparent(const Traceparent& parent);

// A `tracestate` is never looked into. What could not be sent on in a header (control characters, bytes that are not ASCII,
// more than 8192 of them) is blank.
std::string_view sendable_tracestate(std::string_view text) noexcept;

inline constexpr std::size_t most_baggage_members = 64;
inline constexpr std::size_t most_baggage_bytes = 8192;
inline constexpr std::size_t most_container_bytes = 1024;  // of one that is read: it is kept for as long as the process runs

// The value of a baggage's first `braintrust.parent`, decoded; blank when it is absent or no container.
std::string container_in(std::string_view baggage);

// What to send: `container` as `braintrust.parent` (blank: none), then as many of the members of `relayed`, in their order and
// byte for byte, as fit behind it. Its own `braintrust.parent` is left out, and so are members with control characters.
std::string baggage_with(std::string_view container, std::string_view relayed);

}  // namespace braintrust::detail
