#include "local/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace braintrust::local {

Style stdout_style() {
  const auto environment = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string_view(value ? value : "");
  };
  Style style;
  const bool dumb = environment("TERM") == "dumb";
  const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  style.color = terminal && !dumb && environment("NO_COLOR").empty();
  style.unicode = !dumb;
  winsize size{};
  if (terminal && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40) style.width = size.ws_col;
  return style;
}

}  // namespace braintrust::local
