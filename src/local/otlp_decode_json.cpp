#include "local/otlp_decode.h"

#include <array>
#include <charconv>
#include <optional>

#include "core/json_scan.h"
#include "llm/json_text.h"
#include "llm/json_view.h"

namespace braintrust::local {
namespace {

using llm::ArrayText, llm::JsonView, llm::ObjectText, llm::json_string;

// The name of a member in lowerCamelCase, whichever way it is written.
std::string name_of(std::string_view key) {
  std::string name;
  bool upper = false;
  for (const char c : key.find('\\') == std::string_view::npos ? std::string(key) : detail::unescape(key)) {
    if (c == '_') {
      upper = true;
    } else {
      name += upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
      upper = false;
    }
  }
  return name;
}

template <class Integer>
std::optional<Integer> integer_of(std::string_view text) {
  Integer value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty() ? std::optional(value) : std::nullopt;
}

std::uint64_t unsigned_of(JsonView value) {
  if (value.is_string()) return integer_of<std::uint64_t>(value.inside()).value_or(0);
  return value.count().value_or(0);
}

// Lower-case hex of `digits` digits; blank for anything else, and for zeros.
std::string id_of(JsonView value, std::size_t digits) {
  std::string id(value.inside());
  if (id.size() != digits || id.find_first_not_of('0') == std::string::npos) return {};
  for (char& c : id) {
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
    if ((c < '0' || c > '9') && (c < 'a' || c > 'f')) return {};
  }
  return id;
}

// The place of a name in an enumeration, or the number that stands there.
template <std::size_t count>
unsigned enumerator_of(JsonView value, const std::array<std::string_view, count>& names) {
  for (unsigned i = 0; i < count; ++i) {
    if (value.is(names[i])) return i;
  }
  return static_cast<unsigned>(unsigned_of(value));
}

constexpr std::array<std::string_view, 6> kinds = {"SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL", "SPAN_KIND_SERVER",
                                                   "SPAN_KIND_CLIENT",      "SPAN_KIND_PRODUCER", "SPAN_KIND_CONSUMER"};
constexpr std::array<std::string_view, 3> codes = {"STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"};

// A number that readers of JSON take; as a string where they would not.
std::string number_text(JsonView value) {
  const auto text = value.is_string() ? std::string(value.inside()) : std::string(value.text());
  const bool number = !text.empty() && text.find_first_not_of("0123456789+-.eE") == std::string::npos &&
                      !detail::first_problem(text, detail::Numbers::finite);
  if (number) return text;
  return value.is_string() ? std::string(value.text()) : json_string(text);
}

class Decoder {
 public:
  Result<OtlpRequest> decode(std::string_view text) {
    const auto body = JsonView::parse(text);
    if (!body.is_object()) return Error{ErrorCode::invalid_argument, "the body is no JSON object"};
    body.each_member([&](std::string_view key, JsonView value) {
      if (name_of(key) == "resourceSpans") each(value, [&](JsonView spans) { resource_spans(spans); });
    });
    if (items_ > most_otlp_items) return Error{ErrorCode::invalid_argument, "too many spans and attributes in one request"};
    return std::move(request_);
  }

 private:
  template <class Visit>
  void each(JsonView array, Visit&& visit) {
    array.each_element([&](JsonView element) {
      if (++items_ <= most_otlp_items) visit(element);
    });
  }
  template <class Visit>
  void members(JsonView object, Visit&& visit) {
    object.each_member([&](std::string_view key, JsonView value) { visit(name_of(key), value); });
  }

  void resource_spans(JsonView spans) {
    // The resource may stand behind the spans it belongs to.
    const auto resource = request_.resources.size();
    request_.resources.emplace_back();
    members(spans, [&](const std::string& name, JsonView value) {
      if (name == "scopeSpans") each(value, [&](JsonView scope) { scope_spans(scope, resource); });
      if (name != "resource") return;
      members(value, [&](const std::string& inner, JsonView list) {
        if (inner == "attributes") request_.resources[resource] = attributes(list);
      });
    });
  }

  void scope_spans(JsonView object, std::size_t resource) {
    OtlpScopeSpans spans;
    spans.resource = resource;
    members(object, [&](const std::string& name, JsonView value) {
      if (name == "spans") each(value, [&](JsonView one) { spans.spans.push_back(span(one)); });
      if (name != "scope") return;
      members(value, [&](const std::string& inner, JsonView field) {
        if (inner == "name") spans.scope_name = field.string();
        if (inner == "version") spans.scope_version = field.string();
        if (inner == "attributes") spans.scope_attributes = attributes(field);
      });
    });
    request_.scopes.push_back(std::move(spans));
  }

