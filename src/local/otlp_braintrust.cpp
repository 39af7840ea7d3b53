#include "local/json_text.h"
#include "local/otlp_fields.h"

namespace braintrust::local {
namespace {

using llm::JsonView;

// A row has a few levels of its own around what it holds.
constexpr std::size_t most_depth = detail::max_json_depth - 8;

// The JSON text in a string; blank if it holds none.
std::string json_in(JsonView value) {
  auto text = value.string();
  const auto begin = text.find_first_not_of(" \n\r\t");
  if (begin == std::string::npos) return {};
  text = text.substr(begin, text.find_last_not_of(" \n\r\t") - begin + 1);
  if (detail::nests_deeper(text, most_depth) || detail::first_problem(text, detail::Numbers::finite)) return {};
  return text;
}

bool is_container(std::string_view text) { return text.starts_with('{') || text.starts_with('['); }

bool is_list_of_texts(JsonView value) {
  bool texts = value.is_array();
  value.each_element([&](JsonView element) { texts &= element.is_string(); });
  return texts;
}

}  // namespace

std::string otlp_container_of(JsonView value) {
  auto text = value.is_string() ? json_in(value) : std::string(value.text());
  return is_container(text) ? text : std::string();
}

std::string otlp_json_of(JsonView value) {
  auto text = otlp_container_of(value);
  return text.empty() ? std::string(value.text()) : text;
}

void read_braintrust(OtlpSpanReader& reader, OtlpFields& fields) {
  auto& attributes = reader.attributes;
  const auto set = [&](std::string_view name, std::string& field, std::string text) {
    if (!field.empty() || text.empty()) return;
    field = std::move(text);
    attributes.take(name);
  };
  // JSON of any kind; text that is none is kept as it is.
  const auto any = [&](std::string_view name, std::string& field) {
    const auto value = attributes[name];
    auto text = value.is_string() ? json_in(value) : std::string();
    set(name, field, text.empty() ? std::string(value.text()) : std::move(text));
  };
  any("braintrust.input_json", fields.input);
  any("braintrust.output_json", fields.output);
  any("braintrust.expected_json", fields.expected);
  // The legacy names hold plain text as often as JSON: "42" stays a text.
  set("braintrust.input", fields.input, otlp_json_of(attributes["braintrust.input"]));
  set("braintrust.output", fields.output, otlp_json_of(attributes["braintrust.output"]));
  set("braintrust.expected", fields.expected, otlp_json_of(attributes["braintrust.expected"]));

  // Objects; whatever else stands there is left for the metadata.
  const auto object = [&](std::string_view name) {
    auto text = otlp_container_of(attributes[name]);
    if (!is_object(text)) return std::string();
    attributes.take(name);
    return text;
  };
  fields.scores = object("braintrust.scores");
  fields.classifications = object("braintrust.classifications");
  fields.origin = object("braintrust.origin");
  fields.context = object("braintrust.context_json");
  const auto members = [&](std::string_view name, OtlpMembers& field) {
    if (const auto text = object(name); !text.empty()) field.set_explicit(JsonView::of_valid(text));
  };
  members("braintrust.metadata", fields.metadata);
  members("braintrust.metrics", fields.metrics);
  members("braintrust.span_attributes", fields.span_attributes);

  if (const auto tags = attributes["braintrust.tags"]; is_list_of_texts(tags)) {
    set("braintrust.tags", fields.tags, std::string(tags.text()));
  }
  // Parents whose ids are none of OpenTelemetry's, or several of them: our own exporter writes those.
  const auto parents = otlp_container_of(attributes["braintrust.span_parents"]);
  if (is_list_of_texts(JsonView::of_valid(parents))) set("braintrust.span_parents", fields.span_parents, parents);
  // Where the row goes, and no part of it.
  for (const char* const name : {"braintrust.parent", "braintrust.org", "braintrust.app_url"}) attributes.take(name);
}

}  // namespace braintrust::local
