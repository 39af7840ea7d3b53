#include "local/otlp_decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include <nlohmann/json.hpp>

#include "core/json_scan.h"
#include "local/must.h"
#include "local/otlp_bytes.h"

namespace braintrust::local {
namespace {

using nlohmann::json;
using namespace std::string_literals;

const std::string trace = "5b8efff798038103d269b633813fc60c", span_id = "eee19b7ec3c1b174", parent = "eee19b7ec3c1b173";

// One span with everything in it, in both encodings.
std::string everything_as_json() {
  return R"({"resourceSpans":[{
    "resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}],"droppedAttributesCount":1},
    "scopeSpans":[{
      "scope":{"name":"shop.tracing","version":"1.0.0","attributes":[{"key":"s","value":{"boolValue":true}}]},
      "spans":[{
        "traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"EEE19B7EC3C1B174","parentSpanId":"EEE19B7EC3C1B173",
        "traceState":"a=b","name":"I'm a server span","kind":2,"flags":257,"aFieldOfTheFuture":{"x":[1]},
        "startTimeUnixNano":"1544712660000000000","endTimeUnixNano":1544712661000000500,
        "attributes":[
          {"key":"text","value":{"stringValue":"a \"quoted\" größe"}},
          {"key":"yes","value":{"boolValue":true}},
          {"key":"int","value":{"intValue":"-9223372036854775808"}},
          {"key":"small","value":{"intValue":7}},
          {"key":"double","value":{"doubleValue":0.25}},
          {"key":"nan","value":{"doubleValue":"NaN"}},
          {"key":"bytes","value":{"bytesValue":"AAEC/w=="}},
          {"key":"list","value":{"arrayValue":{"values":[{"stringValue":"a"},{"intValue":"1"},{}]}}},
          {"key":"none","value":{"arrayValue":{}}},
          {"key":"map","value":{"kvlistValue":{"values":[{"key":"k \"","value":{"kvlistValue":{}}},{"key":"null"}]}}},
          {"key":"empty","value":{}}],
        "droppedAttributesCount":3,
        "events":[{"timeUnixNano":"1544712660500000000","name":"tick",
                   "attributes":[{"key":"n","value":{"intValue":"2"}}]}],
        "droppedEventsCount":4,
        "links":[{"traceId":"5b8efff798038103d269b633813fc60d","spanId":"eee19b7ec3c1b175","traceState":"c=d",
                  "attributes":[{"key":"l","value":{"boolValue":false}}]}],
        "droppedLinksCount":5,
        "status":{"message":"went wrong","code":2}}]}]}]})";
}

std::string everything_as_protobuf() {
  using namespace bytes;
  namespace any = schema::any_value;
  const auto attribute = [](unsigned field, std::string_view key, const std::string& value) {
    return of(field, pair(key, value));
  };
  const auto in_span = [&](std::string_view key, const std::string& value) {
    return attribute(schema::span::attributes, key, value);
  };
  const auto element = [](const std::string& value) { return of(schema::values::values, value); };
  const auto span =
      ids(trace, span_id, parent) + of(schema::span::trace_state, "a=b") + of(schema::span::name, "I'm a server span") +
      varint(schema::span::kind, 2) + varint(schema::span::flags, 257) + of(1000, "a field of the future") +
      fixed64(schema::span::start_time, 1544712660000000000) + fixed64(schema::span::end_time, 1544712661000000500) +
      in_span("text", text("a \"quoted\" größe")) + in_span("yes", varint(any::boolean, 1)) +
      in_span("int", varint(any::integer, std::uint64_t{1} << 63)) + in_span("small", varint(any::integer, 7)) +
      in_span("double", number(any::number, 0.25)) +
      in_span("nan", number(any::number, std::numeric_limits<double>::quiet_NaN())) +
      in_span("bytes", of(any::bytes, "\0\1\2\xff"s)) +
      in_span("list", of(any::array, element(text("a")) + element(varint(any::integer, 1)) + element(""))) +
      in_span("none", of(any::array, "")) +
      in_span("map", of(any::list, element(pair("k \"", of(any::list, ""))) + element(of(schema::key_value::key, "null")))) +
      in_span("empty", "") + varint(schema::span::dropped_attributes, 3) +
      of(schema::span::events, fixed64(schema::event::time, 1544712660500000000) + of(schema::event::name, "tick") +
                                   attribute(schema::event::attributes, "n", varint(any::integer, 2))) +
      varint(schema::span::dropped_events, 4) +
      of(schema::span::links, of(schema::link::trace_id, from_hex("5b8efff798038103d269b633813fc60d")) +
                                  of(schema::link::span_id, from_hex("eee19b7ec3c1b175")) +
                                  of(schema::link::trace_state, "c=d") +
                                  attribute(schema::link::attributes, "l", varint(any::boolean, 0))) +
      varint(schema::span::dropped_links, 5) +
      of(schema::span::status, of(schema::status::message, "went wrong") + varint(schema::status::code, 2));
  return request({span},
                 of(schema::resource_spans::resource,
                    attribute(schema::resource::attributes, "service.name", text("shop")) + varint(2, 1)),
                 of(schema::scope_spans::scope, of(schema::scope::name, "shop.tracing") + of(schema::scope::version, "1.0.0") +
                                                    attribute(schema::scope::attributes, "s", varint(any::boolean, 1))));
}

