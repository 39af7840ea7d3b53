#pragma once

// `Span`: one span as OTLP knows it, between the row it is made of (span_of_row.h) and its bytes (encoding.h).
//
// All texts are slices: of the row, of literals, or of `made`. So a span is good while its row is, and is used again for the
// next. Threads: one. Units: nanoseconds since 1970, UTC.

#include <algorithm>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include <braintrust/core/id.h>

namespace braintrust::detail::otlp {

struct Text {
  enum class Form : unsigned char {
    plain,   // the text itself
    inside,  // what stands between the quotes of a JSON string, escapes and all
  };
  std::string_view text = {};
  Form form = Form::plain;
};

inline bool is_string(std::string_view json) noexcept { return json.size() >= 2 && json.front() == '"'; }

// Of at most 18 digits, which 64 bits always hold.
inline bool is_integer(std::string_view json) noexcept {
  const std::string_view digits = json.starts_with('-') ? json.substr(1) : json;
  return !digits.empty() && digits.size() <= 18 && digits.find_first_not_of("0123456789") == digits.npos;
}

// What a JSON value is as a text: the content of a string, anything else as it is written.
inline Text text_of(std::string_view json) noexcept {
  return is_string(json) ? Text{json.substr(1, json.size() - 2), Text::Form::inside} : Text{json};
}

struct Attribute {
  enum class Type : unsigned char {
    string,   // `value`
    integer,  // of 64 bits, in decimal digits
    number,   // a JSON number
    strings,  // a JSON array of strings
  };
  std::string_view key;
  Text value;
  Type type = Type::string;
};

struct Span {
  TraceId trace_id = {};
  SpanId span_id = {};
  SpanId parent = {};
  Text name = {};
  unsigned kind = 0;  // schema::span_kind
  std::uint64_t start = 0;
  std::uint64_t end = 0;  // 0: it is open
  bool failed = false;
  Text error = {};          // "std::runtime_error: no such file" …
  Text error_type = {};     // … "std::runtime_error"; blank where none can be told
  Text error_message = {};  // … "no such file"
  std::vector<Attribute> attributes = {};
  std::deque<std::string> made = {};  // texts that stand nowhere else

  void add(std::string_view key, std::string_view text) { attributes.push_back({key, {text}}); }
  void add(std::string_view key, Text text, Attribute::Type type = Attribute::Type::string) {
    attributes.push_back({key, text, type});
  }
  bool has(std::string_view key) const noexcept {
    return std::any_of(attributes.begin(), attributes.end(), [&](const Attribute& one) { return one.key == key; });
  }
  std::string_view keep(std::string text) { return made.emplace_back(std::move(text)); }

  void clear() {
    trace_id = {};
    span_id = parent = {};
    name = error = error_type = error_message = {};
    kind = 0;
    start = end = 0;
    failed = false;
    attributes.clear();
    made.clear();
  }
};

}  // namespace braintrust::detail::otlp
