#include "core/json_scan.h"

#include <bit>
#include <cstdint>
#include <cstring>
#include <unordered_map>

#include "core/utf8.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace braintrust::detail {
namespace {

// All scanners take a position and the end, and return the position after what they read, or null when it is not valid.
using Position = const char*;

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

Position skip_space(Position at, Position end) {
  while (at != end && is_space(*at)) ++at;
  return at;
}

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// One character of two bytes or more.
Position skip_utf8(Position at, Position end) {
  const auto sequence = utf8::next_sequence({at, static_cast<std::size_t>(end - at)});
  return sequence.valid ? at + sequence.length : nullptr;
}

// To the first byte that is not plain inside a string: a quote, a backslash, a control character or a byte above ASCII.
Position skip_plain(Position at, Position end) {
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i space = _mm_set1_epi8(' ');
  while (end - at >= 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    // The comparison is signed: bytes above ASCII count as less than a space too.
    const __m128i special = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)),
                                         _mm_cmplt_epi8(bytes, space));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(special));
    if (mask != 0) return at + std::countr_zero(mask);
    at += 16;
  }
#else
  constexpr std::uint64_t ones = 0x0101010101010101, high = 0x8080808080808080;
  const auto has_zero = [](std::uint64_t word) { return (word - ones) & ~word & high; };
  while (end - at >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, 8);
    if ((word & high) != 0 || has_zero(word ^ (ones * '"')) != 0 || has_zero(word ^ (ones * '\\')) != 0 ||
        ((word - ones * 0x20) & ~word & high) != 0) {
      break;
    }
    at += 8;
  }
#endif
  while (at != end) {
    const auto byte = static_cast<unsigned char>(*at);
    if (byte == '"' || byte == '\\' || byte < 0x20 || byte >= 0x80) break;
    ++at;
  }
  return at;
}

// From after the opening quote to after the closing one.
Position skip_string(Position at, Position end) {
  for (;;) {
    at = skip_plain(at, end);
    if (at == end) return nullptr;
    const auto byte = static_cast<unsigned char>(*at);
    if (byte == '"') return at + 1;
    if (byte >= 0x80) {
      // Text in other scripts comes in runs: stay here while it lasts.
      do {
        at = skip_utf8(at, end);
        if (at == nullptr) return nullptr;
      } while (at != end && static_cast<unsigned char>(*at) >= 0x80);
      continue;
    }
    if (byte != '\\' || end - at < 2) return nullptr;
    switch (at[1]) {
      case '"':
      case '\\':
      case '/':
      case 'b':
      case 'f':
      case 'n':
      case 'r':
      case 't':
        at += 2;
        break;
      case 'u':
        if (end - at < 6) return nullptr;
        for (int digit = 2; digit < 6; ++digit) {
          if (hex_value(at[digit]) < 0) return nullptr;
        }
        at += 6;
        break;
      default:
        return nullptr;
    }
  }
}

Position skip_digits(Position at, Position end) {
  if (at == end || !is_digit(*at)) return nullptr;
  while (at != end && is_digit(*at)) ++at;
  return at;
}

Position skip_number(Position at, Position end) {
  if (*at == '-') ++at;
  if (at == end) return nullptr;
  if (*at == '0') {
    ++at;
  } else {
    at = skip_digits(at, end);
  }
  if (at != nullptr && at != end && *at == '.') at = skip_digits(at + 1, end);
  if (at != nullptr && at != end && (*at == 'e' || *at == 'E')) {
    ++at;
    if (at != end && (*at == '+' || *at == '-')) ++at;
    at = skip_digits(at, end);
  }
  return at;
}

Position skip_word(Position at, Position end, std::string_view word) {
  const auto left = static_cast<std::size_t>(end - at);
  return left >= word.size() && std::memcmp(at, word.data(), word.size()) == 0 ? at + word.size() : nullptr;
}

// A string, number or word.
Position skip_scalar(Position at, Position end) {
  switch (*at) {
    case '"':
      return skip_string(at + 1, end);
    case 't':
      return skip_word(at, end, "true");
    case 'f':
      return skip_word(at, end, "false");
    case 'n':
      return skip_word(at, end, "null");
    default:
      return *at == '-' || is_digit(*at) ? skip_number(at, end) : nullptr;
  }
}

// `"key" :` and the space after it, from the quote.
Position skip_key(Position at, Position end) {
  if (at == end || *at != '"') return nullptr;
  at = skip_string(at + 1, end);
  if (at == nullptr) return nullptr;
  at = skip_space(at, end);
  if (at == end || *at != ':') return nullptr;
  return skip_space(at + 1, end);
}

