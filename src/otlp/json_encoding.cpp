#include <charconv>
#include <span>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <braintrust/core/json.h>

#include "core/id_text.h"
#include "core/json_member.h"
#include "core/json_scan.h"
#include "otlp/encoding.h"
#include "otlp/schema.h"

namespace braintrust::detail::otlp {
namespace {

void write(const Text& text, Buffer& out) {
  if (text.form == Text::Form::plain) return JsonWriter{out}.string(text.text);
  // Half a surrogate pair is JSON's grammar, and no text: many readers refuse it.
  if (text.text.find("\\u") != text.text.npos) return JsonWriter{out}.string(unescape(text.text));
  out.append('"');
  out.append(text.text);
  out.append('"');
}

template <class Id>
void write_id(std::string_view before, Id id, Buffer& out) {
  out.append(before);
  write_hex(id, out.reserve(2 * sizeof id));
  out.advance(2 * sizeof id);
  out.append('"');
}

void write_integer(std::string_view before, std::uint64_t value, Buffer& out) {
  out.append(before);
  JsonWriter{out}.integer(static_cast<unsigned long long>(value));
}

void write_value(const Attribute& attribute, Buffer& out) {
  switch (attribute.type) {
    case Attribute::Type::string:
      out.append(R"({"stringValue":)");
      write(attribute.value, out);
      return out.append('}');
    case Attribute::Type::integer:
      out.append(R"({"intValue":")");
      out.append(attribute.value.text);
      return out.append("\"}");
    case Attribute::Type::number:
      out.append(R"({"doubleValue":)");
      out.append(attribute.value.text);
      return out.append('}');
    case Attribute::Type::strings: {
      out.append(R"({"arrayValue":{"values":[)");
      bool first = true;
      for (const std::string_view element : elements_of(attribute.value.text).value_or(std::vector<std::string_view>())) {
        out.append(first ? R"({"stringValue":)" : R"(,{"stringValue":)");
        write(text_of(element), out);
        out.append('}');
        first = false;
      }
      return out.append("]}}");
    }
  }
}

void write_attribute(const Attribute& attribute, Buffer& out) {
  out.append(R"({"key":)");
  JsonWriter{out}.string(attribute.key);
  out.append(R"(,"value":)");
  write_value(attribute, out);
  out.append('}');
}

template <class Attributes>
void write_attributes(std::string_view before, const Attributes& attributes, Buffer& out) {
  out.append(before);
  out.append('[');
  bool first = true;
  for (const Attribute& attribute : attributes) {
    if (!first) out.append(',');
    write_attribute(attribute, out);
    first = false;
  }
  out.append(']');
}

void write_failure(const Span& span, std::uint64_t end, Buffer& out) {
  write_integer(R"(,"events":[{"timeUnixNano":")", end, out);
  const Attribute exception[] = {{"exception.type", span.error_type}, {"exception.message", span.error_message}};
  write_attributes(R"(","name":"exception","attributes":)", std::span(exception).subspan(span.error_type.text.empty() ? 1 : 0),
                   out);
  write_integer(R"(}],"status":{"code":)", schema::status_code::error, out);
  out.append(R"(,"message":)");
  write(span.error, out);
  out.append('}');
}

class JsonEncoding final : public Encoding {
 public:
  std::string_view content_type() const noexcept override { return "application/json"; }

  void add(const Span& span, std::uint64_t end, Buffer& out) const override {
    if (!out.empty()) out.append(',');
    write_id(R"({"traceId":")", span.trace_id, out);
    write_id(R"(,"spanId":")", span.span_id, out);
    if (span.parent) write_id(R"(,"parentSpanId":")", span.parent, out);
    out.append(R"(,"name":)");
    write(span.name, out);
    write_integer(R"(,"kind":)", span.kind, out);
    write_integer(R"(,"startTimeUnixNano":")", span.start, out);
    write_integer(R"(","endTimeUnixNano":")", end, out);
    write_attributes(R"(","attributes":)", span.attributes, out);
    if (span.failed) write_failure(span, end, out);
    out.append('}');
  }

  std::string request(const Resource& resource, std::string_view spans) const override {
    std::vector<Attribute> attributes;
    for (const auto& [key, value] : resource.attributes) attributes.push_back({key, {value}});
    Buffer head;
    write_attributes(R"({"resourceSpans":[{"resource":{"attributes":)", attributes, head);
    head.append(R"(},"scopeSpans":[{"scope":{"name":)");
    JsonWriter{head}.string(resource.scope_name);
    head.append(R"(,"version":)");
    JsonWriter{head}.string(resource.scope_version);
    head.append(R"(},"spans":[)");
    if (spans.starts_with(',')) spans.remove_prefix(1);
    constexpr std::string_view tail = "]}]}]}";
    std::string body;
    body.reserve(head.size() + spans.size() + tail.size());
    return body.append(head.view()).append(spans).append(tail);
  }

  PartialSuccess read_response(std::string_view body) const override {
    constexpr std::size_t most_depth = 16;
    if (nests_deeper(body, most_depth)) return {};
    const auto response = nlohmann::json::parse(body, nullptr, false);
    const nlohmann::json& partial = member(response, "partialSuccess");
    const nlohmann::json& rejected = member(partial, "rejectedSpans");
    PartialSuccess read{.message = text_at(partial, "errorMessage")};
    if (rejected.is_number_unsigned()) read.rejected_spans = rejected.get<std::uint64_t>();
    if (rejected.is_string()) {
      const std::string& digits = rejected.get_ref<const std::string&>();
      std::from_chars(digits.data(), digits.data() + digits.size(), read.rejected_spans);
    }
    return read;
  }
};

}  // namespace

const Encoding& json_encoding() noexcept {
  static constinit const JsonEncoding encoding;
  return encoding;
}

}  // namespace braintrust::detail::otlp
