#pragma once

// Merges a row into the stored one, text into text: nothing that is not merged is parsed or written anew, so numbers and
// strings stay exactly as they were sent.
//
// Threads: a pure function. Errors: none; both must be valid objects.
// Source: PROTO 4.3. Objects merge field by field, all else overwrites, an explicit null too; `tags` are united in order;
// `_merge_paths` names the paths where merging stops and the new value is taken whole. `created`, `span_id`, `root_span_id`,
// `span_parents` and `_parent_id` keep the stored value; where none is stored the new one is taken, because the backend, unlike
// a client, has no other place that could still hold it.

#include <string>
#include <string_view>

namespace braintrust::local {

// Fields that steer the merge or belong to the backend; they are never part of a stored row.
bool is_control_field(std::string_view key);

// `row` without its control fields.
std::string without_control_fields(std::string_view row);

// `stored` with `row` merged into it, without control fields.
std::string merge_rows(std::string_view stored, std::string_view row);

}  // namespace braintrust::local
