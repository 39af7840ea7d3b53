#pragma once

// Where libbraintrust_auto.so is: where it was installed beside this program, or where it was built.
//
// Threads: pure. Errors: `not_found`; `invalid_argument` for a path that LD_PRELOAD cannot hold. Source: ld.so(8).

#include <string>

#include <braintrust/core/result.h>

namespace braintrust::local {

// The value of LD_PRELOAD that adds it to what is there already.
Result<std::string> preload_with_auto_library();

}  // namespace braintrust::local
