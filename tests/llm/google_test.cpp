// Google's generateContent. INST 14, 5.17, 30.3.

#include "core/base64.h"
#include "llm/exchange.h"

namespace braintrust::llm {
namespace {

Exchange plain(std::string response) {
  Exchange exchange;
  exchange.url = "https://generativelanguage.googleapis.com/v1beta/models/gemini-x:generateContent";
  exchange.request =
      R"({"contents":[{"role":"user","parts":[{"text":"hi"}]}],"systemInstruction":{"parts":[{"text":"be brief"}]},"generationConfig":{"temperature":0.0,"topP":1,"maxOutputTokens":5,"stopSequences":["x"],"topK":3},"safetySettings":[]})";
  exchange.response = std::move(response);
  return exchange;
}

const std::vector<std::string> chunks = {
    R"({"candidates":[{"content":{"parts":[{"text":"let me think","thought":true}],"role":"model"}}],"usageMetadata":{"promptTokenCount":40},"modelVersion":"gemini-x-001"})",
    R"({"candidates":[{"content":{"parts":[{"text":"It "}],"role":"model"}}]})",
    R"({"candidates":[{"content":{"parts":[{"text":"is"},{"functionCall":{"name":"f","args":{"a":1.0}}},{"text":"!"}],"role":"model"},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":40,"candidatesTokenCount":10,"totalTokenCount":50}})",
};
const std::string joined =
    R"({"candidates":[{"content":{"role":"model","parts":[{"thought":true,"text":"let me think"},{"text":"It is"},{"functionCall":{"name":"f","args":{"a":1.0}}},{"text":"!"}]},"finishReason":"STOP"}]})";

TEST(Google, APlainCallKeepsItsNativeShape) {
  const Facts facts = facts_of(plain(
      R"({"candidates":[{"content":{"parts":[{"text":"hello"}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":2,"candidatesTokenCount":1,"totalTokenCount":3},"modelVersion":"gemini-x-001","responseId":"r"})"));
  EXPECT_EQ(facts.name, "generate_content");
  EXPECT_EQ(
      facts.input,
      R"({"model":"gemini-x","contents":[{"role":"user","parts":[{"text":"hi"}]}],"systemInstruction":{"parts":[{"text":"be brief"}]}})");
  EXPECT_EQ(facts.output,
            R"({"candidates":[{"content":{"parts":[{"text":"hello"}],"role":"model"},"finishReason":"STOP","index":0}]})");
  EXPECT_EQ(tree(facts.metadata),
            tree(R"({"model":"gemini-x-001","provider":"google","temperature":0.0,"top_p":1,"max_tokens":5,"stop":["x"]})"));
  EXPECT_EQ(facts.metrics, R"({"prompt_tokens":2,"completion_tokens":1,"tokens":3})");
}

TEST(Google, UsageAddsToolPromptsAndThoughts) {  // INST 30.3
  EXPECT_EQ(
      tree(response_facts(
               plain(R"({"usageMetadata":{"promptTokenCount":40,"cachedContentTokenCount":16,"toolUsePromptTokenCount":5,)"
                     R"("candidatesTokenCount":10,"thoughtsTokenCount":20,"totalTokenCount":75,)"
                     R"("promptTokensDetails":[{"modality":"TEXT","tokenCount":30},{"modality":"AUDIO","tokenCount":10}]}})"))
               .metrics),
      tree(
          R"({"prompt_tokens":45,"completion_tokens":30,"tokens":75,"prompt_cached_tokens":16,"completion_reasoning_tokens":20,"prompt_audio_tokens":10})"));
}

