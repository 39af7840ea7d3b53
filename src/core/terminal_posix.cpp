#include <sys/ioctl.h>
#include <unistd.h>

#include "core/terminal.h"

namespace braintrust::detail {

bool is_terminal(std::FILE* file) { return ::isatty(::fileno(file)) == 1; }

std::size_t terminal_columns(std::FILE* file) {
  winsize size{};
  return ::ioctl(::fileno(file), TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

}  // namespace braintrust::detail
