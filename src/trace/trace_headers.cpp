#include "trace/trace_headers.h"

#include <algorithm>

#include "core/ascii.h"
#include "core/utf8.h"
#include "pipeline/container.h"
#include "trace/ids.h"

namespace braintrust::detail {
namespace {

constexpr std::string_view parent_key = "braintrust.parent";
constexpr std::string_view version = "00";
constexpr char digits[] = "0123456789abcdef";

bool is_lower_hex(std::string_view text) noexcept {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_control(char c) noexcept { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F; }

// Blanks as headers have them.
std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view blanks = " \t";
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// Calls `f(member)` for the members of a baggage, without the blanks around them, until it says false.
template <class F>
void for_each_member(std::string_view baggage, F&& f) {
  while (!baggage.empty()) {
    const std::string_view piece = baggage.substr(0, baggage.find(','));
    baggage.remove_prefix(std::min(piece.size() + 1, baggage.size()));
    if (const std::string_view member = trimmed(piece); !member.empty() && !f(member)) return;
  }
}

// What a header may hold of members in order: true as long as the next one fits.
struct Room {
  std::size_t members = most_baggage_members;
  std::size_t bytes = most_baggage_bytes;
  bool first = true;

  bool take(std::string_view member) noexcept {
    const std::size_t needed = member.size() + (first ? 0 : 1);  // a comma
    if (members == 0 || bytes < needed) return false;
    --members;
    bytes -= needed;
    first = false;
    return true;
  }
};

bool is_parent(std::string_view member) noexcept { return trimmed(member.substr(0, member.find_first_of("=;"))) == parent_key; }

// baggage-octet of the W3C's grammar; a percent sign itself is always escaped.
bool is_plain(unsigned char c) noexcept {
  return c == 0x21 || (c >= 0x23 && c <= 0x2B && c != '%') || (c >= 0x2D && c <= 0x3A) || (c >= 0x3C && c <= 0x5B) ||
         (c >= 0x5D && c <= 0x7E);
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_plain(byte)) {
      out += c;
    } else {
      out += {'%', "0123456789ABCDEF"[byte >> 4], "0123456789ABCDEF"[byte & 15]};
    }
  }
  return out;
}

// Unlike a URL's: an escape that is broken spoils the whole.
std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const int high = ascii::hex_value(text[i + 1]), low = ascii::hex_value(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

}  // namespace

std::optional<Traceparent> read_traceparent(std::string_view text) noexcept {
  constexpr std::size_t trace_at = version.size() + 1, span_at = trace_at + trace_id_size + 1;
  constexpr std::size_t flags_at = span_at + span_id_size + 1, size = flags_at + 2;
  if (text.size() != size || !text.starts_with(version)) return std::nullopt;
  for (const std::size_t dash : {trace_at, span_at, flags_at}) {
    if (text[dash - 1] != '-') return std::nullopt;
  }
  const std::string_view trace = text.substr(trace_at, trace_id_size), span = text.substr(span_at, span_id_size);
  const std::string_view flags = text.substr(flags_at);
  if (!is_lower_hex(trace) || !is_lower_hex(span) || !is_lower_hex(flags)) return std::nullopt;
  Traceparent read;
  parse_hex(trace, read.trace);
  parse_hex(span, read.span);
  read.flags = static_cast<std::uint8_t>(ascii::hex_value(flags[0]) * 16 + ascii::hex_value(flags[1]));
  if (!read.trace || !read.span) return std::nullopt;
  return read;
}

std::string write_traceparent(const Traceparent& parent) {
  std::string text(version);
  text += '-';
  text += to_string(parent.trace);
  text += '-';
  text += to_string(parent.span);
  text += {'-', digits[parent.flags >> 4], digits[parent.flags & 15]};
  return text;
}

std::string_view sendable_tracestate(std::string_view text) noexcept {
  const bool sendable = text.size() <= most_baggage_bytes && std::none_of(text.begin(), text.end(), [](char c) {
                          return is_control(c) || static_cast<unsigned char>(c) >= 0x80;
                        });
  return sendable && !trimmed(text).empty() ? text : std::string_view();
}

std::string container_in(std::string_view baggage) {
  std::string_view own;
  Room room;
  for_each_member(baggage, [&](std::string_view member) {
    if (!room.take(member)) return false;
    if (!is_parent(member)) return true;
    own = member;
    return false;
  });
  own = own.substr(0, own.find(';'));  // what follows are properties
  const std::size_t equals = own.find('=');
  if (equals == std::string_view::npos) return {};
  auto container = percent_decoded(trimmed(own.substr(equals + 1)));
  if (container && container->size() > most_container_bytes) return {};
  return container && utf8::is_valid(*container) && pipeline::read_container(*container) ? *std::move(container)
                                                                                         : std::string();
}

std::string baggage_with(std::string_view container, std::string_view relayed) {
  std::string baggage;
  Room room;
  if (!container.empty()) {
    std::string own = std::string(parent_key).append("=").append(percent_encoded(container));
    if (room.take(own)) baggage = std::move(own);
  }
  for_each_member(relayed, [&](std::string_view member) {
    if (is_parent(member) || std::any_of(member.begin(), member.end(), is_control)) return true;
    if (!room.take(member)) return false;
    if (!baggage.empty()) baggage += ',';
    baggage.append(member);
    return true;
  });
  return baggage;
}

}  // namespace braintrust::detail
