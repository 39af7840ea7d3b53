#include "trace/row_writer.h"

#include <cstdlib>
#include <functional>

#include <fmt/format.h>

#include <braintrust/core/diagnostics.h>
#include <braintrust/version.h>

#include "core/clock.h"
#include "core/environment.h"
#include "core/json_scan.h"
#include "trace/ids.h"
#include "trace/logger_core.h"
#include "trace/pending_attachments.h"
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
  if (object.find(key) == std::string_view::npos) return false;  // mostly
  bool found = false;
  for_each_member(object, [&](std::string_view member, std::string_view) { found |= member == key; });
  return found;
}

// Whether these fields set the span's end.
bool logs_end(std::string_view fields) {
  bool found = false;
  for_each_field(fields, [&](FieldKind kind, std::string_view text, bool) {
    found |= kind == FieldKind::metrics && has_member(text, "end");
  });
  return found;
}

}  // namespace

std::string span_origin_json(std::string_view instrumentation, std::string_view environment_type,
                             std::string_view environment_name) {
  const auto quoted = [](std::string_view text) { return std::string(Json(text).text()); };
  std::string environment;
  if (!environment_type.empty()) environment += fmt::format("\"type\":{}", quoted(environment_type));
  if (!environment_name.empty()) {
    environment += fmt::format("{}\"name\":{}", environment.empty() ? "" : ",", quoted(environment_name));
  }
  return fmt::format(R"({{"name":"braintrust.sdk.cpp","version":"{}","instrumentation":{{"name":{}}}{}}})", BRAINTRUST_VERSION,
                     quoted(instrumentation), environment.empty() ? "" : fmt::format(R"(,"environment":{{{}}})", environment));
}

RowWriter::RowWriter(LoggerCore& core, SpanOrigin span_origin)
    : core_(core),
      make_span_origin_(std::move(span_origin)),
      wall_offset_(measure_wall_offset()),
      work_(std::make_unique<Work>()) {}

void RowWriter::begin_anew() {
  left_alone_ = work_.release();
  work_ = std::make_unique<Work>();
}

void RowWriter::discard(const char* record) noexcept {
  RecordHeader header;
  std::memcpy(static_cast<void*>(&header), record, sizeof header);
  release(header.lineage);
}

void RowWriter::write(const char* record, pipeline::Courier& courier) {
  RecordHeader header;
  std::memcpy(static_cast<void*>(&header), record, sizeof header);
  const char* const file = record + sizeof header;
  const char* const function = file + header.file_length;
  const char* const fields = function + header.function_length;
  const auto fields_size = static_cast<std::size_t>(record + header.size - fields);
  write_or_count(header, {file, header.file_length}, {function, header.function_length}, {fields, fields_size}, courier);
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
        self.writer.write_open_span(slot, self.all, self.now, self.courier);
      },
      &look);
}

void RowWriter::lose_end(RowId row, pipeline::Courier& courier) {
  work_->sent_metadata.erase({row.high, row.low});
  courier.lose_end(row);
}

void RowWriter::write_open_span(SpanSlot& slot, bool all, std::int64_t now, pipeline::Courier& courier) {
  const auto due = [&] {
    if (!slot.open() || slot.core.load(std::memory_order_relaxed) != &core_) return false;
    if (slot.process.load(std::memory_order_relaxed) != process_epoch()) return false;
    const std::int64_t last = slot.last_partial.load(std::memory_order_relaxed);
    const std::int64_t since = last != 0 ? last : slot.started.load(std::memory_order_relaxed);
    return all || now - since >= second;
  };
  if (!due()) return;

  slot.lock();
  // It may have ended, and another begun, since the look from outside. (The fields of a slot that is free are its next
  // thread's.)
  if (!due()) return slot.unlock();
  const bool nothing_new = slot.last_partial.load(std::memory_order_relaxed) != 0 && slot.fields.empty();
  if (nothing_new) return slot.unlock();
  const RecordHeader header = slot.header;
  const char* const file = slot.file;
  const char* const function = slot.function;
  work_->open_fields.clear();
  try {
    work_->open_fields.append(slot.fields.view());
  } catch (...) {  // out of memory: the span is told of at its end
    return slot.unlock();
  }
  retain(header.lineage);
  slot.fields.clear();
  slot.header.merge = true;
  slot.header.end_logged = header.end_logged || logs_end(work_->open_fields.view());
  slot.last_partial.store(now, std::memory_order_relaxed);
  slot.unlock();

  write_or_count(header, file != nullptr ? file : "", function != nullptr ? function : "", work_->open_fields.view(), courier);
  release(header.lineage);
}

