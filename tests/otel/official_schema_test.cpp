// Our bytes against the published schema: what protobuf's own code makes of them, field by field, for a row with everything in
// it and for many made up by chance.

#include <memory>
#include <random>
#include <string>
#include <vector>

#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/base64.h"
#include "otel/received.h"
#include "otlp/encoding.h"
#include "otlp/span_of_row.h"

namespace braintrust::detail::otlp {
namespace {

using google::protobuf::Message;
using nlohmann::json;
using test::hex;
using MessagePointer = std::unique_ptr<Message>;

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

MessagePointer from_protobuf(const std::vector<json>& rows) {
  MessagePointer request = test::new_otlp_request();
  EXPECT_TRUE(request->ParseFromString(request_of(rows, protobuf_encoding())));
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

MessagePointer from_json(const std::vector<json>& rows) {
  json body = json::parse(request_of(rows, json_encoding()));
  ids_in_base64(body);
  MessagePointer request = test::new_otlp_request();
  const auto status = google::protobuf::util::JsonStringToMessage(body.dump(), request.get());
  EXPECT_TRUE(status.ok()) << status.ToString();
  return request;
}

// Fields that the schema does not have, in a message and all that is in it.
int unknown_fields(const Message& message) {
  const auto* const reflection = message.GetReflection();
  int count = reflection->GetUnknownFields(message).field_count();
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  for (const auto* const field : fields) {
    if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      count += unknown_fields(reflection->GetMessage(message, field));
    } else {
      for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
        count += unknown_fields(reflection->GetRepeatedMessage(message, field, i));
      }
    }
  }
  return count;
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

// Attributes by key, each value as the one it is.
json attributes_of(const json& thing) {
  json all = json::object();
  for (const json& attribute : thing["attributes"]) {
    const auto key = attribute["key"].get<std::string>();
    EXPECT_FALSE(all.contains(key)) << key << " stands there twice";
    all[key] = attribute["value"];
  }
  return all;
}

TEST(OfficialSchema, ReadsEveryFieldOfASpan) {
  const json row = whole_row();
  const json request = test::decoded(request_of({row}, protobuf_encoding()));
  ASSERT_EQ(request["resourceSpans"].size(), 1U);
  const json& from = request["resourceSpans"][0];
  EXPECT_EQ(from["resource"],
            json::parse(R"({"attributes":[{"key":"service.name","value":{"stringValue":"größer \"quoted\""}}]})"));
  ASSERT_EQ(from["scopeSpans"].size(), 1U);
  EXPECT_EQ(from["scopeSpans"][0]["scope"], (json{{"name", "scope"}, {"version", "1"}}));
  ASSERT_EQ(from["scopeSpans"][0]["spans"].size(), 1U);

  const json& span = from["scopeSpans"][0]["spans"][0];
  const auto id = [&](const char* key) { return hex(base64::decode(span.at(key).get<std::string>()).value_or("")); };
  EXPECT_EQ(id("traceId"), row["root_span_id"].get<std::string>());
  EXPECT_EQ(id("spanId"), row["span_id"].get<std::string>());
  EXPECT_EQ(id("parentSpanId"), "00f067aa0ba902b7");
  EXPECT_EQ(json("span"), span["name"]);
  EXPECT_EQ(json("SPAN_KIND_CLIENT"), span["kind"]);
  EXPECT_EQ(json("1732600001500000000"), span["endTimeUnixNano"]);
  EXPECT_EQ(span["status"], (json{{"code", "STATUS_CODE_ERROR"}, {"message", "std::runtime_error: größer"}}));
  ASSERT_EQ(span["events"].size(), 1U);
  EXPECT_EQ(json("exception"), span["events"][0]["name"]);
  EXPECT_EQ(span["events"][0]["timeUnixNano"], span["endTimeUnixNano"]);
  EXPECT_EQ(attributes_of(span["events"][0])["exception.message"], (json{{"stringValue", "größer"}}));

  const json said = attributes_of(span);
  const auto parsed = [&](const std::string& key) { return json::parse(said.at(key).at("stringValue").get<std::string>()); };
  for (const std::string field : {"input", "output", "expected"})
    EXPECT_EQ(parsed("braintrust." + field + "_json"), row[field]);
  for (const std::string field : {"metadata", "metrics", "scores", "span_attributes"}) {
    EXPECT_EQ(parsed("braintrust." + field), row[field]);
  }
  const json tags =
      json::parse(R"({"arrayValue":{"values":[{"stringValue":"a"},{"stringValue":"größer"},{"stringValue":""}]}})");
  EXPECT_EQ(said["braintrust.tags"], tags);
  EXPECT_EQ(said["code.line.number"], (json{{"intValue", "12"}}));
  EXPECT_EQ(said["gen_ai.request.seed"], (json{{"intValue", "-7"}}));
  EXPECT_EQ(said["gen_ai.request.max_tokens"], (json{{"intValue", "1234567890123"}}));
  EXPECT_EQ(said["gen_ai.request.temperature"], (json{{"doubleValue", -0.25}}));
  EXPECT_EQ(said["gen_ai.usage.output_tokens"], (json{{"intValue", "0"}})) << "a zero that was reported";
  EXPECT_EQ(said["gen_ai.response.finish_reasons"], json::parse(R"({"arrayValue":{"values":[{"stringValue":"stop"}]}})"));
}

TEST(OfficialSchema, HoldsNothingThatItDoesNotKnow) { EXPECT_EQ(unknown_fields(*from_protobuf({whole_row(), row_of(1)})), 0); }

TEST(OfficialSchema, ReadsTheSameFromTheJson) {
  const std::vector<json> rows = {whole_row(), row_of(1), row_of(2)};
  std::string differences;
  google::protobuf::util::MessageDifferencer differencer;
  differencer.ReportDifferencesToString(&differences);
  EXPECT_TRUE(differencer.Compare(*from_protobuf(rows), *from_json(rows))) << differences;
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
    const MessagePointer ours = from_protobuf({row});
    ASSERT_TRUE(google::protobuf::util::MessageDifferencer::Equals(*ours, *from_json({row}))) << row.dump();
    const json said =
        attributes_of(test::decoded(request_of({row}, protobuf_encoding()))["resourceSpans"][0]["scopeSpans"][0]["spans"][0]);
    ASSERT_EQ(json::parse(said.at("braintrust.input_json").at("stringValue").get<std::string>()), row["input"]);
    for (const char* const key : {"gen_ai.input.messages", "gen_ai.output.messages"}) {
      if (!said.contains(key)) continue;
      ASSERT_TRUE(json::accept(said[key]["stringValue"].get<std::string>())) << row.dump();
    }
  }
}

}  // namespace
}  // namespace braintrust::detail::otlp
