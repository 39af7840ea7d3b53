#include "local/json_text.h"

#include <cstdlib>

#include "core/json_scan.h"

namespace braintrust::local {
namespace {

// The value of the \u escape at `at`, or 0 if there is none.
unsigned long unit_at(std::string_view text, std::size_t at) {
  if (text.substr(at, 2) != "\\u") return 0;
  return std::strtoul(std::string(text.substr(at + 2, 4)).c_str(), nullptr, 16);
}

bool is_high(unsigned long unit) { return unit >= 0xd800 && unit <= 0xdbff; }
bool is_low(unsigned long unit) { return unit >= 0xdc00 && unit <= 0xdfff; }

// Where the next lone surrogate's escape begins, at `at` or after, or npos.
std::size_t next_lone_surrogate(std::string_view text, std::size_t at) {
  while ((at = text.find('\\', at)) < text.size()) {
    const auto unit = text[at + 1] == 'u' ? unit_at(text, at) : 0;
    if (is_high(unit) && is_low(unit_at(text, at + 6))) {
      at += 12;
    } else if (is_high(unit) || is_low(unit)) {
      return at;
    } else {
      at += 2;  // the escaped character too, which may be a backslash
    }
  }
  return std::string_view::npos;
}

}  // namespace

std::string text_of(std::string_view value) {
  return is_string(value) ? detail::unescape(value.substr(1, value.size() - 2)) : std::string(value);
}

std::optional<std::string> without_lone_surrogates(std::string_view text) {
  auto at = next_lone_surrogate(text, 0);
  if (at == std::string_view::npos) return std::nullopt;
  std::string fixed(text);
  for (; at != std::string_view::npos; at = next_lone_surrogate(fixed, at)) fixed.replace(at + 2, 4, "fffd");
  return fixed;
}

}  // namespace braintrust::local