// Which of the open containers are objects, innermost last: one bit each, so that the stack is 64 bytes and no recursion.
class OpenContainers {
 public:
  bool empty() const { return depth_ == 0; }
  bool in_object() const { return (bits_[(depth_ - 1) / 64] >> ((depth_ - 1) % 64) & 1) != 0; }
  void pop() { --depth_; }
  bool push(bool object) {
    if (depth_ == max_json_depth) return false;
    std::uint64_t& word = bits_[depth_ / 64];
    const std::uint64_t bit = std::uint64_t{1} << (depth_ % 64);
    word = object ? word | bit : word & ~bit;
    ++depth_;
    return true;
  }

 private:
  std::uint64_t bits_[max_json_depth / 64] = {};
  std::size_t depth_ = 0;
};

// One value, from its first byte.
Position skip_one(Position at, Position end) {
  OpenContainers open;
  for (;;) {
    if (at == end) return nullptr;
    if (*at == '{' || *at == '[') {
      const bool object = *at == '{';
      if (!open.push(object)) return nullptr;
      at = skip_space(at + 1, end);
      if (at == end) return nullptr;
      if (*at != (object ? '}' : ']')) {
        if (object) at = skip_key(at, end);
        if (at == nullptr) return nullptr;
        continue;
      }
    } else {
      at = skip_scalar(at, end);
      if (at == nullptr) return nullptr;
      if (open.empty()) return at;
      at = skip_space(at, end);
    }
    // After a value, or at the bracket that ends an empty container.
    for (;;) {
      if (at == end) return nullptr;
      const bool object = open.in_object();
      if (*at == ',') {
        at = skip_space(at + 1, end);
        if (object) at = skip_key(at, end);
        if (at == nullptr) return nullptr;
        break;
      }
      if (*at != (object ? '}' : ']')) return nullptr;
      ++at;
      open.pop();
      if (open.empty()) return at;
      at = skip_space(at, end);
    }
  }
}

