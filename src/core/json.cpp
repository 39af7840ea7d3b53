#include <braintrust/core/json.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "core/base64.h"
#include "core/clock.h"
#include "core/utf8.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace braintrust::detail {
namespace {

constexpr char hex_digits[] = "0123456789abcdef";
constexpr std::string_view replacement = "\xEF\xBF\xBD";
constexpr std::size_t slack = 32;  // a block or the longest escape may be written past what is needed

// The position in a buffer that has room for all the input that is left, and `slack`. What grows on its way (an escape, a
// replacement) uses the slack, and `make_room` restores it.
class Cursor {
 public:
  Cursor(Buffer& out, std::size_t input) : out_(out), at_(out.reserve(input + slack)), end_(at_ + input + slack) {}

  char* at() const { return at_; }
  void advance(std::size_t bytes) { at_ += bytes; }
  void put(char byte) { *at_++ = byte; }
  void put(std::string_view bytes) {
    std::memcpy(at_, bytes.data(), bytes.size());
    at_ += bytes.size();
  }
  void make_room(std::size_t left) {
    if (static_cast<std::size_t>(end_ - at_) < left + slack) grow(left);
  }
  void finish() { out_.advance(static_cast<std::size_t>(at_ - (out_.data() + out_.size()))); }

 private:
  void grow(std::size_t left) {
    finish();
    const std::size_t room = left + left / 8 + 4 * slack;
    at_ = out_.reserve(room);
    end_ = at_ + room;
  }

  Buffer& out_;
  char* at_;
  char* end_;
};

// What stands for a control character, quote or backslash; its length in the last byte.
struct Escape {
  char text[7];
  unsigned char length;
};
constexpr auto escapes = [] {
  std::array<Escape, '\\' + 1> table{};
  for (unsigned char byte = 0; byte < 0x20; ++byte)
    table[byte] = {{'\\', 'u', '0', '0', hex_digits[byte >> 4], hex_digits[byte & 15]}, 6};
  constexpr std::string_view named = "\"\"\\\\\bb\ff\nn\rr\tt";
  for (std::size_t i = 0; i < named.size(); i += 2) table[static_cast<unsigned char>(named[i])] = {{'\\', named[i + 1]}, 2};
  return table;
}();

void write_escape(Cursor& out, char byte) {
  const Escape& escape = escapes[static_cast<unsigned char>(byte)];
  std::memcpy(out.at(), escape.text, sizeof escape.text);
  out.advance(escape.length);
}

// The length of the valid UTF-8 sequence of two bytes or more that begins `text`, or 0.
std::size_t sequence_length(const char* text, std::size_t size) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto continues = [&](std::size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const unsigned char lead = byte(0);
  if (lead < 0xE0) return lead >= 0xC2 && size >= 2 && continues(1) ? 2 : 0;
  if (lead < 0xF0) {
    if (size < 3 || !continues(1) || !continues(2)) return 0;
    const unsigned code = (lead & 15U) << 12 | (byte(1) & 63U) << 6;
    return code >= 0x800 && (code & 0xF800) != 0xD800 ? 3 : 0;
  }
  if (size < 4 || lead > 0xF4 || !continues(1) || !continues(2) || !continues(3)) return 0;
  const unsigned code = (lead & 7U) << 6 | (byte(1) & 63U);  // without its low 12 bits
  return code >= 0x10 && code < 0x110 ? 4 : 0;
}

// Writes one character; returns how many bytes it took.
std::size_t write_character(Cursor& out, const char* text, std::size_t size) {
  const auto byte = static_cast<unsigned char>(*text);
  if (byte < 0x80) {
    if (byte >= 0x20 && byte != '"' && byte != '\\') {
      out.put(*text);
    } else {
      write_escape(out, *text);
      out.make_room(size - 1);
    }
    return 1;
  }
  if (const std::size_t length = sequence_length(text, size); length > 0) {
    // Lengths that the compiler knows: no call.
    std::memcpy(out.at(), text, 2);
    if (length > 2) std::memcpy(out.at() + length - 2, text + length - 2, 2);
    out.advance(length);
    return length;
  }
  const std::size_t length = utf8::next_sequence({text, size}).length;
  out.put(replacement);
  out.make_room(size - length);
  return length;
}

template <class Word>
Word load(const char* from) {
  Word word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

#if defined(__SSE2__)
constexpr std::size_t block = 16;

// The bytes that are more or less than printable ASCII without quote and backslash, a bit each.
unsigned special(__m128i bytes) {
  // Signed comparison: control characters and everything beyond ASCII are "less than space".
  const __m128i matches =
      _mm_or_si128(_mm_cmplt_epi8(bytes, _mm_set1_epi8(' ')),
                   _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))));
  return static_cast<unsigned>(_mm_movemask_epi8(matches));
}
bool plain(std::uint64_t first, std::uint64_t last) {
  return special(_mm_set_epi64x(static_cast<long long>(last), static_cast<long long>(first))) == 0;
}
// Copies 16 bytes; whether all are plain.
bool copy_plain(char* to, const char* text) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), bytes);
  return special(bytes) == 0;
}

