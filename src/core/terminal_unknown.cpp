#include "core/terminal.h"

namespace braintrust::detail {

bool is_terminal(std::FILE*) { return false; }
std::size_t terminal_columns(std::FILE*) { return 0; }

}  // namespace braintrust::detail
