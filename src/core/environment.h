#pragma once

// `Environment`: the process variables, copied once.
//
// Made by `init_logger` (through `snapshot`) on the application's thread; the background thread only ever sees the copy,
// because reading the environment while the program changes it is a data race.
//
// A blank variable (missing, empty or white space only) is unset. A value that cannot be read as what it should be is told to
// the diagnostics handler, without the value, and the default counts.
//
// Threads: `snapshot` while nobody calls setenv; the rest is a plain value. Source: INST 20.13, 20.24; PROTO 1.2.

#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace braintrust::detail {

// Missing, empty or white space only: what counts as "not given" everywhere.
bool is_blank(std::string_view text) noexcept;

// Without white space at both ends.
std::string_view trimmed(std::string_view text) noexcept;

class Environment {
 public:
  using Variables = std::map<std::string, std::string, std::less<>>;

  Environment() = default;
  explicit Environment(Variables variables) : variables_(std::move(variables)) {}

  // The variables of this process as they are now.
  static Environment snapshot();

  // The value as it stands, or "" when unset or blank.
  std::string get(std::string_view name) const;

  // A whole number that is at least `least`.
  std::size_t count(std::string_view name, std::size_t fallback, std::size_t least = 0) const;

  // Seconds, fractions allowed, more than zero.
  std::chrono::milliseconds seconds(std::string_view name, std::chrono::milliseconds fallback) const;

  // true, 1, yes, on, y, t; false, 0, no, off, n, f; in any case.
  bool flag(std::string_view name, bool fallback) const;

 private:
  Variables variables_;
};

}  // namespace braintrust::detail
