#include "core/terminal.h"

#include <cstdlib>
#include <string_view>

namespace braintrust::detail {
namespace {

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

bool is_dumb() { return environment("TERM") == "dumb"; }

}  // namespace

bool can_redraw(std::FILE* file) { return is_terminal(file) && !is_dumb(); }

Style style_of(std::FILE* file) {
  Style style;
  style.color = can_redraw(file) && environment("NO_COLOR").empty();
  style.unicode = !is_dumb();
  if (const auto columns = terminal_columns(file); columns >= 40) style.width = columns;
  return style;
}

}  // namespace braintrust::detail
