// EmbeddingSimilarity: numbers worked out by hand, and how often a server is asked for them. Over real HTTP.

#include <braintrust/eval/judges.h>

#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "eval/model_server.h"

namespace braintrust {
namespace {

using nlohmann::json;
using scorers::EmbeddingSimilarity;
using test::Backend;
using test::judge_key;
using test::llm_row;
using test::ModelServer;
using test::Row;
using testing::HasSubstr;

// Knows an embedding for each text, and answers in the reverse order. None has the address of an earlier one, whose embeddings
// are still remembered.
struct Embedder : ModelServer {
  explicit Embedder(std::map<std::string, json> embeddings) {
    static int count = 0;
    base = "/" + std::to_string(++count);
    server.handle(base + "/embeddings", [embeddings](const test::ServerRequest& request) {
      const json input = json::parse(request.body)["input"];
      json data = json::array();
      for (std::size_t i = input.size(); i-- > 0;) {
        const auto found = embeddings.find(input[i].get<std::string>());
        if (found != embeddings.end()) data.push_back({{"object", "embedding"}, {"index", i}, {"embedding", found->second}});
      }
      return test::Answer{.body = json{{"data", data}, {"usage", {{"prompt_tokens", 4}, {"total_tokens", 4}}}}.dump()};
    });
  }
  scorers::ModelClient client() const { return {.base_url = server.url() + base, .api_key = judge_key}; }
  EmbeddingSimilarity similarity() const { return {.client = client()}; }

