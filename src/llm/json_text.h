#pragma once

// Writing JSON text piece by piece: `ObjectText`, `ArrayText`, `JoinedMembers`, `json_string`.
//
// Pieces are JSON texts already, most of them slices of what a provider sent, and are copied as they are. A blank piece is left
// out, so that what is not known needs no `if` at each call.
//
// Threads: plain values. Errors: none. Units: bytes.

#include <string>
#include <string_view>
#include <vector>

#include "llm/json_view.h"

namespace braintrust::llm {

// `text` as a JSON string.
std::string json_string(std::string_view text);
// What was between the quotes of JSON strings, as a JSON string again.
inline std::string requoted(std::string_view inside) { return '"' + std::string(inside) + '"'; }

class ObjectText {
 public:
  // A member; left out when `json` is blank. The key as it would be written, without quotes.
  ObjectText& add(std::string_view key, std::string_view json) {
    if (json.empty()) return *this;
    text_ += text_.empty() ? "{\"" : ",\"";
    text_ += key;
    text_ += "\":";
    text_ += json;
    return *this;
  }
  ObjectText& add(std::string_view key, JsonView value) { return add(key, value.text()); }
  // A string; left out when blank.
  ObjectText& add_string(std::string_view key, std::string_view value) {
    return value.empty() ? *this : add(key, json_string(value));
  }

  bool empty() const noexcept { return text_.empty(); }
  std::string text() const { return text_.empty() ? "{}" : text_ + '}'; }

 private:
  std::string text_;
};

class ArrayText {
 public:
  ArrayText& add(std::string_view json) {
    if (json.empty()) return *this;
    text_ += text_.empty() ? '[' : ',';
    text_ += json;
    return *this;
  }
  // All elements of an array.
  ArrayText& add_elements(JsonView array) {
    array.each_element([&](JsonView element) { add(element.text()); });
    return *this;
  }

  bool empty() const noexcept { return text_.empty(); }
  std::string text() const { return text_.empty() ? "[]" : text_ + ']'; }

 private:
  std::string text_;
};

// A member of an object that comes in pieces: its arrays become one, of all else the last value stands.
struct JoinedMember {
  std::string key;   // as written, without quotes
  std::string last;  // JSON text
  ArrayText elements;
};
using JoinedMembers = std::vector<JoinedMember>;  // in the order of their first pieces

void add_joined(ObjectText& to, const JoinedMembers& members);

// `object` with the members of `changes` in the place of its own, or behind them; blank values take a member away.
struct Change {
  std::string_view key;
  std::string_view json;
};
std::string changed(JsonView object, std::initializer_list<Change> changes);

// {"role":role,"content":content}
std::string message(std::string_view role, std::string_view content);

}  // namespace braintrust::llm
