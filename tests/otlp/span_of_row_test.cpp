// Rows as spans of OTLP: ids, times, Braintrust's attributes and those of the conventions, in both encodings.

#include "otlp/span_of_row.h"

#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "otlp/encoding.h"
#include "otlp/gen_ai.h"
#include "otlp/protobuf_reader.h"
#include "otlp/schema.h"

namespace braintrust::detail::otlp {
namespace {

using nlohmann::json;
using testing::Contains;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;

const json ids = {{"span_id", "00f067aa0ba902b7"}, {"root_span_id", "4bf92f3577b34da6a3ce929d0e0e4736"}};

json row_with(const json& members) {
  json row = ids;
  row.update(members);
  return row;
}

// The span as the JSON encoding writes it.
json span_of(const json& row, std::string_view container = {}) {
  Span span;
  const std::string text = row.dump();
  EXPECT_TRUE(read_row(text, container, span)) << text;
  Buffer spans;
  json_encoding().add(span, span.end, spans);
  return json::parse(spans.view());
}

// Attributes by key, each value as the one it is.
json attributes_of(const json& span) {
  json all = json::object();
  for (const json& attribute : span["attributes"]) {
    const std::string key = attribute["key"];
    EXPECT_FALSE(all.contains(key)) << key << " stands there twice";
    all[key] = attribute["value"].begin().value();
  }
  return all;
}

json attributes_of_row(const json& members) { return attributes_of(span_of(row_with(members))); }

TEST(SpanOfRow, HasTheIdsOfTheRow) {
  const json span = span_of(row_with({{"span_parents", {"aaaaaaaaaaaaaaab"}}}));
  EXPECT_EQ(span["traceId"], "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(span["spanId"], "00f067aa0ba902b7");
  EXPECT_EQ(span["parentSpanId"], "aaaaaaaaaaaaaaab");
  EXPECT_FALSE(span_of(ids).contains("parentSpanId"));
}

TEST(SpanOfRow, TakesTheSixteenBytesOfAUuidAsATraceId) {
  json row = ids;
  row["root_span_id"] = "4bf92f35-77b3-4da6-a3ce-929d0e0e4736";
  EXPECT_EQ(span_of(row)["traceId"], "4bf92f3577b34da6a3ce929d0e0e4736");
}

TEST(SpanOfRow, RefusesRowsWithoutIdsThatFit) {
  Span span;
  for (const char* const row :
       {R"({"id":"x"})", R"({"span_id":"00f067aa0ba902b7"})",
        R"({"span_id":"short","root_span_id":"4bf92f3577b34da6a3ce929d0e0e4736"})",
        R"({"span_id":"00f067aa0ba902b7","root_span_id":"00000000000000000000000000000000"})", "no json", "[]", ""}) {
    EXPECT_FALSE(read_row(row, {}, span)) << row;
  }
}

TEST(SpanOfRow, KeepsParentsThatOtlpHasNoPlaceFor) {
  const json parents = {"aaaaaaaaaaaaaaab", "bbbbbbbbbbbbbbbc"};
  const json two = span_of(row_with({{"span_parents", parents}}));
  EXPECT_EQ(two["parentSpanId"], "aaaaaaaaaaaaaaab");
  EXPECT_EQ(json::parse(attributes_of(two)["braintrust.span_parents"].get<std::string>()), parents);
  const json uuid = span_of(row_with({{"span_parents", {"4bf92f35-77b3-4da6-a3ce-929d0e0e4736"}}}));
  EXPECT_FALSE(uuid.contains("parentSpanId"));
  EXPECT_EQ(attributes_of(uuid)["braintrust.span_parents"], R"(["4bf92f35-77b3-4da6-a3ce-929d0e0e4736"])");
}

TEST(SpanOfRow, KeepsTimesToTheMicrosecondThatTheyHave) {
  Span span;
  const std::string text =
      R"({"span_id":"00f067aa0ba902b7","root_span_id":"4bf92f3577b34da6a3ce929d0e0e4736","metrics":{"start":1732600000.123457,"end":1732600001.5}})";
  ASSERT_TRUE(read_row(text, {}, span));
  EXPECT_EQ(span.start, 1'732'600'000'123'457'000U);
  EXPECT_EQ(span.end, 1'732'600'001'500'000'000U);
}

TEST(SpanOfRow, TakesTimesThatSomebodyWroteInOtherWays) {
  Span span;
  const auto start_of = [&](const std::string& number) {
    read_row(R"({"span_id":"00f067aa0ba902b7","root_span_id":"4bf92f3577b34da6a3ce929d0e0e4736","metrics":{"start":)" + number +
                 "}}",
             {}, span);
    return span.start;
  };
  EXPECT_EQ(start_of("17e8"), 1'700'000'000'000'000'000U);
  EXPECT_EQ(start_of("1700000000"), 1'700'000'000'000'000'000U);
  EXPECT_NEAR(static_cast<double>(start_of("1700000000.12345678901")), 1'700'000'000'123'456'789.0, 1000);
  EXPECT_EQ(start_of("-5"), 0U);
  EXPECT_EQ(start_of("1e300"), 0U);
  EXPECT_EQ(start_of("null"), 0U);
}

TEST(SpanOfRow, SaysEachFieldInTheAttributeThatBraintrustReadsItFrom) {
  const json row =
      row_with({{"input", {{"question", "Wo \"ist\" Zoë?"}}},
                {"output", "there"},
                {"expected", {1, 2}},
                {"scores", {{"right", 0.5}}},
                {"metadata", {{"k", 10}}},
                {"metrics", {{"start", 1}, {"custom", 3}}},
                {"tags", {"a", "b\n"}},
                {"origin", {{"object_type", "dataset"}, {"object_id", "d"}, {"id", "r"}}},
                {"span_attributes", {{"name", "rerank"}, {"type", "function"}, {"exec_counter", 3}}},
                {"context", {{"caller_functionname", "f()"}, {"caller_filename", "a.cpp"}, {"caller_lineno", 12}}}});
  const json span = span_of(row, "project_name:My Project");
  const json said = attributes_of(span);
  const auto parsed = [&](const char* key) { return json::parse(said.at(key).get<std::string>()); };
  EXPECT_EQ(span["name"], "rerank");
  EXPECT_EQ(said["braintrust.parent"], "project_name:My Project");
  EXPECT_EQ(parsed("braintrust.input_json"), row["input"]);
  EXPECT_EQ(parsed("braintrust.output_json"), row["output"]);
  EXPECT_EQ(parsed("braintrust.expected_json"), row["expected"]);
  EXPECT_EQ(parsed("braintrust.scores"), row["scores"]);
  EXPECT_EQ(parsed("braintrust.metadata"), row["metadata"]);
  EXPECT_EQ(parsed("braintrust.metrics"), row["metrics"]);
  EXPECT_EQ(parsed("braintrust.origin"), row["origin"]);
  EXPECT_EQ(parsed("braintrust.span_attributes"), row["span_attributes"]);
  EXPECT_EQ(parsed("braintrust.context_json"), row["context"]);
  EXPECT_EQ(said["braintrust.tags"], json::parse(R"({"values":[{"stringValue":"a"},{"stringValue":"b\n"}]})"));
  EXPECT_EQ(said["code.function.name"], "f()");
  EXPECT_EQ(said["code.file.path"], "a.cpp");
  EXPECT_EQ(said["code.line.number"], "12");
}

TEST(SpanOfRow, MarksAFailedSpanWithStatusTypeAndEvent) {
  const json span = span_of(row_with({{"error", "std::runtime_error: no such \"file\""}, {"metrics", {{"end", 2.5}}}}));
  EXPECT_EQ(span["status"], (json{{"code", 2}, {"message", "std::runtime_error: no such \"file\""}}));
  EXPECT_EQ(attributes_of(span)["error.type"], "std::runtime_error");
  ASSERT_EQ(span["events"].size(), 1U);
  EXPECT_EQ(span["events"][0]["name"], "exception");
  EXPECT_EQ(span["events"][0]["timeUnixNano"], "2500000000");
  EXPECT_EQ(attributes_of(span["events"][0])["exception.message"], "no such \"file\"");
  EXPECT_EQ(attributes_of(span["events"][0])["exception.type"], "std::runtime_error");
  const json untyped = span_of(row_with({{"error", "it just failed: twice"}}));
  EXPECT_EQ(attributes_of(untyped)["error.type"], "_OTHER");
  EXPECT_EQ(attributes_of(untyped["events"][0]), (json{{"exception.message", "it just failed: twice"}}));
  EXPECT_EQ(span_of(row_with({{"error", {{"code", 7}}}}))["status"]["message"], R"({"code":7})");
  EXPECT_FALSE(span_of(row_with({{"error", nullptr}})).contains("status"));
}

TEST(SpanOfRow, WritesNoHalfOfASurrogatePair) {
  Span span;
  const std::string row =
      R"({"span_id":"00f067aa0ba902b7","root_span_id":"4bf92f3577b34da6a3ce929d0e0e4736","tags":["\ud83d","\ud83d\ude00"]})";
  ASSERT_TRUE(read_row(row, {}, span));
  Buffer spans;
  json_encoding().add(span, span.end, spans);
  const json tags = attributes_of(json::parse(spans.view()))["braintrust.tags"]["values"];
  EXPECT_EQ(tags, json::parse(R"([{"stringValue":"\ufffd"},{"stringValue":"\ud83d\ude00"}])"));
}

TEST(SpanOfRow, CallsAModelCallAClients) {
  const auto kind = [](const char* type) { return span_of(row_with({{"span_attributes", {{"type", type}}}}))["kind"]; };
  EXPECT_EQ(kind("llm"), schema::span_kind::client);
  EXPECT_EQ(kind("tool"), schema::span_kind::internal);
}

// --- gen_ai

TEST(GenAi, NamesModelParametersAndTokensOfAModelCall) {
  const json said = attributes_of_row(
      {{"span_attributes", {{"name", "Chat Completion"}, {"type", "llm"}}},
       {"metadata",
        {{"model", "gpt-5-mini"},
         {"provider", "openai"},
         {"temperature", 0.5},
         {"max_completion_tokens", 100},
         {"max_tokens", 90},
         {"stop", {"END"}},
         {"top_p", "high"},
         {"seed", 1.5},
         {"other", 1}}},
       {"metrics", {{"prompt_tokens", 12}, {"completion_tokens", 3}, {"prompt_cached_tokens", 4}, {"tokens", 15}}}});
  EXPECT_EQ(said["gen_ai.operation.name"], "chat");
  EXPECT_EQ(said["gen_ai.request.model"], "gpt-5-mini");
  EXPECT_EQ(said["gen_ai.provider.name"], "openai");
  EXPECT_EQ(said["gen_ai.request.temperature"], 0.5);
  EXPECT_EQ(said["gen_ai.request.max_tokens"], "100");
  EXPECT_EQ(said["gen_ai.request.stop_sequences"], json::parse(R"({"values":[{"stringValue":"END"}]})"));
  EXPECT_EQ(said["gen_ai.usage.input_tokens"], "12");
  EXPECT_EQ(said["gen_ai.usage.output_tokens"], "3");
  EXPECT_EQ(said["gen_ai.usage.cache_read.input_tokens"], "4");
  EXPECT_FALSE(said.contains("gen_ai.request.top_p")) << "a text is no number";
  EXPECT_FALSE(said.contains("gen_ai.request.seed")) << "half a seed is none";
}

TEST(GenAi, NamesProvidersInTheWordsOfTheConventions) {
  const auto provider = [](const char* ours) {
    return attributes_of_row(
        {{"span_attributes", {{"type", "llm"}}}, {"metadata", {{"provider", ours}}}})["gen_ai.provider.name"];
  };
  EXPECT_EQ(provider("bedrock"), "aws.bedrock");
  EXPECT_EQ(provider("google"), "gcp.gen_ai");
  EXPECT_EQ(provider("mistral"), "mistral_ai");
  EXPECT_EQ(provider("xai"), "x_ai");
  EXPECT_EQ(provider("cohere"), "cohere");
}

TEST(GenAi, IsSilentOnOtherSpans) {
  const json said =
      attributes_of_row({{"span_attributes", {{"type", "function"}}}, {"metadata", {{"model", "m"}}}, {"input", "i"}});
  for (const auto& [key, value] : said.items()) EXPECT_FALSE(key.starts_with("gen_ai.")) << key;
}

TEST(GenAi, NamesAToolAndWhatItWasGiven) {
  const json said = attributes_of_row(
      {{"span_attributes", {{"name", "search"}, {"type", "tool"}}}, {"input", {{"q", "x"}}}, {"output", {1, 2}}});
  EXPECT_EQ(said["gen_ai.operation.name"], "execute_tool");
  EXPECT_EQ(said["gen_ai.tool.name"], "search");
  EXPECT_EQ(said["gen_ai.tool.call.arguments"], R"({"q":"x"})");
  EXPECT_EQ(said["gen_ai.tool.call.result"], "[1,2]");
}

TEST(GenAi, KnowsEmbeddings) {
  const json said =
      attributes_of_row({{"span_attributes", {{"type", "llm"}}}, {"input", "text"}, {"output", {{"embedding_length", 3}}}});
  EXPECT_EQ(said["gen_ai.operation.name"], "embeddings");
  EXPECT_FALSE(said.contains("gen_ai.input.messages"));
}

TEST(GenAi, SaysWhyEachChoiceEnded) {
  const json said = attributes_of_row({{"span_attributes", {{"type", "llm"}}},
                                       {"output",
                                        {{{"finish_reason", "stop"}, {"message", {{"content", "a"}}}},
                                         {{"finish_reason", "length"}, {"message", {{"content", "b"}}}}}}});
  EXPECT_EQ(said["gen_ai.response.finish_reasons"],
            json::parse(R"({"values":[{"stringValue":"stop"},{"stringValue":"length"}]})"));
}

struct MessageCase {
  const char* name;
  const char* ours;
  const char* role;
  const char* theirs;
};

class GenAiMessages : public testing::TestWithParam<MessageCase> {};

TEST_P(GenAiMessages, AreWrittenAsTheConventionsHaveThem) {
  const MessageCase& one = GetParam();
  const std::string messages = messages_of(one.ours, one.role);
  if (*one.theirs == '\0') {
    EXPECT_THAT(messages, IsEmpty());
  } else {
    EXPECT_EQ(json::parse(messages), json::parse(one.theirs));
  }
}

const MessageCase message_cases[] = {
    {"a_text", R"("Hi \"you\"")", "user", R"([{"role":"user","parts":[{"type":"text","content":"Hi \"you\""}]}])"},
    {"texts", R"(["a","b"])", "user",
     R"([{"role":"user","parts":[{"type":"text","content":"a"}]},{"role":"user","parts":[{"type":"text","content":"b"}]}])"},
    {"chat",
     R"([{"role":"system","content":"Be brief."},{"role":"user","content":[{"type":"text","text":"Look:"},{"type":"image_url","image_url":{"url":"u"}}]}])",
     "user",
     R"([{"role":"system","parts":[{"type":"text","content":"Be brief."}]},{"role":"user","parts":[{"type":"text","content":"Look:"},{"type":"image_url","image_url":{"url":"u"}}]}])"},
    {"chat_choice",
     R"([{"index":0,"finish_reason":"tool_calls","message":{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}]}}])",
     "assistant",
     R"([{"role":"assistant","parts":[{"type":"tool_call","id":"c1","name":"f","arguments":"{\"x\":1}"}],"finish_reason":"tool_calls"}])"},
    {"tool_message", R"([{"role":"tool","tool_call_id":"c1","content":"42"}])", "user",
     R"([{"role":"tool","parts":[{"type":"tool_call_response","id":"c1","response":"42"}]}])"},
    {"anthropic",
     R"({"role":"assistant","content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"Yes"},{"type":"tool_use","id":"t","name":"f","input":{"x":1}}],"stop_reason":"tool_use"})",
     "assistant",
     R"([{"role":"assistant","parts":[{"type":"reasoning","content":"hm"},{"type":"text","content":"Yes"},{"type":"tool_call","id":"t","name":"f","arguments":{"x":1}}],"finish_reason":"tool_use"}])"},
    {"anthropic_result", R"([{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"9"}]}])", "user",
     R"([{"role":"user","parts":[{"type":"tool_call_response","id":"t","response":"9"}]}])"},
    {"google",
     R"([{"role":"user","parts":[{"text":"Hi"},{"functionCall":{"name":"f","args":{"x":1}}},{"functionResponse":{"name":"f","response":{"y":2}}}]}])",
     "user",
     R"([{"role":"user","parts":[{"type":"text","content":"Hi"},{"type":"tool_call","name":"f","arguments":{"x":1}},{"type":"tool_call_response","response":{"y":2}}]}])"},
    {"responses",
     R"([{"type":"reasoning","summary":[{"type":"summary_text","text":"so"}]},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"message","role":"assistant","content":[{"type":"output_text","text":"done"}]}])",
     "assistant",
     R"([{"role":"assistant","parts":[{"type":"reasoning","content":[{"type":"summary_text","text":"so"}]}]},{"role":"assistant","parts":[{"type":"tool_call","id":"c","name":"f","arguments":"{}"}]},{"role":"assistant","parts":[{"type":"text","content":"done"}]}])"},
    {"a_request", R"({"messages":[{"role":"user","content":"Hi"}]})", "user",
     R"([{"role":"user","parts":[{"type":"text","content":"Hi"}]}])"},
    {"numbers", "[1,2,3]", "user", ""},
    {"a_number", "5", "user", ""},
    {"nothing", "null", "user", ""},
    {"no_messages", "[]", "user", ""},
};

