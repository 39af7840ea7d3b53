// What reading model traffic costs: bytes a second of each accumulator, and the look that every request of a program gets.

#include <benchmark/benchmark.h>

#include <string>
#include <string_view>

#include "core/base64.h"
#include "llm/event_stream_writer.h"
#include "llm/reader.h"

namespace braintrust::llm {
namespace {

constexpr std::size_t events = 2000;

std::string repeated(std::string_view before, std::string_view event, std::string_view after) {
  std::string out;
  for (std::size_t i = 0; i < events; ++i) out.append(before).append(event).append(after);
  return out;
}

// Pieces as a socket hands them over.
void read(benchmark::State& state, std::string_view url, std::string_view type, const std::string& bytes) {
  constexpr std::size_t piece = 4096;
  const Endpoint endpoint = *find_endpoint(url, {});
  const std::string path(Url::parse(url)->path);
  for (auto _ : state) {
    ResponseReader reader(endpoint, path, {200, type}, nullptr);
    for (std::size_t at = 0; at < bytes.size(); at += piece) reader.feed(std::string_view(bytes).substr(at, piece));
    benchmark::DoNotOptimize(reader.finish(End::complete()));
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * bytes.size()));
  state.counters["ns/event"] = benchmark::Counter(static_cast<double>(events),
                                                  benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void openai_chat_stream(benchmark::State& state) {
  const std::string bytes = repeated(
      "data: ",
      R"({"id":"chatcmpl-abcdefghijklmnopqrstuvwxyz","object":"chat.completion.chunk","created":1700000000,"model":"gpt-4o-mini-2024-07-18","service_tier":"default","system_fingerprint":"fp_0123456789","choices":[{"index":0,"delta":{"content":" token"},"logprobs":null,"finish_reason":null}],"usage":null})",
      "\n\n");
  read(state, "https://api.openai.com/v1/chat/completions", "text/event-stream", bytes);
}
BENCHMARK(openai_chat_stream);

void openai_responses_stream(benchmark::State& state) {
  const std::string bytes = repeated(
      "event: response.output_text.delta\ndata: ",
      R"({"type":"response.output_text.delta","sequence_number":7,"item_id":"msg_0123456789abcdef","output_index":0,"content_index":0,"delta":" token","logprobs":[]})",
      "\n\n");
  read(state, "https://api.openai.com/v1/responses", "text/event-stream", bytes);
}
BENCHMARK(openai_responses_stream);

void anthropic_stream(benchmark::State& state) {
  const std::string bytes =
      "event: content_block_start\ndata: "
      "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n" +
      repeated("event: content_block_delta\ndata: ",
               R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" some tokens more"}})", "\n\n");
  read(state, "https://api.anthropic.com/v1/messages", "text/event-stream", bytes);
}
BENCHMARK(anthropic_stream);

void google_stream(benchmark::State& state) {
  const std::string bytes = repeated(
      "data: ",
      R"({"candidates": [{"content": {"parts": [{"text": " some tokens more"}],"role": "model"}}],"usageMetadata": {"promptTokenCount": 145,"totalTokenCount": 145,"promptTokensDetails": [{"modality": "TEXT","tokenCount": 145}]},"modelVersion": "gemini-2.0-flash-001","responseId": "CKXiaKqeOc3"})",
      "\r\n\r\n");
  read(state, "https://generativelanguage.googleapis.com/v1beta/models/g:streamGenerateContent", "text/event-stream", bytes);
}
BENCHMARK(google_stream);

void google_array(benchmark::State& state) {
  std::string bytes =
      repeated("", R"({"candidates": [{"content": {"parts": [{"text": " some tokens more"}],"role": "model"}}]})", "\n,\r\n");
  bytes.insert(0, 1, '[');
  bytes += "{}]";
  read(state, "https://generativelanguage.googleapis.com/v1beta/models/g:streamGenerateContent", "application/json", bytes);
}
BENCHMARK(google_array);

void bedrock_stream(benchmark::State& state) {
  const std::string bytes =
      repeated("",
               event_stream_message(
                   {{":event-type", "contentBlockDelta"}, {":content-type", "application/json"}, {":message-type", "event"}},
                   R"({"contentBlockIndex":0,"delta":{"text":" some tokens more"},"p":"abcdefghijklmnop"})"),
               "");
  read(state, "https://bedrock-runtime.us-east-1.amazonaws.com/model/m/converse-stream", "application/vnd.amazon.eventstream",
       bytes);
}
BENCHMARK(bedrock_stream);

void ollama_stream(benchmark::State& state) {
  const std::string bytes = repeated(
      "",
      R"({"model":"llama3.2","created_at":"2025-01-01T00:00:00.000000Z","message":{"role":"assistant","content":" token"},"done":false})",
      "\n");
  read(state, "https://ollama.com/api/chat", "application/x-ndjson", bytes);
}
BENCHMARK(ollama_stream);

// A request of 60 KB and a plain answer of 2 KB.
void plain_exchange(benchmark::State& state) {
  const Endpoint endpoint = *find_endpoint("https://api.openai.com/v1/chat/completions", {});
  std::string request = R"({"model":"m","messages":[{"role":"system","content":"s"})";
  for (int i = 0; i < 100; ++i) request += R"(,{"role":"user","content":")" + std::string(600, 'x') + "\"}";
  request += "]}";
  const std::string response =
      R"({"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":")" + std::string(2000, 'y') +
      R"("},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":1,"total_tokens":10}})";
  for (auto _ : state) {
    benchmark::DoNotOptimize(read_request(endpoint, "/v1/chat/completions", "application/json", request, nullptr));
    ResponseReader reader(endpoint, "/v1/chat/completions", {200, "application/json"}, nullptr);
    reader.feed(response);
    benchmark::DoNotOptimize(reader.finish(End::complete()));
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * (request.size() + response.size())));
}
BENCHMARK(plain_exchange);

