// Bedrock. INST 15, 5.18, 30.8.

#include "core/base64.h"
#include "llm/event_stream_writer.h"
#include "llm/exchange.h"

namespace braintrust::llm {
namespace {

Exchange converse(std::string response) {
  Exchange exchange;
  exchange.url = "https://bedrock-runtime.us-east-1.amazonaws.com/model/us.amazon.nova-v1%3A0/converse";
  exchange.request =
      R"({"messages":[{"role":"user","content":[{"text":"hi"}]}],"system":[{"text":"be brief"},{"cachePoint":{"type":"default"}}]})";
  exchange.response = std::move(response);
  return exchange;
}

Exchange stream(const std::vector<std::pair<std::string, std::string>>& events) {
  Exchange exchange = converse("");
  exchange.url += "-stream";
  exchange.content_type = "application/vnd.amazon.eventstream";
  for (const auto& [type, payload] : events)
    exchange.response += event_stream_message({{":message-type", "event"}, {":event-type", type}}, payload);
  return exchange;
}

TEST(Bedrock, BlocksAreTypedAndTheSystemPromptComesFirst) {  // INST 30.8
  const Facts facts = facts_of(converse(
      R"({"output":{"message":{"role":"assistant","content":[{"text":"hello"}]}},"stopReason":"end_turn","usage":{"inputTokens":3,"outputTokens":1,"totalTokens":4}})"));
  EXPECT_EQ(facts.name, "bedrock.converse");
  EXPECT_EQ(
      facts.input,
      R"([{"role":"system","content":[{"type":"text","text":"be brief"}]},{"role":"user","content":[{"type":"text","text":"hi"}]}])");
  EXPECT_EQ(facts.output, R"([{"role":"assistant","content":[{"type":"text","text":"hello"}],"finish_reason":"stop"}])");
  EXPECT_EQ(facts.metadata, R"({"model":"us.amazon.nova-v1:0","provider":"bedrock"})");
  EXPECT_EQ(facts.metrics, R"({"prompt_tokens":3,"completion_tokens":1,"tokens":4})");
}

TEST(Bedrock, ToolBlocksBecomeCallsAndResults) {  // INST 15.6
  Exchange exchange = converse("");
  exchange.request =
      R"({"messages":[{"role":"assistant","content":[{"toolUse":{"toolUseId":"t1","name":"f","input":{"a":1.0}}}]},)"
      R"({"role":"user","content":[{"text":"so"},{"toolResult":{"toolUseId":"t1","content":[{"text":"no"}],"status":"error"}},{"toolResult":{"toolUseId":"t2","content":[{"json":{"x":1}}]}},{"text":"and?"}]}],)"
      R"("toolConfig":{"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":{"type":"object"}}}},{"cachePoint":{"type":"default"}}],"toolChoice":{"tool":{"name":"f"}}},)"
      R"("inferenceConfig":{"maxTokens":5,"temperature":0.5}})";
  const Facts facts = request_facts(exchange);
  EXPECT_EQ(
      tree(facts.input),
      tree(
          R"([{"role":"assistant","content":null,"tool_calls":[{"id":"t1","type":"function","function":{"name":"f","arguments":"{\"a\":1.0}"}}]},)"
          R"({"role":"user","content":[{"type":"text","text":"so"}]},{"role":"tool","tool_call_id":"t1","content":"no"},{"role":"tool","tool_call_id":"t2","content":"{\"x\":1}"},)"
          R"({"role":"user","content":[{"type":"text","text":"and?"}]}])"));
  EXPECT_EQ(
      tree(facts.metadata),
      tree(
          R"({"model":"us.amazon.nova-v1:0","provider":"bedrock","temperature":0.5,"max_tokens":5,)"
          R"("tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}],"tool_choice":{"type":"function","function":{"name":"f"}}})"));
}