// How many of 16 bytes, which hold some beyond ASCII, are whole valid characters that need no change, as far as that can be
// told without looking at single characters.
unsigned copyable(__m128i bytes, unsigned high) {
  const auto mask = [](__m128i matches) { return static_cast<unsigned>(_mm_movemask_epi8(matches)); };
  const auto is = [&](unsigned char byte) { return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(static_cast<char>(byte))); };
  const auto at_least = [&](unsigned char byte) {
    return _mm_cmpeq_epi8(_mm_max_epu8(bytes, _mm_set1_epi8(static_cast<char>(byte))), bytes);
  };
  const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1F)), bytes);
  const unsigned escaped = mask(_mm_or_si128(control, _mm_or_si128(is('"'), is('\\'))));
  const unsigned length = escaped == 0 ? 16 : static_cast<unsigned>(__builtin_ctz(escaped));
  const unsigned considered = (1U << length) - 1;
  high &= considered;
  const auto ascii = static_cast<unsigned>(__builtin_ctz(high));

  // Leads whose second byte has bounds of its own (E0, ED, from F0 on) and C0, C1, which are never valid.
  const __m128i even = _mm_and_si128(bytes, _mm_set1_epi8(static_cast<char>(0xFE)));
  const __m128i overlong = _mm_cmpeq_epi8(even, _mm_set1_epi8(static_cast<char>(0xC0)));
  const unsigned rare = mask(_mm_or_si128(_mm_or_si128(is(0xE0), is(0xED)), _mm_or_si128(at_least(0xF0), overlong)));
  if ((rare & considered) != 0) return ascii;

  // All other leads need one continuation byte, or two; there must be those and no others.
  const unsigned leads = mask(at_least(0xC0)) & considered;
  const unsigned needed = leads << 1 | (mask(at_least(0xE0)) & considered) << 2;
  if ((needed & considered) != (high & ~leads)) return ascii;
  if ((needed & ~considered) == 0) return length;
  // The last character is cut by the end of the block, or broken by what is escaped.
  return 31U - static_cast<unsigned>(__builtin_clz(leads));
}

// Copies 16 bytes, of which those that need no change count; returns how many: the first may be for a look at single
// characters.
std::size_t write_block(char* to, const char* text) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), bytes);
  const unsigned mask = special(bytes);
  if (mask == 0) return block;
  const auto first = static_cast<unsigned>(__builtin_ctz(mask));
  if (static_cast<unsigned char>(text[first]) < 0x80) return first;
  return copyable(bytes, static_cast<unsigned>(_mm_movemask_epi8(bytes)));
}
#else
constexpr std::size_t block = 8;

// Whether all eight bytes are printable ASCII but quote and backslash.
bool plain(std::uint64_t word) {
  constexpr std::uint64_t ones = 0x0101010101010101;
  constexpr std::uint64_t high = 0x8080808080808080;
  const auto some_zero = [](std::uint64_t bytes) { return (bytes - ones) & ~bytes; };
  return ((word | (word - ones * 0x20) | some_zero(word ^ ones * '"') | some_zero(word ^ ones * '\\')) & high) == 0;
}
bool plain(std::uint64_t first, std::uint64_t last) { return plain(first) && plain(last); }

std::size_t write_block(char* to, const char* text) {
  const auto word = load<std::uint64_t>(text);
  std::memcpy(to, &word, block);
  return plain(word) ? block : 0;
}
bool copy_plain(char* to, const char* text) {
  return write_block(to, text) == block && write_block(to + block, text + block) == block;
}
#endif

constexpr std::size_t longest_short = 32;

// Copies up to `longest_short` bytes, unless some of them need an escape or a closer look: then false. Longer pieces overlap.
bool copy_short(char* to, const char* text, std::size_t size) {
  constexpr std::uint64_t spaces = 0x2020202020202020;
  if (size >= 16) return copy_plain(to, text) && copy_plain(to + size - 16, text + size - 16);
  if (size >= 8) {
    const auto first = load<std::uint64_t>(text);
    const auto last = load<std::uint64_t>(text + size - 8);
    std::memcpy(to, &first, 8);
    std::memcpy(to + size - 8, &last, 8);
    return plain(first, last);
  }
  if (size >= 4) {
    const auto first = load<std::uint32_t>(text);
    const auto last = load<std::uint32_t>(text + size - 4);
    std::memcpy(to, &first, 4);
    std::memcpy(to + size - 4, &last, 4);
    return plain(std::uint64_t{first} << 32 | last, spaces);
  }
  std::uint64_t word = spaces;
  for (std::size_t i = 0; i < size; ++i) {
    to[i] = text[i];
    word = word << 8 | static_cast<unsigned char>(text[i]);
  }
  return plain(word, spaces);
}

