// Each dialect: whatever is sent or comes back, the facts are JSON and do not depend on how the bytes came.

#include "core/base64.h"
#include "core/json_scan.h"
#include "fuzz/fuzz.h"
#include "llm/event_stream_writer.h"
#include "llm/json_view.h"
#include "llm/reader.h"

namespace braintrust::fuzz {
namespace {

constexpr std::string_view hosts[] = {
    "https://api.openai.com/v1/chat/completions",
    "https://api.openai.com/v1/completions",
    "https://api.openai.com/v1/responses",
    "https://api.openai.com/v1/embeddings",
    "https://api.openai.com/v1/moderations",
    "https://api.openai.com/v1/images/edits",
    "https://api.anthropic.com/v1/messages",
    "https://generativelanguage.googleapis.com/v1beta/models/g:streamGenerateContent",
    "https://bedrock-runtime.us-east-1.amazonaws.com/model/m/converse-stream",
    "https://bedrock-runtime.us-east-1.amazonaws.com/model/anthropic.m/invoke-with-response-stream",
    "https://api.cohere.com/v2/chat",
    "https://ollama.com/api/chat",
    "https://ollama.com/api/generate",
    "https://openrouter.ai/api/v1/chat/completions",
};

constexpr std::string_view types[] = {"application/json", "text/event-stream", "application/x-ndjson",
                                      "application/vnd.amazon.eventstream", ""};

class Sink final : public llm::MediaSink {
 public:
  std::vector<std::string> take(std::vector<llm::Media> media) override {
    for (const llm::Media& one : media)
      must(!one.content_type.empty() && !one.filename.empty(), "media have a type and a name");
    return std::vector<std::string>(media.size(), "{\"type\":\"braintrust_attachment\"}");
  }
};

std::string checked(const llm::Facts& facts) {
  must(facts.note != "not understood", "nothing is thrown inside");
  for (const std::string* text : {&facts.input, &facts.output, &facts.metadata, &facts.metrics, &facts.error}) {
    must(text->empty() || detail::valid_json(*text), "what goes into a row is JSON", *text);
  }
  llm::JsonView::parse(facts.metrics).each_member([](std::string_view, llm::JsonView value) {
    must(value.number() && *value.number() >= 0, "metrics are numbers that are not negative", value.text());
  });
  return facts.name + facts.input + facts.output + facts.metadata + facts.metrics + facts.error + facts.note;
}

std::string response_of(const llm::Endpoint& endpoint, const llm::ResponseHead& head, std::string_view bytes,
                        std::size_t piece) {
  Sink sink;
  llm::ResponseReader reader(endpoint, "/model/m/x", head, &sink, 5000);
  for (std::size_t at = 0; at < bytes.size(); at += piece) reader.feed(std::string(bytes.substr(at, piece)));
  return checked(reader.finish(llm::End::complete()));
}

std::string seed(char host, char type, std::string_view bytes) { return std::string{host, type} + std::string(bytes); }

std::string events(std::initializer_list<std::string_view> all) {
  std::string out;
  for (const std::string_view event : all) out.append("data: ").append(event).append("\n\n");
  return out;
}

}  // namespace
}  // namespace braintrust::fuzz

