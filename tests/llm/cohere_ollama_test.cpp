// Cohere's and Ollama's own formats, brought into the canonical form. INST 4.13 to 4.19.

#include "llm/exchange.h"

namespace braintrust::llm {
namespace {

Exchange cohere(std::string response) {
  Exchange exchange;
  exchange.url = "https://api.cohere.com/v2/chat";
  exchange.request =
      R"({"model":"command","messages":[{"role":"user","content":"hi"}],"p":0.5,"stop_sequences":["x"],"tool_choice":"REQUIRED"})";
  exchange.response = std::move(response);
  return exchange;
}

TEST(Cohere, APlainCallIsCanonical) {
  const Facts facts = facts_of(cohere(
      R"({"id":"i","finish_reason":"MAX_TOKENS","message":{"role":"assistant","content":[{"type":"text","text":"ho"}]},"usage":{"billed_units":{"input_tokens":1,"output_tokens":2},"tokens":{"input_tokens":5,"output_tokens":3},"cached_tokens":4}})"));
  EXPECT_EQ(facts.name, "cohere.chat");
  EXPECT_EQ(facts.output, R"([{"index":0,"finish_reason":"length","message":{"role":"assistant","content":"ho"}}])");
  EXPECT_EQ(facts.metadata, R"({"model":"command","provider":"cohere","top_p":0.5,"stop":["x"],"tool_choice":"required"})");
  EXPECT_EQ(facts.metrics, R"({"prompt_tokens":5,"completion_tokens":3,"tokens":8,"prompt_cached_tokens":4})");
}

TEST(Cohere, AStreamBecomesWhatAPlainCallReturns) {
  Exchange exchange = cohere(sse({
      R"({"type":"message-start","id":"i","delta":{"message":{"role":"assistant","content":[],"tool_plan":"","tool_calls":[]}}})",
      R"({"type":"tool-plan-delta","delta":{"message":{"tool_plan":"I will "}}})",
      R"({"type":"tool-plan-delta","delta":{"message":{"tool_plan":"look"}}})",
      R"({"type":"tool-call-start","index":0,"delta":{"message":{"tool_calls":{"id":"a","type":"function","function":{"name":"f","arguments":""}}}}})",
      R"({"type":"tool-call-delta","index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":"{\"x\""}}}}})",
      R"({"type":"tool-call-delta","index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":":1}"}}}}})",
      R"({"type":"tool-call-end","index":0})",
      R"({"type":"message-end","delta":{"finish_reason":"TOOL_CALL","usage":{"tokens":{"input_tokens":5,"output_tokens":3}}}})",
  }));
  exchange.content_type = "text/event-stream";
  const Facts facts = response_facts(exchange);
  EXPECT_EQ(
      tree(facts.output),
      tree(
          R"([{"index":0,"finish_reason":"tool_calls","message":{"role":"assistant","content":null,"tool_plan":"I will look","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}]}}])"));
  EXPECT_EQ(tree(facts.metrics)["tokens"], 8);
  expect_same_however_cut(exchange);

  exchange.response =
      sse({R"({"type":"content-start","index":0,"delta":{"message":{"content":{"type":"thinking","thinking":""}}}})",
           R"({"type":"content-delta","index":0,"delta":{"message":{"content":{"thinking":"hm"}}}})",
           R"({"type":"content-start","index":1,"delta":{"message":{"content":{"type":"text","text":""}}}})",
           R"({"type":"content-delta","index":1,"delta":{"message":{"content":{"text":"so"}}}})"});
  EXPECT_EQ(tree(response_facts(exchange).output)[0]["message"]["content"],
            tree(R"([{"type":"thinking","thinking":"hm"},{"type":"text","text":"so"}])"));
}

TEST(Cohere, AnErrorNamesItsMessage) {
  Exchange exchange = cohere(R"({"message":"invalid api token"})");
  exchange.status = 401;
  EXPECT_EQ(response_facts(exchange).error, R"("HTTP 401: invalid api token")");
}

