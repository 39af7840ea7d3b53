#include "core/json_scan.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <unordered_map>
#include <unordered_set>

#include "core/json_number.h"
#include "core/utf8.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace braintrust::detail {
namespace {

// All scanners take a position, and return the position after what they read, or null when it is not valid.
using Position = const char*;

struct Scan {
  Position end;
  Position problem = nullptr;  // where it is not valid
  Numbers numbers = Numbers::any;

  Position refuse(Position at) {
    problem = at;
    return nullptr;
  }
};

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
Position skip_utf8(Position at, Scan& scan) {
  const auto sequence = utf8::next_sequence({at, static_cast<std::size_t>(scan.end - at)});
  return sequence.valid ? at + sequence.length : scan.refuse(at);
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
Position skip_string(Position at, Scan& scan) {
  const Position end = scan.end;
  for (;;) {
    at = skip_plain(at, end);
    if (at == end) return scan.refuse(at);
    const auto byte = static_cast<unsigned char>(*at);
    if (byte == '"') return at + 1;
    if (byte >= 0x80) {
      // Text in other scripts comes in runs: stay here while it lasts.
      do {
        at = skip_utf8(at, scan);
        if (at == nullptr) return nullptr;
      } while (at != end && static_cast<unsigned char>(*at) >= 0x80);
      continue;
    }
    if (byte != '\\' || end - at < 2) return scan.refuse(at);
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
        if (end - at < 6) return scan.refuse(at);
        for (int digit = 2; digit < 6; ++digit) {
          if (hex_value(at[digit]) < 0) return scan.refuse(at);
        }
        at += 6;
        break;
      default:
        return scan.refuse(at);
    }
  }
}

Position skip_digits(Position at, Scan& scan) {
  if (at == scan.end || !is_digit(*at)) return scan.refuse(at);
  while (at != scan.end && is_digit(*at)) ++at;
  return at;
}

bool is_finite(std::string_view number) { return std::isfinite(number_of(number)); }

Position skip_number(Position at, Scan& scan) {
  const Position begin = at, end = scan.end;
  bool exponent = false;
  if (*at == '-') ++at;
  if (at != end && *at == '0') {
    ++at;
  } else {
    at = skip_digits(at, scan);
  }
  if (at != nullptr && at != end && *at == '.') at = skip_digits(at + 1, scan);
  if (at != nullptr && at != end && (*at == 'e' || *at == 'E')) {
    exponent = true;
    ++at;
    if (at != end && (*at == '+' || *at == '-')) ++at;
    at = skip_digits(at, scan);
  }
  // Only these can be beyond what a double holds.
  if (scan.numbers == Numbers::finite && at != nullptr && (exponent || at - begin > 300) && !is_finite({begin, at})) {
    return scan.refuse(begin);
  }
  return at;
}

Position skip_word(Position at, Scan& scan, std::string_view word) {
  const auto left = static_cast<std::size_t>(scan.end - at);
  return left >= word.size() && std::memcmp(at, word.data(), word.size()) == 0 ? at + word.size() : scan.refuse(at);
}

// A string, number or word.
Position skip_scalar(Position at, Scan& scan) {
  switch (*at) {
    case '"':
      return skip_string(at + 1, scan);
    case 't':
      return skip_word(at, scan, "true");
    case 'f':
      return skip_word(at, scan, "false");
    case 'n':
      return skip_word(at, scan, "null");
    default:
      return *at == '-' || is_digit(*at) ? skip_number(at, scan) : scan.refuse(at);
  }
}

// `"key" :` and the space after it, from the quote.
Position skip_key(Position at, Scan& scan, Position* key_end = nullptr) {
  const Position end = scan.end;
  if (at == end || *at != '"') return scan.refuse(at);
  at = skip_string(at + 1, scan);
  if (at == nullptr) return nullptr;
  if (key_end != nullptr) *key_end = at - 1;
  at = skip_space(at, end);
  if (at == end || *at != ':') return scan.refuse(at);
  return skip_space(at + 1, end);
}

// Which of the open containers are objects, innermost last: one bit each, so that the stack is 64 bytes and no recursion.
class OpenContainers {
 public:
  explicit OpenContainers(std::size_t around) : most_(max_json_depth - around) {}
  bool empty() const { return depth_ == 0; }
  bool in_object() const { return (bits_[(depth_ - 1) / 64] >> ((depth_ - 1) % 64) & 1) != 0; }
  void pop() { --depth_; }
  bool push(bool object) {
    if (depth_ == most_) return false;
    std::uint64_t& word = bits_[depth_ / 64];
    const std::uint64_t bit = std::uint64_t{1} << (depth_ % 64);
    word = object ? word | bit : word & ~bit;
    ++depth_;
    return true;
  }