  std::string base;
};

const std::map<std::string, json> plane = {{"east", {1, 0}},  {"north-east", {0.8, 0.6}}, {"far east", {7, 0}},
                                           {"north", {0, 1}}, {"west", {-1, 0}},          {"nowhere", {0, 0}}};

TEST(EmbeddingSimilarity, IsTheCosineFromTheLeastExpectedToOne) {
  const Embedder server(plane);
  const auto similarity = server.similarity();
  EXPECT_NEAR(similarity("east", "north-east").score.value(), (0.8 - 0.7) / 0.3, 1e-6);
  EXPECT_NEAR(similarity("east", "far east").score.value(), 1, 1e-9) << "length does not count";
  EXPECT_EQ(similarity("east", "east").score, 1);
  EXPECT_EQ(similarity("east", "north").score, 0);
  EXPECT_EQ(similarity("east", "west").score, 0) << "never less than 0";
  EXPECT_EQ(similarity("east", "nowhere").score, 0);
  EXPECT_EQ(similarity({.output = "east", .expected = "east"}).name, "EmbeddingSimilarity");
  const EmbeddingSimilarity lenient{.expected_min = 0, .client = server.client()};
  EXPECT_NEAR(lenient("east", "north-east").score.value(), 0.8, 1e-6);
  EXPECT_EQ(lenient("east", "west").score, 0);
  const EmbeddingSimilarity negative{.expected_min = -1, .client = server.client()};
  EXPECT_NEAR(negative("east", "north").score.value(), 0.5, 1e-6);
}

TEST(EmbeddingSimilarity, AsksOnceForEachText) {
  const Embedder server(plane);
  const auto similarity = server.similarity();
  similarity("east", "north-east");
  EXPECT_EQ(server.server.count(), 1u) << "both texts in one request";
  EXPECT_EQ(server.last_request(), (json{{"model", "text-embedding-ada-002"}, {"input", {"east", "north-east"}}}));
  EXPECT_EQ(server.last_authorization(), "Bearer " + judge_key);
  similarity("north-east", "east");
  EXPECT_EQ(server.server.count(), 1u);
  similarity("east", "north");
  EXPECT_EQ(server.last_request()["input"], json::array({"north"})) << "only what is new";
  similarity("west", "west");
  EXPECT_EQ(server.last_request()["input"], json::array({"west"}));
  EXPECT_EQ(server.server.count(), 3u);
}

TEST(EmbeddingSimilarity, KeepsModelsPrefixesAndServersApart) {
  const Embedder server({{"east", {1, 0}}, {"north", {0, 1}}, {"to the east", {1, 0}}, {"to the north", {1, 0}}});
  EXPECT_EQ(server.similarity()("east", "north").score, 0);
  const EmbeddingSimilarity prefixed{.prefix = "to the ", .client = server.client()};
  EXPECT_EQ(prefixed("east", "north").score, 1);
  const EmbeddingSimilarity other_model{.model = "other", .client = server.client()};
  EXPECT_EQ(other_model("east", "north").score, 0);
  EXPECT_EQ(server.last_request()["model"], "other");
  EXPECT_EQ(server.server.count(), 3u);
  const Embedder other_server({{"east", {1, 0}}, {"north", {1, 0}}});
  EXPECT_EQ(other_server.similarity()("east", "north").score, 1);
}

TEST(EmbeddingSimilarity, ForgetsTheOldestWhenItKnowsTooMuch) {
  ModelServer server;
  server.server.on("/v1/embeddings", {{.body = R"({"data": [{"embedding": [1, 0]}]})"}});
  const EmbeddingSimilarity similarity{.client = server.client()};
  const auto ask = [&](int number) {
    const std::string text = std::to_string(number) + std::string(std::size_t{1} << 20, ' ');
    similarity(text, text);
    return server.server.count();
  };
  for (int i = 0; i < 40; ++i) ask(i);
  EXPECT_EQ(ask(39), 40u);
  EXPECT_EQ(ask(10), 40u);
  EXPECT_EQ(ask(0), 41u);
}

TEST(EmbeddingSimilarity, ComparesOtherValuesAsTheirJson) {
  const Embedder server({{R"({"a":1})", {1, 0}}, {"7", {1, 0}}});
  EXPECT_EQ(server.similarity()({{"a", 1}}, 7).score, 1);
}

TEST(EmbeddingSimilarity, SaysWhyThereIsNone) {
  const Embedder server({{"east", {1, 0}}, {"up", {0, 0, 1}}, {"text", {"a", "b"}}, {"blank", json::array()}});
  const auto similarity = server.similarity();
  const auto refused = [&](const EmbeddingSimilarity& scorer, const json& output, const json& expected) -> std::string {
    try {
      scorer(output, expected);
    } catch (const std::invalid_argument& error) {
      return std::string("invalid: ") + error.what();
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "no refusal";
  };
  EXPECT_THAT(refused(similarity, "east", nullptr), HasSubstr("invalid: EmbeddingSimilarity needs an expected value"));
  EXPECT_THAT(refused({.expected_min = 1, .client = server.client()}, "east", "east"), HasSubstr("expected_min"));
  EXPECT_THAT(refused(similarity, "east", "up"), HasSubstr("2 and 3 numbers"));
  for (const char* const text : {"unknown", "text", "blank"}) {
    EXPECT_THAT(refused(similarity, "east", text), HasSubstr("no embedding for each text")) << text;
  }
}

TEST(EmbeddingSimilarity, IsAModelCallOfAScorer) {
  const Embedder server(plane);
  Backend backend;
  scorers::init({.client = server.client()});
  EXPECT_EQ(scorers::embedding_similarity("east", "far east").score, 1);
  Row row = llm_row(backend);
  EXPECT_EQ(row["span_attributes"]["purpose"], "scorer");
  EXPECT_EQ(row["metadata"]["model"], "text-embedding-ada-002");
  EXPECT_EQ(row["metrics"]["prompt_tokens"], 4);
}

TEST(EmbeddingSimilarity, TakesManyThreadsAtOnce) {
  const Embedder server(plane);
  const auto similarity = server.similarity();
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 20; ++round) EXPECT_EQ(similarity("east", "north").score, 0);
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_LE(server.server.count(), 8u);
}

}  // namespace
}  // namespace braintrust
