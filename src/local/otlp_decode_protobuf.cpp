#include "local/otlp_decode.h"

#include <braintrust/core/buffer.h>
#include <braintrust/core/json.h>

#include "otlp/protobuf_reader.h"
#include "otlp/schema.h"

namespace braintrust::local {
namespace {

namespace schema = detail::otlp::schema;
using detail::JsonWriter;
using detail::otlp::ProtobufReader;
using detail::otlp::WireType;

bool is_zero(std::string_view bytes) { return bytes.find_first_not_of('\0') == std::string_view::npos; }

// Hex; blank for a text of another length, and for zeros.
std::string id_of(std::string_view bytes, std::size_t size) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string hex;
  if (bytes.size() != size || is_zero(bytes)) return hex;
  for (const char c : bytes) {
    hex += digits[static_cast<unsigned char>(c) >> 4];
    hex += digits[static_cast<unsigned char>(c) & 15];
  }
  return hex;
}

class Decoder {
 public:
  Result<OtlpRequest> decode(std::string_view bytes) {
    each_field(bytes, [&](const ProtobufReader& field) {
      if (is_message(field, schema::export_request::resource_spans)) resource_spans(field.bytes());
    });
    if (broken_) return Error{ErrorCode::invalid_argument, "the body is no protobuf message of OTLP's"};
    if (items_ > most_otlp_items) return Error{ErrorCode::invalid_argument, "too many spans and attributes in one request"};
    return std::move(request_);
  }

 private:
  template <class Visit>
  void each_field(std::string_view message, Visit&& visit) {
    ProtobufReader reader(message);
    while (items_ <= most_otlp_items && reader.next()) visit(static_cast<const ProtobufReader&>(reader));
    broken_ |= !reader.ok();
  }
  static bool is_message(const ProtobufReader& field, unsigned number) {
    return field.field() == number && field.type() == WireType::length;
  }

  void resource_spans(std::string_view message) {
    // The resource may stand behind the spans it belongs to.
    ++items_;
    const auto resource = request_.resources.size();
    request_.resources.emplace_back();
    each_field(message, [&](const ProtobufReader& field) {
      if (is_message(field, schema::resource_spans::resource)) {
        each_field(field.bytes(), [&](const ProtobufReader& inner) {
          if (is_message(inner, schema::resource::attributes)) attribute(inner.bytes(), request_.resources[resource]);
        });
      } else if (is_message(field, schema::resource_spans::scope_spans)) {
        ++items_;
        scope_spans(field.bytes(), resource);
      }
    });
  }

  void scope_spans(std::string_view message, std::size_t resource) {
    OtlpScopeSpans spans;
    spans.resource = resource;
    each_field(message, [&](const ProtobufReader& field) {
      if (is_message(field, schema::scope_spans::scope)) {
        each_field(field.bytes(), [&](const ProtobufReader& inner) {
          if (inner.field() == schema::scope::name) spans.scope_name = inner.bytes();
          if (inner.field() == schema::scope::version) spans.scope_version = inner.bytes();
          if (is_message(inner, schema::scope::attributes)) attribute(inner.bytes(), spans.scope_attributes);
        });
      } else if (is_message(field, schema::scope_spans::spans)) {
        ++items_;
        spans.spans.push_back(span(field.bytes()));
      }
    });
    request_.scopes.push_back(std::move(spans));
  }

  OtlpSpan span(std::string_view message) {
    OtlpSpan span;
    each_field(message, [&](const ProtobufReader& field) {
      switch (field.field()) {
        case schema::span::trace_id:
          span.trace_id = id_of(field.bytes(), 16);
          break;
        case schema::span::span_id:
          span.span_id = id_of(field.bytes(), 8);
          break;
        case schema::span::trace_state:
          span.trace_state = field.bytes();
          break;
        case schema::span::parent_span_id:
          span.parent_span_id = id_of(field.bytes(), 8);
          break;
        case schema::span::name:
          span.name = field.bytes();
          break;
        case schema::span::kind:
          span.kind = static_cast<unsigned>(field.integer());
          break;
        case schema::span::start_time:
          span.start = field.integer();
          break;
        case schema::span::end_time:
          span.end = field.integer();
          break;
        case schema::span::attributes:
          if (field.type() == WireType::length) attribute(field.bytes(), span.attributes);
          break;
        case schema::span::dropped_attributes:
          span.dropped_attributes = field.integer();
          break;
        case schema::span::events:
          if (field.type() == WireType::length) span.events.push_back(event(field.bytes()));
          break;
        case schema::span::dropped_events:
          span.dropped_events = field.integer();
          break;
        case schema::span::links:
          if (field.type() == WireType::length) span.links.push_back(link(field.bytes()));
          break;
        case schema::span::dropped_links:
          span.dropped_links = field.integer();
          break;
        case schema::span::status:
          each_field(field.bytes(), [&](const ProtobufReader& inner) {
            if (inner.field() == schema::status::message) span.status_message = inner.bytes();
            if (inner.field() == schema::status::code) span.status_code = static_cast<unsigned>(inner.integer());
          });
          break;
        default:
          break;
      }
    });
    return span;
  }

