#pragma once

// Whether a JSON value fits a JSON Schema: 2020-12, and what draft 7 writes otherwise (`items` as a list, `definitions`).
//
// Of the keywords that check, it knows all but `unevaluatedItems`, `unevaluatedProperties`, `$dynamicRef` and `$recursiveRef`;
// these are errors, because without them too much would fit. `$ref` reaches places in the same schema ("#", "#/…").
// Patterns are tried by std::wregex on code points. `format` and `content…` check nothing, as the standard has it by default.
//
// Threads: pure. Errors: std::invalid_argument for a schema that cannot be read; parts that no value reaches are not looked at.
// Source: json-schema.org, drafts 2020-12 and 7.

#include <nlohmann/json.hpp>

namespace braintrust::eval {

bool fits_schema(const nlohmann::json& value, const nlohmann::json& schema);

}  // namespace braintrust::eval
