#include "core/id_text.h"

namespace braintrust {
namespace detail {
namespace {

constexpr char digits[] = "0123456789abcdef";

void write_word(std::uint64_t word, char* out, int count = 16) noexcept {
  for (int i = 0; i < count; ++i) out[i] = digits[word >> (4 * (count - 1 - i)) & 15];
}

bool parse_word(std::string_view text, std::uint64_t& word) noexcept {
  word = 0;
  for (const char c : text) {
    std::uint64_t digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<std::uint64_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      digit = static_cast<std::uint64_t>(c - 'a') + 10;
    } else if (c >= 'A' && c <= 'F') {
      digit = static_cast<std::uint64_t>(c - 'A') + 10;
    } else {
      return false;
    }
    word = word << 4 | digit;
  }
  return true;
}

}  // namespace

void write_hex(SpanId id, char* out) noexcept { write_word(id.value, out); }
void write_hex(TraceId id, char* out) noexcept {
  write_word(id.high, out);
  write_word(id.low, out + 16);
}
void write_uuid(RowId id, char* out) noexcept {
  write_word(id.high >> 32, out, 8);
  out[8] = '-';
  write_word(id.high >> 16 & 0xFFFF, out + 9, 4);
  out[13] = '-';
  write_word(id.high & 0xFFFF, out + 14, 4);
  out[18] = '-';
  write_word(id.low >> 48, out + 19, 4);
  out[23] = '-';
  write_word(id.low & 0xFFFF'FFFF'FFFF, out + 24, 12);
}

bool parse_uuid(std::string_view text, RowId& id) noexcept {
  if (text.size() != row_id_size || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-') return false;
  char hex[32];
  std::size_t size = 0;
  for (const char c : text) {
    if (c != '-') {
      if (size == sizeof hex) return false;
      hex[size++] = c;
    }
  }
  RowId read;
  if (size != sizeof hex || !parse_word({hex, 16}, read.high) || !parse_word({hex + 16, 16}, read.low)) return false;
  id = read;
  return true;
}
bool parse_hex(std::string_view text, SpanId& id) noexcept { return text.size() == span_id_size && parse_word(text, id.value); }
bool parse_hex(std::string_view text, TraceId& id) noexcept {
  return text.size() == trace_id_size && parse_word(text.substr(0, 16), id.high) && parse_word(text.substr(16), id.low);
}

}  // namespace detail

std::string to_string(SpanId id) {
  std::string text(detail::span_id_size, '\0');
  detail::write_hex(id, text.data());
  return text;
}
std::string to_string(TraceId id) {
  std::string text(detail::trace_id_size, '\0');
  detail::write_hex(id, text.data());
  return text;
}
std::string to_string(RowId id) {
  std::string text(detail::row_id_size, '\0');
  detail::write_uuid(id, text.data());
  return text;
}

}  // namespace braintrust
