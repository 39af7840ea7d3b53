#pragma once

// Percent-encoding, as URLs and headers have it. Pure.

#include <string>
#include <string_view>

namespace braintrust::detail {

// %41 becomes A; what is no such escape stays.
std::string percent_decoded(std::string_view text);

}  // namespace braintrust::detail
