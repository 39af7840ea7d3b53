#pragma once

// What all printing has in common beside core/terminal.h: columns, times, and how much of an id is enough.
//
// Threads: pure functions. Errors: none. What came from users must have been made harmless before (core/text_width.h).

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include <braintrust/local/draw.h>

#include "core/quantity_text.h"
#include "core/terminal.h"
#include "core/text_width.h"

namespace braintrust::local {

using detail::counted;
using detail::display_width;
using detail::one_line;
using detail::pad_left;
using detail::pad_right;
using detail::Painter;
using detail::Style;

inline constexpr std::size_t gap = 2;  // columns between columns

std::string pad(std::size_t columns);

// In the time of this place: "2026-11-22 06:47:04".
std::string time_text(std::chrono::system_clock::time_point time);

// Enough of an id to find the trace by.
std::string short_id(const std::string& root_span_id, std::size_t length = 8);

// The least length, from 8, at which no two ids look the same: ids that begin with a time differ late.
std::size_t short_id_length(const std::vector<std::string>& ids);

// A table with a heading. Columns are as wide as their widest cell; the last one is cut where the line ends.
struct TableColumn {
  const char* heading = "";
  bool number = false;  // to the right
};
struct TableCell {
  std::string text = {};
  enum class Tone { plain, id, name, bad, good } tone = Tone::plain;
};
std::string print_table(const std::vector<TableColumn>& columns, const std::vector<std::vector<TableCell>>& rows,
                        const Style& style);

}  // namespace braintrust::local
