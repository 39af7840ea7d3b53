#include "local/row_merge.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "local/json_scan.h"

namespace braintrust::local {
namespace {

struct Field {
  std::string_view key;    // as written
  std::string name;        // unescaped: what two keys are compared by
  std::string_view value;  // a slice of the text
  std::string merged;      // replaces `value` if not empty
};

using Path = std::vector<std::string>;

std::vector<Field> fields_of(std::string_view object) {
  std::vector<Field> fields;
  for_each_field(object, [&](std::string_view key, std::string_view value) {
    fields.push_back({key, unescape(key), value, {}});
  });
  return fields;
}

Field* find(std::vector<Field>& fields, const std::string& name) {
  // The last one counts where a name stands twice, as in every JSON reader.
  const auto found = std::find_if(fields.rbegin(), fields.rend(), [&](const Field& field) { return field.name == name; });
  return found == fields.rend() ? nullptr : &*found;
}

std::string to_text(const std::vector<Field>& fields) {
  std::string text = "{";
  for (const auto& field : fields) {
    if (text.size() > 1) text += ',';
    text += '"';
    text += field.key;
    text += "\":";
    text += field.merged.empty() ? field.value : std::string_view(field.merged);
  }
  text += '}';
  return text;
}

std::string union_of(std::string_view stored, std::string_view added) {
  std::string text = "[";
  std::set<std::string, std::less<>> seen;
  const auto append = [&](std::string_view element) {
    if (!seen.insert(is_string(element) ? '"' + unescape(element) : std::string(element)).second) return;
    if (text.size() > 1) text += ',';
    text += element;
  };
  for_each_element(stored, append);
  for_each_element(added, append);
  text += ']';
  return text;
}

std::set<Path> merge_paths_of(std::string_view row) {
  std::set<Path> paths;
  for_each_field(row, [&](std::string_view key, std::string_view value) {
    if (key != "_merge_paths" || !is_array(value)) return;
    for_each_element(value, [&](std::string_view element) {
      Path path;
      if (is_array(element)) for_each_element(element, [&](std::string_view step) { path.push_back(unescape(step)); });
      paths.insert(std::move(path));
    });
  });
  return paths;
}

bool is_identity(std::string_view name) {
  return name == "created" || name == "span_id" || name == "root_span_id" || name == "span_parents" || name == "_parent_id";
}

std::string merge_objects(std::string_view stored, std::string_view added, Path& path, const std::set<Path>& stops) {
  auto fields = fields_of(stored);
  const bool top = path.empty();
  for (auto& field : fields_of(added)) {
    auto* existing = find(fields, field.name);
    if (top && (is_control_field(field.name) || (existing && existing->value != "null" && is_identity(field.name)))) continue;
    if (!existing) {
      fields.push_back(std::move(field));
      continue;
    }
    path.push_back(field.name);
    const bool deep = !stops.contains(path);
    if (deep && is_object(existing->value) && is_object(field.value)) {
      existing->merged = merge_objects(existing->value, field.value, path, stops);
    } else if (deep && top && field.name == "tags" && is_array(existing->value) && is_array(field.value)) {
      existing->merged = union_of(existing->value, field.value);
    } else {
      existing->value = field.value;
      existing->merged.clear();
    }
    path.pop_back();
  }
  return to_text(fields);
}

}  // namespace

bool is_control_field(std::string_view key) {
  return !key.empty() && key.front() == '_' &&
         (key == "_is_merge" || key == "_merge_paths" || key == "_object_delete" || key == "_xact_id");
}

std::string without_control_fields(std::string_view row) {
  std::string text = "{";
  for_each_field(row, [&](std::string_view key, std::string_view value) {
    if (is_control_field(key)) return;
    if (text.size() > 1) text += ',';
    text += '"';
    text += key;
    text += "\":";
    text += value;
  });
  text += '}';
  return text;
}

std::string merge_rows(std::string_view stored, std::string_view row) {
  Path path;
  return merge_objects(stored, row, path, merge_paths_of(row));
}

}  // namespace braintrust::local
