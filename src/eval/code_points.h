#pragma once

// A text as Unicode code points.
//
// Threads: pure. Errors: none; what is no UTF-8 becomes U+FFFD, one for each sequence that utf8.h steps over.

#include <string>
#include <string_view>

namespace braintrust::eval {

std::u32string code_points(std::string_view text);

}  // namespace braintrust::eval
