// OTLP over real HTTP, as exporters send it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include <braintrust/local/draw.h>
#include <braintrust/local/server.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/gzip.h"
#include "local/http_client.h"
#include "local/must.h"
#include "local/otlp_bytes.h"
#include "local/store_state.h"
#include "otlp/protobuf_reader.h"

namespace braintrust::local {
namespace {

using nlohmann::json;
using testing::HasSubstr;
namespace schema = detail::otlp::schema;

const std::string trace = "5b8efff798038103d269b633813fc60c", one = "eee19b7ec3c1b171", two = "eee19b7ec3c1b172",
                  three = "eee19b7ec3c1b173";

json span(const std::string& id, const std::string& parent = "", json more = json::object()) {
  more["traceId"] = trace;
  more["spanId"] = id;
  if (!parent.empty()) more["parentSpanId"] = parent;
  if (!more.contains("name")) more["name"] = "span " + id.substr(15);
  return more;
}
std::string request(const std::vector<json>& spans) {
  const json scope = {{"spans", spans}};
  return json{{"resourceSpans", json::array({json{{"scopeSpans", json::array({scope})}}})}}.dump();
}
json attribute(const std::string& key, const std::string& text) {
  return json::array({json{{"key", key}, {"value", {{"stringValue", text}}}}});
}

std::string bytes_of(std::string_view message, std::initializer_list<unsigned> path) {
  std::string value(message);
  for (const auto field : path) {
    detail::otlp::ProtobufReader reader(value);
    std::string found;
    while (reader.next()) {
      if (reader.field() == field) found = reader.bytes();
    }
    value = found;
  }
  return value;
}
std::uint64_t integer_of(std::string_view message, unsigned field) {
  detail::otlp::ProtobufReader reader(message);
  std::uint64_t value = 0;
  while (reader.next()) {
    if (reader.field() == field) value = reader.integer();
  }
  return value;
}

class LocalOtlp : public testing::Test {
 protected:
  static constexpr const char* path = "/otel/v1/traces";

  HttpClient::Answer post(const std::string& to, const std::string& body, const std::vector<std::string>& headers = {},
                          const std::string& key = "any") {
    HttpClient client(server_.url(), key);
    for (const auto& header : headers) client.add_header(header);
    return client.post(to, body);
  }
  HttpClient::Answer send_json(const std::string& body, std::vector<std::string> headers = {"x-bt-parent: project_name:P"}) {
    headers.push_back("Content-Type: application/json; charset=utf-8");
    return post(path, body, headers);
  }
  HttpClient::Answer send_protobuf(const std::string& body,
                                   std::vector<std::string> headers = {"x-bt-parent: project_name:P"}) {
    headers.push_back("Content-Type: application/x-protobuf");
    return post(path, body, headers);
  }
  json rows() { return json::parse(must(server_.rows_json())); }
  std::string project_of(const json& row) {
    return must(server_.store().project(row.at("project_id").get<std::string>())).name;
  }

