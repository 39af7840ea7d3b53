#pragma once

// What models cost, as you declare it: recorded model calls then carry `estimated_cost`.
//
//   braintrust::set_model_prices(R"([
//     {"model": "gpt-5-mini", "input": 0.25, "output": 2, "cached_input": 0.025},
//     {"provider": "anthropic", "model": "claude-sonnet-*", "input": 3, "output": 15, "cached_input": 0.3,
//      "cache_write": 3.75, "cache_write_1h": 6}
//   ])");
//
// Dollars per million tokens. An entry counts for a call whose model it names; a `*` at the end stands for anything (a date, a
// version). Of several that fit, the one with a `provider` and the longest name counts. `cached_input` and `cache_write` are
// `input` where they are left out, the two `cache_write_…` prices are `cache_write`.
//
// Nothing is guessed: a call of a model without a price, or without reported tokens, has no cost here, and a price that the
// provider reports itself (OpenRouter) stands. Braintrust knows the list prices of common models anyway; this is for your own.
//
// Threads: any; it counts for calls that are recorded from then on. Errors: text that is no such list is refused as a whole.
// Units: US dollars, tokens. Source: INST 7.13, 7.19 to 7.22.

#include <string>
#include <string_view>

#include <braintrust/core/result.h>

namespace braintrust {

// Replaces the prices of the process. `json` is a list as above; an empty one removes them.
Result<void> set_model_prices(std::string_view json);

// The same from a file.
Result<void> load_model_prices(const std::string& path);

}  // namespace braintrust
