#pragma once

// `Record`: a finished span, or an update of one, as the bytes that travel from the app thread to the background thread.
//
//   RecordHeader | file name | function name | field, field, …       field: FieldHeader | JSON text (a name: plain text)
//
// Everything the background thread needs is copied in, but for pointers to things that are never destroyed, and one reference
// to `lineage`, which the reader of the record releases. Units: nanoseconds; lengths in bytes.

#include <cstdint>
#include <cstring>
#include <string_view>

#include <braintrust/core/buffer.h>
#include <braintrust/core/id.h>
#include <braintrust/core/json.h>
#include <braintrust/trace/fields.h>

#include "pipeline/destination.h"
#include "trace/lineage.h"

namespace braintrust::detail {

enum class FieldKind : std::uint8_t {
  input,
  output,
  expected,
  error,
  scores,
  metadata,
  metrics,
  tags,
  classifications,
  origin,
  attributes,       // merged into span_attributes
  name,             // plain text, not JSON
  type,             // one byte: SpanType
  comment,          // plain text
  audit_source,     // plain text
  audit_metadata,   // JSON
  parent_id,        // plain text: a parent whose id is not 16 hex digits
  row_id,           // plain text: a row whose id is not a UUID
  instrumentation,  // plain text: context.span_origin.instrumentation.name
  deferred,         // captured bytes, see Interpret
};
inline constexpr int field_kinds = 20;

struct FieldHeader {
  FieldKind kind;
  bool raw;  // text of Json::raw: to be checked
  std::uint32_t length;
};

inline void append_text(Buffer& out, FieldKind kind, std::string_view text, bool raw = false) {
  const FieldHeader header{kind, raw, static_cast<std::uint32_t>(text.size())};
  char* const at = out.reserve(sizeof header + text.size());
  std::memcpy(at, &header, sizeof header);
  if (!text.empty()) std::memcpy(at + sizeof header, text.data(), text.size());
  out.advance(sizeof header + text.size());
}

// Makes ordinary fields of captured bytes. Runs on the background thread, so that an app thread only has to copy.
using Interpret = void (*)(std::string_view captured, Buffer& fields);

// A deferred field: the function that will interpret it, then what `write(Buffer&)` captures.
template <class Write>
void append_deferred(Buffer& out, Interpret interpret, Write&& write) {
  const std::size_t start = out.size();
  append_text(out, FieldKind::deferred, {reinterpret_cast<const char*>(&interpret), sizeof interpret});
  write(out);
  FieldHeader header{FieldKind::deferred, false, static_cast<std::uint32_t>(out.size() - start - sizeof(FieldHeader))};
  std::memcpy(out.data() + start, &header, sizeof header);
}

inline void append_field(Buffer& out, FieldKind kind, const Field& field) {
  if (field.present()) append_text(out, kind, field.value().text(), field.value().unchecked());
}
inline void append_fields(Buffer& out, const SpanFields& fields) {
  append_field(out, FieldKind::input, fields.input);
  append_field(out, FieldKind::output, fields.output);
  append_field(out, FieldKind::expected, fields.expected);
  append_field(out, FieldKind::error, fields.error);
  append_field(out, FieldKind::scores, fields.scores);
  append_field(out, FieldKind::metadata, fields.metadata);
  append_field(out, FieldKind::metrics, fields.metrics);
  append_field(out, FieldKind::tags, fields.tags.field());
  append_field(out, FieldKind::classifications, fields.classifications);
  append_field(out, FieldKind::origin, fields.origin);
}

// Calls `f(kind, text, raw)` for each field in `fields`, in the order they were logged.
template <class F>
void for_each_field(std::string_view fields, F&& f) {
  while (fields.size() >= sizeof(FieldHeader)) {
    FieldHeader header;
    std::memcpy(&header, fields.data(), sizeof header);
    f(header.kind, fields.substr(sizeof header, header.length), header.raw);
    fields.remove_prefix(sizeof header + header.length);
  }
}

// A moment: of the steady clock, of the wall clock where the user gave it, or none.
struct Moment {
  enum Clock : std::uint8_t { none, steady, wall };
  std::int64_t nanoseconds = 0;
  Clock clock = none;
};

// What the row is.
enum class RowKind : std::uint8_t {
  span,      // a span, or an update of one
  comment,   // on another row (PROTO 8.1)
  record,    // of a dataset (PROTO 12)
  deletion,  // of a dataset's record
};

struct RecordHeader {
  std::uint32_t size = 0;  // of the whole record
  SpanType type = SpanType::none;
  bool merge = false;    // an update of a row that was sent before
  bool has_span = true;  // span ids are known; an update by row id alone has none
  RowKind kind = RowKind::span;
  bool end_logged = false;  // a row sent before holds an end of the user's
  std::uint16_t file_length = 0;
  std::uint16_t function_length = 0;
  std::uint32_t line = 0;
  std::uint32_t exec_counter = 0;
  pipeline::Destination* destination = nullptr;
  RowId row = {};
  TraceId trace = {};
  SpanId span = {};
  SpanId parent = {};
  Moment created = {};
  Moment start = {};
  Moment end = {};
  Lineage* lineage = nullptr;
};

}  // namespace braintrust::detail
