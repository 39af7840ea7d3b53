#include "local/json_scan.h"

#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace braintrust::local {
namespace {

// The bytes inside a string literal that need a look: its end, escapes, control characters and everything that is not ASCII.
constexpr std::array<bool, 256> special_in_string = [] {
  std::array<bool, 256> table{};
  for (int c = 0; c < 256; ++c) table[static_cast<std::size_t>(c)] = c < 0x20 || c == '"' || c == '\\' || c >= 0x80;
  return table;
}();

bool is_digit(char c) { return c >= '0' && c <= '9'; }

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The four digits of a \u escape whose first digit is at `at`, or -1.
int hex_unit(std::string_view text, std::size_t at) {
  if (at + 4 > text.size()) return -1;
  int unit = 0;
  for (std::size_t i = at; i < at + 4; ++i) {
    const int value = hex_value(text[i]);
    if (value < 0) return -1;
    unit = unit * 16 + value;
  }
  return unit;
}

bool is_high(int unit) { return unit >= 0xd800 && unit <= 0xdbff; }
bool is_low(int unit) { return unit >= 0xdc00 && unit <= 0xdfff; }

// Whether the escape at `at` (of its backslash) with the value `unit` is half of a pair whose other half follows.
bool begins_pair(std::string_view text, std::size_t at, int unit) {
  return is_high(unit) && text.substr(at + 6, 2) == "\\u" && is_low(hex_unit(text, at + 8));
}

// The length of the UTF-8 sequence at `at`, or 0 if it is not one (overlong forms, surrogates and stray bytes are not).
std::size_t utf8_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U; };
  const auto follows = [&](std::size_t i) { return (byte(i) & 0xc0U) == 0x80U; };
  const auto first = byte(0);
  if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f)) return 0;
    return follows(1) && follows(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    if ((first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f)) return 0;
    return follows(1) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

// One pass over the text, by recursive descent (its depth is bounded).
class Checker {
 public:
  explicit Checker(std::string_view text) : text_(text) {}

  JsonCheck run() {
    space();
    if (value(0)) {
      space();
      if (at_ != text_.size()) fail("something follows the value");
    }
    return std::move(check_);
  }

 private:
  bool fail(const char* what) {
    if (!check_.problem) check_.problem = fmt::format("{} at byte {}", what, at_);
    return false;
  }
  void space() { at_ = skip_space(text_, at_); }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  bool value(int depth) {
    switch (peek()) {
      case '{':
        return object(depth + 1);
      case '[':
        return array(depth + 1);
      case '"':
        return string();
      case 't':
        return word("true");
      case 'f':
        return word("false");
      case 'n':
        return word("null");
      default:
        return number();
    }
  }

  bool object(int depth) {
    if (depth > max_json_depth) return fail("too deeply nested");
    ++at_;
    space();
    if (take('}')) return true;
    for (;;) {
      if (peek() != '"') return fail("expected a field name");
      if (!string()) return false;
      space();
      if (!take(':')) return fail("expected ':'");
      space();
      if (!value(depth)) return false;
      space();
      if (take('}')) return true;
      if (!take(',')) return fail("expected ',' or '}'");
      space();
    }
  }

  bool array(int depth) {
    if (depth > max_json_depth) return fail("too deeply nested");
    ++at_;
    space();
    if (take(']')) return true;
    for (;;) {
      if (!value(depth)) return false;
      space();
      if (take(']')) return true;
      if (!take(',')) return fail("expected ',' or ']'");
      space();
    }
  }

  bool string() {
    ++at_;
    for (;;) {
      while (at_ < text_.size() && !special_in_string[static_cast<unsigned char>(text_[at_])]) ++at_;
      if (at_ >= text_.size()) return fail("unfinished string");
      const char c = text_[at_];
      if (c == '"') return ++at_, true;
      if (c == '\\') {
        if (!escape()) return fail("unknown escape");
      } else if (static_cast<unsigned char>(c) < 0x20) {
        return fail("control character in a string");
      } else {
        const auto length = utf8_length(text_, at_);
        if (length == 0) return fail("not UTF-8");
        at_ += length;
      }
    }
  }

  bool escape() {
    const char c = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
    if (c != 'u') {
      if (c == '\0' || std::string_view("\"\\/bfnrt").find(c) == std::string_view::npos) return false;
      at_ += 2;
      return true;
    }
    const int unit = hex_unit(text_, at_ + 2);
    if (unit < 0) return false;
    if (begins_pair(text_, at_, unit)) {
      at_ += 12;
    } else {
      check_.lone_surrogates |= is_high(unit) || is_low(unit);
      at_ += 6;
    }
    return true;
  }

  bool word(std::string_view expected) {
    if (text_.substr(at_, expected.size()) != expected) return fail("unexpected character");
    at_ += expected.size();
    return true;
  }

  bool number() {
    const auto begin = at_;
    take('-');
    if (!is_digit(peek())) return fail(at_ >= text_.size() ? "unexpected end" : "unexpected character");
    if (!take('0')) digits();
    if (take('.') && !digits()) return fail("expected a digit");
    bool exponent = false;
    if (take('e') || take('E')) {
      exponent = true;
      if (!take('+')) take('-');
      if (!digits()) return fail("expected a digit");
    }
    // Only these can be beyond what a double holds, which readers refuse.
    if (exponent || at_ - begin > 300) {
      if (std::isinf(std::strtod(std::string(text_.substr(begin, at_ - begin)).c_str(), nullptr)))
        return fail("number too large");
    }
    return true;
  }

  bool digits() {
    if (!is_digit(peek())) return false;
    while (is_digit(peek())) ++at_;
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  JsonCheck check_;
};

// Most of a row is the inside of long strings, hence memchr: it looks at 32 bytes and more at a time.
std::size_t skip_string(std::string_view text, std::size_t at) {
  const auto begin = at;
  for (++at; at < text.size(); ++at) {
    const auto* quote = static_cast<const char*>(std::memchr(text.data() + at, '"', text.size() - at));
    if (!quote) break;
    at = static_cast<std::size_t>(quote - text.data());
    auto escapes = at;
    while (escapes > begin + 1 && text[escapes - 1] == '\\') --escapes;
    if ((at - escapes) % 2 == 0) return at + 1;
  }
  return text.size();
}

}  // namespace

JsonCheck check_json(std::string_view text) { return Checker(text).run(); }

std::string without_lone_surrogates(std::string_view text) {
  std::string fixed(text);
  for (std::size_t at = 0; at + 1 < fixed.size(); ++at) {
    if (fixed[at] != '\\') continue;
    if (fixed[at + 1] != 'u') {
      ++at;  // the escaped character, which may itself be a backslash
      continue;
    }
    const int unit = hex_unit(fixed, at + 2);
    if (begins_pair(fixed, at, unit)) {
      at += 11;
    } else {
      if (is_high(unit) || is_low(unit)) fixed.replace(at + 2, 4, "fffd");
      at += 5;
    }
  }
  return fixed;
}

std::string unescape(std::string_view literal) {
  if (is_string(literal)) literal = literal.substr(1, literal.size() - 2);
  if (literal.find('\\') == std::string_view::npos) return std::string(literal);
  const auto parsed = nlohmann::json::parse(fmt::format("\"{}\"", literal), nullptr, false);
  return parsed.is_string() ? parsed.get<std::string>() : std::string(literal);
}

std::size_t skip_value(std::string_view text, std::size_t at) {
  if (at >= text.size()) return text.size();
  if (text[at] == '"') return skip_string(text, at);
  if (text[at] != '{' && text[at] != '[') {
    while (at < text.size() && std::string_view(",]} \n\r\t").find(text[at]) == std::string_view::npos) ++at;
    return at;
  }
  int depth = 0;
  while (at < text.size()) {
    switch (text[at]) {
      case '"':
        at = skip_string(text, at);
        continue;
      case '{':
      case '[':
        ++depth;
        break;
      case '}':
      case ']':
        if (--depth == 0) return at + 1;
        break;
      default:
        break;
    }
    ++at;
  }
  return at;
}

}  // namespace braintrust::local