INSTANTIATE_TEST_SUITE_P(All, GenAiMessages, testing::ValuesIn(message_cases), [](const auto& one) { return one.param.name; });

// --- protobuf

// The fields of one span as protobuf has them: numbers of times and kind, texts of the rest, attributes by key.
struct Decoded {
  std::map<unsigned, std::string> texts;
  std::map<unsigned, std::uint64_t> numbers;
  std::map<std::string, std::string> strings;
  std::map<std::string, std::uint64_t> integers;
  std::map<std::string, double> doubles;
  std::map<std::string, std::vector<std::string>> lists;
};

void decode_attribute(std::string_view bytes, Decoded& out) {
  std::string key;
  ProtobufReader pair(bytes);
  while (pair.next()) {
    if (pair.field() == schema::key_value::key) key = pair.bytes();
    if (pair.field() != schema::key_value::value) continue;
    ProtobufReader value(pair.bytes());
    ASSERT_TRUE(value.next());
    if (value.field() == schema::any_value::string) out.strings[key] = value.bytes();
    if (value.field() == schema::any_value::integer) out.integers[key] = value.integer();
    if (value.field() == schema::any_value::number) out.doubles[key] = value.number();
    if (value.field() == schema::any_value::array) {
      for (ProtobufReader values(value.bytes()); values.next();) {
        ProtobufReader element(values.bytes());
        ASSERT_TRUE(element.next());
        out.lists[key].emplace_back(element.bytes());
      }
    }
    EXPECT_FALSE(value.next());
  }
  EXPECT_TRUE(pair.ok());
}

