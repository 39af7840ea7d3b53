// A watched model call becomes one `llm` span with all that INST asks for.

#include <braintrust/instrument/call.h>

#include <sys/resource.h>

#include <chrono>
#include <string>
#include <thread>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <braintrust/tracing.h>

#include "support/sanitized.h"
#include "support/told.h"
#include "trace/backend.h"

namespace braintrust {
namespace {

using test::Backend;
using test::Row;
using testing::HasSubstr;

const std::string question = R"({"model":"gpt-x","temperature":0.20,"messages":[{"role":"user","content":"2+2?"}]})";
const std::string answer =
    R"({"id":"c1","model":"gpt-x-2025","choices":[{"index":0,"message":{"role":"assistant","content":"4"},"finish_reason":"stop"}],)"
    R"("usage":{"prompt_tokens":9,"completion_tokens":1,"total_tokens":10}})";

llm::Call chat(std::string_view request = question) {
  return llm::start_call({.provider = "openai", .path = "/v1/chat/completions", .request = request});
}

std::string chunk(const std::string& text) {
  return R"(data: {"model":"gpt-x-2025","choices":[{"index":0,"delta":{"role":"assistant","content":")" + text + "\"}}]}\n\n";
}
const std::string last_chunk =
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

TEST(Call, BecomesAnLlmSpanUnderTheCurrentOne) {
  Backend backend;
  std::string parent;
  {
    const Span request = start_span("request");
    parent = to_string(request.span_id());
    auto call = chat();
    call.on_chunk(answer);
    call.end({.status = 200, .content_type = "application/json"});
  }
  const Row row = backend.row("Chat Completion");
  EXPECT_EQ(row["span_attributes"]["type"], "llm");
  EXPECT_EQ(row["span_parents"], Row::array({parent}));
  EXPECT_EQ(row["input"], Row::parse(R"([{"role":"user","content":"2+2?"}])"));
  EXPECT_EQ(row["output"], Row::parse(R"([{"index":0,"message":{"role":"assistant","content":"4"},"finish_reason":"stop"}])"));
  EXPECT_EQ(row["metadata"], (Row{{"model", "gpt-x-2025"}, {"provider", "openai"}, {"temperature", 0.2}}));
  EXPECT_EQ(row["metrics"]["prompt_tokens"], 9);
  EXPECT_EQ(row["metrics"]["tokens"], 10);
  EXPECT_FALSE(row["metrics"].contains("time_to_first_token"));
  EXPECT_FALSE(row.contains("error"));
  EXPECT_EQ(row["context"]["span_origin"]["instrumentation"]["name"], "openai");
  EXPECT_THAT(row["context"]["caller_filename"], HasSubstr("call_test.cpp"));
}

TEST(Call, IsNeverCurrentItself) {
  Backend backend;
  const Span outer = start_span("outer");
  auto call = chat();
  EXPECT_EQ(current_span().span_id(), outer.span_id());
  call.end();
}

TEST(Call, OfAStreamAddsUpItsChunksAndTimesTheFirst) {
  Backend backend;
  {
    auto call = chat();
    const std::string stream = chunk("Par") + chunk("is") + last_chunk;
    for (const char byte : stream) call.on_chunk({&byte, 1});
    call.end({.content_type = "text/event-stream"});
  }
  const Row row = backend.row("Chat Completion");
  EXPECT_EQ(row["output"][0]["message"]["content"], "Paris");
  EXPECT_EQ(row["output"][0]["finish_reason"], "stop");
  ASSERT_TRUE(row["metrics"].contains("time_to_first_token"));
  EXPECT_GE(row["metrics"]["time_to_first_token"], 0);
  EXPECT_LE(row["metrics"]["time_to_first_token"].get<double>(),
            row["metrics"]["end"].get<double>() - row["metrics"]["start"].get<double>() + 1e-3);
}

// OpenRouter and DeepSeek send comments while the model is still silent. INST 7.17: the first event counts.
TEST(Call, CommentsBeforeAStreamDoNotStopTheClock) {
  Backend backend;
  auto call = chat();
  for (const char* silence : {": OPENROUTER", " PROCESSING\n", "\n", ": keep-alive\r\n\r\n"}) call.on_chunk(silence);
  const auto spoken = std::chrono::system_clock::now();
  call.on_chunk(chunk("Paris"));
  call.end({.content_type = "text/event-stream"});
  const Row row = backend.row("Chat Completion");
  EXPECT_EQ(row["output"][0]["message"]["content"], "Paris");
  const double first = row["metrics"]["start"].get<double>() + row["metrics"]["time_to_first_token"].get<double>();
  EXPECT_GE(first, std::chrono::duration<double>(spoken.time_since_epoch()).count() - 1e-3);
}

TEST(Call, WithARequestThatIsTooLargeToKeepStillSaysWhatItIs) {
  Backend backend;
  const test::Told told;
  {
    auto call = chat(R"({"model":"gpt-x","messages":[{"role":"user","content":")" + std::string(33u << 20, 'x') + "\"}]}");
    call.on_chunk(answer);
    call.end();
  }
  const Row row = backend.row("Chat Completion");
  EXPECT_EQ(row["metadata"]["provider"], "openai");
  EXPECT_EQ(row["metadata"]["model"], "gpt-x-2025");
  EXPECT_EQ(row["output"][0]["message"]["content"], "4");
  EXPECT_TRUE(told.mentions("32 MiB"));
}

