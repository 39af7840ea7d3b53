#include "eval/code_points.h"

#include "core/utf8.h"

namespace braintrust::eval {
namespace {

char32_t decoded(std::string_view sequence) {
  static constexpr unsigned char lead_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
  char32_t value = static_cast<unsigned char>(sequence[0]) & lead_bits[sequence.size()];
  for (const char c : sequence.substr(1)) value = (value << 6) | (static_cast<unsigned char>(c) & 0x3f);
  return value;
}

}  // namespace

std::u32string code_points(std::string_view text) {
  std::u32string points;
  points.reserve(text.size());
  while (!text.empty()) {
    const auto [length, valid] = utf8::next_sequence(text);
    points.push_back(valid ? decoded(text.substr(0, length)) : U'\uFFFD');
    text.remove_prefix(length);
  }
  return points;
}

}  // namespace braintrust::eval