TEST(Google, EventsAndAnArrayMeanTheSame) {
  Exchange exchange = plain("");
  exchange.url = "https://generativelanguage.googleapis.com/v1beta/models/gemini-x:streamGenerateContent?alt=sse";
  exchange.content_type = "text/event-stream";
  for (const std::string& chunk : chunks) exchange.response += "data: " + chunk + "\r\n\r\n";
  const Facts events = response_facts(exchange);
  EXPECT_EQ(tree(events.output), tree(joined));
  EXPECT_EQ(events.metrics, R"({"prompt_tokens":40,"completion_tokens":10,"tokens":50})");
  EXPECT_TRUE(events.streamed);
  expect_same_however_cut(exchange);

  exchange.content_type = "application/json; charset=UTF-8";
  exchange.response = "[" + chunks[0] + "\n,\r\n" + chunks[1] + "\n,\r\n" + chunks[2] + "\n]\n";
  const Facts array = response_facts(exchange);
  EXPECT_EQ(array.output, events.output);
  EXPECT_EQ(array.metrics, events.metrics);
  EXPECT_TRUE(array.streamed);
  expect_same_however_cut(exchange);
}

TEST(Google, AnArrayGoesOnAfterAGap) {
  ResponseReader reader(endpoint_of(plain("")), "/v1beta/models/g:streamGenerateContent", {200, "application/json"}, nullptr);
  reader.feed("[" + chunks[0].substr(0, 30));
  reader.skip();
  reader.feed("lost\"}]}}\n,\r\n" + chunks[1] + "\n,\r\n");
  reader.feed(chunks[2] + "\n]");
  EXPECT_EQ(tree(reader.finish(End::complete()).output)["candidates"][0]["content"]["parts"][0]["text"], "It is");
}

TEST(Google, CandidatesAreKeptApartByIndex) {
  Exchange exchange =
      plain(sse({R"({"candidates":[{"index":1,"content":{"parts":[{"text":"b"}]}},{"content":{"parts":[{"text":"a"}]}}]})",
                 R"({"candidates":[{"index":1,"content":{"parts":[{"text":"B"}]}}]})"}));
  exchange.content_type = "text/event-stream";
  EXPECT_EQ(response_facts(exchange).output,
            R"({"candidates":[{"content":{"parts":[{"text":"a"}]}},{"content":{"parts":[{"text":"bB"}]},"index":1}]})");
}

Exchange streamed(const std::vector<std::string>& events) {
  Exchange exchange = plain(sse(events));
  exchange.content_type = "text/event-stream";
  return exchange;
}

std::string sound_chunk(const std::string& type, const std::string& bytes) {
  return R"({"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":")" + type + R"(","data":")" + base64::encode(bytes) +
         R"("}}],"role":"model"}}]})";
}

TEST(Google, StreamedSoundIsOneAttachment) {  // INST 18.32
  FakeSink sink;
  Exchange exchange =
      streamed({sound_chunk("audio/L16;rate=24000", "one piece"), sound_chunk("audio/L16;rate=24000", ", a second piece"),
                sound_chunk("audio/L16;rate=24000", " and the last"), sound_chunk("audio/mpeg", "something else in here"),
                sound_chunk("image/png", "a picture of something"), sound_chunk("image/png", "another picture of it")});
  expect_same_however_cut(exchange);
  exchange.sink = &sink;
  const Tree parts = tree(response_facts(exchange).output)["candidates"][0]["content"]["parts"];
  ASSERT_EQ(parts.size(), 4U);
  EXPECT_EQ(parts[0]["file"]["file_data"]["content_type"], "audio/L16;rate=24000");
  ASSERT_EQ(sink.taken.size(), 4U);
  EXPECT_EQ(sink.taken[0].bytes, "one piece, a second piece and the last");
  EXPECT_EQ(sink.taken[1].bytes, "something else in here");
}

TEST(Google, LogprobsOfAStreamAddUp) {
  EXPECT_EQ(
      tree(
          response_facts(
              streamed(
                  {R"({"candidates":[{"content":{"parts":[{"text":"a"}]},"logprobsResult":{"chosenCandidates":[{"token":"a"}],"topCandidates":[{"candidates":[]}]}}]})",
                   R"({"candidates":[{"content":{"parts":[{"text":"b"}]},"logprobsResult":{"chosenCandidates":[{"token":"b"}],"topCandidates":[{"candidates":[{}]}],"logProbabilitySum":-1.50}}]})"}))
              .output)["candidates"][0]["logprobsResult"],
      tree(
          R"({"chosenCandidates":[{"token":"a"},{"token":"b"}],"topCandidates":[{"candidates":[]},{"candidates":[{}]}],"logProbabilitySum":-1.5})"));
}