TEST(Cohere, AnAnswerThatEndedInAnErrorIsAFailureWithWhatCameBefore) {  // INST 9.5
  const Facts plain = response_facts(cohere(
      R"({"finish_reason":"ERROR","message":{"role":"assistant","content":[{"type":"text","text":"par"}]},"usage":{"tokens":{"input_tokens":5}}})"));
  EXPECT_EQ(plain.error, R"("ERROR")");
  EXPECT_EQ(plain.metrics, R"({"prompt_tokens":5})");
  Exchange exchange =
      cohere(sse({R"({"type":"message-start","delta":{"message":{"role":"assistant"}}})",
                  R"({"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"par"}}}})",
                  R"({"type":"message-end","delta":{"finish_reason":"ERROR","usage":{"tokens":{"input_tokens":5}}}})"}));
  exchange.content_type = "text/event-stream";
  const Facts streamed = response_facts(exchange);
  EXPECT_EQ(streamed.error, plain.error);
  EXPECT_EQ(streamed.output, plain.output);
  exchange.response = sse({R"({"type":"message-end","delta":{"finish_reason":"ERROR","error":"out of memory"}})"});
  EXPECT_EQ(response_facts(exchange).error, R"("ERROR: out of memory")");
}

Exchange ollama(std::string response) {
  Exchange exchange;
  exchange.url = "http://localhost:11434/api/chat";
  exchange.declared = "ollama=http://localhost:11434";
  exchange.request =
      R"({"model":"llama","messages":[{"role":"user","content":"hi"}],"options":{"temperature":0.0,"num_predict":5,"stop":["x"],"seed":1},"format":"json"})";
  exchange.response = std::move(response);
  return exchange;
}

TEST(Ollama, LinesAddUp) {
  Exchange exchange = ollama(
      "{\"model\":\"llama:8b\",\"message\":{\"role\":\"assistant\",\"content\":\"\",\"thinking\":\"hm\"},\"done\":false}\n"
      "{\"model\":\"llama:8b\",\"message\":{\"role\":\"assistant\",\"content\":\"h\\u00f6\"},\"done\":false}\n"
      "{\"model\":\"llama:8b\",\"message\":{\"role\":\"assistant\",\"content\":\"!\"},\"done\":false}\n"
      "{\"model\":\"llama:8b\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\","
      "\"prompt_eval_count\":4,\"eval_count\":2}\n");
  exchange.content_type = "application/x-ndjson";
  const Facts facts = facts_of(exchange);
  EXPECT_EQ(facts.name, "ollama.chat");
  EXPECT_EQ(tree(facts.output),
            tree(R"([{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"hö!","thinking":"hm"}}])"));
  EXPECT_EQ(facts.metrics, R"({"prompt_tokens":4,"completion_tokens":2,"tokens":6})");
  EXPECT_EQ(
      tree(facts.metadata),
      tree(
          R"({"model":"llama:8b","provider":"ollama","temperature":0.0,"max_tokens":5,"stop":["x"],"response_format":"json"})"));
  EXPECT_TRUE(facts.streamed);
  expect_same_however_cut(exchange);
}

TEST(Ollama, LinesAreRecognisedWhateverTheirContentTypeSays) {
  for (const char* type : {"", "application/json", "application/octet-stream"}) {
    Exchange exchange =
        ollama("{\"message\":{\"content\":\"a\"}}\n{\"message\":{\"content\":\"b\"},\"done\":true,\"eval_count\":1}\n");
    exchange.content_type = type;
    const Facts facts = response_facts(exchange);
    EXPECT_EQ(tree(facts.output)[0]["message"]["content"], "ab") << type;
    EXPECT_EQ(facts.metrics, R"({"completion_tokens":1})") << type;
    EXPECT_TRUE(facts.streamed) << type;
    EXPECT_EQ(facts.note, "") << type;
    expect_same_however_cut(exchange);
  }
  EXPECT_FALSE(response_facts(ollama(R"({"message":{"content":"a"},"done":true})")).streamed);
}