void RowWriter::write_or_count(const RecordHeader& header, std::string_view file, std::string_view function,
                               std::string_view fields, pipeline::Courier& courier) {
  try {
    write_row(header, file, function, fields, courier);
  } catch (const std::exception& error) {
    core_.flusher.counters().invalid.fetch_add(1, std::memory_order_relaxed);
    report(Severity::error, ErrorCode::invalid_argument, std::string("a span could not be written as a row: ") + error.what());
    if (header.end.clock != Moment::none) core_.flusher.lose_end(header.row);
  }
}

void RowWriter::write_row(const RecordHeader& header, std::string_view file, std::string_view function, std::string_view text,
                          pipeline::Courier& courier) {
  courier.expect(header.row);
  // What is propagated goes with the first row, and again over what a span that was shown early says at its end.
  const bool of_span = !header.merge || header.end.clock != Moment::none || header.start.clock != Moment::none;
  RowFields fields(interpreted(header, text), of_span ? header.lineage : nullptr);
  work_->context.clear();
  if (!header.merge && header.kind == RowKind::span) write_context(header, file, function, fields[FieldKind::instrumentation]);
  if (const Lineage* const own = header.lineage; own != nullptr && !own->prompt.empty() && own->prompt_span == header.span) {
    if (header.kind == RowKind::span) fields.set_prompt(own->prompt, header.merge);
  }
  fields.finish(work_->context);

  work_->row.clear();
  work_->row.append('{');
  if (header.kind == RowKind::comment) {
    write_comment(header, fields);
  } else {
    write_ids(header, fields);
    if (header.kind == RowKind::deletion) work_->row.append(",\"_object_delete\":true");
    if (header.kind == RowKind::span) {
      write_attributes(header, fields);
      write_metrics(header, fields);
    }
    if (!work_->context.empty()) {
      work_->row.append(",\"context\":");
      work_->row.append(work_->context);
    }
    for (const FieldKind kind :
         {FieldKind::input, FieldKind::output, FieldKind::expected, FieldKind::error, FieldKind::scores, FieldKind::metadata,
          FieldKind::tags, FieldKind::classifications, FieldKind::origin, FieldKind::audit_metadata}) {
      if (fields[kind].empty()) continue;
      work_->row.append(",\"");
      work_->row.append(wire_name(kind));
      work_->row.append("\":");
      work_->row.append(fields[kind]);
    }
    if (const std::string_view source = fields[FieldKind::audit_source]; !source.empty()) {
      work_->row.append(",\"_audit_source\":");
      append_json(source);
    }
  }
  work_->row.append('}');

  const std::string_view foreign = header.kind == RowKind::comment ? std::string_view() : fields[FieldKind::row_id];
  courier.take({.destination = header.destination,
                .id = foreign.empty() || foreign == to_string(header.row) ? header.row : key_of(foreign),
                .merge = header.merge && header.kind != RowKind::comment,
                .of_span = header.kind == RowKind::span && header.has_span,
                .ends_span = header.end.clock != Moment::none,
                .text = work_->row.view()});
  hand_over_attachments(courier);
}

// What the row refers to is uploaded; what was masked, or never came this far, is not.
void RowWriter::hand_over_attachments(pipeline::Courier& courier) {
  PendingAttachments& pending = pending_attachments();
  if (!pending.any()) return;
  for (pipeline::Upload& upload : pending.take(work_->row.view())) courier.take_upload(std::move(upload));
  pending.end_row();
}

