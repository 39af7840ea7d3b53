#include "local/otlp_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include <nlohmann/json.hpp>

#include "local/must.h"
#include "local/otlp_decode.h"
#include "local/row.h"
#include "otlp/encoding.h"
#include "otlp/span_of_row.h"

namespace braintrust::local {
namespace {

using nlohmann::json;

// A value as OTLP's JSON has it.
json any(const json& value) {
  if (value.is_string()) return {{"stringValue", value}};
  if (value.is_boolean()) return {{"boolValue", value}};
  if (value.is_number_integer()) return {{"intValue", std::to_string(value.get<std::int64_t>())}};
  if (value.is_number()) return {{"doubleValue", value}};
  json values = json::array();
  if (value.is_array()) {
    for (const auto& element : value) values.push_back(any(element));
    return {{"arrayValue", {{"values", values}}}};
  }
  for (const auto& [key, member] : value.items()) values.push_back(json{{"key", key}, {"value", any(member)}});
  return {{"kvlistValue", {{"values", values}}}};
}

json attributes(const json& object) {
  json list = json::array();
  for (const auto& [key, value] : object.items()) list.push_back(json{{"key", key}, {"value", any(value)}});
  return list;
}

struct Source {
  json span = json::object();
  json resource = json::object();
  json scope = json::object();
};

json row_of(const Source& source) {
  auto span = source.span;
  if (!span.contains("traceId")) span["traceId"] = "5b8efff798038103d269b633813fc60c";
  if (!span.contains("spanId")) span["spanId"] = "eee19b7ec3c1b174";
  const json scope = {{"scope", source.scope}, {"spans", json::array({span})}};
  const json resource = {{"resource", {{"attributes", attributes(source.resource)}}}, {"scopeSpans", json::array({scope})}};
  const auto request = must(decode_otlp_json(json{{"resourceSpans", json::array({resource})}}.dump()));
  const auto text = otlp_row(request, request.scopes.at(0), request.scopes.at(0).spans.at(0), R"("project_id":"p")");
  const auto body = must(parse_logs3_body("{\"rows\":[" + text + "]}"));
  EXPECT_EQ(body.rows.at(0).container, "project_logs:p");
  return json::parse(text);
}

// The row of a span that has these attributes.
json row_with(const json& object, json more = json::object()) {
  more["attributes"] = attributes(object);
  return row_of({.span = more, .resource = json::object(), .scope = json::object()});
}

TEST(OtlpRow, HasItsIdsNamesAndTimesInTheirPlaces) {
  const auto row = row_of({.span = {{"name", "GET /"},
                                    {"parentSpanId", "EEE19B7EC3C1B173"},
                                    {"startTimeUnixNano", "1544712660000000500"},
                                    {"endTimeUnixNano", "1544712661250000000"}},
                           .resource = json::object(),
                           .scope = json::object()});
  EXPECT_EQ(row.at("id"), "5b8efff798038103d269b633813fc60c-eee19b7ec3c1b174");
  EXPECT_EQ(row.at("root_span_id"), "5b8efff798038103d269b633813fc60c");
  EXPECT_EQ(row.at("span_id"), "eee19b7ec3c1b174");
  EXPECT_EQ(row.at("span_parents"), json::array({"eee19b7ec3c1b173"}));
  EXPECT_EQ(row.at("created"), "2018-12-13T14:51:00.000000Z");
  EXPECT_EQ(row.at("span_attributes"), json({{"name", "GET /"}}));
  EXPECT_EQ(row.at("metrics"), json({{"start", 1544712660.0000005}, {"end", 1544712661.25}}));
  EXPECT_FALSE(row.contains("input"));
  EXPECT_FALSE(row.contains("error"));
  EXPECT_FALSE(row.contains("metadata"));
}

TEST(OtlpRow, OfASpanWithoutATimeHasNone) {
  const auto row = row_of({});
  EXPECT_FALSE(row.contains("metrics"));
  EXPECT_FALSE(row.contains("created"));
  EXPECT_FALSE(row.contains("span_parents"));
}

TEST(OtlpRow, SaysWhoMadeItAndWhere) {
  const auto row = row_of(
      {.span = {{"attributes",
                 attributes({{"code.function.name", "shop::buy"}, {"code.filepath", "shop.cpp"}, {"code.line.number", 12}})}},
       .resource = {{"telemetry.sdk.version", "1.2.3"}, {"service.name", "shop"}},
       .scope = {{"name", "shop.tracing"}, {"version", "4"}, {"attributes", attributes({{"a", 1}})}}});
  const json context = {
      {"caller_functionname", "shop::buy"},
      {"caller_filename", "shop.cpp"},
      {"caller_lineno", 12},
      {"span_origin", {{"name", "opentelemetry"}, {"version", "1.2.3"}, {"instrumentation", {{"name", "shop.tracing"}}}}}};
  EXPECT_EQ(row.at("context"), context);
  EXPECT_EQ(row.at("metadata").at("otel").at("resource"), json({{"telemetry.sdk.version", "1.2.3"}, {"service.name", "shop"}}));
  EXPECT_EQ(row.at("metadata").at("otel").at("scope"),
            json({{"name", "shop.tracing"}, {"version", "4"}, {"attributes", {{"a", 1}}}}));
  EXPECT_EQ(row.at("metadata").size(), 1U);
}

TEST(OtlpRow, LetsAnExplicitContextWinMemberByMember) {
  const auto row = row_with(
      {{"code.function.name", "f"},
       {"code.line.number", 3},
       {"braintrust.context_json", R"({"caller_functionname":"g","span_origin":{"name":"braintrust.gateway"},"more":[1]})"}});
  EXPECT_EQ(row.at("context").at("caller_functionname"), "g");
  EXPECT_EQ(row.at("context").at("caller_lineno"), 3);
  EXPECT_EQ(row.at("context").at("span_origin").at("name"), "braintrust.gateway");
  EXPECT_EQ(row.at("context").at("more"), json::array({1}));
  EXPECT_EQ(row.at("metadata"), json({{"code.function.name", "f"}}));
}

TEST(OtlpRow, TakesBraintrustsOwnAttributesAsTheFieldsTheyName) {
  const auto row = row_with({{"braintrust.parent", "project_name:P"},
                             {"braintrust.org", "o"},
                             {"braintrust.app_url", "http://localhost"},
                             {"braintrust.input_json", R"([{"role":"user","content":"hi"}])"},
                             {"braintrust.output_json", "42"},
                             {"braintrust.expected_json", R"("text")"},
                             {"braintrust.metadata", R"({"user":"u","deep":{"a":1}})"},
                             {"braintrust.metrics", R"({"prompt_tokens":3,"start":7})"},
                             {"braintrust.scores", R"({"good":0.5})"},
                             {"braintrust.span_attributes", R"({"type":"tool","name":"renamed","purpose":"scorer"})"},
                             {"braintrust.tags", json::array({"a", "b"})},
                             {"braintrust.origin", R"({"object_type":"dataset","object_id":"d","id":"r"})"}},
                            {{"name", "original"}, {"startTimeUnixNano", "5000000000"}});
  EXPECT_EQ(row.at("input"), json::array({json{{"role", "user"}, {"content", "hi"}}}));
  EXPECT_EQ(row.at("output"), 42);
  EXPECT_EQ(row.at("expected"), "text");
  EXPECT_EQ(row.at("metadata"), json({{"user", "u"}, {"deep", {{"a", 1}}}}));
  EXPECT_EQ(row.at("metrics"), json({{"prompt_tokens", 3}, {"start", 7}}));
  EXPECT_EQ(row.at("scores"), json({{"good", 0.5}}));
  EXPECT_EQ(row.at("span_attributes"), json({{"type", "tool"}, {"name", "renamed"}, {"purpose", "scorer"}}));
  EXPECT_EQ(row.at("tags"), json::array({"a", "b"}));
  EXPECT_EQ(row.at("origin").at("object_id"), "d");
}

TEST(OtlpRow, TakesTheLegacyNamesAndKeepsPlainTextAsText) {
  const auto row =
      row_with({{"braintrust.input", "42"}, {"braintrust.output", R"({"a":1})"}, {"braintrust.expected", json::array({1, 2})}});
  EXPECT_EQ(row.at("input"), "42");
  EXPECT_EQ(row.at("output"), json({{"a", 1}}));
  EXPECT_EQ(row.at("expected"), json::array({1, 2}));
  EXPECT_EQ(row_with({{"braintrust.input", "old"}, {"braintrust.input_json", "\"new\""}}).at("input"), "new");
}

TEST(OtlpRow, KeepsWhatShouldHaveBeenJsonAndIsNot) {
  const auto row = row_with({{"braintrust.input_json", "{not json"},
                             {"braintrust.output_json", "[1e999]"},
                             {"braintrust.metadata", "[1]"},
                             {"braintrust.scores", "0.5"},
                             {"braintrust.tags", "a"},
                             {"braintrust.expected_json", std::string(508, '[') + std::string(508, ']')}});
  EXPECT_EQ(row.at("input"), "{not json");
  EXPECT_EQ(row.at("output"), "[1e999]");
  EXPECT_TRUE(row.at("expected").is_string());
  EXPECT_EQ(row.at("metadata"), json({{"braintrust.metadata", "[1]"}, {"braintrust.scores", "0.5"}, {"braintrust.tags", "a"}}));
}

TEST(OtlpRow, KeepsEveryOtherAttributeInItsMetadataUnderItsOwnName) {
  const json kept = {{"http.request.method", "GET"}, {"retries", 3},      {"ratio", 0.5},    {"cached", false},
                     {"list", {"a", "b"}},           {"map", {{"k", 1}}}, {"deep.name", "x"}};
  EXPECT_EQ(row_with(kept).at("metadata"), kept);
}

TEST(OtlpRow, LosesNoAttributeWhoseNameIsAlreadyTaken) {
  const auto row = row_with({{"model", "mine"},
                             {"otel", "mine, too"},
                             {"user", "attribute"},
                             {"gen_ai.request.model", "gpt-5"},
                             {"braintrust.metadata", R"({"user":"said","otel":{"kind":"said"}})"}},
                            {{"kind", 2}, {"traceState", "a=b"}});
  const auto& metadata = row.at("metadata");
  EXPECT_EQ(metadata.at("model"), "gpt-5");
  EXPECT_EQ(metadata.at("user"), "said");
  EXPECT_EQ(metadata.at("otel"), json({{"kind", "said"},
                                       {"trace_state", "a=b"},
                                       {"attributes", {{"model", "mine"}, {"otel", "mine, too"}, {"user", "attribute"}}}}));
}

TEST(OtlpRow, OfTwoAttributesWithOneNameHasTheLast) {
  json span;
  span["attributes"] = json::array({json{{"key", "a"}, {"value", any("first")}}, json{{"key", "a"}, {"value", any("last")}},
                                    json{{"key", "braintrust.parent"}, {"value", any("project_name:P")}},
                                    json{{"key", "braintrust.parent"}, {"value", any("project_name:Q")}}});
  EXPECT_EQ(row_of({.span = span, .resource = json::object(), .scope = json::object()}).at("metadata"), json({{"a", "last"}}));
}

TEST(OtlpRow, KeepsEventsLinksAndWhatWasDropped) {
  const auto row = row_with(
      json::object(),
      {{"kind", 3},
       {"traceState", "vendor=1"},
       {"events", json::array({json{{"name", "retry"}, {"timeUnixNano", "1500000000"}, {"attributes", attributes({{"n", 2}})}},
                               json{{"name", "x"}}})},
       {"links", json::array({json{{"traceId", "5b8efff798038103d269b633813fc60d"},
                                   {"spanId", "eee19b7ec3c1b175"},
                                   {"attributes", attributes({{"why", "batch"}})}}})},
       {"droppedAttributesCount", 1},
       {"droppedEventsCount", 2},
       {"droppedLinksCount", 3}});
  const json otel = {
      {"kind", "client"},
      {"events", {{{"name", "retry"}, {"time", "1970-01-01T00:00:01.500000Z"}, {"attributes", {{"n", 2}}}}, {{"name", "x"}}}},
      {"links", json::array({{{"trace_id", "5b8efff798038103d269b633813fc60d"},
                              {"span_id", "eee19b7ec3c1b175"},
                              {"attributes", {{"why", "batch"}}}}})},
      {"trace_state", "vendor=1"},
      {"dropped_attributes", 1},
      {"dropped_events", 2},
      {"dropped_links", 3}};
  EXPECT_EQ(row.at("metadata").at("otel"), otel);
}

json exception(const json& of) { return json::array({json{{"name", "exception"}, {"attributes", attributes(of)}}}); }

TEST(OtlpRow, HasAnErrorWhereTheStatusSaysSo) {
  const auto error = [](const json& status, const json& events = json::array(), const json& object = json::object()) {
    const auto row = row_with(object, {{"status", status}, {"events", events}});
    return row.contains("error") ? row.at("error").get<std::string>() : std::string("none");
  };
  const json failed = {{"code", 2}}, said = {{"code", 2}, {"message", "boom"}};
  const auto thrown =
      exception({{"exception.type", "IOError"}, {"exception.message", "boom"}, {"exception.stacktrace", "at x"}});
  EXPECT_EQ(error(failed), "error");
  EXPECT_EQ(error(failed, json::array(), {{"error.type", "timeout"}}), "timeout");
  EXPECT_EQ(error(said), "boom");
  EXPECT_EQ(error(failed, thrown), "IOError: boom");
  EXPECT_EQ(error(said, thrown), "IOError: boom");
  EXPECT_EQ(error({{"code", 2}, {"message", "IOError: boom at x"}}, thrown), "IOError: boom at x");
  EXPECT_EQ(error({{"code", 2}, {"message", "could not save"}}, thrown), "could not save: IOError: boom");
  // An exception that was recorded may have been dealt with.
  EXPECT_EQ(error(json::object(), thrown), "none");
  EXPECT_EQ(error({{"code", 1}}, exception({{"exception.type", "E"}, {"exception.escaped", true}})), "none");
  EXPECT_EQ(error(json::object(), exception({{"exception.type", "E"}, {"exception.escaped", true}})), "E");
}

TEST(OtlpRow, KeepsTheStackOfAnException) {
  const auto row =
      row_with(json::object(),
               {{"status", {{"code", 2}}}, {"events", exception({{"exception.type", "E"}, {"exception.stacktrace", "at x"}})}});
  EXPECT_EQ(row.at("metadata").at("otel").at("events").at(0).at("attributes").at("exception.stacktrace"), "at x");
}

TEST(OtlpRow, OfAModelCallHasBraintrustsNamesForModelSettingsAndTokens) {
  const auto row = row_with({{"gen_ai.operation.name", "chat"},
                             {"gen_ai.provider.name", "openai"},
                             {"gen_ai.request.model", "gpt-5"},
                             {"gen_ai.response.model", "gpt-5-2025-08-07"},
                             {"gen_ai.request.temperature", 0.5},
                             {"gen_ai.request.max_tokens", 100},
                             {"gen_ai.request.stop_sequences", {"END"}},
                             {"gen_ai.request.top_k", 4},
                             {"gen_ai.usage.input_tokens", 40},
                             {"gen_ai.usage.output_tokens", 2},
                             {"gen_ai.usage.cache_read.input_tokens", 30},
                             {"gen_ai.tool.definitions", R"([{"type":"function","name":"f"}])"}});
  EXPECT_EQ(row.at("span_attributes"), json({{"type", "llm"}}));
  EXPECT_EQ(row.at("metrics"),
            json({{"prompt_tokens", 40}, {"completion_tokens", 2}, {"tokens", 42}, {"prompt_cached_tokens", 30}}));
  EXPECT_EQ(row.at("metadata"), json({{"model", "gpt-5-2025-08-07"},
                                      {"gen_ai.request.model", "gpt-5"},
                                      {"provider", "openai"},
                                      {"temperature", 0.5},
                                      {"max_tokens", 100},
                                      {"stop", {"END"}},
                                      {"tools", json::array({json{{"type", "function"}, {"name", "f"}}})},
                                      {"gen_ai.operation.name", "chat"},
                                      {"gen_ai.request.top_k", 4}}));
}

TEST(OtlpRow, SaysProvidersInBraintrustsWordsAndKeepsTheOthers) {
  const auto row = row_with({{"gen_ai.system", "aws.bedrock"}, {"gen_ai.request.model", "m"}});
  EXPECT_EQ(row.at("metadata").at("provider"), "bedrock");
  EXPECT_EQ(row.at("metadata").at("gen_ai.system"), "aws.bedrock");
}

TEST(OtlpRow, TurnsMessagesMadeOfPartsIntoChatMessages) {
  const json parts = json::array(
      {json{{"role", "user"}, {"parts", json::array({json{{"type", "text"}, {"content", "Weather in Paris?"}}})}},
       json{{"role", "assistant"},
            {"parts", json::array({json{
                          {"type", "tool_call"}, {"id", "c1"}, {"name", "weather"}, {"arguments", {{"city", "Paris"}}}}})}},
       json{{"role", "tool"},
            {"parts", json::array({json{{"type", "tool_call_response"}, {"id", "c1"}, {"response", "rainy"}}})}},
       json{{"role", "user"},
            {"parts", json::array({json{{"type", "text"}, {"content", "And this?"}},
                                   json{{"type", "uri"}, {"uri", "http://x/cat.png"}}})}}});
  const json answers = json::array({json{{"role", "assistant"},
                                         {"parts", json::array({json{{"type", "text"}, {"content", "Rain."}}})},
                                         {"finish_reason", "stop"}}});
  const json input = json::array(
      {json{{"role", "system"}, {"content", "Be brief."}}, json{{"role", "user"}, {"content", "Weather in Paris?"}},
       json{{"role", "assistant"},
            {"content", nullptr},
            {"tool_calls", json::array({json{{"id", "c1"},
                                             {"type", "function"},
                                             {"function", {{"name", "weather"}, {"arguments", R"({"city":"Paris"})"}}}}})}},
       json{{"role", "tool"}, {"tool_call_id", "c1"}, {"content", "rainy"}},
       json{{"role", "user"},
            {"content", json::array({json{{"type", "text"}, {"text", "And this?"}},
                                     json{{"type", "uri"}, {"uri", "http://x/cat.png"}}})}}});
  const json output =
      json::array({json{{"index", 0}, {"message", {{"role", "assistant"}, {"content", "Rain."}}}, {"finish_reason", "stop"}}});
  const json system = json::array({json{{"type", "text"}, {"content", "Be brief."}}});
  // As texts, and as structured values, which newer instrumentations send.
  for (const bool text : {true, false}) {
    const auto value = [&](const json& of) { return text ? json(of.dump()) : of; };
    const auto row = row_with({{"gen_ai.operation.name", "chat"},
                               {"gen_ai.system_instructions", value(system)},
                               {"gen_ai.input.messages", value(parts)},
                               {"gen_ai.output.messages", value(answers)}});
    EXPECT_EQ(row.at("input"), input);
    EXPECT_EQ(row.at("output"), output);
    EXPECT_EQ(row.at("metadata"), json({{"gen_ai.operation.name", "chat"}}));
  }
}

TEST(OtlpRow, LeavesChatMessagesAsTheyAre) {
  const json messages = json::array({json{{"role", "user"}, {"content", "hi"}}});
  EXPECT_EQ(row_with({{"gen_ai.input.messages", messages.dump()}}).at("input"), messages);
  EXPECT_EQ(row_with({{"gen_ai.input.messages", "hi"}}).at("input"), messages);
  EXPECT_EQ(row_with({{"gen_ai.output.messages", "hi"}}).at("output"), "hi");
}

TEST(OtlpRow, ReadsMessagesFromEventsOfEveryAge) {
  const auto row_of_events = [](const json& events) {
    json list = json::array();
    for (const auto& event : events) {
      list.push_back(json{{"name", event.at(0)}, {"attributes", attributes(event.at(1))}});
    }
    return row_with({{"gen_ai.request.model", "m"}}, {{"events", list}});
  };
  const json user = json::array({json{{"role", "user"}, {"content", "hi"}}});
  // 2024: two events with everything in a text.
  auto row = row_of_events(json::array({json::array({"gen_ai.content.prompt", json{{"gen_ai.prompt", user.dump()}}}),
                                        json::array({"gen_ai.content.completion", json{{"gen_ai.completion", "hello"}}})}));
  EXPECT_EQ(row.at("input"), user);
  EXPECT_EQ(row.at("output"), "hello");
  EXPECT_FALSE(row.at("metadata").contains("otel"));
  // 2025: an event a message.
  row = row_of_events(json::array(
      {json::array({"gen_ai.user.message", json{{"content", "hi"}, {"gen_ai.system", "openai"}}}),
       json::array(
           {"gen_ai.choice",
            json{{"index", 0}, {"finish_reason", "stop"}, {"message", R"({"role":"assistant","content":"hello"})"}}})}));
  EXPECT_EQ(row.at("input"), user);
  EXPECT_EQ(
      row.at("output"),
      json::array({json{{"index", 0}, {"message", {{"role", "assistant"}, {"content", "hello"}}}, {"finish_reason", "stop"}}}));
  EXPECT_FALSE(row.at("metadata").contains("otel"));
  // Today: one event with the attributes of a span.
  row = row_of_events(json::array(
      {json::array({"gen_ai.client.inference.operation.details", json{{"gen_ai.input.messages", user.dump()}, {"more", 1}}})}));
  EXPECT_EQ(row.at("input"), user);
  EXPECT_EQ(row.at("metadata").at("otel").at("events").at(0).at("attributes"), json({{"more", 1}}));
}

TEST(OtlpRow, OfAToolHasItsArgumentsAndItsResult) {
  const auto row = row_with({{"gen_ai.operation.name", "execute_tool"},
                             {"gen_ai.tool.name", "weather"},
                             {"gen_ai.tool.call.arguments", R"({"city":"Paris"})"},
                             {"gen_ai.tool.call.result", "rainy"}});
  EXPECT_EQ(row.at("span_attributes").at("type"), "tool");
  EXPECT_EQ(row.at("input"), json({{"city", "Paris"}}));
  EXPECT_EQ(row.at("output"), "rainy");
  EXPECT_EQ(row.at("metadata").at("gen_ai.tool.name"), "weather");
}

TEST(OtlpRow, LetsWhatBraintrustSaysBeatTheConventions) {
  const auto row = row_with({{"braintrust.input_json", "\"mine\""},
                             {"braintrust.metadata", R"({"model":"mine"})"},
                             {"braintrust.metrics", R"({"prompt_tokens":1})"},
                             {"braintrust.span_attributes", R"({"type":"task"})"},
                             {"gen_ai.operation.name", "chat"},
                             {"gen_ai.request.model", "theirs"},
                             {"gen_ai.usage.input_tokens", 2},
                             {"gen_ai.input.messages", "theirs"}});
  EXPECT_EQ(row.at("input"), "mine");
  EXPECT_EQ(row.at("metrics"), json({{"prompt_tokens", 1}}));
  EXPECT_EQ(row.at("span_attributes").at("type"), "task");
  EXPECT_EQ(row.at("metadata"), json({{"model", "mine"},
                                      {"gen_ai.request.model", "theirs"},
                                      {"gen_ai.usage.input_tokens", 2},
                                      {"gen_ai.input.messages", "theirs"},
                                      {"gen_ai.operation.name", "chat"}}));
}

TEST(OtlpRow, OfOneOfOurSdksIsWhatItWasThere) {
  const auto row =
      row_with({{"braintrust.context_json",
                 R"({"caller_functionname":"f","caller_lineno":3,"span_origin":{"name":"braintrust.sdk.cpp"}})"},
                {"code.function.name", "f"},
                {"code.line.number", 3},
                {"braintrust.input_json", R"([{"role":"user","content":"hi"}])"},
                {"braintrust.output_json", "\"hello\""},
                {"braintrust.metadata", R"({"model":"gpt-5","temperature":0.5})"},
                {"braintrust.metrics", R"({"prompt_tokens":3})"},
                {"braintrust.classifications", R"({"topic":[]})"},
                {"braintrust.span_parents", R"(["one","two"])"},
                {"gen_ai.request.model", "gpt-5"},
                {"gen_ai.request.temperature", 0.5},
                {"gen_ai.usage.input_tokens", 3},
                {"gen_ai.input.messages", R"([{"role":"user","parts":[{"type":"text","content":"hi"}]}])"},
                {"gen_ai.output.messages", R"([{"role":"assistant","parts":[{"type":"text","content":"hello"}]}])"}},
               {{"parentSpanId", "eee19b7ec3c1b173"}});
  EXPECT_EQ(row.at("metadata"), json({{"model", "gpt-5"}, {"temperature", 0.5}}));
  EXPECT_EQ(row.at("metrics"), json({{"prompt_tokens", 3}}));
  EXPECT_EQ(row.at("output"), "hello");
  EXPECT_EQ(row.at("classifications"), json({{"topic", json::array()}}));
  EXPECT_EQ(row.at("span_parents"), json::array({"one", "two"}));
}

// The row that the backend makes of what the library's exporter makes of `row`.
json exported_and_read(const json& row, const detail::otlp::Encoding& encoding) {
  const std::string sent = row.dump();
  detail::otlp::Span span;
  EXPECT_TRUE(detail::otlp::read_row(sent, "project_name:P", span));
  detail::Buffer spans;
  encoding.add(span, span.end, spans);
  const auto body = encoding.request({}, spans.view());
  const auto request = must(&encoding == &detail::otlp::json_encoding() ? decode_otlp_json(body) : decode_otlp_protobuf(body));
  return json::parse(otlp_row(request, request.scopes.at(0), request.scopes.at(0).spans.at(0), R"("project_id":"p")"));
}

TEST(OtlpRow, OfAModelCallOfOursIsTheSameThatWentTheOtherWay) {
  const json row = {
      {"id", "11111111-2222-3333-4444-555555555555"},
      {"span_id", "00f067aa0ba902b7"},
      {"root_span_id", "4bf92f3577b34da6a3ce929d0e0e4736"},
      {"span_attributes", {{"name", "Chat Completion"}, {"type", "llm"}}},
      {"input", json::array({json{{"role", "user"}, {"content", "hi"}}})},
      {"output", json::array({json{
                     {"index", 0}, {"message", {{"role", "assistant"}, {"content", "hello"}}}, {"finish_reason", "stop"}}})},
      {"error", "it just failed"},
      {"metadata",
       {{"model", "m"},
        {"provider", "google"},
        {"temperature", 0.5},
        {"max_output_tokens", 100},
        {"stop_sequences", json::array({"END"})},
        {"seed", 7},
        {"top_k", 3},
        {"n", 1}}},
      {"metrics", {{"start", 1.5}, {"end", 2.5}, {"prompt_tokens", 3}, {"completion_tokens", 4}, {"tokens", 7}}},
      {"context", {{"caller_functionname", "f"}, {"span_origin", {{"name", "braintrust.sdk.cpp"}}}}}};
  for (const auto* encoding : {&detail::otlp::json_encoding(), &detail::otlp::protobuf_encoding()}) {
    const json read = exported_and_read(row, *encoding);
    for (const char* field : {"span_id", "root_span_id", "span_attributes", "input", "output", "error", "metrics"}) {
      EXPECT_EQ(read.at(field), row.at(field)) << field;
    }
    EXPECT_EQ(read.at("context").at("caller_functionname"), "f");
    json metadata = read.at("metadata");
    metadata.erase("otel");
    EXPECT_EQ(metadata, row.at("metadata"));
  }
}

TEST(OtlpRow, KeepsWhatToolsAtTheProviderAnswered) {
  const auto row = row_with(
      {{"gen_ai.operation.name", "chat"},
       {"gen_ai.output.messages",
        R"([{"role":"assistant","parts":[{"type":"tool_call","id":"c1","name":"search","arguments":{"q":"x"}},)"
        R"({"type":"tool_call_response","id":"c1","response":"found"},{"type":"text","content":"done"}],"finish_reason":"stop"}])"}});
  const auto& output = row.at("output");
  ASSERT_EQ(output.size(), 2U);
  EXPECT_EQ(output[0].at("message").at("content"), "done");
  EXPECT_EQ(output[1], (json{{"index", 1}, {"message", {{"role", "tool"}, {"tool_call_id", "c1"}, {"content", "found"}}}}));
}

TEST(OtlpRow, UnderstandsTraceloop) {
  const auto row = row_with({{"llm.request.type", "chat"},
                             {"gen_ai.system", "OpenAI"},
                             {"gen_ai.prompt.0.role", "system"},
                             {"gen_ai.prompt.0.content", "Be brief."},
                             {"gen_ai.prompt.1.role", "user"},
                             {"gen_ai.prompt.1.content", "hi"},
                             {"gen_ai.prompt.10.role", "user"},
                             {"gen_ai.prompt.10.content", "still there?"},
                             {"gen_ai.completion.0.role", "assistant"},
                             {"gen_ai.completion.0.content", "hello"},
                             {"gen_ai.completion.0.finish_reason", "stop"},
                             {"gen_ai.completion.0.tool_calls.0.id", "c1"},
                             {"gen_ai.completion.0.tool_calls.0.name", "f"},
                             {"gen_ai.completion.0.tool_calls.0.arguments", "{}"},
                             {"gen_ai.completion.0.odd", "kept"},
                             {"gen_ai.usage.prompt_tokens", 3},
                             {"gen_ai.usage.completion_tokens", 4},
                             {"llm.usage.total_tokens", 8}});
  EXPECT_EQ(row.at("span_attributes").at("type"), "llm");
  EXPECT_EQ(row.at("input"),
            json::array({json{{"role", "system"}, {"content", "Be brief."}}, json{{"role", "user"}, {"content", "hi"}},
                         json{{"role", "user"}, {"content", "still there?"}}}));
  const json call = {{"id", "c1"}, {"type", "function"}, {"function", {{"name", "f"}, {"arguments", "{}"}}}};
  EXPECT_EQ(row.at("output"),
            json::array({json{{"index", 0},
                              {"message", {{"role", "assistant"}, {"content", "hello"}, {"tool_calls", json::array({call})}}},
                              {"finish_reason", "stop"}}}));
  EXPECT_EQ(row.at("metrics"), json({{"prompt_tokens", 3}, {"completion_tokens", 4}, {"tokens", 8}}));
  EXPECT_EQ(row.at("metadata"),
            json({{"provider", "OpenAI"}, {"llm.request.type", "chat"}, {"gen_ai.completion.0.odd", "kept"}}));
  const auto workflow = row_with({{"traceloop.span.kind", "workflow"}, {"traceloop.entity.input", R"({"a":1})"}});
  EXPECT_EQ(workflow.at("span_attributes").at("type"), "task");
  EXPECT_EQ(workflow.at("input"), json({{"a", 1}}));
}

TEST(OtlpRow, UnderstandsOpenInference) {
  const auto row = row_with({{"openinference.span.kind", "LLM"},
                             {"llm.model_name", "gpt-5"},
                             {"llm.provider", "openai"},
                             {"llm.input_messages.0.message.role", "user"},
                             {"llm.input_messages.0.message.content", "hi"},
                             {"llm.output_messages.0.message.role", "assistant"},
                             {"llm.output_messages.0.message.tool_calls.0.tool_call.function.name", "f"},
                             {"llm.token_count.prompt", 1},
                             {"llm.token_count.completion", 2},
                             {"llm.token_count.total", 3}});
  EXPECT_EQ(row.at("span_attributes").at("type"), "llm");
  EXPECT_EQ(row.at("input"), json::array({json{{"role", "user"}, {"content", "hi"}}}));
  EXPECT_EQ(row.at("output").at(0).at("message").at("tool_calls").at(0).at("function").at("name"), "f");
  EXPECT_EQ(row.at("metrics"), json({{"prompt_tokens", 1}, {"completion_tokens", 2}, {"tokens", 3}}));
  EXPECT_EQ(row.at("metadata"), json({{"model", "gpt-5"}, {"provider", "openai"}, {"openinference.span.kind", "LLM"}}));
  const auto chain = row_with({{"openinference.span.kind", "RETRIEVER"}, {"input.value", "q"}, {"output.value", "[1]"}});
  EXPECT_EQ(chain.at("span_attributes").at("type"), "tool");
  EXPECT_EQ(chain.at("input"), "q");
  EXPECT_EQ(chain.at("output"), json::array({1}));
}

TEST(OtlpRow, UnderstandsTheVercelAiSdk) {
  const auto row = row_with({{"ai.operationId", "ai.generateText.doGenerate"},
                             {"ai.model.id", "gpt-5"},
                             {"ai.model.provider", "openai.chat"},
                             {"ai.prompt.messages", R"([{"role":"user","content":"hi"}])"},
                             {"ai.response.text", "hello"},
                             {"ai.usage.promptTokens", 3},
                             {"gen_ai.usage.input_tokens", 3},
                             {"ai.usage.completionTokens", 4}});
  EXPECT_EQ(row.at("span_attributes").at("type"), "llm");
  EXPECT_EQ(row.at("input"), json::array({json{{"role", "user"}, {"content", "hi"}}}));
  EXPECT_EQ(row.at("output"), "hello");
  EXPECT_EQ(row.at("metrics"), json({{"prompt_tokens", 3}, {"completion_tokens", 4}, {"tokens", 7}}));
  EXPECT_EQ(row.at("metadata"),
            json({{"model", "gpt-5"}, {"provider", "openai.chat"}, {"ai.operationId", "ai.generateText.doGenerate"}}));
}

TEST(OtlpRow, CountsNoTokensThatAreNone) {
  const auto row = row_with({{"gen_ai.usage.input_tokens", -1}, {"gen_ai.usage.output_tokens", "many"}});
  EXPECT_FALSE(row.contains("metrics"));
  EXPECT_EQ(row.at("metadata"), json({{"gen_ai.usage.input_tokens", -1}, {"gen_ai.usage.output_tokens", "many"}}));
}

}  // namespace
}  // namespace braintrust::local
