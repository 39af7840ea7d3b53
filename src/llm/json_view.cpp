#include "llm/json_view.h"

#include <charconv>
#include <cmath>

#include "core/utf8.h"

namespace braintrust::llm {

JsonView JsonView::parse(std::string_view text) noexcept {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return detail::valid_json(text) ? JsonView(text) : JsonView();
}

std::optional<double> JsonView::number() const noexcept {
  if (!is_number()) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), value);
  if (error != std::errc() || end != text_.data() + text_.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> JsonView::count() const noexcept {
  if (!is_number()) return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), value);
  if (error == std::errc() && end == text_.data() + text_.size()) return value;
  constexpr double exact = 9007199254740992.0;  // 2^53: from here on a double may have been rounded
  const std::optional<double> real = number();  // 12.0, 1e3
  if (!real || *real < 0 || *real > exact || std::floor(*real) != *real) return std::nullopt;
  return static_cast<std::uint64_t>(*real);
}

JsonView JsonView::operator[](std::string_view key) const {
  if (!is_object()) return {};
  std::size_t at = first_inside();
  while (text_[at] != '}') {
    const std::size_t key_end = detail::skip_value(text_, at);
    const std::size_t value = after_space(text_.find(':', key_end) + 1);
    const std::size_t value_end = detail::skip_value(text_, value);
    if (same_key(text_.substr(at + 1, key_end - at - 2), key)) return JsonView(text_.substr(value, value_end - value));
    at = after_comma(value_end);
  }
  return {};
}

JsonView JsonView::element(std::size_t index) const {
  if (!is_array()) return {};
  std::size_t at = first_inside();
  while (text_[at] != ']') {
    const std::size_t end = detail::skip_value(text_, at);
    if (index-- == 0) return JsonView(text_.substr(at, end - at));
    at = after_comma(end);
  }
  return {};
}

bool same_key(std::string_view written, std::string_view plain) {
  if (written == plain) return true;
  return written.find('\\') != std::string_view::npos && detail::unescape(written) == plain;
}

}  // namespace braintrust::llm
