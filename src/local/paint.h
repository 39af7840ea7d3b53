#pragma once

// What all printing has in common: colours, columns, times, and how much of an id is enough.
//
// Threads: pure functions. Errors: none. What came from users must have been made harmless before (text_width.h).

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <braintrust/local/draw.h>
#include <fmt/format.h>

#include "local/terminal.h"

namespace braintrust::local {

class Painter {
 public:
  explicit Painter(const Style& style) : color_(style.color) {}
  std::string bold(const std::string& text) const { return paint("1", text); }
  std::string dim(const std::string& text) const { return paint("2", text); }
  std::string red(const std::string& text) const { return paint("31", text); }
  std::string green(const std::string& text) const { return paint("32", text); }
  std::string cyan(const std::string& text) const { return paint("36", text); }

 private:
  std::string paint(const char* code, const std::string& text) const {
    return color_ && !text.empty() ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : text;
  }
  bool color_;
};

inline constexpr std::size_t gap = 2;  // columns between columns

std::string pad(std::size_t columns);
std::string pad_left(const std::string& text, std::size_t columns);
std::string pad_right(const std::string& text, std::size_t columns);

// "1 span", "2 spans".
std::string counted(std::uint64_t count, const char* one, const char* many);

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
