#include "local/otlp_rows.h"

#include <array>

#include <fmt/format.h>

#include "core/clock.h"
#include "local/otlp_fields.h"
#include "otlp/schema.h"

namespace braintrust::local {
namespace {

using llm::ArrayText, llm::JsonView, llm::json_string, llm::ObjectText;

constexpr std::uint64_t second = 1'000'000'000;

std::string seconds_text(std::uint64_t nanoseconds) {
  return fmt::format("{}.{:09}", nanoseconds / second, nanoseconds % second);
}

std::string iso_text(std::uint64_t nanoseconds) {
  char text[64];
  const auto length =
      detail::write_iso8601(static_cast<long long>(nanoseconds / second), static_cast<int>(nanoseconds % second), text);
  return {text, length};
}

void add(ObjectText& object, std::string_view name, std::string_view json) {
  const auto quoted = json_string(name);
  object.add(JsonView::of_valid(quoted).inside(), json);
}

// Blank if there are none. Of two with one name the last counts.
std::string object_of(const OtlpAttributeReader& attributes) {
  ObjectText object;
  attributes.each_rest([&](std::string_view name, JsonView value) { add(object, name, value.text()); });
  return object.empty() ? std::string() : object.text();
}
std::string object_of(const OtlpAttributes& attributes) { return object_of(OtlpAttributeReader(attributes)); }

std::string_view kind_text(unsigned kind) {
  constexpr std::array<std::string_view, 6> names = {"", "internal", "server", "client", "producer", "consumer"};
  return kind < names.size() ? names[kind] : std::string_view();
}

void add_count(ObjectText& object, std::string_view name, std::uint64_t count) {
  if (count > 0) object.add(name, std::to_string(count));
}

// Those of which something is left that no field holds.
std::string events_text(const OtlpSpanReader& reader) {
  ArrayText list;
  for (std::size_t i = 0; i < reader.events.size(); ++i) {
    const auto& event = reader.span.events[i];
    if (event.name.starts_with("gen_ai.") && !event.attributes.empty() && reader.events[i].all_taken()) continue;
    ObjectText text;
    text.add_string("name", event.name);
    if (event.time > 0) text.add("time", json_string(iso_text(event.time)));
    list.add(text.add("attributes", object_of(reader.events[i])).text());
  }
  return list.empty() ? std::string() : list.text();
}

std::string links_text(const OtlpSpan& span) {
  ArrayText list;
  for (const auto& link : span.links) {
    list.add(ObjectText()
                 .add_string("trace_id", link.trace_id)
                 .add_string("span_id", link.span_id)
                 .add_string("trace_state", link.trace_state)
                 .add("attributes", object_of(link.attributes))
                 .text());
  }
  return list.empty() ? std::string() : list.text();
}

// What the program's own exception says: "Type: message". The last of them, which is the one that ended the span.
std::string exception_text(const OtlpSpanReader& reader, bool escaped_only) {
  std::string text;
  for (std::size_t i = 0; i < reader.events.size(); ++i) {
    if (reader.span.events[i].name != "exception") continue;
    const auto& event = reader.events[i];
    if (escaped_only && !event["exception.escaped"].is_true() && !event["exception.escaped"].is("True")) continue;
    const auto type = event["exception.type"].string(), message = event["exception.message"].string();
    text = type.empty() || message.empty() ? type + message : type + ": " + message;
    if (text.empty()) text = "exception";
  }
  return text;
}

// Blank for a span that did not fail. A span without a status has failed if an exception left it; one that was only recorded
// may have been dealt with.
std::string error_text(const OtlpSpanReader& reader) {
  const auto& span = reader.span;
  namespace code = detail::otlp::schema::status_code;
  if (span.status_code == code::unset) return exception_text(reader, true);
  if (span.status_code != code::error) return {};
  const auto exception = exception_text(reader, false);
  const auto& status = span.status_message;
  if (!status.empty() && exception.find(status) == std::string::npos) {
    return exception.empty() || status.find(exception) != std::string::npos ? status : status + ": " + exception;
  }
  if (!exception.empty()) return exception;
  const auto type = reader.attributes["error.type"].string();
  return type.empty() ? "error" : type;
}

// Who made the span, and where in the code; what the span says outright goes over it.
std::string context_text(const OtlpRequest& request, const OtlpScopeSpans& scope, OtlpSpanReader& reader,
                         const std::string& explicit_context) {
  auto& attributes = reader.attributes;
  const auto said = JsonView::of_valid(explicit_context);
  ObjectText context;
  // The second name of each is the one that the convention had before.
  const auto place = [&](const char* member, std::string_view name, std::string_view old_name) {
    for (const auto one : {name, old_name}) {
      const auto value = attributes[one];
      if (!value) continue;
      if (!said[member]) context.add(member, value);
      if (!said[member] || said[member].text() == value.text()) attributes.take(one);
      return;
    }
  };
  place("caller_functionname", "code.function.name", "code.function");
  place("caller_filename", "code.file.path", "code.filepath");
  place("caller_lineno", "code.line.number", "code.lineno");
  const OtlpAttributeReader resource(request.resources[scope.resource]);
  const auto instrumentation =
      scope.scope_name.empty() ? std::string() : ObjectText().add_string("name", scope.scope_name).text();
  const auto origin = ObjectText()
                          .add_string("name", "opentelemetry")
                          .add("version", resource["telemetry.sdk.version"])
                          .add("instrumentation", instrumentation)
                          .text();
  context.add("span_origin", origin);
  return said ? detail::merge_objects(context.text(), explicit_context).value_or(context.text()) : context.text();
}

std::string scope_text(const OtlpScopeSpans& scope) {
  const auto text = ObjectText()
                        .add_string("name", scope.scope_name)
                        .add_string("version", scope.scope_version)
                        .add("attributes", object_of(scope.scope_attributes));
  return text.empty() ? std::string() : text.text();
}

// Everything that no field is for.
void keep_rest(const OtlpRequest& request, const OtlpScopeSpans& scope, OtlpSpanReader& reader, OtlpMembers& metadata) {
  const auto& span = reader.span;
  ObjectText displaced;
  reader.attributes.each_rest([&](std::string_view name, JsonView value) {
    if (name == "otel" || !metadata.offer(name, value.text())) add(displaced, name, value.text());
  });
  ObjectText otel;
  otel.add_string("kind", kind_text(span.kind))
      .add("resource", object_of(request.resources[scope.resource]))
      .add("scope", scope_text(scope))
      .add("events", events_text(reader))
      .add("links", links_text(span))
      .add_string("trace_state", span.trace_state)
      .add("attributes", displaced.empty() ? std::string() : displaced.text());
  add_count(otel, "dropped_attributes", span.dropped_attributes);
  add_count(otel, "dropped_events", span.dropped_events);
  add_count(otel, "dropped_links", span.dropped_links);
  if (!otel.empty()) metadata.append("otel", otel.text());
}

}  // namespace

std::string otlp_parent(const OtlpSpan& span) {
  for (auto attribute = span.attributes.rbegin(); attribute != span.attributes.rend(); ++attribute) {
    if (attribute->key == "braintrust.parent") return JsonView::of_valid(attribute->value).string();
  }
  return {};
}

std::string otlp_row(const OtlpRequest& request, const OtlpScopeSpans& scope, const OtlpSpan& span,
                     std::string_view container) {
  OtlpSpanReader reader(span);
  OtlpFields fields;
  read_braintrust(reader, fields);
  read_conventions(reader, fields);
  const auto context = context_text(request, scope, reader, fields.context);
  const auto error = error_text(reader);
  keep_rest(request, scope, reader, fields.metadata);

  if (!span.name.empty()) fields.span_attributes.offer("name", json_string(span.name));
  if (span.start > 0) fields.metrics.offer("start", seconds_text(span.start));
  if (span.end > 0) fields.metrics.offer("end", seconds_text(span.end));

  ObjectText row;
  row.add("id", json_string(span.trace_id + "-" + span.span_id))
      .add("_is_merge", "true")
      .add_string("span_id", span.span_id)
      .add_string("root_span_id", span.trace_id);
  if (fields.span_parents.empty() && !span.parent_span_id.empty()) {
    fields.span_parents = "[\"" + span.parent_span_id + "\"]";
  }
  row.add("span_parents", fields.span_parents);
  if (span.start > 0) row.add("created", json_string(iso_text(span.start)));
  row.add("span_attributes", fields.span_attributes.text())
      .add("metrics", fields.metrics.text())
      .add("context", context)
      .add("input", fields.input)
      .add("output", fields.output)
      .add("expected", fields.expected)
      .add_string("error", error)
      .add("scores", fields.scores)
      .add("classifications", fields.classifications)
      .add("metadata", fields.metadata.text())
      .add("tags", fields.tags)
      .add("origin", fields.origin);
  auto text = row.text();
  text.pop_back();
  return text + ',' + std::string(container) + '}';
}

}  // namespace braintrust::local