// A megabyte of an image is found, decoded and replaced.
class Taker final : public MediaSink {
 public:
  std::vector<std::string> take(std::vector<Media> media) override { return std::vector<std::string>(media.size(), "{}"); }
};
void image_in_request(benchmark::State& state) {
  const Endpoint endpoint = *find_endpoint("https://api.openai.com/v1/chat/completions", {});
  const std::string request =
      R"({"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,)" +
      base64::encode(std::string(1'000'000, 'z')) + R"("}}]}]})";
  Taker sink;
  for (auto _ : state)
    benchmark::DoNotOptimize(read_request(endpoint, "/v1/chat/completions", "application/json", request, &sink));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * request.size()));
}
BENCHMARK(image_in_request);

// What a request that has nothing to do with models pays, with two endpoints declared.
void look_at(benchmark::State& state, std::string_view url) {
  Endpoints endpoints;
  std::vector<std::string> warnings;
  endpoints.declare("openai=http://127.0.0.1:8000/v1,ollama=http://localhost:11434", warnings);
  for (auto _ : state) benchmark::DoNotOptimize(find_endpoint(url, endpoints));
}
BENCHMARK_CAPTURE(look_at, other_host, std::string_view("https://www.example.com/api/v2/orders/12345?full=true"));
BENCHMARK_CAPTURE(look_at, other_host_with_such_a_path, std::string_view("https://internal.example.com/v1/chat/completions"));
BENCHMARK_CAPTURE(look_at, same_host_other_path, std::string_view("https://api.openai.com/v1/files/file-abc/content"));
BENCHMARK_CAPTURE(look_at, declared_host_other_path, std::string_view("http://localhost:11434/api/tags"));
BENCHMARK_CAPTURE(look_at, model_call, std::string_view("https://api.openai.com/v1/chat/completions"));

}  // namespace
}  // namespace braintrust::llm

BENCHMARK_MAIN();
