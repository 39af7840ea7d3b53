// cpp-httplib's client, traced, against a real server: it does what it did, and model calls are spans.

#include <braintrust/instrument/httplib.h>

#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <braintrust/tracing.h>

#include "support/scripted_server.h"
#include "trace/backend.h"

namespace braintrust {
namespace {

using test::Answer;
using test::Backend;
using test::Row;
using test::ScriptedServer;
using test::Variables;
using testing::HasSubstr;

const std::string path = "/v1/chat/completions";
const std::string question = R"({"model":"m","messages":[{"role":"user","content":"2+2?"}]})";
const std::string answer =
    R"({"model":"m-1","choices":[{"index":0,"message":{"role":"assistant","content":"4"},"finish_reason":"stop"}]})";
const std::string stream =
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Par\"}}]}\n\n"
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"is\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

// One model server for all tests, because a process reads its declared endpoints once.
class HttplibClient : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    server = new ScriptedServer;
    declaration = new Variables({{"BRAINTRUST_AUTO_ENDPOINTS", "openai=" + server->url()}});
  }
  static void TearDownTestSuite() {
    delete declaration;
    delete server;
  }
  void answer_with(Answer reply) { server->on(path, {std::move(reply)}); }

  static inline ScriptedServer* server = nullptr;
  static inline Variables* declaration = nullptr;
  Backend backend;
  httplib::Client client{server->url()};
};

TEST_F(HttplibClient, TracesAPostAndHandsOutItsAnswer) {
  answer_with({.body = answer, .headers = {{"Content-Type", "application/json"}}});
  const auto result = client.Post(path, question, "application/json");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->body, answer);
  EXPECT_EQ(server->requests(path).back().body, question);
  EXPECT_EQ(server->requests(path).back().headers.at("content-type"), "application/json");
  const Row row = backend.row("Chat Completion");
  EXPECT_EQ(row["input"][0]["content"], "2+2?");
  EXPECT_EQ(row["output"][0]["message"]["content"], "4");
  EXPECT_THAT(row["context"]["caller_filename"], HasSubstr("httplib_test.cpp"));
}

TEST_F(HttplibClient, TracesEveryFormOfPostWithABodyInMemory) {
  answer_with({.body = answer, .headers = {{"Content-Type", "application/json"}}});
  const ::httplib::Headers headers = {{"X-Mine", "1"}};
  EXPECT_TRUE(client.Post("/v1/chat/completions", question, "application/json"));
  EXPECT_TRUE(client.Post(path, headers, question, "application/json"));
  EXPECT_TRUE(client.Post(path, {{"X-Mine", "1"}}, question, "application/json"));
  EXPECT_TRUE(client.Post(path, question.data(), question.size(), "application/json"));
  EXPECT_TRUE(client.Post(path, headers, question.data(), question.size(), "application/json"));
  EXPECT_EQ(server->requests(path).back().headers.at("x-mine"), "1");
  EXPECT_EQ(backend.rows().size(), 5u);
}

TEST_F(HttplibClient, SendsByteForByteWhatHttplibsOwnClientSends) {
  answer_with({.body = answer, .headers = {{"Content-Type", "application/json"}}});
  ::httplib::Client plain(server->url());
  for (const bool compressed : {false, true}) {
    plain.set_compress(compressed);
    client.set_compress(compressed);
    EXPECT_TRUE(plain.Post(path, {{"X-Mine", "1"}}, question, "application/json"));
    EXPECT_TRUE(client.Post(path, {{"X-Mine", "1"}}, question, "application/json"));
    const auto requests = server->requests(path);
    EXPECT_EQ(requests.back().body, requests.at(requests.size() - 2).body);
    EXPECT_EQ(requests.back().headers, requests.at(requests.size() - 2).headers);
  }
  const auto rows = backend.rows();
  ASSERT_EQ(rows.size(), 2u);
  for (const Row& row : rows) EXPECT_EQ(row["input"][0]["content"], "2+2?");
}

TEST_F(HttplibClient, PassesAStreamThroughPieceByPieceAndAddsItUp) {
  answer_with({.body = stream, .headers = {{"Content-Type", "text/event-stream"}}});
  std::string seen;
  const auto result = client.Post(path, {}, question, "application/json", [&](const char* data, std::size_t size) {
    seen.append(data, size);
    return true;
  });
  ASSERT_TRUE(result);
  EXPECT_EQ(seen, stream);
  const Row row = backend.row("Chat Completion");
  EXPECT_EQ(row["output"][0]["message"]["content"], "Paris");
  EXPECT_TRUE(row["metrics"].contains("time_to_first_token"));
}

TEST_F(HttplibClient, OfAStreamThatTheProgramStopsKeepsWhatHadArrived) {
  // More than the client reads at once, so that the end has not arrived when the program stops.
  std::string longer = stream.substr(0, stream.find("\n\n") + 2);
  while (longer.size() < 100'000) longer += ": a comment\n\n";
  answer_with({.body = longer + stream.substr(stream.find("\n\n") + 2), .headers = {{"Content-Type", "text/event-stream"}}});
  const auto result = client.Post(path, {}, question, "application/json", [](const char*, std::size_t) { return false; });
  EXPECT_FALSE(result);
  const Row row = backend.row("Chat Completion");
  EXPECT_EQ(row["output"][0]["message"]["content"], "Par");
  EXPECT_FALSE(row.contains("error"));
}

TEST_F(HttplibClient, SendsAPreparedRequestToo) {
  answer_with({.body = answer, .headers = {{"Content-Type", "application/json"}}});
  ::httplib::Request request;
  request.method = "POST";
  request.path = path;
  request.body = question;
  EXPECT_TRUE(client.send(request));
  ::httplib::Client plain(server->url());
  EXPECT_TRUE(httplib::send(plain, server->url(), request));
  EXPECT_EQ(backend.rows().size(), 2u);
}

TEST_F(HttplibClient, SaysWhyACallFailed) {
  answer_with({.status = 429, .body = R"({"error":{"message":"slow down"}})"});
  EXPECT_EQ(client.Post(path, question, "application/json")->status, 429);
  EXPECT_THAT(backend.row("Chat Completion")["error"].get<std::string>(), HasSubstr("slow down"));
}

TEST_F(HttplibClient, RecordsAServerThatHangsUp) {
  answer_with({.deed = test::Deed::drop});
  EXPECT_FALSE(client.Post(path, question, "application/json"));
  const Row row = backend.row("Chat Completion");
  EXPECT_THAT(row["error"].get<std::string>(), HasSubstr("httplib"));
  EXPECT_EQ(row["input"][0]["content"], "2+2?");
}

TEST_F(HttplibClient, LeavesOtherRequestsAlone) {
  server->on("/v1/models", {{.body = "[]"}});
  server->on("/else", {{.body = "else"}});
  EXPECT_EQ(client.Get("/v1/models")->body, "[]");
  EXPECT_EQ(client.Post("/else", "x", "text/plain")->body, "else");
  EXPECT_EQ(client.Post("/else", ::httplib::Params{{"a", "b"}})->body, "else");
  EXPECT_TRUE(backend.rows().empty());
}

}  // namespace
}  // namespace braintrust
