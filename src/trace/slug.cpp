#include "trace/slug.h"
#include "pipeline/http.h"

#include <array>
#include <atomic>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <braintrust/core/diagnostics.h>

#include "core/base64.h"
#include "core/json_member.h"
#include "core/json_scan.h"
#include "trace/ids.h"
#include "trace/logger_core.h"

namespace braintrust::detail {
namespace {

using pipeline::ObjectType;

enum Entry : unsigned char { object_entry = 1, row_entry = 2, span_entry = 3, root_entry = 4 };
constexpr unsigned char newest_version = 4;
constexpr std::size_t uuid_bytes = 16;
constexpr std::size_t span_bytes = 8;

template <class Id>
void append_word(std::string& out, Id word) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(word >> shift));
}

std::uint64_t read_word(std::string_view bytes) {
  std::uint64_t word = 0;
  for (const char byte : bytes) word = word << 8 | static_cast<unsigned char>(byte);
  return word;
}

std::string uuid_text(std::string_view bytes) {
  return to_string(RowId{read_word(bytes.substr(0, 8)), read_word(bytes.substr(8, 8))});
}
std::string trace_text(std::string_view bytes) {
  return to_string(TraceId{read_word(bytes.substr(0, 8)), read_word(bytes.substr(8, 8))});
}
std::string span_text(std::string_view bytes) { return to_string(SpanId{read_word(bytes)}); }

// One binary entry; the bytes it took, or none when it is damaged.
std::optional<std::size_t> read_entry(std::string_view bytes, unsigned char version, SlugParts& parts) {
  if (bytes.empty()) return std::nullopt;
  const auto entry = static_cast<unsigned char>(bytes[0]);
  const bool short_span = version >= 4 && entry == span_entry;
  const std::size_t size = short_span ? span_bytes : uuid_bytes;
  if (bytes.size() < 1 + size) return std::nullopt;
  const std::string_view payload = bytes.substr(1, size);
  switch (entry) {
    case object_entry:
      parts.object_id = uuid_text(payload);
      break;
    case row_entry:
      parts.row_id = uuid_text(payload);
      break;
    case span_entry:
      parts.span_id = short_span ? span_text(payload) : uuid_text(payload);
      break;
    case root_entry:
      parts.root_span_id = version >= 4 ? trace_text(payload) : uuid_text(payload);
      break;
    default:
      return std::nullopt;
  }
  return 1 + size;
}

bool read_rest(std::string_view text, SlugParts& parts) {
  if (text.empty()) return true;
  const auto rest = parse_bounded(text);
  if (!rest.is_object()) return false;
  const auto take = [](const nlohmann::json& from, const char* key, std::string& to) {
    const auto found = from.find(key);
    if (found != from.end() && found->is_string()) to = found->get<std::string>();
  };
  take(rest, "object_id", parts.object_id);
  take(rest, "row_id", parts.row_id);
  take(rest, "span_id", parts.span_id);
  take(rest, "root_span_id", parts.root_span_id);
  if (const auto args = rest.find("compute_object_metadata_args"); args != rest.end() && args->is_object()) {
    take(*args, "project_name", parts.project_name);
    take(*args, "project_id", parts.project_id);
  }
  if (const auto event = rest.find("propagated_event"); event != rest.end() && event->is_object()) {
    parts.propagated_event = event->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
  return true;
}

std::string_view type_name(ObjectType type) {
  switch (type) {
    case ObjectType::experiment:
      return "experiment";
    case ObjectType::project_logs:
      return "project_logs";
    case ObjectType::playground_logs:
      return "playground_logs";
    case ObjectType::dataset:
      return "dataset";
  }
  return "project_logs";
}

// The name of a project whose id is not known. Blank in both places: the background thread may still find one in
// `.env.braintrust`; until then it is the default.
std::string project_name_of(const pipeline::Destination& destination, const pipeline::Settings& settings) {
  if (!destination.name.empty()) return destination.name;
  return !settings.project.empty() ? settings.project : "Global";
}

}  // namespace

std::string encode_slug(const SlugParts& parts) {
  std::string binary;
  unsigned char entries = 0;
  std::string rest;
  const auto add_text = [&](std::string_view key, std::string_view json) {
    rest += fmt::format("{}\"{}\":{}", rest.empty() ? "" : ",", key, json);
  };
  const auto quoted = [](std::string_view text) { return std::string(Json(text).text()); };

  if (!parts.object_id.empty()) {
    add_text("object_id", quoted(parts.object_id));
  } else {
    const std::string args = !parts.project_id.empty() ? fmt::format(R"({{"project_id":{}}})", quoted(parts.project_id))
                                                       : fmt::format(R"({{"project_name":{}}})", quoted(parts.project_name));
    add_text("compute_object_metadata_args", args);
  }
  if (!parts.row_id.empty()) add_text("row_id", quoted(parts.row_id));
  if (SpanId id; parse_hex(parts.span_id, id)) {
    ++entries;
    binary.push_back(span_entry);
    append_word(binary, id.value);
  } else if (!parts.span_id.empty()) {
    add_text("span_id", quoted(parts.span_id));
  }
  if (TraceId id; parse_hex(parts.root_span_id, id)) {
    ++entries;
    binary.push_back(root_entry);
    append_word(binary, id.high);
    append_word(binary, id.low);
  } else if (!parts.root_span_id.empty()) {
    add_text("root_span_id", quoted(parts.root_span_id));
  }
  if (!parts.propagated_event.empty()) add_text("propagated_event", parts.propagated_event);

  const std::string header = {newest_version, static_cast<char>(parts.type), static_cast<char>(entries)};
  return base64::encode(header + binary + "{" + rest + "}");
}

