// Anthropic's messages. INST 13, 18.25, 30.2, 30.6.

#include "llm/exchange.h"

namespace braintrust::llm {
namespace {

Exchange plain(std::string response) {
  Exchange exchange;
  exchange.url = "https://api.anthropic.com/v1/messages";
  exchange.request = R"({"model":"claude-x","max_tokens":10,"system":"be brief","messages":[{"role":"user","content":"hi"}]})";
  exchange.response = std::move(response);
  return exchange;
}

Exchange stream(const std::vector<std::string>& events) {
  Exchange exchange = plain("");
  exchange.request = R"({"model":"claude-x","stream":true,"messages":[]})";
  exchange.content_type = "text/event-stream; charset=utf-8";
  for (const std::string& event : events) {
    const std::string type = Tree::parse(event)["type"];
    exchange.response += "event: " + type + "\ndata: " + event + "\n\n";
  }
  return exchange;
}

const std::string start =
    R"({"type":"message_start","message":{"role":"assistant","model":"claude-x-2025","content":[],"usage":{"input_tokens":30,"output_tokens":1}}})";

TEST(Anthropic, TheSystemPromptComesLastAndTheAnswerIsOneMessage) {
  const Facts facts = facts_of(plain(
      R"({"id":"m","type":"message","role":"assistant","model":"claude-x-2025","content":[{"type":"text","text":"hello"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":1}})"));
  EXPECT_EQ(facts.name, "anthropic.messages.create");
  EXPECT_EQ(facts.input, R"([{"role":"user","content":"hi"},{"role":"system","content":"be brief"}])");
  EXPECT_EQ(facts.output, R"({"role":"assistant","content":[{"type":"text","text":"hello"}],"stop_reason":"end_turn"})");
  EXPECT_EQ(facts.metadata, R"({"model":"claude-x-2025","provider":"anthropic","max_tokens":10})");
  EXPECT_EQ(facts.metrics, R"({"prompt_tokens":3,"completion_tokens":1,"tokens":4})");
}

TEST(Anthropic, WithoutASystemPromptThereIsNoEntryForIt) {  // INST 13.3
  Exchange exchange = plain("{}");
  for (const std::string system : {"[]", "null", R"("")"}) {
    exchange.request = R"({"system":)" + system + R"(,"messages":[{"role":"user","content":"hi"}]})";
    EXPECT_EQ(request_facts(exchange).input, R"([{"role":"user","content":"hi"}])") << system;
  }
}

TEST(Anthropic, CacheWritesAreCountedOnceAndIntoThePrompt) {  // INST 30.2
  const std::string usage =
      R"("input_tokens":30,"cache_read_input_tokens":500,"cache_creation_input_tokens":200,"output_tokens":12)";
  EXPECT_EQ(
      tree(response_facts(plain(R"({"role":"assistant","content":[],"usage":{)" + usage +
                                R"(,"cache_creation":{"ephemeral_5m_input_tokens":200,"ephemeral_1h_input_tokens":0}}})"))
               .metrics),
      tree(
          R"({"prompt_tokens":730,"completion_tokens":12,"tokens":742,"prompt_cached_tokens":500,"prompt_cache_creation_5m_tokens":200,"prompt_cache_creation_1h_tokens":0})"));
  EXPECT_EQ(
      tree(response_facts(plain(R"({"role":"assistant","content":[],"usage":{)" + usage + "}}")).metrics),
      tree(
          R"({"prompt_tokens":730,"completion_tokens":12,"tokens":742,"prompt_cached_tokens":500,"prompt_cache_creation_tokens":200})"));
}

TEST(Anthropic, AStreamBecomesWhatAPlainCallReturns) {  // INST 30.6
  const Exchange exchange = stream({
      start,
      R"({"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}})",
      R"({"type":"ping"})",
      R"({"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t1","name":"weather","input":{}}})",
      R"({"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"ci"}})",
      R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Let me "}})",
      R"({"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"ty\":\"Oslo\"}"}})",
      R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"see"}})",
      R"({"type":"content_block_stop","index":0})",
      R"({"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":12}})",
      R"({"type":"message_stop"})",
  });
  const Facts facts = facts_of(exchange);
  EXPECT_EQ(facts.name, "anthropic.messages.stream");
  EXPECT_EQ(
      facts.output,
      R"({"role":"assistant","content":[{"type":"text","text":"Let me see"},{"type":"tool_use","id":"t1","name":"weather",)"
      R"("input":{"city":"Oslo"}}],"stop_reason":"tool_use"})");
  EXPECT_EQ(facts.metrics, R"({"prompt_tokens":30,"completion_tokens":12,"tokens":42})");
  EXPECT_EQ(tree(facts.metadata)["model"], "claude-x-2025");
  expect_same_however_cut(exchange);
}