  OtlpSpan span(JsonView object) {
    OtlpSpan span;
    members(object, [&](const std::string& name, JsonView value) {
      if (name == "traceId") span.trace_id = id_of(value, 32);
      if (name == "spanId") span.span_id = id_of(value, 16);
      if (name == "parentSpanId") span.parent_span_id = id_of(value, 16);
      if (name == "traceState") span.trace_state = value.string();
      if (name == "name") span.name = value.string();
      if (name == "kind") span.kind = enumerator_of(value, kinds);
      if (name == "startTimeUnixNano") span.start = unsigned_of(value);
      if (name == "endTimeUnixNano") span.end = unsigned_of(value);
      if (name == "attributes") span.attributes = attributes(value);
      if (name == "events") each(value, [&](JsonView one) { span.events.push_back(event(one)); });
      if (name == "links") each(value, [&](JsonView one) { span.links.push_back(link(one)); });
      if (name == "droppedAttributesCount") span.dropped_attributes = unsigned_of(value);
      if (name == "droppedEventsCount") span.dropped_events = unsigned_of(value);
      if (name == "droppedLinksCount") span.dropped_links = unsigned_of(value);
      if (name != "status") return;
      members(value, [&](const std::string& inner, JsonView field) {
        if (inner == "message") span.status_message = field.string();
        if (inner == "code") span.status_code = enumerator_of(field, codes);
      });
    });
    return span;
  }

  OtlpEvent event(JsonView object) {
    OtlpEvent event;
    members(object, [&](const std::string& name, JsonView value) {
      if (name == "timeUnixNano") event.time = unsigned_of(value);
      if (name == "name") event.name = value.string();
      if (name == "attributes") event.attributes = attributes(value);
    });
    return event;
  }

  OtlpLink link(JsonView object) {
    OtlpLink link;
    members(object, [&](const std::string& name, JsonView value) {
      if (name == "traceId") link.trace_id = id_of(value, 32);
      if (name == "spanId") link.span_id = id_of(value, 16);
      if (name == "traceState") link.trace_state = value.string();
      if (name == "attributes") link.attributes = attributes(value);
    });
    return link;
  }

  OtlpAttributes attributes(JsonView list) {
    OtlpAttributes attributes;
    each(list, [&](JsonView pair) {
      auto [key, value] = key_value(pair, 0);
      if (!key.empty()) attributes.push_back({std::move(key), std::move(value)});
    });
    return attributes;
  }

  OtlpAttribute key_value(JsonView pair, int depth) {
    OtlpAttribute attribute{{}, "null"};
    members(pair, [&](const std::string& name, JsonView field) {
      if (name == "key") attribute.key = field.string();
      if (name == "value") attribute.value = any_value(field, depth);
    });
    return attribute;
  }

  std::string any_value(JsonView any, int depth) {
    std::string text = "null";
    members(any, [&](const std::string& name, JsonView value) {
      if (name == "stringValue" && value.is_string()) text = value.text();
      if (name == "boolValue" && (value.is_true() || value.is_false())) text = value.text();
      if ((name == "intValue" || name == "doubleValue") && (value.is_number() || value.is_string())) text = number_text(value);
      if (name == "bytesValue" && value.is_string()) text = value.text();
      if (name == "arrayValue" || name == "kvlistValue") text = list(value, name == "kvlistValue", depth + 1);
    });
    return text;
  }

  std::string list(JsonView object, bool pairs, int depth) {
    if (depth > most_otlp_depth) return R"("<max depth exceeded>")";
    ArrayText array;
    ObjectText map;
    members(object, [&](const std::string& name, JsonView values) {
      if (name != "values") return;
      each(values, [&](JsonView element) {
        if (!pairs) {
          array.add(any_value(element, depth));
          return;
        }
        const auto [key, value] = key_value(element, depth);
        const auto quoted = json_string(key);
        map.add(JsonView::of_valid(quoted).inside(), value);
      });
    });
    return pairs ? map.text() : array.text();
  }

  OtlpRequest request_;
  std::size_t items_ = 0;
};

}  // namespace

Result<OtlpRequest> decode_otlp_json(std::string_view text) { return Decoder().decode(text); }

}  // namespace braintrust::local