TEST(Bedrock, AStreamBecomesWhatAPlainCallReturns) {
  const Exchange exchange = stream({
      {"messageStart", R"({"role":"assistant","p":"abc"})"},
      {"contentBlockDelta", R"({"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"hm"}}})"},
      {"contentBlockDelta", R"({"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"sig"}}})"},
      {"contentBlockDelta", R"({"contentBlockIndex":1,"delta":{"text":"Let "}})"},
      {"contentBlockStart", R"({"contentBlockIndex":2,"start":{"toolUse":{"toolUseId":"t1","name":"f"}}})"},
      {"contentBlockDelta", R"({"contentBlockIndex":2,"delta":{"toolUse":{"input":"{\"a\""}}})"},
      {"contentBlockDelta", R"({"contentBlockIndex":1,"delta":{"text":"me"}})"},
      {"contentBlockDelta", R"({"contentBlockIndex":2,"delta":{"toolUse":{"input":":1}"}}})"},
      {"contentBlockStop", R"({"contentBlockIndex":2})"},
      {"messageStop", R"({"stopReason":"tool_use"})"},
      {"metadata",
       R"({"usage":{"inputTokens":6,"cacheReadInputTokens":10,"cacheWriteInputTokens":0,"outputTokens":2,"totalTokens":18},"metrics":{"latencyMs":1}})"},
  });
  const Facts facts = facts_of(exchange);
  EXPECT_EQ(facts.name, "bedrock.converse-stream");
  EXPECT_EQ(
      tree(facts.output),
      tree(
          R"([{"role":"assistant","content":[{"type":"reasoningContent","reasoningContent":{"reasoningText":{"text":"hm","signature":"sig"}}},)"
          R"({"type":"text","text":"Let me"}],"tool_calls":[{"id":"t1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}],"finish_reason":"tool_calls"}])"));
  EXPECT_EQ(
      tree(facts.metrics),
      tree(
          R"({"prompt_tokens":16,"completion_tokens":2,"tokens":18,"prompt_cached_tokens":10,"prompt_cache_creation_tokens":0})"));
  EXPECT_TRUE(facts.streamed);
  expect_same_however_cut(exchange);
}

TEST(Bedrock, MessagesAreRecognisedWhateverTheirContentTypeSays) {
  for (const char* type : {"", "application/octet-stream"}) {
    Exchange exchange = stream({{"contentBlockDelta", R"({"contentBlockIndex":0,"delta":{"text":"hi"}})"},
                                {"messageStop", R"({"stopReason":"end_turn"})"}});
    exchange.content_type = type;
    EXPECT_EQ(tree(response_facts(exchange).output)[0]["content"][0]["text"], "hi") << type;
    expect_same_however_cut(exchange);
  }
}

TEST(Bedrock, AStreamedToolResultIsAMessageOfItsOwn) {  // INST 15.6
  Exchange plain = converse(
      R"({"output":{"message":{"role":"assistant","content":[{"toolResult":{"toolUseId":"t1","type":"search","content":[{"json":{"x":1}}]}},)"
      R"({"toolResult":{"toolUseId":"t2","content":[{"text":"a\"b"},{"json":{}}]}},{"toolResult":{"toolUseId":"t3","content":[{"text":""}]}},)"
      R"({"text":"so"}]}},"stopReason":"end_turn"})");
  const Exchange streamed = stream({
      {"messageStart", R"({"role":"assistant"})"},
      {"contentBlockStart", R"({"contentBlockIndex":0,"start":{"toolResult":{"toolUseId":"t1","type":"search"}}})"},
      {"contentBlockDelta", R"({"contentBlockIndex":0,"delta":{"toolResult":[{"json":{"x":1}}]}})"},
      {"contentBlockStart", R"({"contentBlockIndex":1,"start":{"toolResult":{"toolUseId":"t2"}}})"},
      {"contentBlockDelta", R"({"contentBlockIndex":1,"delta":{"toolResult":[{"text":"a\""}]}})"},
      {"contentBlockDelta", R"({"contentBlockIndex":1,"delta":{"toolResult":[{"text":"b"},{"json":{}}]}})"},
      {"contentBlockStart", R"({"contentBlockIndex":2,"start":{"toolResult":{"toolUseId":"t3"}}})"},
      {"contentBlockDelta", R"({"contentBlockIndex":2,"delta":{"toolResult":[{"text":""}]}})"},
      {"contentBlockDelta", R"({"contentBlockIndex":3,"delta":{"text":"so"}})"},
      {"messageStop", R"({"stopReason":"end_turn"})"},
  });
  const Facts facts = response_facts(streamed);
  EXPECT_EQ(tree(facts.output)[0], tree(R"({"role":"tool","tool_call_id":"t1","content":"{\"x\":1}"})"));
  EXPECT_EQ(tree(facts.output), tree(response_facts(plain).output));
  expect_same_however_cut(streamed);
}

