#pragma once

// Makes one row of two that have the same key, as the server would on receiving one after the other.
//
// `existing` came first; `incoming` says `_is_merge` (one that does not simply replaces `existing`). Works on text: values are
// copied as they were written.
//
// Threads: pure. Errors: nothing comes back when either text is not a valid JSON object. Source: PROTO 4.3.

#include <optional>
#include <string>
#include <string_view>

namespace braintrust::pipeline {

// Whether a field says what a row is and where it stands: that was said by the first one.
bool is_identity(std::string_view key);

// `existing_is_merge`: the result is a merge row only if the first one was.
std::optional<std::string> merge_rows(std::string_view existing, bool existing_is_merge, std::string_view incoming);

}  // namespace braintrust::pipeline
