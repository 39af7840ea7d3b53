#pragma once

// OTLP's messages as bytes, put together field by field: `of(schema::span::name, "chat")`. Threads: pure functions.

#include <initializer_list>
#include <string>
#include <string_view>

#include "otlp/protobuf_writer.h"
#include "otlp/schema.h"

namespace braintrust::local::bytes {

namespace schema = detail::otlp::schema;

template <class Write>
std::string written(Write&& write) {
  detail::Buffer buffer;
  detail::otlp::ProtobufWriter writer(buffer);
  write(writer);
  return std::string(buffer.view());
}

// A text, bytes or a message.
inline std::string of(unsigned field, std::string_view value) {
  return written([&](detail::otlp::ProtobufWriter& writer) { writer.bytes(field, value); });
}
inline std::string varint(unsigned field, std::uint64_t value) {
  return written([&](detail::otlp::ProtobufWriter& writer) { writer.varint(field, value); });
}
inline std::string fixed64(unsigned field, std::uint64_t value) {
  return written([&](detail::otlp::ProtobufWriter& writer) { writer.fixed64(field, value); });
}
inline std::string number(unsigned field, double value) {
  return written([&](detail::otlp::ProtobufWriter& writer) { writer.number(field, value); });
}

inline std::string from_hex(std::string_view hex) {
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    out += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return out;
}

// `any_value` is a field of an AnyValue.
inline std::string pair(std::string_view key, const std::string& any_value) {
  return of(schema::key_value::key, key) + of(schema::key_value::value, any_value);
}
inline std::string text(std::string_view value) { return of(schema::any_value::string, value); }

// A request with these spans (each an encoded Span), of one resource and scope.
inline std::string request(std::initializer_list<std::string> spans, const std::string& resource_spans_fields = {},
                           const std::string& scope_spans_fields = {}) {
  std::string scope = scope_spans_fields;
  for (const auto& span : spans) scope += of(schema::scope_spans::spans, span);
  return of(schema::export_request::resource_spans, resource_spans_fields + of(schema::resource_spans::scope_spans, scope));
}

inline std::string ids(std::string_view trace, std::string_view span, std::string_view parent = {}) {
  return of(schema::span::trace_id, from_hex(trace)) + of(schema::span::span_id, from_hex(span)) +
         (parent.empty() ? std::string() : of(schema::span::parent_span_id, from_hex(parent)));
}

}  // namespace braintrust::local::bytes