// The whole of a short string that needs no change, as nearly every key is, and `after` behind it; or nothing.
inline bool write_short(Buffer& out, std::string_view text, std::string_view after) {
  if (text.size() > longest_short) return false;
  char* const to = out.reserve(longest_short + slack);
  if (!copy_short(to + 1, text.data(), text.size())) return false;
  to[0] = '"';
  std::memcpy(to + 1 + text.size(), after.data(), after.size());
  out.advance(1 + text.size() + after.size());
  return true;
}

[[gnu::noinline]] void write_string(Buffer& out, std::string_view text) {
  Cursor to(out, text.size());
  const char* from = text.data();
  std::size_t left = text.size();
  to.put('"');
  while (left >= block) {
    const std::size_t length = write_block(to.at(), from);
    to.advance(length);
    from += length;
    left -= length;
    if (length + 3 >= block) continue;  // a character that the end of the block cut has up to three bytes there
    // One character to escape or replace, or a run of those that only a closer look can tell.
    const std::size_t enough = left - std::min(left, 4 * block);
    do {
      const std::size_t taken = write_character(to, from, left);
      from += taken;
      left -= taken;
    } while (left > enough && static_cast<unsigned char>(*from) >= 0x80);
  }
  if (copy_short(to.at(), from, left)) {
    to.advance(left);
    left = 0;
  }
  while (left > 0) {
    const std::size_t taken = write_character(to, from, left);
    from += taken;
    left -= taken;
  }
  to.put('"');
  to.finish();
}

template <class Integer>
void write_integer(JsonWriter& writer, Integer value) {
  char* const begin = writer.out.reserve(24);
  const auto end = std::to_chars(begin, begin + 24, value).ptr;
  writer.out.advance(static_cast<std::size_t>(end - begin));
}

// Numbers with up to six decimals and few enough digits that no shorter text can mean them: much faster than the general way.
template <class Number>
bool write_decimal(Buffer& out, Number number) {
  constexpr double scale = 1e6;
  // Below this, neighbours a millionth apart are different numbers, so that the text which reads back the same is the only one.
  constexpr double bound = std::is_same_v<Number, float> ? 0x1p23 : 0x1p52;
  const double value = static_cast<double>(number);
  if (!(std::fabs(value) * scale < bound)) return false;
  const auto scaled = static_cast<std::int64_t>(value * scale + (value < 0 ? -0.5 : 0.5));
  if (static_cast<Number>(static_cast<double>(scaled) / scale) != number || (scaled == 0 && std::signbit(number))) return false;
  auto digits = static_cast<std::uint64_t>(scaled < 0 ? -scaled : scaled);
  char* const begin = out.reserve(32);
  char* at = begin;
  if (scaled < 0) *at++ = '-';
  at = std::to_chars(at, begin + 32, digits / 1'000'000).ptr;
  if (auto fraction = static_cast<std::uint32_t>(digits % 1'000'000); fraction != 0) {
    *at = '.';
    for (int place = 6; place > 0; --place) {
      at[place] = static_cast<char>('0' + fraction % 10);
      fraction /= 10;
    }
    at += 7;
    while (at[-1] == '0') --at;
  }
  out.advance(static_cast<std::size_t>(at - begin));
  return true;
}

template <class Number>
void write_number(JsonWriter& writer, Number value) {
  if (std::isnan(value)) return writer.string("NaN");
  if (std::isinf(value)) return writer.string(value > 0 ? "Infinity" : "-Infinity");
  if (write_decimal(writer.out, value)) return;
  char* const begin = writer.out.reserve(32);
  const auto end = std::to_chars(begin, begin + 32, value).ptr;
  writer.out.advance(static_cast<std::size_t>(end - begin));
}

void append_utf8(Buffer& out, char32_t code) {
  if ((code >= 0xD800 && code < 0xE000) || code > 0x10FFFF) return out.append(replacement);
  char bytes[4];
  std::size_t size = 0;
  const auto put = [&](char32_t byte) { bytes[size++] = static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6);
    put(0x80 | (code & 63));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 63));
    put(0x80 | (code & 63));
  } else {
    put(0xF0 | code >> 18);
    put(0x80 | (code >> 12 & 63));
    put(0x80 | (code >> 6 & 63));
    put(0x80 | (code & 63));
  }
  out.append({bytes, size});
}

