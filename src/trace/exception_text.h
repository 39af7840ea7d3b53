#pragma once

// An exception in words: "std::runtime_error: no route to host" (PROTO 20, row 49).

#include <exception>
#include <string>

namespace braintrust::detail {

std::string exception_text(const std::exception_ptr& exception);

// "std::runtime_error" for a mangled name; the name itself where it cannot be read.
std::string readable_type(const char* mangled);

}  // namespace braintrust::detail
