#include "pipeline/row_merge.h"

#include <algorithm>
#include <array>

#include "core/json_scan.h"

namespace braintrust::pipeline {
namespace {

using detail::MergeRule;

// What a row is and where it stands was said by the first one.
constexpr std::array<std::string_view, 5> kept = {"created", "span_id", "root_span_id", "span_parents", "_parent_id"};

MergeRule rule_for_merge_row(std::string_view key) {
  if (std::find(kept.begin(), kept.end(), key) != kept.end()) return MergeRule::keep_first;
  return key == "tags" ? MergeRule::unite_lists : MergeRule::deep;
}

// Without `_is_merge` the server replaces what it has.
MergeRule rule_for_full_row(std::string_view key) { return key == "_is_merge" ? MergeRule::drop : rule_for_merge_row(key); }

}  // namespace

std::optional<std::string> merge_rows(std::string_view existing, bool existing_is_merge, std::string_view incoming) {
  return detail::merge_objects(existing, incoming, existing_is_merge ? rule_for_merge_row : rule_for_full_row);
}

}  // namespace braintrust::pipeline