TEST(Call, ThatIsDroppedKeepsWhatHadArrivedAndIsNoError) {
  Backend backend;
  {
    auto call = chat();
    call.on_chunk(chunk("Par"));
  }
  const Row row = backend.row("Chat Completion");
  EXPECT_EQ(row["output"][0]["message"]["content"], "Par");
  EXPECT_FALSE(row.contains("error"));
}

TEST(Call, ThatBreaksOffHasBothErrorAndPartialOutput) {
  Backend backend;
  {
    auto call = chat();
    call.on_chunk(chunk("Par"));
    call.end({.status = 200, .content_type = "text/event-stream", .error = "Recv failure: Connection reset by peer"});
  }
  const Row row = backend.row("Chat Completion");
  EXPECT_EQ(row["output"][0]["message"]["content"], "Par");
  EXPECT_THAT(row["error"].get<std::string>(), HasSubstr("Connection reset by peer"));
}

TEST(Call, WithoutAResponseHasItsInputAndTheError) {
  Backend backend;
  chat().end({.status = 0, .error = "Could not resolve host"});
  const Row row = backend.row("Chat Completion");
  EXPECT_EQ(row["input"][0]["content"], "2+2?");
  EXPECT_EQ(row["metadata"]["model"], "gpt-x");
  EXPECT_THAT(row["error"].get<std::string>(), HasSubstr("Could not resolve host"));
  EXPECT_FALSE(row.contains("output"));
}

TEST(Call, ThatTheProviderRefusesSaysWhy) {
  Backend backend;
  {
    auto call = chat();
    call.on_chunk(R"({"error":{"message":"slow down","type":"rate_limit_error"}})");
    call.end({.status = 429, .content_type = "application/json"});
  }
  const std::string error = backend.row("Chat Completion")["error"];
  EXPECT_THAT(error, HasSubstr("429"));
  EXPECT_THAT(error, HasSubstr("slow down"));
}

TEST(Call, EndsOnceAndTakesNothingAfterItsEnd) {
  Backend backend;
  {
    auto call = chat();
    call.on_chunk(answer);
    call.end();
    call.on_chunk("more");
    call.end({.status = 500});
    EXPECT_FALSE(call);
  }
  EXPECT_EQ(backend.rows().size(), 1u);
  EXPECT_FALSE(backend.row("Chat Completion").contains("error"));
}

TEST(Call, MayMoveToAnotherThreadInTheMiddle) {
  Backend backend;
  auto call = chat();
  call.on_chunk(chunk("Par"));
  std::thread([call = std::move(call)]() mutable {
    call.on_chunk(chunk("is"));
    call.end();
  }).join();
  EXPECT_EQ(backend.row("Chat Completion")["output"][0]["message"]["content"], "Paris");
}

TEST(Call, OnAPathThatIsNoModelCallIsANoOp) {
  Backend backend;
  EXPECT_FALSE(llm::start_call({.provider = "openai", .path = "/v1/files", .request = "{}"}));
  EXPECT_FALSE(llm::start_call({.provider = "openai", .path = "", .request = "{}"}));
  EXPECT_TRUE(backend.rows().empty());
}

