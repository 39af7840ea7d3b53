#pragma once

// What a call costs by the prices of prices.h.
//
// Threads: any. Errors: nothing where no price or no token is known. Units: US dollars. Source: INST 7.19 to 7.22.

#include <optional>
#include <string_view>

namespace braintrust::instrument {

// `metrics`: the JSON object of a call's metrics.
std::optional<double> estimated_cost(std::string_view provider, std::string_view model, std::string_view metrics);

}  // namespace braintrust::instrument
