#pragma once

// JSON's numbers, whatever the program's locale: `strtod` reads "0.7" as 0 where the point is a comma. Pure.

#include <optional>
#include <string_view>

namespace braintrust::detail {

// The value of a JSON number; infinity for one that no double holds, zero for one that is too small.
double number_of(std::string_view json) noexcept;

// Of a JSON value that is a number and that a double holds; nothing of any other.
std::optional<double> finite_number(std::string_view json) noexcept;

}  // namespace braintrust::detail