  OtlpEvent event(std::string_view message) {
    ++items_;
    OtlpEvent event;
    each_field(message, [&](const ProtobufReader& field) {
      if (field.field() == schema::event::time) event.time = field.integer();
      if (field.field() == schema::event::name) event.name = field.bytes();
      if (is_message(field, schema::event::attributes)) attribute(field.bytes(), event.attributes);
    });
    return event;
  }

  OtlpLink link(std::string_view message) {
    ++items_;
    OtlpLink link;
    each_field(message, [&](const ProtobufReader& field) {
      if (field.field() == schema::link::trace_id) link.trace_id = id_of(field.bytes(), 16);
      if (field.field() == schema::link::span_id) link.span_id = id_of(field.bytes(), 8);
      if (field.field() == schema::link::trace_state) link.trace_state = field.bytes();
      if (is_message(field, schema::link::attributes)) attribute(field.bytes(), link.attributes);
    });
    return link;
  }

  void attribute(std::string_view message, OtlpAttributes& attributes) {
    ++items_;
    std::string_view key, any_value;
    key_value(message, key, any_value);
    if (key.empty()) return;
    text_.clear();
    JsonWriter writer{text_};
    value(any_value, writer, 0);
    attributes.push_back({std::string(key), std::string(text_.view())});
  }

  void key_value(std::string_view message, std::string_view& key, std::string_view& any_value) {
    each_field(message, [&](const ProtobufReader& field) {
      if (field.field() == schema::key_value::key) key = field.bytes();
      if (field.field() == schema::key_value::value) any_value = field.bytes();
    });
  }

  // One of several fields; where there are more, the last counts.
  void value(std::string_view message, JsonWriter& writer, int depth) {
    ++items_;
    unsigned number = 0;
    ProtobufReader chosen("");
    each_field(message, [&](const ProtobufReader& field) {
      if (field.field() > schema::any_value::bytes) return;
      number = field.field();
      chosen = field;
    });
    switch (number) {
      case schema::any_value::string:
        return writer.string(chosen.bytes());
      case schema::any_value::boolean:
        return writer.boolean(chosen.integer() != 0);
      case schema::any_value::integer:
        return writer.integer(static_cast<long long>(chosen.integer()));
      case schema::any_value::number:
        return writer.number(chosen.number());
      case schema::any_value::bytes:
        return writer.base64(chosen.bytes());
      case schema::any_value::array:
      case schema::any_value::list:
        if (depth >= most_otlp_depth) return writer.too_deep();
        return number == schema::any_value::array ? array(chosen.bytes(), writer, depth + 1)
                                                  : object(chosen.bytes(), writer, depth + 1);
      default:
        return writer.null();
    }
  }

  void array(std::string_view message, JsonWriter& writer, int depth) {
    char before = '[';
    each_field(message, [&](const ProtobufReader& field) {
      if (!is_message(field, schema::values::values)) return;
      writer.out.append(before);
      before = ',';
      value(field.bytes(), writer, depth);
    });
    writer.out.append(before == '[' ? std::string_view("[]") : std::string_view("]"));
  }

  void object(std::string_view message, JsonWriter& writer, int depth) {
    char before = '{';
    each_field(message, [&](const ProtobufReader& field) {
      if (!is_message(field, schema::values::values)) return;
      std::string_view key, any_value;
      key_value(field.bytes(), key, any_value);
      writer.out.append(before);
      before = ',';
      writer.key(key);
      value(any_value, writer, depth);
    });
    writer.out.append(before == '{' ? std::string_view("{}") : std::string_view("}"));
  }

  OtlpRequest request_;
  detail::Buffer text_;
  std::size_t items_ = 0;
  bool broken_ = false;
};

}  // namespace

Result<OtlpRequest> decode_otlp_protobuf(std::string_view bytes) { return Decoder().decode(bytes); }

}  // namespace braintrust::local