void append_utf8(std::string& out, unsigned code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | code >> 18);
    out += static_cast<char>(0x80 | (code >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

unsigned read_hex4(std::string_view text, std::size_t at) {
  unsigned code = 0;
  for (std::size_t digit = at; digit < at + 4; ++digit) code = code << 4 | static_cast<unsigned>(hex_value(text[digit]));
  return code;
}

bool has_escape(std::string_view inside) { return inside.find('\\') != std::string_view::npos; }

bool same_text(std::string_view left, std::string_view right) {
  if (left == right) return true;
  return (has_escape(left) || has_escape(right)) && unescape(left) == unescape(right);
}

bool is_string(std::string_view value) { return value.size() >= 2 && value.front() == '"'; }

bool same_element(std::string_view left, std::string_view right) {
  if (!is_string(left) || !is_string(right)) return left == right;
  return same_text(left.substr(1, left.size() - 2), right.substr(1, right.size() - 2));
}

// A merged object on its way: members in order of appearance, found by the meaning of their key.
class MergedObject {
 public:
  struct Entry {
    std::string_view key;
    std::string_view first = {}, second = {};  // blank: that object has no such member
  };

  void add(const JsonMember& member, std::string_view Entry::*side) {
    Entry& entry = find_or_add(member.key);
    entry.*side = member.value;  // of two members with one key the last counts
  }
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  static constexpr std::size_t few = 24;

  Entry& find_or_add(std::string_view key) {
    if (entries_.size() < few) {
      for (Entry& entry : entries_) {
        if (same_text(entry.key, key)) return entry;
      }
    } else {
      if (by_meaning_.empty()) {
        for (std::size_t index = 0; index < entries_.size(); ++index) by_meaning_.emplace(unescape(entries_[index].key), index);
      }
      const auto [found, added] = by_meaning_.try_emplace(unescape(key), entries_.size());
      if (!added) return entries_[found->second];
    }
    return entries_.emplace_back(Entry{.key = key});
  }

  std::vector<Entry> entries_;
  std::unordered_map<std::string, std::size_t> by_meaning_;  // used once there are more than a few
};

void append_union(std::string& out, const std::vector<std::string_view>& first, const std::vector<std::string_view>& second) {
  std::vector<std::string_view> united;
  for (const auto* list : {&first, &second}) {
    for (const std::string_view element : *list) {
      bool known = false;
      for (const std::string_view other : united) known = known || same_element(other, element);
      if (!known) united.push_back(element);
    }
  }
  out += '[';
  for (std::size_t index = 0; index < united.size(); ++index) {
    if (index != 0) out += ',';
    out += united[index];
  }
  out += ']';
}

bool append_merged(std::string& out, std::string_view first, std::string_view second, MergeRules rules);

void append_value(std::string& out, const MergedObject::Entry& entry, MergeRule rule) {
  if (entry.second.empty() || rule == MergeRule::keep_first) {
    out += entry.first;
  } else if (entry.first.empty()) {
    out += entry.second;
  } else if (rule == MergeRule::unite_lists && entry.first.front() == '[' && entry.second.front() == '[') {
    append_union(out, *elements_of(entry.first), *elements_of(entry.second));
  } else if (entry.first.front() == '{' && entry.second.front() == '{') {
    append_merged(out, entry.first, entry.second, nullptr);
  } else {
    out += entry.second;
  }
}

// The depth of the recursion is that of the texts, which `members_of` bounds.
bool append_merged(std::string& out, std::string_view first, std::string_view second, MergeRules rules) {
  const auto first_members = members_of(first);
  const auto second_members = members_of(second);
  if (!first_members || !second_members) return false;
  MergedObject merged;
  for (const JsonMember& member : *first_members) merged.add(member, &MergedObject::Entry::first);
  for (const JsonMember& member : *second_members) merged.add(member, &MergedObject::Entry::second);
  out += '{';
  bool any = false;
  for (const auto& entry : merged.entries()) {
    MergeRule rule = MergeRule::deep;
    if (rules != nullptr) rule = has_escape(entry.key) ? rules(unescape(entry.key)) : rules(entry.key);
    if (rule == MergeRule::drop || (rule == MergeRule::keep_first && entry.first.empty())) continue;
    if (any) out += ',';
    any = true;
    out += '"';
    out += entry.key;
    out += "\":";
    append_value(out, entry, rule);
  }
  out += '}';
  return true;
}

std::string_view without_space_around(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

bool valid_json(std::string_view text) noexcept {
  const Position end = text.data() + text.size();
  const Position after = skip_one(skip_space(text.data(), end), end);
  return after != nullptr && skip_space(after, end) == end;
}

std::size_t skip_value(std::string_view text, std::size_t from) noexcept {
  if (from > text.size()) return std::string_view::npos;
  const Position end = text.data() + text.size();
  const Position after = skip_one(skip_space(text.data() + from, end), end);
  return after == nullptr ? std::string_view::npos : static_cast<std::size_t>(after - text.data());
}

std::optional<std::vector<JsonMember>> members_of(std::string_view object) {
  object = without_space_around(object);
  if (object.empty() || object.front() != '{' || !valid_json(object)) return std::nullopt;
  std::vector<JsonMember> members;
  const Position end = object.data() + object.size();
  Position at = skip_space(object.data() + 1, end);
  while (*at != '}') {
    if (*at == ',') at = skip_space(at + 1, end);
    const Position key = at + 1;
    const Position key_end = skip_string(key, end) - 1;
    const Position value = skip_key(at, end);
    const Position value_end = skip_one(value, end);
    members.push_back({{key, static_cast<std::size_t>(key_end - key)}, {value, static_cast<std::size_t>(value_end - value)}});
    at = skip_space(value_end, end);
  }
  return members;
}

std::optional<std::vector<std::string_view>> elements_of(std::string_view array) {
  array = without_space_around(array);
  if (array.empty() || array.front() != '[' || !valid_json(array)) return std::nullopt;
  std::vector<std::string_view> elements;
  const Position end = array.data() + array.size();
  Position at = skip_space(array.data() + 1, end);
  while (*at != ']') {
    if (*at == ',') at = skip_space(at + 1, end);
    const Position value_end = skip_one(at, end);
    elements.emplace_back(at, static_cast<std::size_t>(value_end - at));
    at = skip_space(value_end, end);
  }
  return elements;
}

std::string unescape(std::string_view inside) {
  std::string out;
  out.reserve(inside.size());
  for (std::size_t at = 0; at < inside.size(); ++at) {
    if (inside[at] != '\\' || at + 1 == inside.size()) {
      out += inside[at];
      continue;
    }
    switch (const char letter = inside[++at]) {
      case 'b':
        out += '\b';
        break;
      case 'f':
        out += '\f';
        break;
      case 'n':
        out += '\n';
        break;
      case 'r':
        out += '\r';
        break;
      case 't':
        out += '\t';
        break;
      case 'u': {
        unsigned code = read_hex4(inside, at + 1);
        at += 4;
        const bool high = code >= 0xD800 && code < 0xDC00;
        if (high && inside.substr(at + 1, 2) == "\\u" && inside.size() - at > 6) {
          const unsigned low = read_hex4(inside, at + 3);
          if (low >= 0xDC00 && low < 0xE000) {
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
            at += 6;
          }
        }
        append_utf8(out, code >= 0xD800 && code < 0xE000 ? 0xFFFD : code);
        break;
      }
      default:
        out += letter;
    }
  }
  return out;
}

std::optional<std::string> merge_objects(std::string_view first, std::string_view second, MergeRules rules) {
  std::string out;
  out.reserve(first.size() + second.size());
  if (!append_merged(out, first, second, rules)) return std::nullopt;
  return out;
}

}  // namespace braintrust::detail
