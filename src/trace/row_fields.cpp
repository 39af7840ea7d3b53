#include "trace/row_fields.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include <braintrust/core/diagnostics.h>

#include "core/environment.h"
#include "core/json_number.h"
#include "core/json_scan.h"
#include "trace/masking.h"

namespace braintrust::detail {
namespace {

bool is_plain(FieldKind kind) noexcept {
  switch (kind) {
    case FieldKind::name:
    case FieldKind::type:
    case FieldKind::comment:
    case FieldKind::audit_source:
    case FieldKind::parent_id:
    case FieldKind::row_id:
    case FieldKind::instrumentation:
    case FieldKind::deferred:
      return true;
    default:
      return false;
  }
}

// PROTO 4.3 (5) for two values of one field.
std::string merge_values(std::string_view first, std::string_view second, FieldKind kind) {
  const auto wrap = [](std::string_view value) { return fmt::format(R"({{"v":{}}})", value); };
  const auto unite = [](std::string_view) { return MergeRule::unite_lists; };
  const auto merged = merge_objects(wrap(first), wrap(second), kind == FieldKind::tags ? +unite : nullptr);
  if (!merged) return std::string(second);
  constexpr std::size_t before = 5;  // {"v":
  return merged->substr(before, merged->size() - before - 1);
}

void append_member(std::string& object, std::string_view key, std::string_view value) {
  if (object.size() > 1) object += ',';
  object += '"';
  object += key;
  object += "\":";
  object += value;
}

}  // namespace

std::string_view wire_name(FieldKind kind) noexcept {
  switch (kind) {
    case FieldKind::input:
      return "input";
    case FieldKind::output:
      return "output";
    case FieldKind::expected:
      return "expected";
    case FieldKind::error:
      return "error";
    case FieldKind::scores:
      return "scores";
    case FieldKind::metadata:
      return "metadata";
    case FieldKind::metrics:
      return "metrics";
    case FieldKind::tags:
      return "tags";
    case FieldKind::classifications:
      return "classifications";
    case FieldKind::origin:
      return "origin";
    case FieldKind::attributes:
      return "span_attributes";
    case FieldKind::comment:
      return "comment";
    case FieldKind::audit_metadata:
      return "_audit_metadata";
    case FieldKind::audit_source:
      return "_audit_source";
    case FieldKind::name:
    case FieldKind::type:
    case FieldKind::parent_id:
    case FieldKind::row_id:
    case FieldKind::instrumentation:
    case FieldKind::deferred:
      return "";
  }
  return "";
}

RowFields::RowFields(std::string_view fields, const Lineage* lineage) {
  for_each_field(fields, [this](FieldKind kind, std::string_view text, bool raw) { add(kind, text, raw); });
  if (lineage != nullptr && !lineage->propagated.empty()) {
    if (lineage->raw && !valid_json(lineage->propagated)) {
      complain("`propagated` is not valid JSON and was left out");
    } else {
      add_propagated(lineage->propagated);
    }
  }
}

std::string_view RowFields::keep(std::string text) { return kept_.emplace_back(std::move(text)); }

void RowFields::add(FieldKind kind, std::string_view text, bool raw) {
  std::string_view& present = at(kind);
  if (is_plain(kind)) {
    present = text;
    return;
  }
  text = trimmed(text);  // of Json::raw; what is written later relies on the brackets being the first and the last
  if (raw && !valid_json(text)) {
    complain(fmt::format("`{}` was given as Json::raw but is not valid JSON; it is kept as a string", wire_name(kind)));
    text = keep(std::string(Json(text).text()));
  }
  present = present.empty() ? text : keep(merge_values(present, text, kind));
}

void RowFields::add_propagated(std::string_view object) {
  const bool read = for_each_member(object, [this](std::string_view key, std::string_view value) {
    for (int i = 0; i < field_kinds; ++i) {
      const auto kind = static_cast<FieldKind>(i);
      if (is_plain(kind) || wire_name(kind) != key) continue;
      add(kind, value, false);
      return;
    }
    complain(fmt::format("`propagated` has no field '{}'; it was left out", key));
  });
  if (!read) complain("`propagated` must be an object; it was left out");
}

void RowFields::set_prompt(std::string_view prompt, bool update) {
  std::string_view& metadata = at(FieldKind::metadata);
  if (metadata.empty() && update) return;
  check_object(FieldKind::metadata, "metadata");
  std::string object = "{";
  for_each_member(metadata, [&](std::string_view key, std::string_view value) {
    if (unescape(key) != "prompt") append_member(object, key, value);
  });
  append_member(object, "prompt", prompt);
  object += '}';
  metadata = keep(std::move(object));
}

void RowFields::finish(std::string& context) {
  mask_all(context);
  check_scores();
  check_metrics();
  check_tags();
  check_object(FieldKind::metadata, "metadata");
  check_object(FieldKind::classifications, "classifications");
  check_object(FieldKind::attributes, "attributes");
  check_object(FieldKind::origin, "origin");
  check_object(FieldKind::audit_metadata, "metadata of feedback");
}

void RowFields::mask_all(std::string& context) {
  const auto function = masking_function();
  if (function == nullptr) return;
  std::vector<std::string> failures;
  for (int i = 0; i < field_kinds; ++i) {
    const auto kind = static_cast<FieldKind>(i);
    if (at(kind).empty() || kind == FieldKind::attributes || kind == FieldKind::audit_source) continue;
    if (is_plain(kind) && kind != FieldKind::comment) continue;
    const std::string_view json = kind == FieldKind::comment ? keep(std::string(Json(at(kind)).text())) : at(kind);
    Masked masked = mask(*function, wire_name(kind), json);
    if (kind == FieldKind::comment) {
      // Plain text here: the masked value's text, or the JSON of whatever came back.
      const bool text = masked.text.size() >= 2 && masked.text.front() == '"';
      at(kind) = keep(text ? unescape(std::string_view(masked.text).substr(1, masked.text.size() - 2)) : masked.text);
      continue;
    }
    if (!masked.failed) {
      at(kind) = keep(std::move(masked.text));
      continue;
    }
    report(Severity::error, ErrorCode::callback_failed,
           fmt::format("the masking function threw for `{}`; the field is not sent", wire_name(kind)));
    switch (kind) {
      case FieldKind::scores:
      case FieldKind::metrics:
      case FieldKind::tags:
      case FieldKind::classifications:
      case FieldKind::origin:
        failures.push_back(unescape(std::string_view(masked.text).substr(1, masked.text.size() - 2)));
        at(kind) = {};
        break;
      case FieldKind::metadata:
      case FieldKind::audit_metadata:
        at(kind) = keep(fmt::format(R"({{"error":{}}})", masked.text));
        break;
      default:
        at(kind) = keep(std::move(masked.text));
    }
  }
  if (!context.empty()) {
    Masked masked = mask(*function, "context", context);
    const bool object = !masked.failed && masked.text.starts_with('{');
    context = object ? masked.text : masked.failed ? fmt::format(R"({{"error":{}}})", masked.text) : std::string();
  }
  if (failures.empty()) return;
  std::string joined;
  if (const std::string_view error = at(FieldKind::error); !error.empty()) {
    const bool text = error.front() == '"';
    joined = (text ? unescape(error.substr(1, error.size() - 2)) : std::string(error)) + "; ";
  }
  joined += fmt::format("{}", fmt::join(failures, "; "));
  at(FieldKind::error) = keep(std::string(Json(joined).text()));
}

void RowFields::check_object(FieldKind kind, std::string_view name) {
  std::string_view& text = at(kind);
  if (text.empty() || text.front() == '{' || text == "null") return;
  complain(fmt::format("`{}` must be an object; it was left out", name));
  text = {};
}

void RowFields::check_scores() {
  std::string_view& scores = at(FieldKind::scores);
  if (scores.empty() || scores == "null") return;
  const auto members = members_of(scores);
  if (!members) {
    complain("`scores` must be an object of names and numbers; they were left out");
    scores = {};
    return;
  }
  std::string checked = "{";
  bool changed = false;
  for (const JsonMember& member : *members) {
    std::string_view value = member.value;
    if (value == "true" || value == "false") {
      value = value == "true" ? "1" : "0";
      changed = true;
    } else if (value != "null") {
      const auto number = finite_number(value);
      if (!number || *number < 0 || *number > 1) {
        complain(fmt::format("score '{}' must be a number between 0 and 1; it was left out", unescape(member.key)));
        changed = true;
        continue;
      }
    }
    append_member(checked, member.key, value);
  }
  checked += '}';
  if (changed) scores = keep(std::move(checked));
}

void RowFields::check_metrics() {
  std::string_view& metrics = at(FieldKind::metrics);
  if (metrics.empty() || metrics == "null") {
    metrics = {};
    return;
  }
  const auto members = members_of(metrics);
  if (!members) {
    complain("`metrics` must be an object of names and numbers; they were left out");
    metrics = {};
    return;
  }
  std::string checked = "{";
  bool changed = false;
  for (const JsonMember& member : *members) {
    if (finite_number(member.value)) {
      append_member(checked, member.key, member.value);
    } else {
      complain(fmt::format("metric '{}' must be a number; it was left out", unescape(member.key)));
      changed = true;
    }
  }
  checked += '}';
  if (changed) metrics = keep(std::move(checked));
}

void RowFields::check_tags() {
  std::string_view& tags = at(FieldKind::tags);
  if (tags.empty() || tags == "null") return;
  const auto elements = elements_of(tags);
  if (!elements) {
    complain("`tags` must be a list of texts; they were left out");
    tags = {};
    return;
  }
  std::vector<std::string_view> distinct;
  for (const std::string_view element : *elements) {
    if (element.front() != '"') {
      complain("a tag must be a text; it was left out");
    } else if (std::find(distinct.begin(), distinct.end(), element) != distinct.end()) {
      complain(fmt::format("tag {} was given twice; it is sent once", element));
    } else {
      distinct.push_back(element);
    }
  }
  if (distinct.size() != elements->size()) tags = keep(fmt::format("[{}]", fmt::join(distinct, ",")));
}

void RowFields::complain(std::string_view what) const {
  const std::string_view name = (*this)[FieldKind::name];
  report(Severity::warning, ErrorCode::invalid_argument,
         name.empty() ? fmt::format("an update of a span: {}", what) : fmt::format("span '{}': {}", name, what));
}

}  // namespace braintrust::detail
