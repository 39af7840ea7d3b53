#include "local/row.h"

#include <cstdlib>

#include <fmt/format.h>

#include "local/json_scan.h"
#include "local/row_merge.h"

namespace braintrust::local {
namespace {

// The ids of a row of which one names the object that it belongs to.
struct ObjectIds {
  std::string_view experiment, dataset, prompt_session, project, log;
};

std::string container_of(const ObjectIds& ids) {
  if (is_string(ids.experiment)) return "experiment:" + unescape(ids.experiment);
  if (is_string(ids.dataset)) return "dataset:" + unescape(ids.dataset);
  if (is_string(ids.prompt_session)) return "prompt_session:" + unescape(ids.prompt_session);
  if (!is_string(ids.project)) return {};
  const auto log = is_string(ids.log) ? unescape(ids.log) : "g";
  return (log == "g" ? "project_logs:" : "project_" + log + ":") + unescape(ids.project);
}

}  // namespace

Row parse_row(std::string_view text) {
  Row row;
  row.text = text;
  ObjectIds ids;
  std::string_view origin;
  bool has_comment = false;
  for_each_field(text, [&](std::string_view key, std::string_view value) {
    if (key == "id") {
      if (is_string(value)) row.id = unescape(value);
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
      if (is_string(value)) row.root_span_id = unescape(value);
    } else if (key == "metrics") {
      if (!is_object(value)) return;
      for_each_field(value, [&](std::string_view name, std::string_view number) {
        if (name == "start" && !number.empty() && (number.front() == '-' || (number.front() >= '0' && number.front() <= '9'))) {
          row.start = std::strtod(std::string(number).c_str(), nullptr);
        }
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
    for_each_field(origin, [&](std::string_view key, std::string_view value) {
      if (key == "id" && is_string(value)) row.comment_on = unescape(value);
    });
  }
  return row;
}

Result<Logs3Body> parse_logs3_body(std::string_view body) {
  const auto refuse = [](std::string message) { return Error{ErrorCode::invalid_argument, std::move(message)}; };
  body = body.substr(skip_space(body, 0));
  if (!is_object(body)) return refuse("the body must be an object with rows");
  std::string_view rows;
  for_each_field(body, [&](std::string_view key, std::string_view value) {
    if (key == "rows") rows = value;
  });
  Logs3Body parsed;
  if (is_array(rows)) {
    std::string problem;
    std::size_t position = 0;
    for_each_element(rows, [&](std::string_view element) {
      if (!problem.empty()) return;
      ++position;
      if (!is_object(element)) {
        problem = "not an object";
      } else {
        auto row = parse_row(element);
        if (row.id.empty()) problem = "no id";
        if (row.container.empty()) problem = "none of project_id, experiment_id, dataset_id, prompt_session_id";
        parsed.rows.push_back(std::move(row));
      }
      if (!problem.empty()) problem = fmt::format("row {}: {}", position, problem);
    });
    if (!problem.empty()) return refuse(std::move(problem));
    return parsed;
  }
  if (is_object(rows)) {
    std::string_view type;
    for_each_field(rows, [&](std::string_view key, std::string_view value) {
      if (key == "type") type = value;
      if (key == "key" && is_string(value)) parsed.overflow_key = unescape(value);
    });
    if (type == "\"logs3_overflow\"" && parsed.overflow_key) return parsed;
  }
  return refuse("rows must be an array, or an object with the type logs3_overflow and a key");
}

}  // namespace braintrust::local