  Server server_ = must(Server::start());
};

TEST_F(LocalOtlp, StoresSpansInEitherEncodingAndAnswersInTheSame) {
  const auto as_json = send_json(request({span(one)}));
  EXPECT_EQ(as_json.status, 200);
  EXPECT_EQ(as_json.body, "{}");
  const auto as_protobuf = send_protobuf(bytes::request({bytes::ids(trace, two, one) + bytes::of(schema::span::name, "b")}));
  EXPECT_EQ(as_protobuf.status, 200);
  EXPECT_EQ(as_protobuf.body, "");
  ASSERT_EQ(rows().size(), 2U);
  EXPECT_EQ(rows().at(1).at("span_parents"), json::array({one}));
  EXPECT_EQ(project_of(rows().at(1)), "P");
  EXPECT_EQ(rows().at(1).at("log_id"), "g");
}

TEST_F(LocalOtlp, TakesBodiesThatAreCompressed) {
  EXPECT_EQ(send_json(detail::gzip(request({span(one)})), {"Content-Encoding: gzip"}).status, 200);
  const auto body = bytes::request({bytes::ids(trace, two)});
  EXPECT_EQ(send_protobuf(detail::gzip(body), {"Content-Encoding: gzip"}).status, 200);
  EXPECT_EQ(rows().size(), 2U);
  EXPECT_EQ(send_protobuf("no gzip at all", {"Content-Encoding: gzip"}).status, 400);
  EXPECT_EQ(send_protobuf(body, {"Content-Encoding: zstd"}).status, 415);
}

TEST_F(LocalOtlp, RefusesWhatIsNoMessageInTheEncodingOfTheRequest) {
  const auto as_json = send_json("{");
  EXPECT_EQ(as_json.status, 400);
  EXPECT_EQ(json::parse(as_json.body).at("code"), 3);
  EXPECT_THAT(json::parse(as_json.body).at("message"), HasSubstr("JSON"));
  const auto as_protobuf = send_protobuf("{");
  EXPECT_EQ(as_protobuf.status, 400);
  EXPECT_EQ(integer_of(as_protobuf.body, 1), 3U);
  EXPECT_THAT(bytes_of(as_protobuf.body, {2}), HasSubstr("protobuf"));
  EXPECT_EQ(post(path, request({span(one)}), {"Content-Type: text/plain"}).status, 415);
  EXPECT_EQ(post(path, request({span(one)}), {"Content-Type:"}).status, 415);
  EXPECT_EQ(HttpClient(server_.url()).get(path).status, 404);
  EXPECT_EQ(rows().size(), 0U);
}

TEST_F(LocalOtlp, BoundsABodyAlsoWhenItIsCompressed) {
  const std::string blank(65UL * 1024 * 1024, ' ');
  EXPECT_EQ(send_json(detail::gzip(blank), {"Content-Encoding: gzip"}).status, 413);
}

TEST_F(LocalOtlp, BoundsWhatASmallRequestComesToAsRows) {
  // Each span's row holds the whole of its resource.
  const json resource = {{"attributes", attribute("large", std::string(1u << 20, 'x'))}};
  std::vector<json> spans;
  for (int i = 0; i < 300; ++i) {
    spans.push_back(span(fmt::format("{:016x}", i + 1)));
  }
  const auto body_of = [&](const std::vector<json>& all) {
    const json scope = {{"spans", all}};
    return json{{"resourceSpans", json::array({json{{"resource", resource}, {"scopeSpans", json::array({scope})}}})}}.dump();
  };
  const auto refused = send_json(body_of(spans));
  EXPECT_EQ(refused.status, 413);
  EXPECT_EQ(json::parse(refused.body).at("code"), 8);
  EXPECT_THAT(json::parse(refused.body).at("message"), HasSubstr("268435456 bytes of rows"));
  EXPECT_EQ(rows().size(), 0U);
  spans.resize(3);
  EXPECT_EQ(send_json(body_of(spans)).status, 200);
  EXPECT_EQ(rows().size(), 3U);
}

TEST_F(LocalOtlp, WantsSomeKeyAlsoOneThatTheExporterDidNotDecode) {
  const auto refused = post(path, request({span(one)}), {"Content-Type: application/json"}, "");
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(json::parse(refused.body).at("code"), 16);
  const std::vector<std::string> undecoded = {"Content-Type: application/json", "Authorization: Bearer%20local",
                                              "x-bt-parent: project_name:My%20P"};
  EXPECT_EQ(post(path, request({span(one)}), undecoded, "").status, 200);
  EXPECT_EQ(project_of(rows().at(0)), "My P");
}

TEST_F(LocalOtlp, PutsASpanWhereItsAttributeSaysElseWhereTheHeaderDoes) {
  const auto body = request({span(one), span(two, one, {{"attributes", attribute("braintrust.parent", "experiment_id:e1")}}),
                             span(three, one, {{"attributes", attribute("braintrust.parent", "project_id:p1")}})});
  EXPECT_EQ(send_json(body, {"x-bt-parent: project_name:From the header"}).body, "{}");
  const auto stored = rows();
  ASSERT_EQ(stored.size(), 3U);
  EXPECT_EQ(project_of(stored.at(0)), "From the header");
  EXPECT_EQ(stored.at(1).at("experiment_id"), "e1");
  EXPECT_EQ(stored.at(2).at("project_id"), "p1");
}

TEST_F(LocalOtlp, KeepsASpanThatNamesNoProjectAndSaysThatTheServiceWouldNot) {
  const auto as_json = send_json(request({span(one)}), {});
  const auto partial = json::parse(as_json.body).at("partialSuccess");
  EXPECT_EQ(partial.at("rejectedSpans"), "0");
  EXPECT_THAT(partial.at("errorMessage"), HasSubstr("x-bt-parent"));
  const auto as_protobuf = send_protobuf(bytes::request({bytes::ids(trace, two)}), {});
  EXPECT_THAT(bytes_of(as_protobuf.body, {1, 2}), HasSubstr("x-bt-parent"));
  EXPECT_EQ(integer_of(bytes_of(as_protobuf.body, {1}), 1), 0U);
  for (const auto& row : rows()) EXPECT_EQ(project_of(row), "Global");
  EXPECT_EQ(rows().size(), 2U);
}

TEST_F(LocalOtlp, RejectsSpansThatCannotBeKeptAndKeepsTheOthers) {
  auto without_id = span(two);
  without_id["spanId"] = "0000000000000000";
  const auto body = request({span(one), without_id, span(three, "", {{"attributes", attribute("braintrust.parent", "a slug")}}),
                             span(three, "", {{"attributes", attribute("braintrust.parent", "project_name:")}}),
                             span(three, "", {{"attributes", attribute("braintrust.parent", "project_name: \t")}})});
  const auto as_json = send_json(body);
  EXPECT_EQ(as_json.status, 200);
  const auto partial = json::parse(as_json.body).at("partialSuccess");
  EXPECT_EQ(partial.at("rejectedSpans"), "4");
  EXPECT_THAT(partial.at("errorMessage"), HasSubstr("3 spans of no project"));
  EXPECT_THAT(partial.at("errorMessage"), HasSubstr("1 span without a trace id"));
  EXPECT_EQ(rows().size(), 1U);
  const auto as_protobuf = send_protobuf(bytes::request({bytes::ids(std::string(32, '0'), one), bytes::ids(trace, two)}));
  EXPECT_EQ(integer_of(bytes_of(as_protobuf.body, {1}), 1), 1U);
  EXPECT_THAT(bytes_of(as_protobuf.body, {1, 2}), HasSubstr("1 span without"));
  EXPECT_EQ(rows().size(), 2U);
}

TEST_F(LocalOtlp, StoresASpanThatIsSentAgainOnceAndKeepsFeedbackOnIt) {
  send_json(request({span(one, "", {{"attributes", attribute("a", "1")}})}));
  auto row = rows().at(0);
  post("/logs3", json{{"rows", json::array({json{{"id", row.at("id")},
                                                 {"project_id", row.at("project_id")},
                                                 {"log_id", "g"},
                                                 {"_is_merge", true},
                                                 {"scores", {{"good", 1}}}}})}}
                     .dump());
  send_json(request({span(one, "", {{"attributes", attribute("a", "2")}, {"endTimeUnixNano", "2000000000"}})}));
  ASSERT_EQ(rows().size(), 1U);
  row = rows().at(0);
  EXPECT_EQ(row.at("metadata").at("a"), "2");
  EXPECT_EQ(row.at("metrics").at("end"), 2.0);
  EXPECT_EQ(row.at("scores"), json({{"good", 1}}));
  EXPECT_FALSE(row.contains("_is_merge"));
}

TEST_F(LocalOtlp, MakesOneTreeOfSpansThatComeInAnyOrderAndByEitherProtocol) {
  const auto times = [](int start, int end) {
    return json{{"startTimeUnixNano", std::to_string(start) + "000000000"},
                {"endTimeUnixNano", std::to_string(end) + "000000000"}};
  };
  send_json(request({span(three, two, times(3, 4))}));
  post("/logs3", json{{"rows", json::array({json{{"id", "row"},
                                                 {"project_id", "p"},
                                                 {"log_id", "g"},
                                                 {"span_id", two},
                                                 {"root_span_id", trace},
                                                 {"span_parents", json::array({one})},
                                                 {"span_attributes", {{"name", "ours"}}},
                                                 {"metrics", {{"start", 2}, {"end", 5}}}}})}}
                     .dump());
  send_json(request({span(one, "", times(1, 6))}));
  EXPECT_THAT(must(draw_trace(server_.store(), trace)),
              testing::ContainsRegex("3 spans.*5.00 s(.|\n)*span 1 .*\n.*ours .*\n.*span 3 "));
  EXPECT_EQ(must(draw_trace(server_.store(), trace)).find("parent missing"), std::string::npos);
}

TEST_F(LocalOtlp, ShowsAModelCallAsOne) {
  json list = json::array();
  for (const auto& [key, value] : std::vector<std::pair<std::string, std::string>>{
           {"gen_ai.operation.name", "chat"},
           {"gen_ai.input.messages", R"([{"role":"user","parts":[{"type":"text","content":"Is it raining?"}]}])"},
           {"gen_ai.output.messages", R"([{"role":"assistant","parts":[{"type":"text","content":"Yes."}]}])"}}) {
    list.push_back(attribute(key, value).at(0));
  }
  for (const auto* key : {"gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"}) {
    list.push_back(json{{"key", key}, {"value", {{"intValue", "21"}}}});
  }
  send_json(request({span(one, "",
                          {{"name", "chat gpt-5"},
                           {"attributes", list},
                           {"status", {{"code", 2}, {"message", "cut off"}}},
                           {"startTimeUnixNano", "1000000000"},
                           {"endTimeUnixNano", "1250000000"}})}));
  const auto tree = must(draw_trace(server_.store(), trace));
  EXPECT_THAT(tree, testing::ContainsRegex("chat gpt-5 +llm +250 ms +42 tok"));
  EXPECT_THAT(tree, HasSubstr("in     user: Is it raining?"));
  EXPECT_THAT(tree, HasSubstr("out    Yes."));
  EXPECT_THAT(tree, HasSubstr("cut off"));
}

TEST_F(LocalOtlp, AsksForSpansAgainWhenTheDatabaseFails) {
  ASSERT_TRUE(
      server_.store().state().locked([](Store::State& state) { state.database().run("ALTER TABLE rows RENAME TO gone"); }));
  const auto failed = send_protobuf(bytes::request({bytes::ids(trace, one)}));
  EXPECT_EQ(failed.status, 503);
  EXPECT_EQ(integer_of(failed.body, 1), 14U);
  ASSERT_TRUE(
      server_.store().state().locked([](Store::State& state) { state.database().run("ALTER TABLE gone RENAME TO rows"); }));
  EXPECT_EQ(send_protobuf(bytes::request({bytes::ids(trace, one)})).status, 200);
  EXPECT_EQ(rows().size(), 1U);
}

TEST_F(LocalOtlp, SaysThatItTakesTracesOnly) {
  for (const auto* other : {"/otel/v1/logs", "/otel/v1/metrics"}) {
    const auto answer = post(other, "", {"Content-Type: application/x-protobuf"});
    EXPECT_EQ(answer.status, 404);
    EXPECT_EQ(integer_of(answer.body, 1), 12U);
    EXPECT_THAT(bytes_of(answer.body, {2}), HasSubstr("OTEL_LOGS_EXPORTER=none"));
  }
}

}  // namespace
}  // namespace braintrust::local