Decoded decode_span(std::string_view bytes) {
  Decoded out;
  ProtobufReader span(bytes);
  while (span.next()) {
    if (span.field() == schema::span::attributes) {
      decode_attribute(span.bytes(), out);
    } else if (span.type() == WireType::length) {
      out.texts[span.field()] = span.bytes();
    } else {
      out.numbers[span.field()] = span.integer();
    }
  }
  EXPECT_TRUE(span.ok());
  return out;
}

TEST(ProtobufEncoding, HoldsTheSameAsTheJson) {
  const json row = row_with({{"input", {{"long", std::string(300, 'x')}, {"q", "Zoë \"\\ \n"}}},
                             {"span_attributes", {{"name", "say \"hi\""}, {"type", "llm"}}},
                             {"span_parents", {"aaaaaaaaaaaaaaab"}},
                             {"metadata", {{"model", "m"}, {"temperature", 0.25}, {"seed", -7}}},
                             {"metrics", {{"start", 1.5}, {"end", 2.25}, {"prompt_tokens", 300}}},
                             {"tags", {"a", "b\t"}},
                             {"error", "e: f"}});
  Span span;
  const std::string text = row.dump();
  ASSERT_TRUE(read_row(text, "project_id:p", span));
  Buffer spans;
  protobuf_encoding().add(span, span.end, spans);
  ProtobufReader in_scope(spans.view());
  ASSERT_TRUE(in_scope.next());
  EXPECT_EQ(in_scope.field(), schema::scope_spans::spans);
  const Decoded said = decode_span(in_scope.bytes());
  EXPECT_FALSE(in_scope.next());

  EXPECT_EQ(said.texts.at(schema::span::trace_id), "\x4b\xf9\x2f\x35\x77\xb3\x4d\xa6\xa3\xce\x92\x9d\x0e\x0e\x47\x36");
  EXPECT_EQ(said.texts.at(schema::span::span_id), std::string("\x00\xf0\x67\xaa\x0b\xa9\x02\xb7", 8));
  EXPECT_EQ(said.texts.at(schema::span::parent_span_id), "\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xab");
  EXPECT_EQ(said.texts.at(schema::span::name), "say \"hi\"");
  EXPECT_EQ(said.numbers.at(schema::span::kind), schema::span_kind::client);
  EXPECT_EQ(said.numbers.at(schema::span::start_time), 1'500'000'000U);
  EXPECT_EQ(said.numbers.at(schema::span::end_time), 2'250'000'000U);
  EXPECT_EQ(json::parse(said.strings.at("braintrust.input_json")), row["input"]);
  EXPECT_EQ(said.strings.at("braintrust.parent"), "project_id:p");
  EXPECT_EQ(said.integers.at("gen_ai.usage.input_tokens"), 300U);
  EXPECT_EQ(static_cast<std::int64_t>(said.integers.at("gen_ai.request.seed")), -7);
  EXPECT_EQ(said.doubles.at("gen_ai.request.temperature"), 0.25);
  EXPECT_THAT(said.lists.at("braintrust.tags"), testing::ElementsAre("a", "b\t"));

  ProtobufReader status(said.texts.at(schema::span::status));
  ASSERT_TRUE(status.next());
  EXPECT_EQ(status.bytes(), "e: f");
  ASSERT_TRUE(status.next());
  EXPECT_EQ(status.integer(), schema::status_code::error);
}

TEST(Encodings, ReadWhatAServerDidNotTake) {
  Buffer partial;
  ProtobufWriter inner(partial);
  inner.varint(schema::partial_success::rejected_spans, 300);
  inner.bytes(schema::partial_success::error_message, "too old");
  Buffer response;
  ProtobufWriter(response).bytes(schema::export_response::partial_success, partial.view());
  for (const PartialSuccess& read :
       {protobuf_encoding().read_response(response.view()),
        json_encoding().read_response(R"({"partialSuccess":{"rejectedSpans":"300","errorMessage":"too old"}})"),
        json_encoding().read_response(R"({"partialSuccess":{"rejectedSpans":300,"errorMessage":"too old"}})")}) {
    EXPECT_EQ(read.rejected_spans, 300U);
    EXPECT_EQ(read.message, "too old");
  }
  for (const char* const none :
       {"", "{}", "nonsense", "[[[", R"({"partialSuccess":null})", R"({"partialSuccess":{"rejectedSpans":-1}})"}) {
    EXPECT_EQ(json_encoding().read_response(none).rejected_spans, 0U) << none;
    EXPECT_EQ(protobuf_encoding().read_response(none).rejected_spans, 0U) << none;
  }
}

}  // namespace
}  // namespace braintrust::detail::otlp