TEST(Bedrock, AStreamedImageIsOneAttachment) {  // INST 18.32
  const std::string bytes = "\x89PNG\r\n\x1A\n and then the rest";
  FakeSink sink;
  Exchange exchange = stream({
      {"messageStart", R"({"role":"assistant"})"},
      {"contentBlockStart", R"({"contentBlockIndex":0,"start":{"image":{"format":"png"}}})"},
      {"contentBlockDelta",
       R"({"contentBlockIndex":0,"delta":{"image":{"source":{"bytes":")" + base64::encode(bytes.substr(0, 10)) + R"("}}}})"},
      {"contentBlockDelta",
       R"({"contentBlockIndex":0,"delta":{"image":{"source":{"bytes":")" + base64::encode(bytes.substr(10)) + R"("}}}})"},
      {"contentBlockStart", R"({"contentBlockIndex":1,"start":{"image":{"format":"png"}}})"},
      {"contentBlockDelta", R"({"contentBlockIndex":1,"delta":{"image":{"source":{"s3Location":{"uri":"s3://b/k"}}}}})"},
      {"contentBlockStart", R"({"contentBlockIndex":2,"start":{"image":{"format":"png"}}})"},
      {"contentBlockDelta", R"({"contentBlockIndex":2,"delta":{"image":{"error":{"message":"blocked"}}}})"},
      {"messageStop", R"({"stopReason":"end_turn"})"},
  });
  exchange.sink = &sink;
  const Tree content = tree(response_facts(exchange).output)[0]["content"];
  EXPECT_EQ(content[0]["type"], "image");
  EXPECT_EQ(content[0]["image"]["format"], "png");
  EXPECT_EQ(content[0]["image"]["source"]["bytes"]["content_type"], "image/png");
  ASSERT_EQ(sink.taken.size(), 1U);
  EXPECT_EQ(sink.taken[0].bytes, bytes);
  EXPECT_EQ(content[1]["image"], tree(R"({"format":"png","source":{"s3Location":{"uri":"s3://b/k"}}})"));
  EXPECT_EQ(content[2]["image"], tree(R"({"format":"png","error":{"message":"blocked"}})"));
  expect_same_however_cut(exchange);
}

TEST(Bedrock, ATotalWithoutTheCacheIsCorrected) {
  EXPECT_EQ(
      tree(response_facts(converse(R"({"usage":{"inputTokens":6,"cacheReadInputTokens":10,"outputTokens":2,"totalTokens":8}})"))
               .metrics)["tokens"],
      18);
}

TEST(Bedrock, AnExceptionInAStreamIsAFailure) {
  Exchange exchange = stream({{"messageStart", R"({"role":"assistant"})"},
                              {"contentBlockDelta", R"({"contentBlockIndex":0,"delta":{"text":"par"}})"}});
  exchange.response += event_stream_message({{":message-type", "exception"}, {":exception-type", "throttlingException"}},
                                            R"({"message":"slow down"})");
  const Facts facts = response_facts(exchange);
  EXPECT_EQ(facts.error, R"("throttlingException: slow down")");
  EXPECT_EQ(tree(facts.output)[0]["content"][0]["text"], "par");
  expect_same_however_cut(exchange);
}

TEST(Bedrock, AnEventWithoutANameIsNamedByItsOnlyMember) {
  Exchange exchange = converse(sse({
      R"({"messageStart":{"role":"assistant"}})",
      R"({"contentBlockDelta":{"contentBlockIndex":0,"delta":{"text":"par"}}})",
      R"({"contentBlockDelta":{"contentBlockIndex":0,"delta":{"text":"?"}},"and":"more"})",
      R"({"throttlingException":{"message":"slow down"}})",
  }));
  exchange.url += "-stream";
  exchange.content_type = "";
  const Facts facts = response_facts(exchange);
  EXPECT_EQ(facts.output, R"([{"role":"assistant","content":[{"type":"text","text":"par"}]}])");
  EXPECT_EQ(facts.error, R"("throttlingException: slow down")");
}

TEST(Bedrock, AMessageWithAWrongChecksumIsLeftOutAndTheNextIsFound) {
  Exchange exchange = stream(
      {{"messageStart", R"({"role":"assistant"})"}, {"contentBlockDelta", R"({"contentBlockIndex":0,"delta":{"text":"a"}})"}});
  exchange.response += event_stream_message({{":message-type", "event"}, {":event-type", "contentBlockDelta"}},
                                            R"({"contentBlockIndex":0,"delta":{"text":"b"}})");
  exchange.response[exchange.response.rfind("\"b\"") + 1] ^= 1;
  exchange.response += event_stream_message({{":message-type", "event"}, {":event-type", "contentBlockDelta"}},
                                            R"({"contentBlockIndex":0,"delta":{"text":"c"}})");
  EXPECT_EQ(tree(response_facts(exchange).output)[0]["content"][0]["text"], "ac");
}

TEST(Bedrock, AStreamGoesOnAfterAGap) {
  const Exchange exchange = stream({{"messageStart", R"({"role":"assistant"})"},
                                    {"contentBlockDelta", R"({"contentBlockIndex":0,"delta":{"text":"lost"}})"},
                                    {"contentBlockDelta", R"({"contentBlockIndex":0,"delta":{"text":"seen"}})"}});
  ResponseReader reader(endpoint_of(exchange), "/model/m/converse-stream", {200, exchange.content_type}, nullptr);
  reader.feed(exchange.response.substr(0, 130));
  reader.skip();
  reader.feed(exchange.response.substr(200));
  EXPECT_EQ(tree(reader.finish(End::complete()).output)[0]["content"][0]["text"], "seen");
}

TEST(Bedrock, InvokeOfAnthropicSpeaksAnthropic) {
  Exchange exchange = converse("");
  exchange.url = "https://bedrock-runtime.us-east-1.amazonaws.com/model/us.anthropic.claude-v1%3A0/invoke-with-response-stream";
  exchange.request =
      R"({"anthropic_version":"bedrock-2023-05-31","max_tokens":3,"messages":[{"role":"user","content":"hi"}],"system":"s"})";
  exchange.content_type = "application/vnd.amazon.eventstream";
  for (const std::string event :
       {R"({"type":"message_start","message":{"role":"assistant","model":"claude","usage":{"input_tokens":2}}})",
        R"({"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}})",
        R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"ho"}})",
        R"({"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}})"}) {
    exchange.response += event_stream_message({{":message-type", "event"}, {":event-type", "chunk"}},
                                              Tree{{"bytes", base64::encode(event)}, {"p", "ab"}}.dump());
  }
  const Facts facts = facts_of(exchange);
  EXPECT_EQ(facts.name, "bedrock.invoke-with-response-stream");
  EXPECT_EQ(facts.input, R"([{"role":"user","content":"hi"},{"role":"system","content":"s"}])");
  EXPECT_EQ(facts.output, R"({"role":"assistant","content":[{"type":"text","text":"ho"}],"stop_reason":"end_turn"})");
  EXPECT_EQ(facts.metadata, R"({"model":"claude","provider":"bedrock","max_tokens":3})");
  expect_same_however_cut(exchange);
}

}  // namespace
}  // namespace braintrust::llm
