// A client's function that is wrapped: the program sees what it saw before, and each call is a span.

#include <braintrust/instrument/wrap.h>

#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <braintrust/tracing.h>

#include "trace/backend.h"

namespace braintrust {
namespace {

using nlohmann::json;
using test::Backend;
using test::Row;
using testing::ElementsAre;
using testing::HasSubstr;

const json chat_answer = json::parse(
    R"({"model":"m-1","choices":[{"index":0,"message":{"role":"assistant","content":"4"},"finish_reason":"stop"}]})");

TEST(Wrap, PassesRequestAndResponseThroughAndRecordsThem) {
  Backend backend;
  json seen;
  auto create = wrap_openai([&](const json& request) {
    seen = request;
    return chat_answer;
  });
  const json answer = create({{"model", "m"}, {"messages", {{{"role", "user"}, {"content", "2+2?"}}}}});
  EXPECT_EQ(answer, chat_answer);
  EXPECT_EQ(seen["messages"][0]["content"], "2+2?");
  const Row row = backend.row("Chat Completion");
  EXPECT_EQ(row["input"][0]["content"], "2+2?");
  EXPECT_EQ(row["output"][0]["message"]["content"], "4");
  EXPECT_THAT(row["context"]["caller_filename"], HasSubstr("wrap_test.cpp"));
}

TEST(Wrap, TakesJsonTextToo) {
  Backend backend;
  auto create = wrap_openai([](const std::string& request) {
    EXPECT_THAT(request, HasSubstr("2+2?"));
    return chat_answer.dump();
  });
  EXPECT_EQ(create(std::string(R"({"model":"m","messages":[{"role":"user","content":"2+2?"}]})")), chat_answer.dump());
  EXPECT_EQ(backend.row("Chat Completion")["output"][0]["message"]["content"], "4");
}

TEST(Wrap, RecordsWhatThrowsAndLetsItPass) {
  Backend backend;
  auto create = wrap_openai([](const json&) -> json { throw std::runtime_error("no route to host"); });
  EXPECT_THROW(create({{"model", "m"}, {"messages", json::array()}}), std::runtime_error);
  const Row row = backend.row("Chat Completion");
  EXPECT_THAT(row["error"].get<std::string>(), HasSubstr("std::runtime_error: no route to host"));
  EXPECT_EQ(row["metadata"]["model"], "m");
}

TEST(Wrap, OfAStreamHandsOnEachPieceAndAddsThemUp) {
  Backend backend;
  auto stream = wrap_openai([](const json& request, auto on_chunk) {
    EXPECT_TRUE(request["stream"]);
    on_chunk(std::string_view("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Par"));
    on_chunk(std::string_view("is\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"));
    return 200;
  });
  std::vector<std::string> pieces;
  const int status = stream({{"model", "m"}, {"stream", true}, {"messages", json::array()}},
                            [&](std::string_view piece) { pieces.emplace_back(piece); });
  EXPECT_EQ(status, 200);
  EXPECT_EQ(pieces.size(), 2u);
  const Row row = backend.row("Chat Completion");
  EXPECT_EQ(row["output"][0]["message"]["content"], "Paris");
  EXPECT_TRUE(row["metrics"].contains("time_to_first_token"));
}

TEST(Wrap, OfAStreamTakesEventsAsJson) {
  Backend backend;
  auto stream = wrap_openai([](const json&, const std::function<void(const json&)>& on_event) {
    on_event({{"choices", {{{"index", 0}, {"delta", {{"content", "Par"}}}}}}});
    on_event({{"choices", {{{"index", 0}, {"delta", {{"content", "is"}}}, {"finish_reason", "stop"}}}}});
  });
  std::vector<json> events;
  stream({{"model", "m"}, {"messages", json::array()}}, [&](const json& event) { events.push_back(event); });
  EXPECT_EQ(events.size(), 2u);
  EXPECT_EQ(backend.row("Chat Completion")["output"][0]["message"]["content"], "Paris");
}

TEST(Wrap, OfAStreamOfBedrockTakesEventsAsItsSdkHasThem) {
  Backend backend;
  auto stream = wrap("bedrock", [](const json&, const std::function<void(const json&)>& on_event) {
    on_event({{"messageStart", {{"role", "assistant"}}}});
    on_event({{"contentBlockDelta", {{"contentBlockIndex", 0}, {"delta", {{"text", "Par"}}}}}});
    on_event({{"contentBlockDelta", {{"contentBlockIndex", 0}, {"delta", {{"text", "is"}}}}}});
    on_event({{"messageStop", {{"stopReason", "end_turn"}}}});
  });
  stream({{"modelId", "m"}, {"messages", json::array()}}, [](const json&) {});
  EXPECT_EQ(backend.row("bedrock.converse-stream")["output"][0]["content"][0]["text"], "Paris");
}

TEST(Wrap, OfAStreamThatThrowsKeepsWhatHadArrived) {
  Backend backend;
  auto stream = wrap_openai([](const json&, auto on_chunk) {
    on_chunk(std::string_view("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Par\"}}]}\n\n"));
    throw std::runtime_error("cut");
  });
  EXPECT_THROW(stream({{"model", "m"}, {"messages", json::array()}}, [](std::string_view) {}), std::runtime_error);
  const Row row = backend.row("Chat Completion");
  EXPECT_EQ(row["output"][0]["message"]["content"], "Par");
  EXPECT_THAT(row["error"].get<std::string>(), HasSubstr("cut"));
}

TEST(Wrap, WithinAWrapTracesTheCallOnce) {
  Backend backend;
  auto inner = wrap_openai([](const json&) { return chat_answer; });
  auto outer = wrap_openai([&](const json& request) { return inner(request); });
  (void)outer({{"model", "m"}, {"messages", json::array()}});
  EXPECT_EQ(backend.rows().size(), 1u);
  (void)inner({{"model", "m"}, {"messages", json::array()}});
  EXPECT_EQ(backend.rows().size(), 2u);
}

TEST(Wrap, WithoutALoggerOnlyCalls) {
  auto create = wrap_openai([](const json&) { return chat_answer; });
  EXPECT_EQ(create({{"model", "m"}}), chat_answer);
}

struct Shape {
  std::string provider;
  json request;
  bool streamed;
  std::string path;
};
void PrintTo(const Shape& shape, std::ostream* out) { *out << shape.provider << ' ' << shape.request.dump(); }

class PathOfRequest : public testing::TestWithParam<Shape> {};
TEST_P(PathOfRequest, TellsTheApi) {
  const Shape& shape = GetParam();
  EXPECT_EQ(detail::path_of_request(shape.provider, shape.request.dump(), shape.streamed), shape.path);
}
INSTANTIATE_TEST_SUITE_P(
    Shapes, PathOfRequest,
    testing::Values(Shape{"openai", {{"messages", json::array()}}, false, "/v1/chat/completions"},
                    Shape{"mistral", {{"messages", json::array()}}, true, "/v1/chat/completions"},
                    Shape{"openai", {{"model", "gpt-5-mini"}, {"input", "hi"}}, false, "/v1/responses"},
                    Shape{"openai", {{"model", "text-embedding-3-small"}, {"input", "hi"}}, false, "/v1/embeddings"},
                    Shape{"openai", {{"model", "omni-moderation-latest"}, {"input", "hi"}}, false, "/v1/moderations"},
                    Shape{"openai", {{"model", "gpt-image-1"}, {"prompt", "a cat"}}, false, "/v1/images/generations"},
                    Shape{"vllm", {{"model", "m"}, {"prompt", "a cat"}}, false, "/v1/completions"},
                    Shape{"anthropic", {{"messages", json::array()}}, true, "/v1/messages"},
                    Shape{"google", {{"model", "models/gemini-x"}}, false, "/v1beta/models/gemini-x:generateContent"},
                    Shape{"google", {{"model", "gemini-x"}}, true, "/v1beta/models/gemini-x:streamGenerateContent"},
                    Shape{"google", {{"model", "publishers/google/models/g"}}, false, "/v1beta/models/g:generateContent"},
                    Shape{"google", {{"model", "tunedModels/mine"}}, false, "/v1beta/models/mine:generateContent"},
                    Shape{"bedrock", {{"modelId", "a.b:0"}}, true, "/model/a.b:0/converse-stream"},
                    Shape{"cohere", {{"messages", json::array()}}, false, "/v2/chat"},
                    Shape{"ollama", {{"messages", json::array()}}, false, "/api/chat"},
                    Shape{"ollama", {{"prompt", "hi"}}, false, "/api/generate"}));

}  // namespace
}  // namespace braintrust