json object_of(const OtlpAttributes& attributes) {
  json object = json::object();
  for (const auto& [key, value] : attributes) object[key] = json::parse(value);
  return object;
}

void expect_everything(const OtlpRequest& request) {
  ASSERT_EQ(request.resources.size(), 1U);
  EXPECT_EQ(object_of(request.resources[0]), json({{"service.name", "shop"}}));
  ASSERT_EQ(request.scopes.size(), 1U);
  const auto& scope = request.scopes[0];
  EXPECT_EQ(scope.resource, 0U);
  EXPECT_EQ(scope.scope_name, "shop.tracing");
  EXPECT_EQ(scope.scope_version, "1.0.0");
  EXPECT_EQ(object_of(scope.scope_attributes), json({{"s", true}}));
  ASSERT_EQ(scope.spans.size(), 1U);
  const auto& span = scope.spans[0];
  EXPECT_EQ(span.trace_id, trace);
  EXPECT_EQ(span.span_id, span_id);
  EXPECT_EQ(span.parent_span_id, parent);
  EXPECT_EQ(span.trace_state, "a=b");
  EXPECT_EQ(span.name, "I'm a server span");
  EXPECT_EQ(span.kind, 2U);
  EXPECT_EQ(span.start, 1544712660000000000U);
  EXPECT_EQ(span.end, 1544712661000000500U);
  const json attributes = {{"text", "a \"quoted\" größe"},
                           {"yes", true},
                           {"int", std::numeric_limits<std::int64_t>::min()},
                           {"small", 7},
                           {"double", 0.25},
                           {"nan", "NaN"},
                           {"bytes", "AAEC/w=="},
                           {"list", json::array({"a", 1, nullptr})},
                           {"none", json::array()},
                           {"map", {{"k \"", json::object()}, {"null", nullptr}}},
                           {"empty", nullptr}};
  EXPECT_EQ(object_of(span.attributes), attributes);
  EXPECT_EQ(span.dropped_attributes, 3U);
  ASSERT_EQ(span.events.size(), 1U);
  EXPECT_EQ(span.events[0].time, 1544712660500000000U);
  EXPECT_EQ(span.events[0].name, "tick");
  EXPECT_EQ(object_of(span.events[0].attributes), json({{"n", 2}}));
  EXPECT_EQ(span.dropped_events, 4U);
  ASSERT_EQ(span.links.size(), 1U);
  EXPECT_EQ(span.links[0].trace_id, "5b8efff798038103d269b633813fc60d");
  EXPECT_EQ(span.links[0].span_id, "eee19b7ec3c1b175");
  EXPECT_EQ(span.links[0].trace_state, "c=d");
  EXPECT_EQ(object_of(span.links[0].attributes), json({{"l", false}}));
  EXPECT_EQ(span.dropped_links, 5U);
  EXPECT_EQ(span.status_code, 2U);
  EXPECT_EQ(span.status_message, "went wrong");
}

OtlpSpan only_span(const std::string& span) {
  auto request = must(decode_otlp_json(R"({"resourceSpans":[{"scopeSpans":[{"spans":[)" + span + "]}]}]}"));
  return std::move(request.scopes.at(0).spans.at(0));
}

TEST(OtlpDecode, ReadsTheSameFromBothEncodings) {
  expect_everything(must(decode_otlp_json(everything_as_json())));
  expect_everything(must(decode_otlp_protobuf(everything_as_protobuf())));
}

TEST(OtlpDecode, ReadsTheOriginalNamesOfFieldsAndTheNamesOfEnumerators) {
  const auto request = must(decode_otlp_json(R"({"resource_spans":[{"scope_spans":[{"spans":[{"trace_id":")" + trace +
                                             R"(","span_id":")" + span_id +
                                             R"(","start_time_unix_nano":"5",)"
                                             R"("kind":"SPAN_KIND_CLIENT","status":{"code":"STATUS_CODE_ERROR"},)"
                                             R"("attributes":[{"key":"a","value":{"string_value":"b"}}]}]}]}]})"));
  const auto& span = request.scopes.at(0).spans.at(0);
  EXPECT_EQ(span.trace_id, trace);
  EXPECT_EQ(span.start, 5U);
  EXPECT_EQ(span.kind, 3U);
  EXPECT_EQ(span.status_code, 2U);
  EXPECT_EQ(span.attributes.at(0).value, "\"b\"");
}