// The fields with ordinary ones in place of deferred ones.
std::string_view RowWriter::interpreted(const RecordHeader& header, std::string_view fields) {
  bool any = false;
  for_each_field(fields, [&](FieldKind kind, std::string_view, bool) { any |= kind == FieldKind::deferred; });
  if (!any) return fields;
  work_->interpreted.clear();
  const std::pair row(header.row.high, header.row.low);
  if (const auto sent = work_->sent_metadata.find(row); sent != work_->sent_metadata.end()) {
    append_text(work_->interpreted, FieldKind::metadata, sent->second);
  }
  for_each_field(fields, [this](FieldKind kind, std::string_view text, bool raw) {
    if (kind != FieldKind::deferred) return append_text(work_->interpreted, kind, text, raw);
    Interpret interpret = nullptr;
    std::memcpy(&interpret, text.data(), sizeof interpret);
    interpret(text.substr(sizeof interpret), work_->interpreted);
  });
  if (header.end.clock != Moment::none) {
    work_->sent_metadata.erase(row);
  } else {
    for_each_field(work_->interpreted.view(), [&](FieldKind kind, std::string_view text, bool) {
      if (kind == FieldKind::metadata) work_->sent_metadata[row] = text;
    });
  }
  return work_->interpreted.view();
}

void RowWriter::write_ids(const RecordHeader& header, const RowFields& fields) {
  work_->row.append("\"id\":\"");
  if (const std::string_view foreign = fields[FieldKind::row_id]; !foreign.empty()) {
    work_->row.truncate(work_->row.size() - 1);
    append_json(foreign);
  } else {
    append_id<RowId, row_id_size>(work_->row, header.row, write_uuid);
    work_->row.append('"');
  }
  if (header.merge) work_->row.append(",\"_is_merge\":true");
  if (header.has_span) write_span_ids(header, fields);
  if (header.merge) return;
  work_->row.append(",\"created\":\"");
  append_time(header.created);
  work_->row.append('"');
}

void RowWriter::write_span_ids(const RecordHeader& header, const RowFields& fields) {
  work_->row.append(",\"span_id\":\"");
  append_id<SpanId, span_id_size>(work_->row, header.span, write_hex);
  work_->row.append("\",\"root_span_id\":\"");
  if (header.lineage != nullptr && !header.lineage->trace_id.empty()) {
    work_->row.truncate(work_->row.size() - 1);
    append_json(header.lineage->trace_id);
  } else {
    append_id<TraceId, trace_id_size>(work_->row, header.trace, write_hex);
    work_->row.append('"');
  }
  if (header.merge) return;  // what follows was said when the row was made
  if (const std::string_view foreign = fields[FieldKind::parent_id]; !foreign.empty()) {
    work_->row.append(",\"span_parents\":[");
    append_json(foreign);
    work_->row.append(']');
  } else if (header.parent) {
    work_->row.append(",\"span_parents\":[\"");
    append_id<SpanId, span_id_size>(work_->row, header.parent, write_hex);
    work_->row.append("\"]");
  }
}

void RowWriter::write_attributes(const RecordHeader& header, const RowFields& fields) {
  const std::size_t before = work_->row.size();
  work_->row.append(",\"span_attributes\":{");
  const std::size_t opened = work_->row.size();
  const auto separate = [&] {
    if (work_->row.size() > opened) work_->row.append(',');
  };
  // What the user put among the attributes beats name and type; nobody sets the counter.
  bool named = false, typed = false;
  for_each_member(fields[FieldKind::attributes], [&](std::string_view key, std::string_view value) {
    if (key == "exec_counter") return;
    named |= key == "name";
    typed |= key == "type";
    separate();
    work_->row.append('"');
    work_->row.append(key);
    work_->row.append("\":");
    work_->row.append(value);
  });
  if (const std::string_view name = fields[FieldKind::name]; !name.empty() && !named) {
    separate();
    work_->row.append("\"name\":");
    append_json(name);
  }
  const std::string_view given = fields[FieldKind::type];
  const SpanType type = !given.empty() ? static_cast<SpanType>(given.front()) : header.merge ? SpanType::none : header.type;
  if (type != SpanType::none && !typed) {
    separate();
    work_->row.append("\"type\":\"");
    work_->row.append(to_string(type));
    work_->row.append('"');
  }
  if (!header.merge) {
    separate();
    work_->row.append("\"exec_counter\":");
    JsonWriter{work_->row}.integer(static_cast<unsigned long long>(header.exec_counter));
  }
  if (work_->row.size() == opened) return work_->row.truncate(before);
  work_->row.append('}');
}

