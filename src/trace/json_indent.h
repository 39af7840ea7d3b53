#pragma once

// JSON text for people: one member or element a line, indented by two spaces. Numbers and strings keep their exact text.
//
// Threads: pure. Errors: none; the text must be valid JSON. Source: PROTO 11 (`pretty` is an indent of 2).

#include <string>
#include <string_view>

namespace braintrust::detail {

std::string indented(std::string_view json);

}  // namespace braintrust::detail