// The first byte chooses the endpoint, the second the content type; with its highest bit the status is an error.
std::vector<std::string> fuzz_seeds() {
  using namespace braintrust;
  using fuzz::events;
  using fuzz::seed;
  using llm::event_stream_message;
  const auto aws = [](std::string_view type, std::string_view payload) {
    return event_stream_message({{":message-type", "event"}, {":event-type", std::string(type)}}, std::string(payload));
  };
  return {
      seed(
          0, 1,
          events(
              {R"({"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"a","reasoning":"r","tool_calls":[{"index":1,"id":"i","function":{"name":"f","arguments":"{\""}}]}}]})",
               R"({"choices":[{"index":1,"delta":{"content":[{"type":"thinking","thinking":[{"text":"x"}]}],"audio":{"data":"QUJD"}},"logprobs":{"content":[1]},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"total_tokens":3}})",
               "[DONE]"})),
      seed(
          0, 0,
          R"({"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,QUJDREVGR0hJSktMTU5PUFFSU1RVVg=="}}]}],"tools":[{}],"tool_choice":{"type":"x"},"choices":[{"message":{"tool_calls":[{"function":{"arguments":{}}}]},"logprobs":null}],"error":null})"),
      seed(1, 1, events({R"({"choices":[{"index":0,"text":"a"}]})", R"({"choices":[{"text":"b","finish_reason":"length"}]})"})),
      seed(2, 1,
           events({R"({"type":"response.created","response":{"model":"m"}})",
                   R"({"type":"response.output_item.added","output_index":0,"item":{"type":"message","content":[]}})",
                   R"({"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"x"})",
                   R"({"type":"response.failed","response":{"error":{"message":"m"},"output":[]}})"})),
      seed(
          2, 0,
          R"({"input":"x","instructions":"y","tools":[{"type":"function","name":"f"}],"output":[{"type":"image_generation_call","result":"iVBORw0KGgoAAAANSUhEUgAAAAUA"}],"usage":{"input_tokens":1,"output_tokens":2}})"),
      seed(3, 0, R"({"input":"x","data":[{"embedding":[1,2,3]}],"usage":{"prompt_tokens":1}})"),
      seed(
          5, 0,
          R"({"prompt":"x","image":[{"image_url":"data:image/png;base64,QUJDREVGR0hJSktMTU5PUFFSU1RVVg=="}],"data":[{"b64_json":"iVBORw0KGgoAAAANSUhEUgAAAAUA"}],"output_format":"png"})"),
      seed(
          6, 1,
          events(
              {R"({"type":"message_start","message":{"role":"assistant","usage":{"input_tokens":1,"cache_creation":{"ephemeral_5m_input_tokens":2}}}})",
               R"({"type":"content_block_start","index":0,"content_block":{"type":"tool_use","input":{}}})",
               R"({"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"a\":1}"}})",
               R"({"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":3}})"})),
      seed(
          6, 0,
          R"({"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"QUJDREVGR0hJSktMTU5PUFFSU1RVVg=="}}]}],"system":[{"type":"text"}],"tools":[{"name":"f","input_schema":{}}],"tool_choice":{"type":"any"},"role":"assistant","content":[]})"),
      seed(
          7, 0,
          R"([{"candidates":[{"content":{"parts":[{"text":"a"}],"role":"model"}}],"usageMetadata":{"promptTokenCount":1,"thoughtsTokenCount":2}},{"candidates":[{"index":1,"content":{"parts":[{"text":"b","thought":true},{"functionCall":{}}]},"finishReason":"STOP"}]}])"),
      seed(
          7, 0,
          R"({"contents":[{"parts":[{"inlineData":{"mimeType":"image/png","data":"QUJDREVGR0hJSktMTU5PUFFSU1RVVg"}}]}],"tools":[{"functionDeclarations":[{"name":"f","parameters":{"type":"OBJECT"}}]}],"toolConfig":{"functionCallingConfig":{"mode":"ANY"}},"generationConfig":{"responseSchema":{"type":"STRING"}}})"),
      seed(8, 3,
           aws("messageStart", R"({"role":"assistant"})") +
               aws("contentBlockDelta", R"({"contentBlockIndex":0,"delta":{"text":"x"}})") +
               aws("metadata", R"({"usage":{"inputTokens":1,"totalTokens":0,"outputTokens":1}})")),
      seed(
          8, 0,
          R"({"messages":[{"role":"user","content":[{"toolResult":{"toolUseId":"t","content":[{"json":{}}]}},{"toolUse":{"input":{}}},{"image":{"format":"png","source":{"bytes":"QUJDREVGR0hJSktMTU5PUFFSU1RVVg=="}}}]}],"system":[{"text":"s"}],"output":{"message":{"content":[{"text":"t"}]}},"stopReason":"end_turn"})"),
      seed(9, 3,
           aws("chunk",
               "{\"bytes\":\"" +
                   base64::encode(R"({"type":"message_start","message":{"role":"assistant","usage":{"input_tokens":1}}})") +
                   "\"}")),
      seed(
          10, 1,
          events(
              {R"({"type":"message-start"})",
               R"({"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"x"}}}})",
               R"({"type":"tool-call-start","index":0,"delta":{"message":{"tool_calls":{"id":"a","function":{"arguments":""}}}}})",
               R"({"type":"message-end","delta":{"finish_reason":"TOOL_CALL","usage":{"tokens":{"input_tokens":1}}}})"})),
      seed(11, 2,
           "{\"message\":{\"content\":\"a\",\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":{}}}]}}\n{\"done\":"
           "true,\"done_reason\":\"stop\",\"eval_count\":1}\n"),
      seed(
          11, 0,
          R"({"messages":[{"role":"user","content":"x","images":["iVBORw0KGgoAAAANSUhEUgAAAAUA"]}],"options":{"stop":[]},"message":{"content":""},"error":"e"})"),
      seed(12, 0, R"({"prompt":"x","response":"y","done":true})"),
      seed(0, '\x80', R"([{"error":{"message":"m","type":"t","code":1}}])"),
  };
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace braintrust;
  using namespace braintrust::fuzz;
  const std::string_view host = hosts[kind_of(size > 0 ? data[0] : 0, std::size(hosts))];
  if (size < 2) return 0;
  const auto endpoint = llm::find_endpoint(host, {});
  must(endpoint.has_value(), "the endpoints are known");
  const std::string_view bytes = as_text(data + 2, size - 2);
  Sink sink;
  checked(llm::read_request(*endpoint, "/model/m/x", "application/json", bytes, &sink));
  checked(llm::read_request(*endpoint, "/models/m:x", "multipart/form-data; boundary=b", bytes, nullptr));

  const llm::ResponseHead head{data[1] >= 0x80 ? 400 : 200, types[(data[1] & 0x7F) % std::size(types)],
                               data[1] == 0x7F ? "gzip" : ""};
  const std::string whole = response_of(*endpoint, head, bytes, bytes.size() + 1);
  for (const std::size_t piece : {std::size_t{1}, bytes.size() / 3 + 1}) {
    const std::string cut = response_of(*endpoint, head, bytes, piece);
    must(cut == whole, "however the bytes are cut, the facts are the same", cut + " instead of " + whole);
  }
  return 0;
}
