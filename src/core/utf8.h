#pragma once

// UTF-8, one sequence at a time. Pure. Source: the Unicode Standard, table 3-7 and "maximal subpart" replacement (3.9).

#include <cstddef>
#include <string>
#include <string_view>

namespace braintrust::utf8 {

struct Sequence {
  std::size_t length;  // bytes to step over; at least 1
  bool valid;
};

// Looks at the sequence that begins `text`, which must not be empty. Where it is not valid, `length` covers the bytes that one
// replacement character stands for.
inline Sequence next_sequence(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {1, true};
  std::size_t length = 0;
  unsigned char low = 0x80;
  unsigned char high = 0xBF;  // bounds of the second byte
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  } else {
    return {1, false};
  }
  for (std::size_t i = 1; i < length; ++i) {
    if (i >= text.size() || byte(i) < low || byte(i) > high) return {i, false};
    low = 0x80;
    high = 0xBF;
  }
  return {length, true};
}

inline bool is_valid(std::string_view text) noexcept {
  while (!text.empty()) {
    const auto [length, valid] = next_sequence(text);
    if (!valid) return false;
    text.remove_prefix(length);
  }
  return true;
}

// `text` with U+FFFD where it is not valid.
std::string repaired(std::string_view text);

}  // namespace braintrust::utf8
