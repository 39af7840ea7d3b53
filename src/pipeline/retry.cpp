#include "pipeline/retry.h"

#include <algorithm>
#include <charconv>
#include <string>

#include <curl/curl.h>

#include "core/environment.h"

namespace braintrust::pipeline {

bool may_retry(int status) noexcept {
  return status == 0 || status == 408 || status == 425 || status == 429 || (status >= 500 && status < 600);
}

std::chrono::milliseconds Backoff::wait(unsigned failures, double random) const noexcept {
  const unsigned doublings = std::clamp(failures, 1U, 32U) - 1;
  const double span = std::min(static_cast<double>(first.count()) * static_cast<double>(std::uint64_t{1} << doublings),
                               static_cast<double>(most.count()));
  return std::chrono::milliseconds(static_cast<std::int64_t>(span * random));
}

std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view text, std::chrono::system_clock::time_point now) {
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  constexpr seconds most{300};
  text = detail::trimmed(text);
  if (text.empty()) return std::nullopt;
  if (text.find_first_not_of("0123456789") == std::string_view::npos) {
    std::int64_t count = most.count();  // a number too large to read is large
    std::from_chars(text.data(), text.data() + text.size(), count);
    return milliseconds(std::min(seconds(count), most));
  }
  const std::time_t date = curl_getdate(std::string(text).c_str(), nullptr);
  if (date == -1) return std::nullopt;
  // Whole seconds first: a far date has more nanoseconds than can be counted.
  const std::int64_t present = std::chrono::system_clock::to_time_t(now);
  if (date - present > most.count()) return most;
  if (date < present) return milliseconds(0);
  const auto wait = std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::from_time_t(date) - now);
  return std::clamp(wait, milliseconds(0), milliseconds(most));
}

}  // namespace braintrust::pipeline
