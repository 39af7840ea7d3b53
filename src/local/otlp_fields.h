#pragma once

// `OtlpFields`: the fields of a row while the attributes of a span are sorted into them.
//
// Three rounds fill them, each only what is still free: `read_braintrust` with what the program says in Braintrust's own words,
// `read_conventions` with what others say of model calls, and `otlp_rows` with everything that is left.
//
// Threads: plain values. Errors: none. All texts are JSON; blank: the span does not say. Source: INST 2, 22.

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "core/json_scan.h"
#include "llm/json_text.h"
#include "llm/json_view.h"
#include "local/otlp_attributes.h"
#include "local/otlp_request.h"

namespace braintrust::local {

// An object of which each member is set once. What is given as `explicit_object` comes first, and wins.
class OtlpMembers {
 public:
  void set_explicit(llm::JsonView object) {
    explicit_ = object.text();
    object.each_member([&](std::string_view key, llm::JsonView) { names_.insert(detail::unescape(key)); });
  }
  // False where there is a member of this name, or no value.
  bool offer(std::string_view name, std::string_view json) {
    if (json.empty() || !names_.emplace(name).second) return false;
    append(name, json);
    return true;
  }
  // Joins this one with an explicit member of the same name, if both are objects.
  void append(std::string_view name, std::string_view json) {
    const auto quoted = llm::json_string(name);
    offered_.add(llm::JsonView::of_valid(quoted).inside(), json);
  }
  bool has(std::string_view name) const { return names_.contains(std::string(name)); }
  // Whether it is said outright to be just that.
  bool says(std::string_view name, std::string_view json) const {
    return !json.empty() && llm::JsonView::of_valid(explicit_)[name].text() == json;
  }
  // Blank if there are none.
  std::string text() const {
    if (explicit_.empty()) return offered_.empty() ? std::string() : offered_.text();
    return detail::merge_objects(offered_.text(), explicit_).value_or(explicit_);
  }

 private:
  std::string explicit_;
  llm::ObjectText offered_;
  std::unordered_set<std::string> names_;
};

struct OtlpFields {
  std::string input = {};
  std::string output = {};
  std::string expected = {};
  std::string tags = {};
  std::string origin = {};
  std::string scores = {};
  std::string classifications = {};
  std::string span_parents = {};
  std::string context = {};  // only what is said outright
  OtlpMembers metadata = {};
  OtlpMembers metrics = {};
  OtlpMembers span_attributes = {};
};

// A span's attributes, and those of its events, which hold messages of model calls in some conventions.
struct OtlpSpanReader {
  explicit OtlpSpanReader(const OtlpSpan& of) : span(of), attributes(of.attributes) {
    events.reserve(of.events.size());
    for (const auto& event : of.events) events.emplace_back(event.attributes);
  }
  const OtlpSpan& span;
  OtlpAttributeReader attributes;
  std::vector<OtlpAttributeReader> events;
};

// The JSON that a value is or, if it is a string, holds: an object or array. Blank for any other, and for what lies so deep
// that it would make the row unreadable.
std::string otlp_container_of(llm::JsonView value);
// The same, or the value itself.
std::string otlp_json_of(llm::JsonView value);

// `braintrust.*` (INST 22).
void read_braintrust(OtlpSpanReader& reader, OtlpFields& fields);
// `gen_ai.*`, and what OpenInference, Traceloop and the Vercel AI SDK say where it does not.
void read_conventions(OtlpSpanReader& reader, OtlpFields& fields);

}  // namespace braintrust::local
