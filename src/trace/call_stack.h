#pragma once

// Where a thread's call stack lies. A file a platform.
//
// Threads: any. Errors: null where nobody says.

namespace braintrust::detail {

// The highest address of this thread's call stack, or null.
const char* find_call_stack() noexcept;

}  // namespace braintrust::detail
