#pragma once

// `Row`: what the store needs to know of one row of a `POST /logs3`.
//
// Threads: a plain value. Errors: `parse_logs3_body` says which row is refused and why. All views point into the body.
// Source: PROTO 4.1, 4.2.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <braintrust/core/result.h>

namespace braintrust::local {

struct Row {
  std::string_view text = {};  // the whole object
  std::string id = {};
  std::string container = {};  // the object it belongs to, "project_logs:…"; with `id` the key by which rows are the same
  std::optional<std::string> root_span_id = {};
  std::optional<double> start = {};               // seconds since the epoch: of two moments within 240 ns, the same number
  std::optional<std::int64_t> exec_counter = {};  // tells which of them came first, in one process
  std::optional<std::string> comment_on = {};     // the row that this comment is about
  bool is_merge = false;
  bool is_delete = false;
  bool has_control_fields = false;
};

// Reads the fields above from one row that is a valid object.
Row parse_row(std::string_view text);

// The body of a `POST /logs3` that carries its rows with it, or the key of one that was uploaded before.
struct Logs3Body {
  std::vector<Row> rows = {};
  std::optional<std::string> overflow_key = {};
};
Result<Logs3Body> parse_logs3_body(std::string_view body);

}  // namespace braintrust::local
