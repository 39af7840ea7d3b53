#include "core/json_number.h"

#include <charconv>
#include <cmath>
#include <limits>

namespace braintrust::detail {

double number_of(std::string_view json) noexcept {
  double value = 0;
  const auto [end, error] = std::from_chars(json.data(), json.data() + json.size(), value);
  if (error != std::errc::result_out_of_range) return value;
  const std::size_t exponent = json.find_first_of("eE");
  const bool small =
      exponent == json.npos ? json.find_first_of("123456789") > json.find('.') : json.substr(exponent).find('-') != json.npos;
  if (small) return 0;
  constexpr double most = std::numeric_limits<double>::infinity();
  return json.starts_with('-') ? -most : most;
}

std::optional<double> finite_number(std::string_view json) noexcept {
  if (json.empty() || (json.front() != '-' && (json.front() < '0' || json.front() > '9'))) return std::nullopt;
  const double value = number_of(json);
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

}  // namespace braintrust::detail
