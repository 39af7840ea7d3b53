#include "trace/call_stack.h"

namespace braintrust::detail {

const char* find_call_stack() noexcept { return nullptr; }

}  // namespace braintrust::detail
