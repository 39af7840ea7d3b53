#include "core/quantity_text.h"

#include <fmt/format.h>

namespace braintrust::detail {

std::string duration_text(std::chrono::microseconds duration) {
  const auto us = duration.count();
  if (us < 1000) return fmt::format("{} µs", us);
  const auto seconds = static_cast<double>(us) / 1e6;
  // The bounds are where three digits would round up to the next unit.
  if (us < 9'995) return fmt::format("{:.2f} ms", seconds * 1e3);
  if (us < 99'950) return fmt::format("{:.1f} ms", seconds * 1e3);
  if (us < 999'500) return fmt::format("{:.0f} ms", seconds * 1e3);
  if (us < 9'995'000) return fmt::format("{:.2f} s", seconds);
  if (us < 59'950'000) return fmt::format("{:.1f} s", seconds);
  const auto whole = (us + 500'000) / 1'000'000;
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

std::string seconds_text(double seconds) {
  if (!(seconds >= 0 && seconds < 1e9)) return fmt::format("{:.4g} s", seconds);
  return duration_text(std::chrono::round<std::chrono::microseconds>(std::chrono::duration<double>(seconds)));
}

std::string signed_text(double difference, const std::string& size) {
  const bool is_nothing = size.find_first_of("123456789") == size.npos;
  return (difference < 0 && !is_nothing ? "-" : "+") + size;
}

std::string counted(std::uint64_t count, const char* one, const char* many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

}  // namespace braintrust::detail
