#pragma once

// `RowFields`: the fields of one record as they will stand in its row: checked, merged, masked.
//
// Made anew for each record by RowWriter. In order: raw JSON is validated; what was logged twice is merged (PROTO 4.3); what
// ancestors propagate is laid over it (PROTO 5); the masking function is applied (PROTO 10); what PROTO 6 refuses is left out
// and told. Texts that need no change are slices of the record.
//
// Threads: the background thread. Errors: told to diagnostics with the span's name.

#include <array>
#include <deque>
#include <string>
#include <string_view>

#include "trace/record.h"

namespace braintrust::detail {

class RowFields {
 public:
  RowFields(std::string_view fields, const Lineage* lineage);

  // The field's text; blank = absent. JSON, but for the kinds that are plain text.
  std::string_view operator[](FieldKind kind) const { return texts_[static_cast<std::size_t>(kind)]; }

  // Makes `prompt` the row's `metadata.prompt`, which nobody else may set (INST 6.14). A row that is only an `update` needs it
  // only where it has metadata.
  void set_prompt(std::string_view prompt, bool update);

  // Applies the masking function, if there is one, and checks shapes. `context` is the text of the row's context object.
  void finish(std::string& context);

 private:
  std::string_view& at(FieldKind kind) { return texts_[static_cast<std::size_t>(kind)]; }
  std::string_view keep(std::string text);
  void add(FieldKind kind, std::string_view text, bool raw);
  void add_propagated(std::string_view object);
  void mask_all(std::string& context);
  void check_scores();
  void check_metrics();
  void check_tags();
  void check_object(FieldKind kind, std::string_view name);
  void complain(std::string_view what) const;

  std::array<std::string_view, field_kinds> texts_ = {};
  std::deque<std::string> kept_;  // texts that are not slices of the record
};

// The wire's name of a field: "input", "_audit_metadata". Blank for those that are no member of a row.
std::string_view wire_name(FieldKind kind) noexcept;

}  // namespace braintrust::detail
