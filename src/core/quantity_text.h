#pragma once

// Durations and counts for people. Pure.

#include <chrono>
#include <cstdint>
#include <string>

namespace braintrust::detail {

// "412 µs", "1.24 s", "2 min 05 s": three digits, whatever the size.
std::string duration_text(std::chrono::microseconds duration);

// "1 case", "2 cases".
std::string counted(std::uint64_t count, const char* one, const char* many);

}  // namespace braintrust::detail
