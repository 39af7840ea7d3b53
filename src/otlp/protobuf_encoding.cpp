#include "core/json_number.h"
#include "core/json_scan.h"
#include "otlp/encoding.h"
#include "otlp/protobuf_reader.h"
#include "otlp/protobuf_writer.h"
#include "otlp/schema.h"

#include <algorithm>
#include <charconv>
#include <string>

namespace braintrust::detail::otlp {
namespace {

// Big-endian, as ids are everywhere.
void put(std::uint64_t word, char* out) noexcept {
  for (int i = 0; i < 8; ++i) out[i] = static_cast<char>(word >> (56 - 8 * i));
}

void write_id(unsigned field, SpanId id, ProtobufWriter& out) {
  char bytes[8];
  put(id.value, bytes);
  out.bytes(field, {bytes, sizeof bytes});
}
void write_id(unsigned field, TraceId id, ProtobufWriter& out) {
  char bytes[16];
  put(id.high, bytes);
  put(id.low, bytes + 8);
  out.bytes(field, {bytes, sizeof bytes});
}

// A text, and the memory for one that had escapes.
class Unescaped {
 public:
  explicit Unescaped(const Text& text) : text_(text.text) {
    if (text.form == Text::Form::plain || text.text.find('\\') == text.text.npos) return;
    memory_ = unescape(text.text);
    text_ = memory_;
  }
  std::string_view view() const noexcept { return text_; }

 private:
  std::string_view text_;
  std::string memory_;
};

// key_value { key, value: any_value { … } }, where the content of any_value takes `size` bytes.
template <class Write>
void write_attribute(unsigned field, std::string_view key, std::size_t size, Buffer& buffer, Write&& write) {
  ProtobufWriter out(buffer);
  out.begin_message(field, bytes_size(schema::key_value::key, key.size()) + bytes_size(schema::key_value::value, size));
  out.bytes(schema::key_value::key, key);
  out.begin_message(schema::key_value::value, size);
  write(out);
}

void write_text(unsigned field, std::string_view key, std::string_view value, Buffer& buffer) {
  write_attribute(field, key, bytes_size(schema::any_value::string, value.size()), buffer,
                  [&](ProtobufWriter& out) { out.bytes(schema::any_value::string, value); });
}

void write_strings(unsigned field, std::string_view key, std::string_view array, Buffer& buffer) {
  Buffer values;
  ProtobufWriter out(values);
  for (const std::string_view element : elements_of(array).value_or(std::vector<std::string_view>())) {
    const Unescaped text(text_of(element));
    out.begin_message(schema::values::values, bytes_size(schema::any_value::string, text.view().size()));
    out.bytes(schema::any_value::string, text.view());
  }
  write_attribute(field, key, bytes_size(schema::any_value::array, values.size()), buffer,
                  [&](ProtobufWriter& any) { any.bytes(schema::any_value::array, values.view()); });
}

void write_attribute(unsigned field, const Attribute& attribute, Buffer& buffer) {
  const std::string_view text = attribute.value.text;
  switch (attribute.type) {
    case Attribute::Type::string:
      return write_text(field, attribute.key, Unescaped(attribute.value).view(), buffer);
    case Attribute::Type::integer: {
      std::int64_t value = 0;
      std::from_chars(text.data(), text.data() + text.size(), value);
      const auto bits = static_cast<std::uint64_t>(value);
      return write_attribute(field, attribute.key, tag_size(schema::any_value::integer) + varint_size(bits), buffer,
                             [&](ProtobufWriter& out) { out.varint(schema::any_value::integer, bits); });
    }
    case Attribute::Type::number: {
      const double value = number_of(text);
      return write_attribute(field, attribute.key, tag_size(schema::any_value::number) + sizeof value, buffer,
                             [&](ProtobufWriter& out) { out.number(schema::any_value::number, value); });
    }
    case Attribute::Type::strings:
      return write_strings(field, attribute.key, text, buffer);
  }
}

void write_failure(const Span& span, std::uint64_t end, Buffer& fields) {
  ProtobufWriter out(fields);
  Buffer part;
  ProtobufWriter inner(part);
  inner.fixed64(schema::event::time, end);
  inner.bytes(schema::event::name, "exception");
  if (!span.error_type.text.empty()) {
    write_text(schema::event::attributes, "exception.type", Unescaped(span.error_type).view(), part);
  }
  write_text(schema::event::attributes, "exception.message", Unescaped(span.error_message).view(), part);
  out.bytes(schema::span::events, part.view());

  part.clear();
  inner.bytes(schema::status::message, Unescaped(span.error).view());
  inner.varint(schema::status::code, schema::status_code::error);
  out.bytes(schema::span::status, part.view());
}

class ProtobufEncoding final : public Encoding {
 public:
  std::string_view content_type() const noexcept override { return "application/x-protobuf"; }

  void add(const Span& span, std::uint64_t end, Buffer& spans) const override {
    Buffer fields;
    ProtobufWriter out(fields);
    write_id(schema::span::trace_id, span.trace_id, out);
    write_id(schema::span::span_id, span.span_id, out);
    if (span.parent) write_id(schema::span::parent_span_id, span.parent, out);
    out.bytes(schema::span::name, Unescaped(span.name).view());
    out.varint(schema::span::kind, span.kind);
    out.fixed64(schema::span::start_time, span.start);
    out.fixed64(schema::span::end_time, end);
    for (const Attribute& attribute : span.attributes) write_attribute(schema::span::attributes, attribute, fields);
    if (span.failed) write_failure(span, end, fields);
    ProtobufWriter(spans).bytes(schema::scope_spans::spans, fields.view());
  }

  std::string request(const Resource& resource, std::string_view spans) const override {
    Buffer attributes;
    for (const auto& [key, value] : resource.attributes) write_text(schema::resource::attributes, key, value, attributes);
    Buffer scope;
    ProtobufWriter in_scope(scope);
    in_scope.bytes(schema::scope::name, resource.scope_name);
    in_scope.bytes(schema::scope::version, resource.scope_version);

    const std::size_t scope_spans = bytes_size(schema::scope_spans::scope, scope.size()) + spans.size();
    Buffer head;
    ProtobufWriter out(head);
    out.begin_message(schema::export_request::resource_spans, bytes_size(schema::resource_spans::resource, attributes.size()) +
                                                                  bytes_size(schema::resource_spans::scope_spans, scope_spans));
    out.bytes(schema::resource_spans::resource, attributes.view());
    out.begin_message(schema::resource_spans::scope_spans, scope_spans);
    out.bytes(schema::scope_spans::scope, scope.view());
    std::string body;
    body.reserve(head.size() + spans.size());
    return body.append(head.view()).append(spans);
  }

  PartialSuccess read_response(std::string_view body) const override {
    PartialSuccess partial;
    for (ProtobufReader response(body); response.next();) {
      if (response.field() != schema::export_response::partial_success) continue;
      for (ProtobufReader inner(response.bytes()); inner.next();) {
        if (inner.field() == schema::partial_success::rejected_spans)
          partial.rejected_spans =
              static_cast<std::uint64_t>(std::max<std::int64_t>(0, static_cast<std::int64_t>(inner.integer())));
        if (inner.field() == schema::partial_success::error_message) partial.message = inner.bytes();
      }
    }
    return partial;
  }
};

}  // namespace

const Encoding& protobuf_encoding() noexcept {
  static constinit const ProtobufEncoding encoding;
  return encoding;
}

}  // namespace braintrust::detail::otlp