TEST(Call, WithoutALoggerIsANoOp) {
  auto call = chat();
  EXPECT_FALSE(call);
  call.on_chunk(answer);
  call.end();
}

TEST(Call, OfGarbageBothWaysStillHasASpan) {
  Backend backend;
  {
    auto call = chat(std::string_view("\x00\xff{{{", 6));
    call.on_chunk("\xff\xfe not json");
    call.end({.status = 200, .content_type = "application/json"});
  }
  ASSERT_EQ(backend.rows().size(), 1u);
  EXPECT_EQ(backend.rows()[0]["span_attributes"]["type"], "llm");
  EXPECT_EQ(backend.rows()[0]["metadata"]["provider"], "openai");
}

TEST(Call, KeepsTheUsageAtTheEndOfAStreamThatIsTooLongToKeep) {
  Backend backend;
  {
    auto call = chat();
    const std::string piece = chunk(std::string(64 * 1024, 'x'));
    for (std::size_t sent = 0; sent < (20u << 20); sent += piece.size()) call.on_chunk(piece);
    call.on_chunk("data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4,\"total_tokens\":7}}\n\n");
    call.end({.content_type = "text/event-stream"});
  }
  const Row row = backend.row("Chat Completion");
  EXPECT_EQ(row["metrics"]["tokens"], 7);
  EXPECT_LE(row["output"].dump().size(), 17u << 20);
}

long peak_kib() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

TEST(Call, OfAGigabyteTakesABoundedAmountOfMemory) {
  Backend backend;
  const std::string piece = chunk(std::string(1 << 20, 'x'));
  const long before = peak_kib();
  {
    auto call = chat();
    for (std::size_t sent = 0; sent < (1u << 30); sent += piece.size()) call.on_chunk(piece);
    call.on_chunk("data: {\"choices\":[],\"usage\":{\"total_tokens\":7}}\n\n");
    call.end({.content_type = "text/event-stream"});
  }
  EXPECT_EQ(backend.row("Chat Completion")["metrics"]["tokens"], 7);
  if (BRAINTRUST_THREAD_SANITIZED || BRAINTRUST_ADDRESS_SANITIZED) return;  // they remember what was touched, in memory
  EXPECT_LT(peak_kib() - before, 400 * 1024) << "KiB, of the row's way through queue, request and local backend too";
}

TEST(Call, ItsSpanCanBeToldMore) {
  Backend backend;
  {
    auto call = chat();
    call.span().log({.metadata = {{"attempt", 2}}});
    call.on_chunk(answer);
    call.end();
  }
  const Row row = backend.row("Chat Completion");
  EXPECT_EQ(row["metadata"]["attempt"], 2);
  EXPECT_EQ(row["metadata"]["model"], "gpt-x-2025");
}

TEST(Call, SendsMediaAsAttachments) {
  Backend backend;
  const std::string png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
  {
    auto call = chat(R"({"model":"m","messages":[{"role":"user","content":[
      {"type":"image_url","image_url":{"url":"data:image/png;base64,)" +
                     png + R"("}}]}]})");
    call.on_chunk(answer);
    call.end();
  }
  const Row image = backend.row("Chat Completion")["input"][0]["content"][0]["image_url"]["url"];
  EXPECT_EQ(image["type"], "braintrust_attachment");
  EXPECT_EQ(image["content_type"], "image/png");
  EXPECT_EQ(image["filename"], "attachment.png");
  EXPECT_EQ(image["key"].get<std::string>().size(), 36u);
}

TEST(Call, IsMaskedAfterItWasUnderstood) {
  Backend backend;
  set_masking_function([](const nlohmann::json& value) {
    std::string text = value.dump();
    for (std::size_t at = 0; (at = text.find("2+2", at)) != std::string::npos;) text.replace(at, 3, "***");
    return nlohmann::json::parse(text);
  });
  {
    auto call = chat();
    call.on_chunk(answer);
    call.end();
  }
  const Row row = backend.row("Chat Completion");
  set_masking_function({});
  EXPECT_EQ(row["input"][0]["content"], "***?");
}

}  // namespace
}  // namespace braintrust