TEST(Google, ACandidateThatSaysNothingIsNotGivenContent) {
  for (const std::string body : {R"({"candidates":[{"finishReason":"SAFETY","index":0}]})",
                                 R"({"candidates":[{"content":{"role":"model"},"finishReason":"MAX_TOKENS"}]})",
                                 R"({"candidates":[{"content":{}}]})", R"({"candidates":[{"content":{"parts":[]}}]})"}) {
    EXPECT_EQ(tree(response_facts(streamed({body})).output), tree(response_facts(plain(body)).output)) << body;
  }
}

TEST(Google, WhatWasBlockedIsTheWholeResponse) {
  EXPECT_EQ(
      response_facts(plain(R"({"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":4}})")).output,
      R"({"candidates":[],"promptFeedback":{"blockReason":"SAFETY"}})");
}

TEST(Google, AnErrorOfAStreamComesInAnArray) {
  Exchange exchange = plain(R"([{"error":{"code":404,"message":"no such model","status":"NOT_FOUND"}}])");
  exchange.status = 404;
  EXPECT_EQ(facts_of(exchange).error, R"("HTTP 404 NOT_FOUND: no such model")");
}

TEST(Google, ToolsAreFlattenedAndTheirTypesInLowerCase) {  // INST 5.17
  Exchange exchange = plain("{}");
  exchange.request =
      R"({"contents":[],"tools":[{"functionDeclarations":[{"name":"f","description":"d","parameters":{"type":"OBJECT","properties":{"type":{"type":"STRING"}}}},)"
      R"({"name":"g","parametersJsonSchema":{"type":"object"}}]},{"googleSearch":{}}],"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["f"]}}})";
  EXPECT_EQ(
      tree(request_facts(exchange).metadata),
      tree(
          R"({"model":"gemini-x","provider":"google","tools":[{"type":"function","function":{"name":"f","description":"d",)"
          R"("parameters":{"type":"object","properties":{"type":{"type":"string"}}}}},{"type":"function","function":{"name":"g","parameters":{"type":"object"}}},)"
          R"({"googleSearch":{}}],"tool_choice":{"type":"function","function":{"name":"f"}}})"));
}

TEST(Google, WhatOpensTheServerOfAToolIsNotRecorded) {  // INST 28.12
  Exchange exchange = plain("{}");
  exchange.request =
      R"({"contents":[],"tools":[{"mcpServers":[{"name":"s","streamableHttpTransport":{"url":"https://mcp.example","headers":{"x":"SECRET"}}}]},)"
      R"({"retrieval":{"externalApi":{"endpoint":"e","apiAuth":{"apiKeyConfig":{"apiKeyString":"SECRET"}}}}},)"
      R"({"google_maps":{"auth_config":{"api_key_config":{"api_key_string":"SECRET"}}}}]})";
  EXPECT_EQ(tree(request_facts(exchange).metadata)["tools"],
            tree(R"([{"mcpServers":[{"name":"s","streamableHttpTransport":{"url":"https://mcp.example"}}]},)"
                 R"({"retrieval":{"externalApi":{"endpoint":"e"}}},{"google_maps":{}}])"));
}

TEST(Google, AModelOfVertexHasNoPublisherInItsName) {
  Exchange exchange = plain("{}");
  exchange.url =
      "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/l/publishers/google/models/"
      "gemini-2:generateContent";
  exchange.request = R"({"contents":[],"system_instruction":"s"})";
  EXPECT_EQ(request_facts(exchange).input, R"({"model":"gemini-2","contents":[],"systemInstruction":"s"})");
  for (const std::string named : {"gemini-2-001", "models/gemini-2-001", "publishers/google/models/gemini-2-001"}) {
    exchange.response = R"({"modelVersion":")" + named + R"("})";
    EXPECT_EQ(tree(facts_of(exchange).metadata)["model"], "gemini-2-001");
  }
}

}  // namespace
}  // namespace braintrust::llm