TEST(Anthropic, ThinkingSignatureCitationsAndUnknownBlocksAreKept) {
  const Facts facts = response_facts(stream({
      start,
      R"({"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}})",
      R"({"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}})",
      R"({"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"sig=="}})",
      R"({"type":"content_block_start","index":1,"content_block":{"type":"something_new","x":1.0}})",
      R"({"type":"content_block_delta","index":1,"delta":{"type":"something_delta","x":2}})",
      R"({"type":"content_block_start","index":2,"content_block":{"type":"text","text":"","citations":[]}})",
      R"({"type":"content_block_delta","index":2,"delta":{"type":"citations_delta","citation":{"a":1}}})",
      R"({"type":"content_block_delta","index":2,"delta":{"type":"text_delta","text":"so"}})",
  }));
  EXPECT_EQ(
      facts.output,
      R"({"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"sig=="},{"type":"something_new","x":1.0},)"
      R"({"type":"text","text":"so","citations":[{"a":1}]}]})");
}

TEST(Anthropic, ToolInputThatIsNoJsonStaysText) {
  const auto input = [](const std::vector<std::string>& pieces) {
    std::vector<std::string> events = {
        start,
        R"({"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}})"};
    for (const std::string& piece : pieces) {
      events.push_back(Tree{
          {"type", "content_block_delta"}, {"index", 0}, {"delta", {{"type", "input_json_delta"}, {"partial_json", piece}}}}
                           .dump());
    }
    return tree(response_facts(stream(events)).output)["content"][0]["input"];
  };
  EXPECT_EQ(input({}), Tree::object());
  EXPECT_EQ(input({""}), Tree::object());
  EXPECT_EQ(input({"{\"a\":", "1"}), "{\"a\":1");
}

TEST(Anthropic, AnErrorEventIsAFailureWithWhatCameBefore) {
  const Exchange exchange =
      stream({start, R"({"type":"content_block_start","index":0,"content_block":{"type":"text","text":"par"}})",
              R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})"});
  const Facts facts = response_facts(exchange);
  EXPECT_EQ(facts.error, R"("overloaded_error: Overloaded")");
  EXPECT_EQ(tree(facts.output)["content"][0]["text"], "par");
  expect_same_however_cut(exchange);
}

TEST(Anthropic, AnHttpErrorNamesStatusAndMessage) {
  Exchange exchange = plain(R"({"type":"error","error":{"type":"invalid_request_error","message":"max_tokens: required"}})");
  exchange.status = 400;
  const Facts facts = facts_of(exchange);
  EXPECT_EQ(facts.error, R"("HTTP 400 invalid_request_error: max_tokens: required")");
  EXPECT_EQ(facts.output, "");
  EXPECT_EQ(tree(facts.metadata)["model"], "claude-x");
}

TEST(Anthropic, ToolsBecomeFunctionsAndBuiltInOnesStay) {  // INST 5.16
  Exchange exchange = plain("{}");
  exchange.request =
      R"({"messages":[],"tools":[{"name":"f","description":"d","input_schema":{"type":"object"}},{"type":"custom","name":"g","input_schema":{}},)"
      R"({"type":"web_search_20250305","name":"web_search","max_uses":2}],"tool_choice":{"type":"any","disable_parallel_tool_use":true},)"
      R"("stop_sequences":["x"],"thinking":{"type":"enabled"},"top_k":3})";
  EXPECT_EQ(
      tree(request_facts(exchange).metadata),
      tree(
          R"({"provider":"anthropic","stop":["x"],"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"}}},)"
          R"({"type":"function","function":{"name":"g","parameters":{}}},{"type":"web_search_20250305","name":"web_search","max_uses":2}],)"
          R"("tool_choice":"required","parallel_tool_calls":false})"));
  exchange.request = R"({"tool_choice":{"type":"tool","name":"f"}})";
  EXPECT_EQ(tree(request_facts(exchange).metadata)["tool_choice"], tree(R"({"type":"function","function":{"name":"f"}})"));
}

TEST(Anthropic, TokensOfMcpServersAreNotRecorded) {  // INST 28.12
  Exchange exchange = plain("{}");
  exchange.request = R"({"model":"m","messages":[],"tools":[{"type":"mcp_toolset","mcp_server_name":"s"}],)"
                     R"("mcp_servers":[{"type":"url","url":"https://mcp.example","name":"s","authorization_token":"SECRET"}]})";
  const Facts facts = request_facts(exchange);
  EXPECT_EQ(facts.metadata, R"({"model":"m","provider":"anthropic","tools":[{"type":"mcp_toolset","mcp_server_name":"s"}]})");
  EXPECT_EQ(facts.input, "[]");
}

}  // namespace
}  // namespace braintrust::llm
