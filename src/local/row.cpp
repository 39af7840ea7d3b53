#include "local/row.h"

#include <cstdlib>

#include <fmt/format.h>

#include "core/json_scan.h"
#include "local/json_text.h"
#include "local/row_merge.h"

namespace braintrust::local {
namespace {

using detail::for_each_member;

bool is_number(std::string_view value) {
  return !value.empty() && (value.front() == '-' || (value.front() >= '0' && value.front() <= '9'));
}

// The ids of a row of which one names the object that it belongs to.
struct ObjectIds {
  std::string_view experiment, dataset, prompt_session, project, log;
};

std::string container_of(const ObjectIds& ids) {
  if (is_string(ids.experiment)) return "experiment:" + text_of(ids.experiment);
  if (is_string(ids.dataset)) return "dataset:" + text_of(ids.dataset);
  if (is_string(ids.prompt_session)) return "prompt_session:" + text_of(ids.prompt_session);
  if (!is_string(ids.project)) return {};
  const auto log = is_string(ids.log) ? text_of(ids.log) : "g";
  return (log == "g" ? "project_logs:" : "project_" + log + ":") + text_of(ids.project);
}

}  // namespace

Row parse_row(std::string_view text) {
  Row row;
  row.text = text;
  ObjectIds ids;
  std::string_view origin;
  bool has_comment = false;
  for_each_member(text, [&](std::string_view key, std::string_view value) {
    if (key == "id") {
      if (is_string(value)) row.id = text_of(value);
    } else if (key == "experiment_id") {
      ids.experiment = value;
    } else if (key == "dataset_id") {
      ids.dataset = value;
    } else if (key == "prompt_session_id") {
      ids.prompt_session = value;
    } else if (key == "project_id") {
      ids.project = value;
    } else if (key == "log_id") {
      ids.log = value;
    } else if (key == "root_span_id") {
      if (is_string(value)) row.root_span_id = text_of(value);
    } else if (key == "metrics") {
      if (!is_object(value)) return;
      for_each_member(value, [&](std::string_view name, std::string_view number) {
        if (name == "start" && is_number(number)) row.start = std::strtod(std::string(number).c_str(), nullptr);
      });
    } else if (key == "span_attributes") {
      if (!is_object(value)) return;
      for_each_member(value, [&](std::string_view name, std::string_view number) {
        if (name == "exec_counter" && is_number(number))
          row.exec_counter = std::strtoll(std::string(number).c_str(), nullptr, 10);
      });
    } else if (key == "origin") {
      origin = value;
    } else if (key == "comment") {
      has_comment = is_object(value);
    } else if (is_control_field(key)) {
      row.has_control_fields = true;
      if (key == "_is_merge") row.is_merge = value == "true";
      if (key == "_object_delete") row.is_delete = value == "true";
    }
  });
  row.container = container_of(ids);
  if (has_comment && is_object(origin)) {
    for_each_member(origin, [&](std::string_view key, std::string_view value) {
      if (key == "id" && is_string(value)) row.comment_on = text_of(value);
    });
  }
  return row;
}

Result<Logs3Body> parse_logs3_body(std::string_view body) {
  const auto refuse = [](std::string message) { return Error{ErrorCode::invalid_argument, std::move(message)}; };
  std::string_view rows;
  const bool object = for_each_member(body, [&](std::string_view key, std::string_view value) {
    if (key == "rows") rows = value;
  });
  if (!object) return refuse("the body must be an object with rows");
  Logs3Body parsed;
  if (const auto elements = detail::elements_of(rows)) {
    parsed.rows.reserve(elements->size());
    for (const auto& element : *elements) {
      const char* problem = is_object(element) ? nullptr : "not an object";
      if (!problem) {
        const auto& row = parsed.rows.emplace_back(parse_row(element));
        if (row.id.empty()) problem = "no id";
        if (row.container.empty()) problem = "none of project_id, experiment_id, dataset_id, prompt_session_id";
      }
      if (problem) return refuse(fmt::format("row {}: {}", &element - elements->data() + 1, problem));
    }
    return parsed;
  }
  if (is_object(rows)) {
    std::string_view type;
    for_each_member(rows, [&](std::string_view key, std::string_view value) {
      if (key == "type") type = value;
      if (key == "key" && is_string(value)) parsed.overflow_key = text_of(value);
    });
    if (type == "\"logs3_overflow\"" && parsed.overflow_key) return parsed;
  }
  return refuse("rows must be an array, or an object with the type logs3_overflow and a key");
}

}  // namespace braintrust::local
