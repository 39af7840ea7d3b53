#include <braintrust/core/json.h>

#include <charconv>
#include <cmath>
#include <cstring>

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

// The length of the leading run that is copied as it is: printable ASCII but quote and backslash.
std::size_t plain_run(const char* text, std::size_t size) {
  std::size_t i = 0;
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i space = _mm_set1_epi8(0x20);
  for (; i + 16 <= size; i += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text + i));
    // Signed comparison: control characters and everything from 0x80 up are "less than space".
    const __m128i special = _mm_or_si128(_mm_cmplt_epi8(bytes, space),
                                         _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)));
    const int mask = _mm_movemask_epi8(special);
    if (mask != 0) return i + static_cast<std::size_t>(__builtin_ctz(static_cast<unsigned>(mask)));
  }
#endif
  for (; i < size; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte >= 0x80 || byte == '"' || byte == '\\') break;
  }
  return i;
}

void write_escape(Buffer& out, char byte) {
  switch (byte) {
    case '"': return out.append("\\\"");
    case '\\': return out.append("\\\\");
    case '\b': return out.append("\\b");
    case '\f': return out.append("\\f");
    case '\n': return out.append("\\n");
    case '\r': return out.append("\\r");
    case '\t': return out.append("\\t");
    default: {
      const auto value = static_cast<unsigned char>(byte);
      const char escape[] = {'\\', 'u', '0', '0', hex_digits[value >> 4], hex_digits[value & 15]};
      return out.append({escape, sizeof escape});
    }
  }
}

template <class Number>
void write_number(JsonWriter& writer, Number value) {
  if (std::isnan(value)) return writer.string("NaN");
  if (std::isinf(value)) return writer.string(value > 0 ? "Infinity" : "-Infinity");
  char* const begin = writer.out.reserve(32);
  const auto end = std::to_chars(begin, begin + 32, value).ptr;
  writer.out.advance(static_cast<std::size_t>(end - begin));
}

template <class Integer>
void write_integer(JsonWriter& writer, Integer value) {
  char* const begin = writer.out.reserve(24);
  const auto end = std::to_chars(begin, begin + 24, value).ptr;
  writer.out.advance(static_cast<std::size_t>(end - begin));
}

}  // namespace

void JsonWriter::integer(long long value) { write_integer(*this, value); }
void JsonWriter::integer(unsigned long long value) { write_integer(*this, value); }
void JsonWriter::number(double value) { write_number(*this, value); }
void JsonWriter::number(float value) { write_number(*this, value); }

void JsonWriter::string(std::string_view text) {
  out.reserve(text.size() + 2);
  out.append('"');
  const char* position = text.data();
  std::size_t left = text.size();
  while (left > 0) {
    const std::size_t plain = plain_run(position, left);
    out.append({position, plain});
    position += plain;
    left -= plain;
    if (left == 0) break;
    if (static_cast<unsigned char>(*position) < 0x80) {
      write_escape(out, *position);
      ++position;
      --left;
      continue;
    }
    const utf8::Sequence sequence = utf8::next_sequence({position, left});
    out.append(sequence.valid ? std::string_view(position, sequence.length) : replacement);
    position += sequence.length;
    left -= sequence.length;
  }
  out.append('"');
}

void JsonWriter::base64(std::string_view bytes) {
  out.append('"');
  char* const begin = out.reserve(base64::encoded_size(bytes.size()));
  out.advance(base64::encode(bytes, begin));
  out.append('"');
}

void JsonWriter::time_since_epoch(long long nanoseconds) {
  char* const begin = out.reserve(40);
  *begin = '"';
  const std::size_t size = write_iso8601(nanoseconds, begin + 1);
  begin[size + 1] = '"';
  out.advance(size + 2);
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
