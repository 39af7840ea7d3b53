// OTLP: whatever comes in, in either encoding, is refused or becomes rows that the store takes, and takes a second time.

#include "core/json_scan.h"
#include "fuzz/fuzz.h"
#include "local/json_text.h"
#include "local/otlp_bytes.h"
#include "local/otlp_decode.h"
#include "local/otlp_rows.h"
#include "local/row.h"
#include "local/row_merge.h"

namespace braintrust::fuzz {
namespace {

using namespace braintrust::local;

bool is_id(std::string_view text, std::size_t size) {
  return text.empty() || (text.size() == size && text.find_first_not_of("0123456789abcdef") == std::string_view::npos);
}

void check(const OtlpRequest& request, std::string_view input) {
  for (const auto& scope : request.scopes) {
    must(scope.resource < request.resources.size(), "a scope has a resource", input);
    for (const auto& span : scope.spans) {
      must(is_id(span.trace_id, 32) && is_id(span.span_id, 16) && is_id(span.parent_span_id, 16), "ids are ids or blank",
           input);
      (void)otlp_parent(span);
      auto row = otlp_row(request, scope, span, R"("project_id":"p","log_id":"g")");
      must(!detail::first_problem(row, detail::Numbers::finite), "a row is JSON", row);
      if (auto whole = without_lone_surrogates(row)) row = *std::move(whole);
      const auto body = parse_logs3_body("{\"rows\":[" + row + "]}");
      must(static_cast<bool>(body), "the store takes a row", row);
      must(body->rows.front().container == "project_logs:p" && body->rows.front().is_merge, "a row says whose it is", row);
      must(detail::valid_json(merge_rows(without_control_fields(row), row)), "a row that comes again is merged", row);
    }
  }
}

const char* const json_span =
    R"({"resourceSpans":[{"resource":{"attributes":[{"key":"telemetry.sdk.version","value":{"stringValue":"1"}}]},"scopeSpans":[
{"scope":{"name":"s"},"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"EEE19B7EC3C1B174","parentSpanId":"00f067aa0ba902b7",
"name":"chat","kind":"SPAN_KIND_CLIENT","startTimeUnixNano":"1544712660000000000","endTimeUnixNano":1544712661000000000,"attributes":[
{"key":"braintrust.metadata","value":{"stringValue":"{\"model\":\"m\",\"otel\":{}}"}},{"key":"gen_ai.usage.input_tokens","value":{"intValue":"3"}},
{"key":"gen_ai.input.messages","value":{"stringValue":"[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"\\ud83d\"}]}]"}},
{"key":"gen_ai.prompt.0.content","value":{"doubleValue":1e400}},{"key":"llm.output_messages.0.message.tool_calls.0.tool_call.id","value":{"boolValue":true}},
{"key":"x","value":{"kvlistValue":{"values":[{"key":"k","value":{"arrayValue":{"values":[{"bytesValue":"AA=="}]}}}]}}}],
"events":[{"name":"exception","attributes":[{"key":"exception.type","value":{"stringValue":"E"}}]},{"name":"gen_ai.choice","attributes":[
{"key":"message","value":{"stringValue":"{\"role\":\"assistant\"}"}}]}],"links":[{"traceId":"5b8efff798038103d269b633813fc60d"}],
"status":{"code":2,"message":"bad"}}]}]}]})";

std::string protobuf_span() {
  using namespace bytes;
  const auto attribute = [](std::string_view key, const std::string& value) {
    return of(schema::span::attributes, pair(key, value));
  };
  return request(
      {ids("5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174", "00f067aa0ba902b7") + of(schema::span::name, "chat") +
           fixed64(schema::span::start_time, 1544712660000000000) +
           attribute("braintrust.context_json", text(R"({"span_origin":{"name":"x"}})")) +
           attribute("gen_ai.output.messages", text(R"([{"parts":[{"type":"tool_call","id":"c","arguments":{"a":1}}]}])")) +
           attribute("gen_ai.system_instructions", of(schema::any_value::array, of(schema::values::values, text("be brief")))) +
           attribute("braintrust.tags", of(schema::any_value::array, of(schema::values::values, text("t")))) +
           attribute("n", number(schema::any_value::number, 0.5)) +
           attribute(
               "m", of(schema::any_value::list, of(schema::values::values, pair("k", varint(schema::any_value::integer, 7))))) +
           of(schema::span::events, of(schema::event::name, "gen_ai.user.message")) +
           of(schema::span::links, of(schema::link::span_id, "12345678")) +
           of(schema::span::status, varint(schema::status::code, 2)),
       ids("5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b175")},
      of(schema::resource_spans::resource, of(schema::resource::attributes, pair("service.name", text("s")))),
      of(schema::scope_spans::scope, of(schema::scope::name, "lib")));
}

}  // namespace
}  // namespace braintrust::fuzz

// The first byte is the encoding.
std::vector<std::string> fuzz_seeds() {
  using namespace braintrust::fuzz;
  return {std::string(1, '\0') + json_span, '\x01' + protobuf_span()};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace braintrust;
  if (size == 0) return 0;
  const auto input = fuzz::as_text(data + 1, size - 1);
  const auto request = fuzz::kind_of(data[0], 2) == 0 ? local::decode_otlp_json(input) : local::decode_otlp_protobuf(input);
  if (request) fuzz::check(*request, input);
  return 0;
}
