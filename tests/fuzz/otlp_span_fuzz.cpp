// Rows as spans of OTLP: whatever a row holds, the bytes can be read again in both encodings, and say the same.

#include <nlohmann/json.hpp>

#include "core/json_scan.h"
#include "fuzz/fuzz.h"
#include "otlp/encoding.h"
#include "otlp/protobuf_reader.h"
#include "otlp/schema.h"
#include "otlp/span_of_row.h"

namespace braintrust::fuzz {
namespace {

using namespace detail::otlp;

// How many attributes a span has in protobuf.
std::size_t count_attributes(std::string_view spans, std::string_view input) {
  std::size_t count = 0;
  ProtobufReader scope(spans);
  must(scope.next() && scope.field() == schema::scope_spans::spans, "there is a span", input);
  ProtobufReader span(scope.bytes());
  while (span.next()) {
    if (span.field() != schema::span::attributes) continue;
    ++count;
    ProtobufReader pair(span.bytes());
    must(pair.next() && pair.field() == schema::key_value::key && !pair.bytes().empty(), "an attribute has a key", input);
    must(pair.next() && pair.field() == schema::key_value::value, "an attribute has a value", input);
    ProtobufReader value(pair.bytes());
    must(value.next() && !value.next() && value.ok(), "a value is one", input);
    must(!pair.next() && pair.ok(), "an attribute has no more", input);
  }
  must(span.ok() && !scope.next() && scope.ok(), "a span is read to its end", input);
  return count;
}

void check(std::string_view row) {
  Span span;
  if (!read_row(row, "project_name:P", span)) return;
  detail::Buffer spans;
  protobuf_encoding().add(span, 1, spans);
  const std::size_t count = count_attributes(spans.view(), row);
  must(count == span.attributes.size(), "every attribute is written", row);
  spans.clear();
  json_encoding().add(span, 1, spans);
  const auto text = nlohmann::json::parse(spans.view(), nullptr, false);
  must(!text.is_discarded(), "the JSON is JSON", row);
  must(text["attributes"].size() == count, "both encodings say the same", row);
  must(detail::valid_json(json_encoding().request({}, spans.view())), "a request is JSON", row);
  for (const auto& attribute : text["attributes"]) {
    const auto key = attribute["key"].get<std::string>();
    if (key != "gen_ai.input.messages" && key != "gen_ai.output.messages") continue;
    must(detail::valid_json(attribute["value"]["stringValue"].get<std::string>()), "messages are JSON", row);
  }
}

}  // namespace
}  // namespace braintrust::fuzz

std::vector<std::string> fuzz_seeds() {
  const std::string ids = R"({"span_id":"00f067aa0ba902b7","root_span_id":"4bf92f3577b34da6a3ce929d0e0e4736",)";
  return {
      ids +
          R"("span_attributes":{"name":"n","type":"llm"},"metadata":{"model":"m","temperature":1e400,"stop":["\\ud83d"],"seed":-0},)"
          R"("input":[{"role":"user","content":[{"type":"text","text":"\\u0000"}]}],"output":[{"finish_reason":"stop","message":)"
          R"({"tool_calls":[{"id":"c","function":{"name":"f","arguments":"{}"}}]}}],"tags":["a",1],"error":"E: m"})",
      ids + R"("span_attributes":{"type":"tool","name":"t"},"input":{"messages":[]},"metrics":{"start":1.5,"end":1e9},)"
            R"("span_parents":["4bf92f35-77b3-4da6-a3ce-929d0e0e4736"],"context":{"caller_lineno":"x"}})",
      ids +
          R"("output":{"role":"assistant","content":[{"type":"thinking","thinking":"h"},{"type":"tool_use","id":"t","input":{}}]}})"};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  braintrust::fuzz::check(braintrust::fuzz::as_text(data, size));
  return 0;
}
