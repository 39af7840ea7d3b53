#pragma once

// Text on a terminal: how wide it is, how to cut it, how to make it harmless.
//
// Values come from models and users. What could move the cursor, colour the screen, turn the reading direction or hide is
// replaced by a visible sign before it is printed.
//
// Threads: pure functions. Errors: none; bytes that are not UTF-8 become U+FFFD.
// Source:  Unicode 15 EastAsianWidth.txt (W, F) and emoji ranges, joined into blocks: a listing need not be exact, only
// aligned.

#include <cstddef>
#include <string>
#include <string_view>

namespace braintrust::detail {

// Columns that `text` takes.
std::size_t display_width(std::string_view text);

// `text` on one line and harmless, and at most `columns` wide: what is longer ends in …
std::string one_line(std::string_view text, std::size_t columns);

// `text` and as many spaces as make it `columns` wide; a wider one as it is.
std::string pad_left(const std::string& text, std::size_t columns);
std::string pad_right(const std::string& text, std::size_t columns);

}  // namespace braintrust::detail