TEST(Ollama, ToolCallsGetIdsAndArgumentsAsText) {
  const Facts facts = response_facts(ollama(
      R"({"message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":{"a":1.0}}},{"function":{"name":"g","arguments":{}}}]},"done":true,"done_reason":"stop"})"));
  EXPECT_EQ(
      tree(facts.output),
      tree(
          R"([{"index":0,"finish_reason":"tool_calls","message":{"role":"assistant","content":null,"tool_calls":[{"id":"call_0","type":"function","function":{"name":"f","arguments":"{\"a\":1.0}"}},{"id":"call_1","type":"function","function":{"name":"g","arguments":"{}"}}]}}])"));
}

TEST(Ollama, CallsOfAConversationHaveIdsOfTheirOwnAndTheirResultsNameThem) {  // INST 4.21
  Exchange exchange = ollama("{}");
  exchange.request =
      R"({"messages":[{"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":{}}},{"function":{"name":"g","arguments":{}}},{"function":{"name":"f","arguments":{}}}]},)"
      R"({"role":"tool","content":"f0","tool_name":"f"},{"role":"tool","content":"f2","tool_name":"f"},{"role":"tool","content":"g1","tool_name":"g"},)"
      R"({"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":{}}},{"id":"own","function":{"name":"f","arguments":{}}},{"function":{"name":"h","arguments":{}}}]},)"
      R"({"role":"tool","content":"fo","tool_call_id":"own"},{"role":"tool","content":"f3"},{"role":"tool","content":"h5"},)"
      R"({"role":"tool","content":"?","tool_name":"f"}]})";
  const Tree input = tree(request_facts(exchange).input);
  EXPECT_EQ(input[0]["tool_calls"][2]["id"], "call_2");
  EXPECT_EQ(input[1], tree(R"({"role":"tool","content":"f0","tool_call_id":"call_0"})"));
  EXPECT_EQ(input[2], tree(R"({"role":"tool","content":"f2","tool_call_id":"call_2"})"));
  EXPECT_EQ(input[3], tree(R"({"role":"tool","content":"g1","tool_call_id":"call_1"})"));
  EXPECT_EQ(input[4]["tool_calls"][0]["id"], "call_3");
  EXPECT_EQ(input[4]["tool_calls"][1]["id"], "own");
  EXPECT_EQ(input[5], tree(R"({"role":"tool","content":"fo","tool_call_id":"own"})"));
  EXPECT_EQ(input[6], tree(R"({"role":"tool","content":"f3","tool_call_id":"call_3"})"));
  EXPECT_EQ(input[7], tree(R"({"role":"tool","content":"h5","tool_call_id":"call_5"})"));
  EXPECT_EQ(input[8], tree(R"({"role":"tool","content":"?","tool_name":"f"})"));
}

TEST(Ollama, GenerateIsAMessage) {
  Exchange exchange = ollama(R"({"model":"m","response":"ho","done":true,"done_reason":"length","eval_count":1})");
  exchange.url = "http://localhost:11434/api/generate";
  exchange.request = R"({"model":"m","system":"s","prompt":"hi"})";
  const Facts facts = facts_of(exchange);
  EXPECT_EQ(facts.name, "ollama.generate");
  EXPECT_EQ(facts.input, R"([{"role":"system","content":"s"},{"role":"user","content":"hi"}])");
  EXPECT_EQ(facts.output, R"([{"index":0,"finish_reason":"length","message":{"role":"assistant","content":"ho"}}])");
}

TEST(Ollama, AnErrorInALineIsAFailure) {
  Exchange exchange = ollama("{\"message\":{\"content\":\"par\"}}\n{\"error\":\"out of memory\"}\n");
  exchange.content_type = "application/x-ndjson";
  EXPECT_EQ(response_facts(exchange).error, R"("error: out of memory")");
  EXPECT_EQ(tree(response_facts(exchange).output)[0]["message"]["content"], "par");
}

TEST(Ollama, AnErrorAloneIsNoAnswer) {  // INST 9.2
  Exchange exchange = ollama("{\"error\":\"out of memory\"}\n");
  exchange.content_type = "application/x-ndjson";
  const Facts streamed = response_facts(exchange);
  EXPECT_EQ(streamed.error, R"("error: out of memory")");
  EXPECT_EQ(streamed.output, "");
  exchange.content_type = "application/json";
  EXPECT_EQ(response_facts(exchange).output, "");
}

}  // namespace
}  // namespace braintrust::llm
