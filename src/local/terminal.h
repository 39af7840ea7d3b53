#pragma once

// `Style`: what the place we print to can show. Threads: a plain value.

#include <cstddef>

namespace braintrust::local {

struct Style {
  bool color = false;
  bool unicode = true;
  std::size_t width = 100;  // columns
};

// For standard output: colour if it is a terminal and NO_COLOR is unset or blank, the terminal's width, plain ASCII lines for
// TERM=dumb.
Style stdout_style();

}  // namespace braintrust::local
