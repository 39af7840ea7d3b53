#include "core/environment.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include <fmt/format.h>

#include <braintrust/core/diagnostics.h>

#if defined(_WIN32)
static char** process_variables() { return _environ; }
#elif defined(__APPLE__)
#include <crt_externs.h>
static char** process_variables() { return *_NSGetEnviron(); }
#else
#include <unistd.h>
static char** process_variables() { return environ; }
#endif

namespace braintrust::detail {
namespace {

constexpr std::string_view white_space = " \t\r\n\v\f";

void warn(std::string_view name, std::string_view expected) {
  report(Severity::warning, ErrorCode::invalid_argument, fmt::format("{} is not {}: the default is used", name, expected));
}

bool same_word(std::string_view word, std::string_view lower) {
  return std::equal(word.begin(), word.end(), lower.begin(), lower.end(),
                    [](char left, char right) { return (left >= 'A' && left <= 'Z' ? left - 'A' + 'a' : left) == right; });
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(), [&](std::string_view lower) { return same_word(word, lower); });
}

}  // namespace

bool is_blank(std::string_view text) noexcept { return text.find_first_not_of(white_space) == std::string_view::npos; }

std::string_view trimmed(std::string_view text) noexcept {
  const std::size_t first = text.find_first_not_of(white_space);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(white_space) - first + 1);
}

Environment Environment::snapshot() {
  Variables variables;
  char** const list = process_variables();
  for (char** entry = list; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=', 1);  // from 1: Windows has names that begin with "="
    if (equals != std::string_view::npos) variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return Environment(std::move(variables));
}

std::string Environment::get(std::string_view name) const {
  const auto found = variables_.find(name);
  return found == variables_.end() || is_blank(found->second) ? std::string() : found->second;
}

std::size_t Environment::count(std::string_view name, std::size_t fallback, std::size_t least) const {
  const std::string value = get(name);
  if (value.empty()) return fallback;
  const std::string_view text = trimmed(value);
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size() && number >= least) return number;
  warn(name, least == 0 ? std::string("a whole number") : fmt::format("a whole number from {} up", least));
  return fallback;
}

std::chrono::milliseconds Environment::seconds(std::string_view name, std::chrono::milliseconds fallback) const {
  const std::string value = get(name);
  if (value.empty()) return fallback;
  const std::string_view text = trimmed(value);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool good = error == std::errc() && end == text.data() + text.size() && std::isfinite(number) && number > 0;
  if (good && number < 1e9) return std::chrono::milliseconds(std::max<std::int64_t>(1, std::llround(number * 1000)));
  warn(name, "a number of seconds above zero");
  return fallback;
}

bool Environment::flag(std::string_view name, bool fallback) const {
  const std::string value = get(name);
  if (value.empty()) return fallback;
  const std::string_view word = trimmed(value);
  if (is_one_of(word, {"true", "1", "yes", "on", "y", "t"})) return true;
  if (is_one_of(word, {"false", "0", "no", "off", "n", "f"})) return false;
  warn(name, "a yes or a no (true, 1, yes, on, false, 0, no, off)");
  return fallback;
}

}  // namespace braintrust::detail
