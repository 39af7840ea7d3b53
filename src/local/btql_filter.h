#pragma once

// Holds one row against an expression.
//
// As in SQL, a comparison with what is not there is neither true nor false, and such rows are left out. A number and a text
// compare as numbers if the text is one, so that `_xact_id > 1000` means what it says; other types are unequal.
//
// Threads: pure functions. Errors: none.

#include <optional>

#include <nlohmann/json.hpp>

#include "local/btql_query.h"

namespace braintrust::local {

// The value of a field, a literal, or of a condition; null where there is none.
nlohmann::json value_of(const Expr& expr, const nlohmann::json& row);

// Nothing where the answer is unknown.
std::optional<bool> truth_of(const Expr& expr, const nlohmann::json& row);

// Negative, 0 or positive. Null comes first, then true and false, numbers, texts, and all else by its text.
int compare_values(const nlohmann::json& left, const nlohmann::json& right);

// Whether `text` is as `pattern` has it: % stands for anything, _ for one character.
bool is_like(std::string_view text, std::string_view pattern);

// What an index can narrow of a filter: the ids that every row that passes must have.
Narrowed narrowed_by(const Expr& filter);

}  // namespace braintrust::local