bool decode_slug(std::string_view slug, SlugParts& parts) {
  const auto decoded = base64::decode(slug);
  if (!decoded || decoded->size() < 3) return false;
  std::string_view bytes = *decoded;
  const auto version = static_cast<unsigned char>(bytes[0]);
  const auto type = static_cast<unsigned char>(bytes[1]);
  const auto entries = static_cast<unsigned char>(bytes[2]);
  if (version < 3 || version > newest_version || type < 1 || type > 3) return false;
  parts.type = static_cast<ObjectType>(type);
  bytes.remove_prefix(3);
  for (unsigned i = 0; i < entries; ++i) {
    const auto taken = read_entry(bytes, version, parts);
    if (!taken) return false;
    bytes.remove_prefix(*taken);
  }
  if (!read_rest(bytes, parts)) return false;
  const bool named = !parts.object_id.empty() || !parts.project_id.empty() || !parts.project_name.empty();
  const int ids = !parts.row_id.empty() + !parts.span_id.empty() + !parts.root_span_id.empty();
  return named && (ids == 0 || ids == 3);
}

std::string write_slug(const SpanRef& span) {
  const auto& destination = *static_cast<const pipeline::Destination*>(span.destination);
  SlugParts parts;
  parts.type = destination.type;
  if (const std::string* const id = destination.id()) {
    parts.object_id = *id;
  } else {
    parts.project_name = project_name_of(destination, span.core->settings);
  }
  parts.row_id = to_string(span.row);
  parts.span_id = to_string(span.span);
  parts.root_span_id = to_string(span.trace);
  if (span.lineage != nullptr) {
    if (!span.lineage->trace_id.empty()) parts.root_span_id = span.lineage->trace_id;
    // What cannot be read there would make the whole slug unreadable.
    const std::string& propagated = span.lineage->propagated;
    if (propagated.starts_with('{') && (!span.lineage->raw || valid_json(propagated))) parts.propagated_event = propagated;
  }
  return encode_slug(parts);
}

pipeline::Destination* destination_of(const SlugParts& parts, const LoggerCore& core) {
  const std::string& id = parts.object_id.empty() ? parts.project_id : parts.object_id;
  pipeline::Destination* const home = core.destination;
  const std::string* const home_id = home->id();
  if (parts.type == home->type && (id.empty() ? parts.project_name == home->name : home_id != nullptr && *home_id == id)) {
    return home;
  }
  pipeline::Destination* const foreign =
      intern_foreign_destination(parts.type, id, id.empty() ? parts.project_name : std::string());
  if (foreign != nullptr) return foreign;
  // Once: it would come with each request from here on.
  static std::atomic<bool> told = false;
  if (told.exchange(true, std::memory_order_relaxed)) return home;
  report(Severity::warning, ErrorCode::invalid_argument,
         "a parent of another process names one object too many; its spans go to the logger's own project");
  return home;
}

SlugParent read_slug(std::string_view slug, LoggerCore& core) {
  SlugParts parts;
  if (!decode_slug(slug, parts)) {
    report(Severity::warning, ErrorCode::invalid_argument,
           "`parent` is not properly encoded: pass what export_slug() gave, unchanged; the span begins a trace of its own");
    return {};
  }
  SlugParent parent;
  parent.ref.core = &core;
  parent.ref.destination = destination_of(parts, core);
  std::string foreign_trace;
  if (!parts.span_id.empty()) {
    if (!parse_hex(parts.span_id, parent.ref.span)) {
      parent.span_id = parts.span_id;
      parent.ref.span = {1};  // only says that there is one
    }
    if (!parse_hex(parts.root_span_id, parent.ref.trace)) foreign_trace = parts.root_span_id;
    parse_uuid(parts.row_id, parent.ref.row);
  }
  if (!foreign_trace.empty() || !parts.propagated_event.empty()) {
    parent.ref.lineage = new Lineage{.propagated = parts.propagated_event, .trace_id = foreign_trace};
  }
  return parent;
}

std::string link_to(const SpanRef& span) {
  constexpr std::string_view no_span = "https://www.braintrust.dev/noop-span";
  constexpr std::string_view failed = "https://www.braintrust.dev/error-generating-link?msg=";
  if (span.core == nullptr || !span.row) return std::string(no_span);
  const auto& destination = *static_cast<const pipeline::Destination*>(span.destination);
  const pipeline::Settings& settings = span.core->settings;

  std::string org = span.core->flusher.org_name();
  if (org.empty()) org = settings.org_name;
  if (org.empty())
    return fmt::format("{}{}", failed, pipeline::escape_url("the organisation is not known before the login; set org_name"));

  std::string app = !settings.app_public_url.empty() ? settings.app_public_url : settings.app_url;
  if (app.empty()) app = pipeline::default_app_url;
  while (app.ends_with('/')) app.pop_back();
  const std::string row = to_string(span.row);
  if (const std::string* const id = destination.id()) {
    return fmt::format("{}/app/{}/object?object_type={}&object_id={}&id={}", app, pipeline::escape_url(org),
                       type_name(destination.type), pipeline::escape_url(*id), row);
  }
  return fmt::format("{}/app/{}/p/{}/logs?oid={}", app, pipeline::escape_url(org),
                     pipeline::escape_url(project_name_of(destination, settings)), row);
}

}  // namespace braintrust::detail