// UTF-16 where a unit has two bytes, else UTF-32.
template <class Unit>
void write_wide(JsonWriter& writer, const Unit* text, std::size_t size) {
  Buffer narrow;
  for (std::size_t i = 0; i < size; ++i) {
    auto code = static_cast<char32_t>(text[i]);
    if constexpr (sizeof(Unit) == 2) {
      if (code >= 0xD800 && code < 0xDC00 && i + 1 < size) {
        const auto low = static_cast<char32_t>(text[i + 1]);
        if (low >= 0xDC00 && low < 0xE000) {
          code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
          ++i;
        }
      }
    }
    append_utf8(narrow, code);
  }
  writer.string(narrow.view());
}

// Seconds and the nanoseconds after them, as a JSON string.
void write_time(Buffer& out, long long seconds, int nanoseconds) {
  char* const begin = out.reserve(40);
  *begin = '"';
  const std::size_t size = write_iso8601(seconds, nanoseconds, begin + 1);
  begin[size + 1] = '"';
  out.advance(size + 2);
}

}  // namespace

void JsonWriter::integer(long long value) { write_integer(*this, value); }
void JsonWriter::integer(unsigned long long value) { write_integer(*this, value); }
void JsonWriter::number(double value) { write_number(*this, value); }
void JsonWriter::number(float value) { write_number(*this, value); }

void JsonWriter::string(std::string_view text) {
  if (!write_short(out, text, "\"")) write_string(out, text);
}
void JsonWriter::key(std::string_view name) {
  if (write_short(out, name, "\":")) return;
  write_string(out, name);
  out.append(':');
}

void JsonWriter::text(const char8_t* text, std::size_t size) { string({reinterpret_cast<const char*>(text), size}); }
void JsonWriter::text(const char16_t* text, std::size_t size) { write_wide(*this, text, size); }
void JsonWriter::text(const char32_t* text, std::size_t size) { write_wide(*this, text, size); }
void JsonWriter::text(const wchar_t* text, std::size_t size) { write_wide(*this, text, size); }

void JsonWriter::foreign(std::string_view json) {
  int open = 0;
  int most = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    switch (json[i]) {
      case '"':
        in_string = !in_string;
        break;
      case '\\':
        ++i;
        break;
      case '{':
      case '[':
        if (!in_string) most = std::max(most, ++open);
        break;
      case '}':
      case ']':
        if (!in_string) --open;
        break;
      default:
        break;
    }
  }
  if (depth + most > json_depth_cap) return too_deep();
  deepest = std::max(deepest, depth + most);
  out.append(json);
}

void JsonWriter::make_key(std::size_t start) {
  const std::string_view written = out.view().substr(start);
  if (!written.starts_with('"')) {
    const Buffer copy = [&] {
      Buffer text;
      text.append(written);
      return text;
    }();
    out.truncate(start);
    string(copy.view());
  }
  out.append(':');
}

void JsonWriter::base64(std::string_view bytes) {
  out.append('"');
  char* const begin = out.reserve(base64::encoded_size(bytes.size()));
  out.advance(base64::encode(bytes, begin));
  out.append('"');
}

void JsonWriter::time(long long count, long long numerator, long long denominator) {
  if (numerator == 1 && denominator <= 1'000'000'000) {
    long long seconds = count / denominator;
    long long rest = count % denominator;
    if (rest < 0) {
      rest += denominator;
      --seconds;
    }
    return write_time(out, seconds, static_cast<int>(rest * 1'000'000'000 / denominator));
  }
  long long seconds = 0;
  if (denominator == 1 && !__builtin_mul_overflow(count, numerator, &seconds)) return write_time(out, seconds, 0);
  time(static_cast<long double>(count), static_cast<long double>(numerator), static_cast<long double>(denominator));
}

void JsonWriter::time(long double count, long double numerator, long double denominator) {
  const long double time = count * numerator / denominator;
  if (std::isnan(time)) return string("NaN");
  constexpr long double far = 1e15L;  // beyond every year that can be written
  const long double bounded = std::fmax(-far, std::fmin(time, far));
  const long double seconds = std::floor(bounded);
  write_time(out, static_cast<long long>(seconds), static_cast<int>((bounded - seconds) * 1e9L));
}

void write_object(JsonWriter& writer, const Member* members, std::size_t count) {
  write_nested(writer, '{', '}', [&] {
    for (std::size_t i = 0; i < count; ++i) {
      if (i > 0) writer.out.append(',');
      writer.key(members[i].key);
      members[i].value.write(writer);
    }
  });
}

}  // namespace braintrust::detail