void RowWriter::write_metrics(const RecordHeader& header, const RowFields& fields) {
  const std::string_view logged = fields[FieldKind::metrics];
  const std::size_t before = work_->row.size();
  work_->row.append(",\"metrics\":{");
  const std::size_t opened = work_->row.size();
  const auto append_moment = [&](std::string_view key, const Moment& moment) {
    if (moment.clock == Moment::none || (!logged.empty() && has_member(logged, key))) return;
    if (work_->row.size() > opened) work_->row.append(',');
    work_->row.append('"');
    work_->row.append(key);
    work_->row.append("\":");
    append_seconds(moment);
  };
  if (!header.merge) append_moment("start", header.start);
  if (!header.end_logged) append_moment("end", header.end);
  const std::string_view members = logged.size() > 2 ? trimmed(logged.substr(1, logged.size() - 2)) : std::string_view();
  if (!members.empty()) {
    if (work_->row.size() > opened) work_->row.append(',');
    work_->row.append(members);
  }
  if (work_->row.size() == opened) return work_->row.truncate(before);
  work_->row.append('}');
}

const std::string& RowWriter::span_origin_of(std::string_view instrumentation) {
  if (instrumentation.empty()) instrumentation = "braintrust.logger";
  const auto known = work_->span_origins.find(instrumentation);
  if (known != work_->span_origins.end()) return known->second;
  return work_->span_origins[std::string(instrumentation)] = make_span_origin_(instrumentation);
}

void RowWriter::write_context(const RecordHeader& header, std::string_view file, std::string_view function,
                              std::string_view instrumentation) {
  Buffer json;
  const auto quoted = [&](std::string_view text) {
    json.clear();
    JsonWriter{json}.string(text);
    return json.view();
  };
  work_->context += '{';
  if (!function.empty()) {
    work_->context += "\"caller_functionname\":";
    work_->context += quoted(function);
    work_->context += ',';
  }
  if (!file.empty()) {
    work_->context += "\"caller_filename\":";
    work_->context += quoted(file);
    work_->context += ",\"caller_lineno\":";
    work_->context += fmt::format_int(header.line).c_str();
    work_->context += ',';
  }
  work_->context += "\"span_origin\":";
  work_->context += span_origin_of(instrumentation);
  work_->context += '}';
}

void RowWriter::write_comment(const RecordHeader& header, const RowFields& fields) {
  work_->row.append("\"id\":\"");
  append_id<RowId, row_id_size>(work_->row, header.row, write_uuid);
  work_->row.append("\",\"created\":\"");
  append_time(header.created);
  work_->row.append("\",\"origin\":{\"id\":");
  append_json(fields[FieldKind::row_id]);
  work_->row.append("},\"comment\":{\"text\":");
  append_json(fields[FieldKind::comment]);
  work_->row.append("},\"_audit_source\":");
  append_json(fields[FieldKind::audit_source]);
  if (const std::string_view metadata = fields[FieldKind::audit_metadata]; !metadata.empty()) {
    work_->row.append(",\"_audit_metadata\":");
    work_->row.append(metadata);
  }
}

void RowWriter::append_json(std::string_view text) { JsonWriter{work_->row}.string(text); }

std::int64_t RowWriter::wall(const Moment& moment) const noexcept {
  return moment.clock == Moment::wall ? moment.nanoseconds : moment.nanoseconds + wall_offset_;
}

// Seconds since 1970 with six decimals: what a double can hold of today.
void RowWriter::append_seconds(const Moment& moment) {
  std::int64_t nanoseconds = wall(moment);
  if (nanoseconds < 0) {
    work_->row.append('-');
    nanoseconds = -nanoseconds;
  }
  JsonWriter{work_->row}.integer(static_cast<long long>(nanoseconds / second));
  auto micros = static_cast<unsigned>(nanoseconds % second / 1000);
  char* const fraction = work_->row.reserve(7);
  fraction[0] = '.';
  for (int i = 6; i > 0; --i, micros /= 10) fraction[i] = static_cast<char>('0' + micros % 10);
  work_->row.advance(7);
}

void RowWriter::append_time(const Moment& moment) { work_->row.advance(write_iso8601(wall(moment), work_->row.reserve(32))); }

}  // namespace braintrust::detail
