#include "otlp/span_of_row.h"

#include <charconv>
#include <cmath>
#include <string>

#include "core/id_text.h"
#include "core/json_number.h"
#include "core/json_scan.h"
#include "otlp/gen_ai.h"
#include "otlp/schema.h"

namespace braintrust::detail::otlp {
namespace {

constexpr std::uint64_t second = 1'000'000'000;

std::string_view plain(std::string_view json) { return is_string(json) ? json.substr(1, json.size() - 2) : std::string_view(); }

// Seconds since 1970. What is written with a point and up to nine digits behind it is taken to the nanosecond, which a double
// cannot hold.
std::uint64_t nanoseconds_of(std::string_view number) {
  const std::size_t point = number.find('.');
  const std::string_view whole = number.substr(0, point);
  const std::string_view fraction = point == number.npos ? std::string_view() : number.substr(point + 1);
  const auto digits_only = [](std::string_view text) { return text.find_first_not_of("0123456789") == text.npos; };
  if (whole.size() <= 10 && fraction.size() <= 9 && digits_only(whole) && digits_only(fraction)) {
    std::uint64_t seconds = 0, rest = 0;
    std::from_chars(whole.data(), whole.data() + whole.size(), seconds);
    std::from_chars(fraction.data(), fraction.data() + fraction.size(), rest);
    for (std::size_t i = fraction.size(); i < 9; ++i) rest *= 10;
    return seconds * second + rest;
  }
  const double value = number_of(number);
  return value > 0 && value < 1.8e10 ? static_cast<std::uint64_t>(value * 1e9) : 0;
}

// A trace id of an older SDK is a UUID: the same 16 bytes, with dashes.
bool read_trace_id(std::string_view text, TraceId& id) {
  RowId uuid;
  if (!parse_uuid(text, uuid)) return parse_hex(text, id);
  id = {uuid.high, uuid.low};
  return true;
}

// OTLP has one parent, of 8 bytes. Others are kept as an attribute.
void read_parents(std::string_view array, Span& span) {
  const auto parents = elements_of(array);
  if (!parents || parents->empty()) return;
  SpanId first;
  const bool readable = parse_hex(plain(parents->front()), first);
  if (readable) span.parent = first;
  if (!readable || parents->size() > 1) span.add("braintrust.span_parents", array);
}

void read_context(std::string_view context, Span& span) {
  span.add("braintrust.context_json", context);
  for_each_member(context, [&](std::string_view key, std::string_view value) {
    if (key == "caller_functionname") span.add("code.function.name", text_of(value));
    if (key == "caller_filename") span.add("code.file.path", text_of(value));
    if (key == "caller_lineno" && is_integer(value)) span.add("code.line.number", {value}, Attribute::Type::integer);
  });
}

// An error is "type: message" when what stands before the colon can be the name of a type.
void read_error(std::string_view json, Span& span) {
  span.failed = true;
  span.error = span.error_message = text_of(json);
  span.error_type = {};
  const std::string_view text = span.error.text;
  const std::size_t colon = text.find(": ");
  if (colon == text.npos || colon == 0 || text.find_first_of(" \\\"{[") < colon) return;
  span.error_type = {text.substr(0, colon), span.error.form};
  span.error_message = {text.substr(colon + 2), span.error.form};
}

unsigned kind_of(std::string_view type) { return type == "llm" ? schema::span_kind::client : schema::span_kind::internal; }

}  // namespace

bool read_row(std::string_view row, std::string_view container, Span& span) {
  span.clear();
  CallFields call;
  const auto members = members_of(row);
  if (!members) return false;
  for (const auto& [key, value] : *members) {
    if (key == "span_id" && !parse_hex(plain(value), span.span_id)) return false;
    if (key == "root_span_id" && !read_trace_id(plain(value), span.trace_id)) return false;
    if (key == "span_parents") read_parents(value, span);
    if (key == "context") read_context(value, span);
    if (key == "tags") span.add("braintrust.tags", {value}, Attribute::Type::strings);
    if (key == "scores") span.add("braintrust.scores", value);
    if (key == "origin") span.add("braintrust.origin", value);
    if (key == "expected") span.add("braintrust.expected_json", value);
    if (key == "classifications") span.add("braintrust.classifications", value);
    if (key == "input") span.add("braintrust.input_json", call.input = value);
    if (key == "output") span.add("braintrust.output_json", call.output = value);
    if (key == "metadata") span.add("braintrust.metadata", call.metadata = value);
    if (key == "error" && value != "null") read_error(value, span);
    if (key == "metrics") {
      span.add("braintrust.metrics", call.metrics = value);
      for_each_member(value, [&](std::string_view name, std::string_view number) {
        if (name == "start") span.start = nanoseconds_of(number);
        if (name == "end") span.end = nanoseconds_of(number);
      });
    }
    if (key == "span_attributes") {
      span.add("braintrust.span_attributes", value);
      for_each_member(value, [&](std::string_view name, std::string_view text) {
        if (name == "name") span.name = text_of(text);
        if (name == "type") call.type = plain(text);
      });
    }
  }
  if (!span.span_id || !span.trace_id) return false;
  span.kind = kind_of(call.type);
  if (!container.empty()) span.add("braintrust.parent", container);
  if (span.failed) span.add("error.type", span.error_type.text.empty() ? Text{"_OTHER"} : span.error_type);
  add_gen_ai(call, span);
  return true;
}

}  // namespace braintrust::detail::otlp
