#include "core/secrets.h"

#include <algorithm>
#include <cstddef>

namespace braintrust::detail {
namespace {

constexpr std::size_t shortest_secret = 4;
constexpr std::string_view hidden = "***";

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// RFC 6750's b64token.
bool of_a_token(char c) {
  const char small = lower(c);
  return (small >= 'a' && small <= 'z') || is_digit(c) || std::string_view("-._~+/=").find(c) != std::string_view::npos;
}

}  // namespace

void hide_secret(std::string& text, std::string_view secret) {
  if (secret.size() < shortest_secret) return;
  for (std::size_t at = 0; (at = text.find(secret, at)) != text.npos; at += hidden.size()) {
    text.replace(at, secret.size(), hidden);
  }
}

void hide_bearers(std::string& text) {
  constexpr std::string_view word = "bearer ";
  const auto same = [](char a, char b) { return lower(a) == b; };
  auto at = text.begin();
  while ((at = std::search(at, text.end(), word.begin(), word.end(), same)) != text.end()) {
    const auto begin = at + static_cast<std::ptrdiff_t>(word.size());
    const auto end = std::find_if_not(begin, text.end(), of_a_token);
    const auto offset = begin - text.begin();
    if (std::any_of(begin, end, is_digit)) text.replace(begin, end, hidden);
    at = text.begin() + offset;
  }
}

}  // namespace braintrust::detail
