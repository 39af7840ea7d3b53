#include "trace/row_writer.h"

#include <cstdlib>
#include <functional>

#include <fmt/format.h>

#include <braintrust/core/diagnostics.h>
#include <braintrust/version.h>

#include "core/clock.h"
#include "core/json_scan.h"
#include "trace/ids.h"
#include "trace/logger_core.h"
#include "trace/span_slot.h"

namespace braintrust::detail {
namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t clock_tolerance = 10'000'000;

// A row whose id is no UUID still needs a key for merging: a hash of its text (FNV-1a, two lanes).
RowId key_of(std::string_view text) noexcept {
  std::uint64_t high = 0xcbf29ce484222325, low = 0x84222325cbf29ce4;
  for (const char c : text) {
    high = (high ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    low = (low ^ static_cast<unsigned char>(c) ^ 0x5c) * 0x100000001b3;
  }
  return {high | 1, low};
}

template <class Id, std::size_t Size>
void append_id(Buffer& out, Id id, void (*write)(Id, char*) noexcept) {
  write(id, out.reserve(Size));
  out.advance(Size);
}

// Whether a metrics object has this member.
bool has_member(std::string_view object, std::string_view key) {
  if (object.find(fmt::format("\"{}\"", key)) == std::string_view::npos) return false;
  bool found = false;
  for_each_member(object, [&](std::string_view member, std::string_view) { found |= member == key; });
  return found;
}

}  // namespace

std::string span_origin_json(std::string_view environment_type, std::string_view environment_name) {
  const auto quoted = [](std::string_view text) { return std::string(Json(text).text()); };
  std::string environment;
  if (!environment_type.empty()) environment += fmt::format("\"type\":{}", quoted(environment_type));
  if (!environment_name.empty()) {
    environment += fmt::format("{}\"name\":{}", environment.empty() ? "" : ",", quoted(environment_name));
  }
  return fmt::format(R"({{"name":"braintrust.sdk.cpp","version":"{}","instrumentation":{{"name":"braintrust.logger"}}{}}})",
                     BRAINTRUST_VERSION, environment.empty() ? "" : fmt::format(R"(,"environment":{{{}}})", environment));
}

RowWriter::RowWriter(LoggerCore& core, std::function<std::string()> span_origin)
    : core_(core), make_span_origin_(std::move(span_origin)), wall_offset_(measure_wall_offset()) {}

void RowWriter::write(const char* record, pipeline::Courier& courier) {
  RecordHeader header;
  std::memcpy(static_cast<void*>(&header), record, sizeof header);
  const char* const file = record + sizeof header;
  const char* const function = file + header.file_length;
  const char* const fields = function + header.function_length;
  const auto fields_size = static_cast<std::size_t>(record + header.size - fields);
  try {
    write_row(header, {file, header.file_length}, {function, header.function_length}, {fields, fields_size}, courier);
  } catch (const std::exception& error) {
    core_.flusher.counters().invalid.fetch_add(1, std::memory_order_relaxed);
    report(Severity::error, ErrorCode::invalid_argument, std::string("a span could not be written as a row: ") + error.what());
  }
  release(header.lineage);
}

void RowWriter::write_open(bool all, pipeline::Courier& courier) {
  const std::int64_t offset = measure_wall_offset();
  if (std::abs(offset - wall_offset_) > clock_tolerance) wall_offset_ = offset;

  struct Look {
    RowWriter& writer;
    pipeline::Courier& courier;
    bool all;
    std::int64_t now;
  } look{*this, courier, all, steady_now()};
  for_each_slot(
      [](SpanSlot& slot, void* context) {
        const Look& self = *static_cast<Look*>(context);
        const auto due = [&] {
          if (!slot.open() || slot.core.load(std::memory_order_relaxed) != &self.writer.core_) return false;
          if (slot.process.load(std::memory_order_relaxed) != process_epoch()) return false;
          const std::int64_t last = slot.last_partial.load(std::memory_order_relaxed);
          const std::int64_t since = last != 0 ? last : slot.started.load(std::memory_order_relaxed);
          return self.all || self.now - since >= second;
        };
        if (!due()) return;

        slot.lock();
        // It may have ended, and another begun, since the look from outside.
        const bool nothing_new = slot.last_partial.load(std::memory_order_relaxed) != 0 && slot.fields.empty();
        if (!due() || nothing_new) return slot.unlock();
        const RecordHeader header = slot.header;
        retain(header.lineage);
        const char* const file = slot.file;
        const char* const function = slot.function;
        self.writer.open_fields_.clear();
        try {
          self.writer.open_fields_.append(slot.fields.view());
        } catch (...) {  // out of memory: the span is told of at its end
          slot.unlock();
          release(header.lineage);
          return;
        }
        slot.fields.clear();
        slot.header.merge = true;
        slot.last_partial.store(self.now, std::memory_order_relaxed);
        slot.unlock();

        const std::string_view file_text = file != nullptr ? file : "";
        const std::string_view function_text = function != nullptr ? function : "";
        self.writer.write_row(header, file_text, function_text, self.writer.open_fields_.view(), self.courier);
        release(header.lineage);
      },
      &look);
}

void RowWriter::write_row(const RecordHeader& header, std::string_view file, std::string_view function, std::string_view text,
                          pipeline::Courier& courier) {
  RowFields fields(text, header.merge && !header.comment ? nullptr : header.lineage);
  context_.clear();
  if (!header.merge && !header.comment) write_context(header, file, function);
  fields.finish(context_);

  row_.clear();
  row_.append('{');
  if (header.comment) {
    write_comment(header, fields);
  } else {
    write_ids(header, fields);
    write_attributes(header, fields);
    write_metrics(header, fields);
    if (!context_.empty()) {
      row_.append(",\"context\":");
      row_.append(context_);
    }
    for (const FieldKind kind :
         {FieldKind::input, FieldKind::output, FieldKind::expected, FieldKind::error, FieldKind::scores, FieldKind::metadata,
          FieldKind::tags, FieldKind::classifications, FieldKind::origin, FieldKind::audit_metadata}) {
      if (fields[kind].empty()) continue;
      row_.append(",\"");
      row_.append(wire_name(kind));
      row_.append("\":");
      row_.append(fields[kind]);
    }
    if (const std::string_view source = fields[FieldKind::audit_source]; !source.empty()) {
      row_.append(",\"_audit_source\":");
      append_json(source);
    }
  }
  row_.append('}');

  const std::string_view foreign = header.comment ? std::string_view() : fields[FieldKind::row_id];
  courier.take({.destination = header.destination,
                .id = foreign.empty() ? header.row : key_of(foreign),
                .merge = header.merge && !header.comment,
                .text = row_.view()});
}

void RowWriter::write_ids(const RecordHeader& header, const RowFields& fields) {
  row_.append("\"id\":\"");
  if (const std::string_view foreign = fields[FieldKind::row_id]; !foreign.empty()) {
    row_.truncate(row_.size() - 1);
    append_json(foreign);
  } else {
    append_id<RowId, row_id_size>(row_, header.row, write_uuid);
    row_.append('"');
  }
  if (header.merge) row_.append(",\"_is_merge\":true");
  if (!header.has_span) return;
  row_.append(",\"span_id\":\"");
  append_id<SpanId, span_id_size>(row_, header.span, write_hex);
  row_.append("\",\"root_span_id\":\"");
  if (header.lineage != nullptr && !header.lineage->trace_id.empty()) {
    row_.truncate(row_.size() - 1);
    append_json(header.lineage->trace_id);
  } else {
    append_id<TraceId, trace_id_size>(row_, header.trace, write_hex);
    row_.append('"');
  }
  if (header.merge) return;  // what follows was said when the row was made
  if (const std::string_view foreign = fields[FieldKind::parent_id]; !foreign.empty()) {
    row_.append(",\"span_parents\":[");
    append_json(foreign);
    row_.append(']');
  } else if (header.parent) {
    row_.append(",\"span_parents\":[\"");
    append_id<SpanId, span_id_size>(row_, header.parent, write_hex);
    row_.append("\"]");
  }
  row_.append(",\"created\":\"");
  append_time(header.created);
  row_.append('"');
}

void RowWriter::write_attributes(const RecordHeader& header, const RowFields& fields) {
  const std::size_t before = row_.size();
  row_.append(",\"span_attributes\":{");
  const std::size_t opened = row_.size();
  const auto separate = [&] {
    if (row_.size() > opened) row_.append(',');
  };
  if (const std::string_view more = fields[FieldKind::attributes]; more.size() > 2 && more.front() == '{') {
    row_.append(more.substr(1, more.size() - 2));
  }
  if (const std::string_view name = fields[FieldKind::name]; !name.empty()) {
    separate();
    row_.append("\"name\":");
    append_json(name);
  }
  const std::string_view given = fields[FieldKind::type];
  const SpanType type = !given.empty() ? static_cast<SpanType>(given.front()) : header.merge ? SpanType::none : header.type;
  if (type != SpanType::none) {
    separate();
    row_.append("\"type\":\"");
    row_.append(to_string(type));
    row_.append('"');
  }
  if (!header.merge) {
    separate();
    row_.append("\"exec_counter\":");
    JsonWriter{row_}.integer(static_cast<unsigned long long>(header.exec_counter));
  }
  if (row_.size() == opened) return row_.truncate(before);
  row_.append('}');
}

void RowWriter::write_metrics(const RecordHeader& header, const RowFields& fields) {
  const std::string_view logged = fields[FieldKind::metrics];
  const std::size_t before = row_.size();
  row_.append(",\"metrics\":{");
  const std::size_t opened = row_.size();
  const auto append_moment = [&](std::string_view key, const Moment& moment) {
    if (moment.clock == Moment::none || (!logged.empty() && has_member(logged, key))) return;
    if (row_.size() > opened) row_.append(',');
    row_.append('"');
    row_.append(key);
    row_.append("\":");
    append_seconds(moment);
  };
  if (!header.merge) append_moment("start", header.start);
  append_moment("end", header.end);
  if (logged.size() > 2) {
    if (row_.size() > opened) row_.append(',');
    row_.append(logged.substr(1, logged.size() - 2));
  }
  if (row_.size() == opened) return row_.truncate(before);
  row_.append('}');
}

void RowWriter::write_context(const RecordHeader& header, std::string_view file, std::string_view function) {
  const auto quoted = [](std::string_view text) {
    Json json(text);
    return json;
  };
  if (span_origin_.empty()) span_origin_ = make_span_origin_();
  context_ += '{';
  if (!function.empty()) {
    context_ += "\"caller_functionname\":";
    context_ += quoted(function).text();
    context_ += ',';
  }
  if (!file.empty()) {
    context_ += "\"caller_filename\":";
    context_ += quoted(file).text();
    context_ += ",\"caller_lineno\":";
    context_ += fmt::format_int(header.line).c_str();
    context_ += ',';
  }
  context_ += "\"span_origin\":";
  context_ += span_origin_;
  context_ += '}';
}

void RowWriter::write_comment(const RecordHeader& header, const RowFields& fields) {
  row_.append("\"id\":\"");
  append_id<RowId, row_id_size>(row_, header.row, write_uuid);
  row_.append("\",\"created\":\"");
  append_time(header.created);
  row_.append("\",\"origin\":{\"id\":");
  append_json(fields[FieldKind::row_id]);
  row_.append("},\"comment\":{\"text\":");
  append_json(fields[FieldKind::comment]);
  row_.append("},\"_audit_source\":");
  append_json(fields[FieldKind::audit_source]);
  if (const std::string_view metadata = fields[FieldKind::audit_metadata]; !metadata.empty()) {
    row_.append(",\"_audit_metadata\":");
    row_.append(metadata);
  }
}

void RowWriter::append_json(std::string_view text) { JsonWriter{row_}.string(text); }

std::int64_t RowWriter::wall(const Moment& moment) const noexcept {
  return moment.clock == Moment::wall ? moment.nanoseconds : moment.nanoseconds + wall_offset_;
}

// Seconds since 1970 with six decimals: what a double can hold of today.
void RowWriter::append_seconds(const Moment& moment) {
  const std::int64_t nanoseconds = wall(moment);
  char* const out = row_.reserve(32);
  char* end = fmt::format_to(out, "{}.", nanoseconds / second);
  auto micros = static_cast<unsigned>(nanoseconds % second / 1000);
  for (int i = 5; i >= 0; --i, micros /= 10) end[i] = static_cast<char>('0' + micros % 10);
  row_.advance(static_cast<std::size_t>(end + 6 - out));
}

void RowWriter::append_time(const Moment& moment) { row_.advance(write_iso8601(wall(moment), row_.reserve(32))); }

}  // namespace braintrust::detail
