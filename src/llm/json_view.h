#pragma once

// `JsonView`: JSON text, looked at where it lies.
//
//   JsonView body = JsonView::parse(text);           // nothing when the text is no valid JSON
//   body["usage"]["prompt_tokens"].count();          // what is missing is nothing, all the way down
//   body["choices"].each_element([](JsonView choice) { … });
//
// No tree: values are slices of the text, so numbers, key order and escapes stay as the provider wrote them. A look-up walks
// over the members before the one it wants; take several members of one object with `each_member`. Of two members with one name
// the first is found.
//
// Threads: a plain value; the text must stay. Errors: what is not there, or of another type, is nothing. Units: bytes.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/json_scan.h"

namespace braintrust::llm {

class JsonView {
 public:
  JsonView() = default;

  // Surrounded by white space or not.
  static JsonView parse(std::string_view text) noexcept;
  // `text` is one valid value without space around it.
  static JsonView of_valid(std::string_view text) noexcept { return JsonView(text); }

  // There is a value, and it is not null.
  explicit operator bool() const noexcept { return !text_.empty() && text_.front() != 'n'; }
  bool is_null() const noexcept { return !text_.empty() && text_.front() == 'n'; }
  bool is_object() const noexcept { return !text_.empty() && text_.front() == '{'; }
  bool is_array() const noexcept { return !text_.empty() && text_.front() == '['; }
  bool is_string() const noexcept { return !text_.empty() && text_.front() == '"'; }
  bool is_true() const noexcept { return text_ == "true"; }
  bool is_false() const noexcept { return text_ == "false"; }
  bool is_number() const noexcept {
    return !text_.empty() && (text_.front() == '-' || (text_.front() >= '0' && text_.front() <= '9'));
  }

  // As it was written; empty for nothing.
  std::string_view text() const noexcept { return text_; }
  // A string's text between its quotes, escapes as written; empty for anything else.
  std::string_view inside() const noexcept { return is_string() ? text_.substr(1, text_.size() - 2) : std::string_view(); }
  // What a string means; empty for anything else.
  std::string string() const { return detail::unescape(inside()); }
  // Whether this is the string `plain`, which holds nothing that must be escaped.
  bool is(std::string_view plain) const noexcept { return is_string() && inside() == plain; }
  // A whole number that is not negative.
  std::optional<std::uint64_t> count() const noexcept;
  // A finite number.
  std::optional<double> number() const noexcept;

  JsonView operator[](std::string_view key) const;
  // Nothing where there are not so many elements.
  JsonView element(std::size_t index) const;

  // Calls `visit(key, value)` for each member of an object; the key as written, without quotes.
  template <class Visit>
  void each_member(Visit&& visit) const {
    if (!is_object()) return;
    std::size_t at = first_inside();
    while (text_[at] != '}') {
      const std::size_t key_end = detail::skip_value(text_, at);
      const std::string_view key = text_.substr(at + 1, key_end - at - 2);
      const std::size_t value = after_space(text_.find(':', key_end) + 1);
      const std::size_t value_end = detail::skip_value(text_, value);
      visit(key, JsonView(text_.substr(value, value_end - value)));
      at = after_comma(value_end);
    }
  }
  // Calls `visit(value)` for each element of an array.
  template <class Visit>
  void each_element(Visit&& visit) const {
    if (!is_array()) return;
    std::size_t at = first_inside();
    while (text_[at] != ']') {
      const std::size_t end = detail::skip_value(text_, at);
      visit(JsonView(text_.substr(at, end - at)));
      at = after_comma(end);
    }
  }
  // An array or object without anything in it.
  bool is_empty_container() const noexcept {
    return (is_object() && text_[first_inside()] == '}') || (is_array() && text_[first_inside()] == ']');
  }

 private:
  explicit JsonView(std::string_view text) noexcept : text_(text) {}
  static bool is_space(char c) noexcept { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
  std::size_t after_space(std::size_t at) const noexcept {
    while (is_space(text_[at])) ++at;
    return at;
  }
  std::size_t first_inside() const noexcept { return after_space(1); }
  std::size_t after_comma(std::size_t at) const noexcept {
    at = after_space(at);
    return text_[at] == ',' ? after_space(at + 1) : at;
  }

  std::string_view text_;
};

// Whether a key as written means `plain`.
bool same_key(std::string_view written, std::string_view plain);

}  // namespace braintrust::llm
