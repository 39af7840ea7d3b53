#pragma once

// Functions that are compiled with the macros' switches (traced_disabled.cpp, traced_long_names.cpp).

namespace braintrust::test {

// Counts in `evaluated` how often an argument of a macro is evaluated. Returns 8.
int disabled_function(int& evaluated);

// Returns twice `value`.
int long_names(int value);

}  // namespace braintrust::test
