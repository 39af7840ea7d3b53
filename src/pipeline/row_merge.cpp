#include "pipeline/row_merge.h"

#include <algorithm>
#include <array>

#include "core/json_scan.h"

namespace braintrust::pipeline {
namespace {

using detail::MergeRule;

constexpr std::array<std::string_view, 5> identity = {"created", "span_id", "root_span_id", "span_parents", "_parent_id"};

MergeRule rule_for_merge_row(std::string_view key) {
  if (is_identity(key)) return MergeRule::keep_first;
  return key == "tags" ? MergeRule::unite_lists : MergeRule::deep;
}

// Without `_is_merge` the server replaces what it has.
MergeRule rule_for_full_row(std::string_view key) { return key == "_is_merge" ? MergeRule::drop : rule_for_merge_row(key); }

}  // namespace

bool is_identity(std::string_view key) { return std::find(identity.begin(), identity.end(), key) != identity.end(); }

std::optional<std::string> merge_rows(std::string_view existing, bool existing_is_merge, std::string_view incoming) {
  return detail::merge_objects(existing, incoming, existing_is_merge ? rule_for_merge_row : rule_for_full_row);
}

}  // namespace braintrust::pipeline
