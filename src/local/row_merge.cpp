#include "local/row_merge.h"

#include <span>
#include <vector>

#include "core/json_scan.h"
#include "local/json_text.h"
#include "pipeline/row_merge.h"

namespace braintrust::local {
namespace {

using detail::MergeRule;
using pipeline::is_identity;

MergeRule rule_for(std::string_view key) {
  if (is_control_field(key)) return MergeRule::drop;
  if (is_identity(key)) return MergeRule::prefer_first;
  return key == "tags" ? MergeRule::unite_lists : MergeRule::deep;
}

// `object` with each value replaced by `change(key, value)`, and without those for which that is blank.
template <class Change>
std::string rewritten(std::string_view object, Change&& change) {
  std::string text = "{";
  detail::for_each_member(object, [&](std::string_view key, std::string_view value) {
    const std::string_view kept = change(key, value);
    if (kept.empty()) return;
    if (text.size() > 1) text += ',';
    text += '"';
    text += key;
    text += "\":";
    text += kept;
  });
  text += '}';
  return text;
}

// `stored` without the value at `path` if `row` has one there too, so that this one is taken whole.
std::string without_replaced(std::string_view stored, std::string_view row, std::span<const std::string> path) {
  std::string_view added;
  detail::for_each_member(row, [&](std::string_view key, std::string_view value) {
    if (detail::unescape(key) == path.front()) added = value;
  });
  std::string inner;
  return rewritten(stored, [&](std::string_view key, std::string_view value) -> std::string_view {
    if (added.empty() || detail::unescape(key) != path.front()) return value;
    if (path.size() == 1) return {};
    if (is_object(value) && is_object(added)) return inner = without_replaced(value, added, path.subspan(1));
    return value;
  });
}

std::vector<std::vector<std::string>> merge_paths_of(std::string_view row) {
  std::vector<std::vector<std::string>> paths;
  detail::for_each_member(row, [&](std::string_view key, std::string_view value) {
    if (key != "_merge_paths") return;
    const auto elements = detail::elements_of(value);
    if (!elements) return;
    for (const std::string_view element : *elements) {
      const auto steps = detail::elements_of(element);
      if (!steps || steps->empty()) continue;
      auto& path = paths.emplace_back();
      for (const std::string_view step : *steps) path.push_back(text_of(step));
    }
  });
  return paths;
}

}  // namespace

bool is_control_field(std::string_view key) {
  return !key.empty() && key.front() == '_' &&
         (key == "_is_merge" || key == "_merge_paths" || key == "_object_delete" || key == "_xact_id");
}

std::string without_control_fields(std::string_view row) {
  return rewritten(
      row, [](std::string_view key, std::string_view value) { return is_control_field(key) ? std::string_view() : value; });
}

std::string merge_rows(std::string_view stored, std::string_view row) {
  std::string reduced;
  for (const auto& path : merge_paths_of(row)) {
    if (!is_identity(path.front())) stored = reduced = without_replaced(stored, row, path);
  }
  return detail::merge_objects(stored, row, rule_for).value_or(std::string(stored));
}

}  // namespace braintrust::local