TEST(OtlpDecode, TakesNoIdForOneThatIsNone) {
  for (const char* id : {"", "0000000000000000", "eee19b7ec3c1b17", "eee19b7ec3c1b1744", "zee19b7ec3c1b174"}) {
    EXPECT_EQ(only_span(json{{"spanId", id}}.dump()).span_id, "") << id;
  }
  EXPECT_EQ(only_span(R"({"spanId":5})").span_id, "");
  using namespace bytes;
  for (const auto& id : {""s, std::string(8, '\0'), "1234567"s, "123456789"s}) {
    const auto request = must(decode_otlp_protobuf(bytes::request({of(schema::span::span_id, id)})));
    EXPECT_EQ(request.scopes.at(0).spans.at(0).span_id, "");
  }
}

TEST(OtlpDecode, KeepsValuesThatNoJsonNumberCanHoldAsTexts) {
  const auto value = [](const char* any) {
    return only_span(R"({"attributes":[{"key":"k","value":)"s + any + "}]}").attributes.at(0).value;
  };
  EXPECT_EQ(value(R"({"doubleValue":1e999})"), R"("1e999")");
  EXPECT_EQ(value(R"({"doubleValue":"-Infinity"})"), R"("-Infinity")");
  EXPECT_EQ(value(R"({"intValue":"many"})"), R"("many")");
  EXPECT_EQ(value(R"({"intValue":"18446744073709551616"})"), "18446744073709551616");
  EXPECT_EQ(value(R"({"doubleValue":"1.5"})"), "1.5");
  EXPECT_EQ(value(R"({"intValue":[1]})"), "null");
}

TEST(OtlpDecode, RefusesWhatIsNoMessage) {
  for (const auto* text : {"", "{", "[]", "null", "{}x", "\"resourceSpans\""}) {
    EXPECT_FALSE(decode_otlp_json(text)) << text;
  }
  EXPECT_TRUE(decode_otlp_json("{}"));
  EXPECT_TRUE(decode_otlp_protobuf(""));
  const auto whole = everything_as_protobuf();
  for (std::size_t size = 1; size < whole.size(); ++size) EXPECT_FALSE(decode_otlp_protobuf(whole.substr(0, size))) << size;
  EXPECT_FALSE(decode_otlp_json(std::string(100'000, '[')));
}

TEST(OtlpDecode, PassesOverValuesOfTheWrongType) {
  const auto request =
      must(decode_otlp_json(R"({"resourceSpans":[5,{"scopeSpans":{"a":1},"resource":[]},{"scopeSpans":[{"spans":[
      7,{"name":5,"attributes":{"k":1},"events":"x","links":[null],"status":"bad","kind":{},"startTimeUnixNano":-1}]}]}]})"));
  EXPECT_EQ(request.scopes.at(0).spans.size(), 2U);
  EXPECT_EQ(request.scopes.at(0).spans.at(1).name, "");
  using namespace bytes;
  EXPECT_TRUE(decode_otlp_protobuf(bytes::request({varint(schema::span::name, 5) + varint(schema::span::attributes, 1) +
                                                   of(schema::span::kind, "x") + varint(schema::span::events, 1)})));
  EXPECT_TRUE(decode_otlp_protobuf(varint(schema::export_request::resource_spans, 1)));
}

TEST(OtlpDecode, CutsValuesThatAreTooDeep) {
  const auto cut = std::string(most_otlp_depth, '[') + R"("<max depth exceeded>")" + std::string(most_otlp_depth, ']');
  auto text = R"({"intValue":"1"})"s;
  for (int i = 0; i < most_otlp_depth + 1; ++i) text = R"({"arrayValue":{"values":[)" + text + "]}}";
  EXPECT_EQ(only_span(R"({"attributes":[{"key":"k","value":)" + text + "}]}").attributes.at(0).value, cut);
  // However deep it goes on.
  auto bytes = bytes::varint(detail::otlp::schema::any_value::integer, 1);
  for (int i = 0; i < 5000; ++i)
    bytes = bytes::of(detail::otlp::schema::any_value::array, bytes::of(detail::otlp::schema::values::values, bytes));
  const auto request =
      must(decode_otlp_protobuf(bytes::request({bytes::of(detail::otlp::schema::span::attributes, bytes::pair("k", bytes))})));
  EXPECT_EQ(request.scopes.at(0).spans.at(0).attributes.at(0).value, cut);
}

TEST(OtlpDecode, RefusesARequestOfFewBytesThatWouldBeAGreatMany) {
  const auto repeated = [](const std::string& text) {
    std::string all;
    for (std::size_t i = 0; i <= most_otlp_items; ++i) all += text;
    return all;
  };
  EXPECT_FALSE(decode_otlp_protobuf(bytes::request({repeated(bytes::of(detail::otlp::schema::span::events, ""))})));
  EXPECT_FALSE(decode_otlp_json(R"({"resourceSpans":[)" + repeated("{},") + "{}]}"));
}

TEST(OtlpDecode, MakesTextsThatAreNoUtf8JsonAllTheSame) {
  using namespace bytes;
  const auto request = must(decode_otlp_protobuf(bytes::request({of(schema::span::attributes, pair("k", text("a\xff\xc3")))})));
  EXPECT_EQ(request.scopes.at(0).spans.at(0).attributes.at(0).value, "\"a\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

}  // namespace
}  // namespace braintrust::local
