#include <pthread.h>

#include "trace/call_stack.h"

namespace braintrust::detail {

const char* find_call_stack() noexcept { return static_cast<const char*>(pthread_get_stackaddr_np(pthread_self())); }

}  // namespace braintrust::detail