 private:
  std::uint64_t bits_[max_json_depth / 64] = {};
  std::size_t depth_ = 0, most_;
};

// One value, from its first byte, which stands inside of `around` containers.
Position skip_one(Position at, Scan& scan, std::size_t around = 0) {
  const Position end = scan.end;
  if (at != end && *at != '{' && *at != '[') return skip_scalar(at, scan);
  OpenContainers open(around);
  for (;;) {
    if (at == end) return scan.refuse(at);
    if (*at == '{' || *at == '[') {
      const bool object = *at == '{';
      if (!open.push(object)) return scan.refuse(at);
      at = skip_space(at + 1, end);
      if (at == end) return scan.refuse(at);
      if (*at != (object ? '}' : ']')) {
        if (object) at = skip_key(at, scan);
        if (at == nullptr) return nullptr;
        continue;
      }
    } else {
      at = skip_scalar(at, scan);
      if (at == nullptr) return nullptr;
      at = skip_space(at, end);
    }
    // After a value, or at the bracket that ends an empty container.
    for (;;) {
      if (at == end) return scan.refuse(at);
      const bool object = open.in_object();
      if (*at == ',') {
        at = skip_space(at + 1, end);
        if (object) at = skip_key(at, scan);
        if (at == nullptr) return nullptr;
        break;
      }
      if (*at != (object ? '}' : ']')) return scan.refuse(at);
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

void append_union(std::string& out, std::string_view first, std::string_view second) {
  std::unordered_set<std::string> known;
  out += '[';
  for (const std::string_view list : {first, second}) {
    const auto elements = elements_of(list);
    for (const std::string_view element : *elements) {
      if (!known.insert(element.front() == '"' ? unescape(element) : std::string(element)).second) continue;
      if (known.size() > 1) out += ',';
      out += element;
    }
  }
  out += ']';
}

bool append_merged(std::string& out, std::string_view first, std::string_view second, MergeRules rules);

void append_value(std::string& out, const MergedObject::Entry& entry, MergeRule rule) {
  if (entry.second.empty() || rule == MergeRule::keep_first) {
    out += entry.first;
  } else if (rule == MergeRule::prefer_first && !entry.first.empty() && entry.first != "null") {
    out += entry.first;
  } else if (entry.first.empty()) {
    out += entry.second;
  } else if (rule == MergeRule::unite_lists && entry.first.front() == '[' && entry.second.front() == '[') {
    append_union(out, entry.first, entry.second);
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

// Calls `element(at)`, which returns the end of the element that begins there or null, for those of the container that is all
// of `text`.
template <class Element>
bool walk(std::string_view text, char open, char close, Scan& scan, Element&& element) {
  Position at = skip_space(text.data(), scan.end);
  if (at == scan.end || *at != open) return false;
  at = skip_space(at + 1, scan.end);
  if (at == scan.end) return false;
  if (*at != close) {
    for (;;) {
      at = element(at);
      if (at == nullptr) return false;
      at = skip_space(at, scan.end);
      if (at == scan.end) return false;
      if (*at == close) break;
      if (*at != ',') return false;
      at = skip_space(at + 1, scan.end);
    }
  }
  return skip_space(at + 1, scan.end) == scan.end;
}

}  // namespace

std::optional<std::size_t> first_problem(std::string_view text, Numbers numbers) {
  Scan scan{.end = text.data() + text.size(), .numbers = numbers};
  Position at = skip_one(skip_space(text.data(), scan.end), scan);
  if (at != nullptr) {
    at = skip_space(at, scan.end);
    if (at == scan.end) return std::nullopt;
    scan.problem = at;
  }
  return static_cast<std::size_t>(scan.problem - text.data());
}

bool valid_json(std::string_view text) noexcept { return !first_problem(text); }

std::size_t skip_value(std::string_view text, std::size_t from) noexcept {
  if (from > text.size()) return std::string_view::npos;
  Scan scan{.end = text.data() + text.size()};
  const Position after = skip_one(skip_space(text.data() + from, scan.end), scan);
  return after == nullptr ? std::string_view::npos : static_cast<std::size_t>(after - text.data());
}

std::optional<std::vector<JsonMember>> members_of(std::string_view object) {
  std::vector<JsonMember> members;
  members.reserve(8);
  Scan scan{.end = object.data() + object.size()};
  const auto member = [&](Position at) -> Position {
    Position key_end = nullptr;
    const Position value = skip_key(at, scan, &key_end);
    const Position value_end = value == nullptr ? nullptr : skip_one(value, scan, 1);
    if (value_end != nullptr) members.push_back({{at + 1, key_end}, {value, value_end}});
    return value_end;
  };
  if (!walk(object, '{', '}', scan, member)) return std::nullopt;
  return members;
}

std::optional<std::vector<std::string_view>> elements_of(std::string_view array) {
  std::vector<std::string_view> elements;
  Scan scan{.end = array.data() + array.size()};
  const auto element = [&](Position at) {
    const Position end = skip_one(at, scan, 1);
    if (end != nullptr) elements.emplace_back(at, end);
    return end;
  };
  if (!walk(array, '[', ']', scan, element)) return std::nullopt;
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

bool nests_deeper(std::string_view text, std::size_t most) noexcept {
  std::size_t depth = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '[' || c == '{') {
      if (++depth > most) return true;
    } else if (c == '"') {
      for (++at; at < text.size() && text[at] != '"'; ++at) {
        if (text[at] == '\\') ++at;
      }
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return false;
}

std::optional<std::string> merge_objects(std::string_view first, std::string_view second, MergeRules rules) {
  std::string out;
  out.reserve(first.size() + second.size());
  if (!append_merged(out, first, second, rules)) return std::nullopt;
  return out;
}

}  // namespace braintrust::detail
