#pragma once

// How much of spans goes into one request.
//
// Threads: pure. Source: no specification has a number; servers often take 4 MiB and more.

#include <cstddef>

namespace braintrust::detail::otlp {

// In bytes of the message, before it is compressed.
inline constexpr std::size_t most_request_bytes = 2u << 20;

}  // namespace braintrust::detail::otlp
