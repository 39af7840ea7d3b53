#pragma once

// How scorers read what they are given: a value as text, a text as value, and what to say when there is none.
//
// Threads: pure. Errors: `require` throws std::invalid_argument, as scorers do (scorers.h).

#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace braintrust::eval {

// A text as it is; any other value as compact JSON with sorted keys, for which `storage` lends the room.
std::string_view text_of(const nlohmann::json& value, std::string& storage);

// The value that a text is the JSON of, if it is (nested 512 deep at most).
std::optional<nlohmann::json> parsed(std::string_view text);

// Whether a text is the JSON of a list or an object.
bool holds_container(std::string_view text);

// Throws "<scorer> <problem>" unless `condition` holds.
void require(bool condition, std::string_view scorer, std::string_view problem);

void require_expected(const nlohmann::json& expected, std::string_view scorer);

}  // namespace braintrust::eval
