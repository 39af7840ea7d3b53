#pragma once

// Looks at JSON text without building a tree of it.
//
// Rows arrive as text and are stored as text; the backend needs a dozen fields of each. A tree of every row costs 5 µs and more
// to build and as much to write again, so `check_json` reads the text once to refuse what is not JSON, and the other functions
// then hand out slices of it.
//
// Threads: pure functions. Errors: only `check_json` judges; the others may be given nothing but text that it has passed.
// Source: RFC 8259; lone surrogates are let through because JavaScript's JSON.stringify writes them.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace braintrust::local {

// Deeper nesting is refused, so that nothing that reads a row later can run out of stack.
inline constexpr int max_json_depth = 500;

struct JsonCheck {
  std::optional<std::string> problem = {};  // what is wrong and at which byte; nothing if it is JSON
  bool lone_surrogates = false;             // holds escapes such as \ud83d without their other half
};

// Reads `text` as one JSON value in valid UTF-8.
JsonCheck check_json(std::string_view text);

// The same text with each lone surrogate escape replaced by \ufffd, since most readers refuse it.
std::string without_lone_surrogates(std::string_view text);

// A string literal's content, unescaped. `literal` is with or without its quotes.
std::string unescape(std::string_view literal);

inline std::size_t skip_space(std::string_view text, std::size_t at) {
  while (at < text.size() && (text[at] == ' ' || text[at] == '\n' || text[at] == '\r' || text[at] == '\t')) ++at;
  return at;
}

// One past the end of the value that begins at `at`.
std::size_t skip_value(std::string_view text, std::size_t at);

inline bool is_object(std::string_view value) { return !value.empty() && value.front() == '{'; }
inline bool is_array(std::string_view value) { return !value.empty() && value.front() == '['; }
inline bool is_string(std::string_view value) { return !value.empty() && value.front() == '"'; }

// Calls `each(key, value)` for the fields of an object: `key` as written between its quotes, `value` without space around it.
template <class Each>
void for_each_field(std::string_view object, Each&& each) {
  auto at = skip_space(object, 1);
  while (at < object.size() && object[at] == '"') {
    const auto key_end = skip_value(object, at);
    const auto key = object.substr(at + 1, key_end - at - 2);
    const auto begin = skip_space(object, skip_space(object, key_end) + 1);
    const auto end = skip_value(object, begin);
    each(key, object.substr(begin, end - begin));
    at = skip_space(object, end);
    if (at < object.size() && object[at] == ',') at = skip_space(object, at + 1);
  }
}

// Calls `each(value)` for the elements of an array.
template <class Each>
void for_each_element(std::string_view array, Each&& each) {
  auto at = skip_space(array, 1);
  while (at < array.size() && array[at] != ']') {
    const auto end = skip_value(array, at);
    each(array.substr(at, end - at));
    at = skip_space(array, end);
    if (at < array.size() && array[at] == ',') at = skip_space(array, at + 1);
  }
}

}  // namespace braintrust::local
