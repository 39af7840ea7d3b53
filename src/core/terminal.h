#pragma once

// `Style`: what the place we print to can show, and `Painter`, which colours text where it can.
//
// Threads: plain values and pure functions.

#include <cstddef>
#include <cstdio>
#include <string>

namespace braintrust::detail {

struct Style {
  bool color = false;
  bool unicode = true;
  std::size_t width = 100;  // columns
};

// For `file`: colour if it is a terminal and NO_COLOR is unset or blank, the terminal's width, plain ASCII lines for TERM=dumb.
Style style_of(std::FILE* file);

// Whether what was printed can be overwritten: a terminal, and not TERM=dumb.
bool can_redraw(std::FILE* file);

// Of the platform. Columns: 0 where it is no terminal, or does not say.
bool is_terminal(std::FILE* file);
std::size_t terminal_columns(std::FILE* file);

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
    return color_ && !text.empty() ? std::string("\x1b[") + code + 'm' + text + "\x1b[0m" : text;
  }
  bool color_;
};

}  // namespace braintrust::detail
