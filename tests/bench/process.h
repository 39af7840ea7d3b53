#pragma once

// What this process has used so far. Linux.

#include <sys/resource.h>

#include <cstdlib>
#include <fstream>
#include <string>

namespace bench {

// Of all its threads.
inline double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// The most memory that it had, since it began or since `forget_peak`.
inline double peak_megabytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::strtod(line.c_str() + 6, nullptr) / 1024;
  }
  return 0;
}

inline void forget_peak() { std::ofstream("/proc/self/clear_refs") << 5; }

}  // namespace bench
