#pragma once

// Durations and counts for people. Pure.

#include <chrono>
#include <cstdint>
#include <string>

namespace braintrust::detail {

// "412 µs", "1.24 s", "2 min 05 s": three digits, whatever the size.
std::string duration_text(std::chrono::microseconds duration);

// The same of a number of seconds. What no clock measures (less than none, more than 30 years) is written as a number.
std::string seconds_text(double seconds);

// "+1.24 s", "-3": a difference whose size reads as `size`. One that reads as nothing is no less.
std::string signed_text(double difference, const std::string& size);

// "1 case", "2 cases"; with the verb, "1 row was", "2 rows were".
std::string counted(std::uint64_t count, const char* one, const char* many);

}  // namespace braintrust::detail
