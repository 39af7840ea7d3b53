#pragma once

// What the backend alone needs of JSON text; core/json_scan.h reads it.
//
// Threads: pure functions. Errors: none; the text must be valid.

#include <optional>
#include <string>
#include <string_view>

namespace braintrust::local {

// Of a value without space around it.
inline bool is_object(std::string_view value) { return !value.empty() && value.front() == '{'; }
inline bool is_string(std::string_view value) { return !value.empty() && value.front() == '"'; }

// What a string means; any other value as it is written.
std::string text_of(std::string_view value);

// The text with each half of a surrogate pair (an escape such as \ud83d) replaced by \ufffd, or nothing if it holds none.
// JavaScript's JSON.stringify writes them, most readers refuse them.
std::optional<std::string> without_lone_surrogates(std::string_view text);

}  // namespace braintrust::local
