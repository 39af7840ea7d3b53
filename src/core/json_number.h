#pragma once

// JSON's numbers, whatever the program's locale: `strtod` reads "0.7" as 0 where the point is a comma. Pure.

#include <string_view>

namespace braintrust::detail {

// The value of a JSON number; infinity for one that no double holds, zero for one that is too small.
double number_of(std::string_view json) noexcept;

}  // namespace braintrust::detail
