// Our bytes against the published schema: what opentelemetry-cpp's generated classes make of them, field by field, for rows of
// every kind and for many made up by chance.

#include <random>
#include <string>

#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>
#include <opentelemetry/proto/collector/trace/v1/trace_service.pb.h>
#include <nlohmann/json.hpp>

#include "core/base64.h"
#include "otlp/encoding.h"
#include "otlp/span_of_row.h"

namespace braintrust::detail::otlp {
namespace {

using nlohmann::json;
using Request = opentelemetry::proto::collector::trace::v1::ExportTraceServiceRequest;
namespace proto = opentelemetry::proto::trace::v1;

const Resource resource = {.attributes = {{"service.name", "größer \"quoted\""}}, .scope_name = "scope", .scope_version = "1"};

// A request with these rows, as it is sent.
std::string request_of(const std::vector<json>& rows, const Encoding& encoding) {
  Buffer spans;
  Span span;
  for (const json& row : rows) {
    const std::string text = row.dump();
    EXPECT_TRUE(read_row(text, "project_name:P", span)) << text;
    encoding.add(span, span.end, spans);
  }
  return encoding.request(resource, spans.view());
}

Request decoded(const std::vector<json>& rows) {
  Request request;
  EXPECT_TRUE(request.ParseFromString(request_of(rows, protobuf_encoding())));
  return request;
}

// OTLP's JSON is protobuf's, but for ids: hex instead of base64.
void ids_in_base64(json& value) {
  if (value.is_array()) {
    for (json& element : value) ids_in_base64(element);
  }
  if (!value.is_object()) return;
  for (auto& [key, member] : value.items()) {
    if (key != "traceId" && key != "spanId" && key != "parentSpanId") {
      ids_in_base64(member);
      continue;
    }
    const auto hex = member.get<std::string>();
    std::string bytes;
    for (std::size_t i = 0; i < hex.size(); i += 2) bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    member = base64::encode(bytes);
  }
}

Request decoded_json(const std::vector<json>& rows) {
  json body = json::parse(request_of(rows, json_encoding()));
  ids_in_base64(body);
  Request request;
  const auto status = google::protobuf::util::JsonStringToMessage(body.dump(), &request);
  EXPECT_TRUE(status.ok()) << status.ToString();
  return request;
}

json row_of(std::uint64_t number) {
  char id[33];
  std::snprintf(id, sizeof id, "%032llx", static_cast<unsigned long long>(number + 1));
  return {{"root_span_id", id}, {"span_id", std::string(id + 16)}, {"span_attributes", {{"name", "span"}, {"type", "llm"}}}};
}

json whole_row() {
  json row = row_of(41);
  row.update(
      {{"span_parents", {"00f067aa0ba902b7"}},
       {"input", {{{"role", "user"}, {"content", "größer 日本語 😀 \"quoted\" \\ \n"}}}},
       {"output", {{{"finish_reason", "stop"}, {"message", {{"role", "assistant"}, {"content", std::string(70'000, 'x')}}}}}},
       {"expected", nullptr},
       {"metadata", {{"model", "m"}, {"provider", "p"}, {"temperature", -0.25}, {"seed", -7}, {"max_tokens", 1234567890123}}},
       {"metrics", {{"start", 1732600000.123457}, {"end", 1732600001.5}, {"prompt_tokens", 300}, {"completion_tokens", 0}}},
       {"scores", {{"right", 0.5}}},
       {"tags", {"a", "größer", ""}},
       {"error", "std::runtime_error: größer"},
       {"context", {{"caller_functionname", "f()"}, {"caller_filename", "a.cpp"}, {"caller_lineno", 12}}}});
  return row;
}

TEST(OfficialSchema, ReadsEveryFieldOfASpan) {
  const json row = whole_row();
  const Request request = decoded({row});
  ASSERT_EQ(request.resource_spans_size(), 1);
  const auto& from = request.resource_spans(0).resource();
  ASSERT_EQ(from.attributes_size(), 1);
  EXPECT_EQ(from.attributes(0).value().string_value(), "größer \"quoted\"");
  ASSERT_EQ(request.resource_spans(0).scope_spans_size(), 1);
  const auto& scope = request.resource_spans(0).scope_spans(0);
  EXPECT_EQ(scope.scope().name(), "scope");
  EXPECT_EQ(scope.scope().version(), "1");
  ASSERT_EQ(scope.spans_size(), 1);

  const proto::Span& span = scope.spans(0);
  EXPECT_EQ(span.trace_id(), std::string(15, '\0') + '\x2a');
  EXPECT_EQ(span.span_id(), std::string(7, '\0') + '\x2a');
  EXPECT_EQ(span.parent_span_id(), std::string("\x00\xf0\x67\xaa\x0b\xa9\x02\xb7", 8));
  EXPECT_EQ(span.name(), "span");
  EXPECT_EQ(span.kind(), proto::Span::SPAN_KIND_CLIENT);
  EXPECT_EQ(span.end_time_unix_nano(), 1'732'600'001'500'000'000U);
  EXPECT_EQ(span.status().code(), proto::Status::STATUS_CODE_ERROR);
  EXPECT_EQ(span.status().message(), "std::runtime_error: größer");
  ASSERT_EQ(span.events_size(), 1);
  EXPECT_EQ(span.events(0).name(), "exception");
  EXPECT_EQ(span.events(0).time_unix_nano(), span.end_time_unix_nano());
  EXPECT_EQ(span.events(0).attributes(1).value().string_value(), "größer");

  std::map<std::string, opentelemetry::proto::common::v1::AnyValue> said;
  for (const auto& one : span.attributes()) EXPECT_TRUE(said.emplace(one.key(), one.value()).second) << one.key();
  for (const char* const field : {"input", "output", "expected"}) {
    EXPECT_EQ(json::parse(said.at("braintrust." + std::string(field) + "_json").string_value()), row[field]);
  }
  for (const char* const field : {"metadata", "metrics", "scores", "span_attributes"}) {
    EXPECT_EQ(json::parse(said.at("braintrust." + std::string(field)).string_value()), row[field]);
  }
  const auto& tags = said.at("braintrust.tags").array_value();
  ASSERT_EQ(tags.values_size(), 3);
  EXPECT_EQ(tags.values(1).string_value(), "größer");
  EXPECT_EQ(tags.values(2).value_case(), opentelemetry::proto::common::v1::AnyValue::kStringValue) << "a blank one, too";
  EXPECT_EQ(said.at("code.line.number").int_value(), 12);
  EXPECT_EQ(said.at("gen_ai.request.seed").int_value(), -7);
  EXPECT_EQ(said.at("gen_ai.request.max_tokens").int_value(), 1234567890123);
  EXPECT_EQ(said.at("gen_ai.request.temperature").double_value(), -0.25);
  EXPECT_EQ(said.at("gen_ai.usage.output_tokens").value_case(), opentelemetry::proto::common::v1::AnyValue::kIntValue);
  EXPECT_EQ(said.at("gen_ai.response.finish_reasons").array_value().values(0).string_value(), "stop");
}

TEST(OfficialSchema, HoldsNothingThatItDoesNotKnow) {
  const Request request = decoded({whole_row(), row_of(1)});
  const proto::Span& span = request.resource_spans(0).scope_spans(0).spans(0);
  const auto unknown = [](const google::protobuf::Message& message) {
    return message.GetReflection()->GetUnknownFields(message).field_count();
  };
  EXPECT_EQ(unknown(request) + unknown(request.resource_spans(0)) + unknown(request.resource_spans(0).scope_spans(0)), 0);
  EXPECT_EQ(unknown(span) + unknown(span.status()) + unknown(span.events(0)), 0);
  for (const auto& attribute : span.attributes())
    EXPECT_EQ(unknown(attribute) + unknown(attribute.value()), 0) << attribute.key();
}

TEST(OfficialSchema, ReadsTheSameFromTheJson) {
  const std::vector<json> rows = {whole_row(), row_of(1), row_of(2)};
  std::string differences;
  google::protobuf::util::MessageDifferencer differencer;
  differencer.ReportDifferencesToString(&differences);
  EXPECT_TRUE(differencer.Compare(decoded(rows), decoded_json(rows))) << differences;
}

// A JSON value made up by chance.
json any_value(std::mt19937& chance, int depth) {
  const auto below = [&](unsigned most) { return chance() % most; };
  switch (below(depth > 3 ? 5 : 7)) {
    case 0:
      return nullptr;
    case 1:
      return below(2) == 0;
    case 2:
      return static_cast<std::int64_t>(chance()) - (1u << 31);
    case 3:
      return static_cast<double>(chance()) / 7;
    case 4: {
      std::string text;
      static const char* const pieces[] = {"a", "\"", "\\", "\n", "ü", "😀", "\x01", "/", " ", "role"};
      for (auto left = below(40); left > 0; --left) text += pieces[below(std::size(pieces))];
      return text;
    }
    case 5: {
      json list = json::array();
      for (auto left = below(5); left > 0; --left) list.push_back(any_value(chance, depth + 1));
      return list;
    }
    default: {
      static const char* const keys[] = {"role",       "content",  "message", "type",      "text", "parts",
                                         "tool_calls", "function", "id",      "arguments", "name", "k\"",
                                         "max_tokens", "seed",     "stop",    "messages"};
      json object = json::object();
      for (auto left = below(6); left > 0; --left) object[keys[below(std::size(keys))]] = any_value(chance, depth + 1);
      return object;
    }
  }
}

TEST(OfficialSchema, AgreesWithOurEncodingsOnRowsMadeUpByChance) {
  std::mt19937 chance(20261126);
  for (int round = 0; round < 2000; ++round) {
    json row = row_of(static_cast<std::uint64_t>(round));
    row["span_attributes"]["type"] = round % 3 == 0 ? "tool" : "llm";
    for (const char* const field : {"input", "output", "error", "expected"}) row[field] = any_value(chance, 0);
    row["metadata"] = json::object();
    for (const char* const key : {"model", "stop", "seed", "temperature"}) row["metadata"][key] = any_value(chance, 2);
    row["tags"] = json::array({any_value(chance, 4).dump()});
    const Request ours = decoded({row});
    ASSERT_TRUE(google::protobuf::util::MessageDifferencer::Equals(ours, decoded_json({row}))) << row.dump();
    for (const auto& attribute : ours.resource_spans(0).scope_spans(0).spans(0).attributes()) {
      if (attribute.key() == "braintrust.input_json") ASSERT_EQ(json::parse(attribute.value().string_value()), row["input"]);
      if (attribute.key() == "gen_ai.input.messages") ASSERT_TRUE(json::accept(attribute.value().string_value())) << row.dump();
      if (attribute.key() == "gen_ai.output.messages")
        ASSERT_TRUE(json::accept(attribute.value().string_value())) << row.dump();
    }
  }
}

}  // namespace
}  // namespace braintrust::detail::otlp
