// OpenAI's other APIs. INST 11, 12.

#include "llm/exchange.h"

namespace braintrust::llm {
namespace {

Exchange exchange_with(std::string path, std::string request, std::string response) {
  Exchange exchange;
  exchange.url = "https://api.openai.com/v1/" + std::move(path);
  exchange.request = std::move(request);
  exchange.response = std::move(response);
  return exchange;
}

Exchange responses_stream(const std::vector<std::string>& events) {
  Exchange exchange = exchange_with("responses", "{}", "");
  exchange.content_type = "text/event-stream";
  for (const std::string& event : events)
    exchange.response += "event: " + Tree::parse(event)["type"].get<std::string>() + "\ndata: " + event + "\n\n";
  return exchange;
}

TEST(OpenaiResponses, InstructionsLeadAndATextIsAUserMessage) {
  const Facts facts = facts_of(exchange_with(
      "responses",
      R"({"model":"m","input":"hi","instructions":"be brief","max_output_tokens":9,"text":{"format":{"type":"text"}},"store":true,"max_tool_calls":2})",
      R"({"model":"m-1","status":"completed","error":null,"output":[{"type":"message","role":"assistant","content":[{"type":"output_text","text":"ho"}]}],"usage":{"input_tokens":3,"input_tokens_details":{"cached_tokens":1},"output_tokens":2,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":5}})"));
  EXPECT_EQ(facts.name, "openai.responses.create");
  EXPECT_EQ(facts.input, R"([{"role":"system","content":"be brief"},{"role":"user","content":"hi"}])");
  EXPECT_EQ(facts.output, R"([{"type":"message","role":"assistant","content":[{"type":"output_text","text":"ho"}]}])");
  EXPECT_EQ(tree(facts.metadata),
            tree(R"({"model":"m-1","provider":"openai","max_tokens":9,"response_format":{"type":"text"},"max_tool_calls":2})"));
  EXPECT_EQ(
      tree(facts.metrics),
      tree(R"({"prompt_tokens":3,"completion_tokens":2,"tokens":5,"prompt_cached_tokens":1,"completion_reasoning_tokens":0})"));
  EXPECT_EQ(facts.error, "");
}

TEST(OpenaiResponses, FlatToolsAreNested) {
  const Facts facts = request_facts(exchange_with(
      "responses",
      R"({"input":[{"x":1.0}],"tools":[{"type":"function","name":"f","parameters":{},"strict":null},{"type":"web_search","x":1}],"tool_choice":{"type":"function","name":"f"},"parallel_tool_calls":true})",
      ""));
  EXPECT_EQ(facts.input, R"([{"x":1.0}])");
  EXPECT_EQ(
      tree(facts.metadata),
      tree(
          R"({"provider":"openai","tools":[{"type":"function","function":{"name":"f","parameters":{}}},{"type":"web_search","x":1}],"tool_choice":{"type":"function","function":{"name":"f"}},"parallel_tool_calls":true})"));
}

TEST(OpenaiResponses, WhatOpensTheServerOfAToolIsNotRecorded) {  // INST 28.12
  const std::string function =
      R"({"type":"function","function":{"name":"f","parameters":{"properties":{"headers":{"type":"object"},"authorization":{}}}}})";
  const std::string request =
      R"({"tools":[{"type":"mcp","server_label":"l","server_url":"https://mcp.example","authorization":"SECRET",)"
      R"("headers":{"Authorization":"Bearer SECRET"},"extra\u005fheaders":{"x":"SECRET"},"require_approval":"never"},)"
      R"({"type":"shell","environment":{"network_policy":{"type":"allowlist","domain_secrets":[{"value":"SECRET"}]}}},)" +
      function + "]}";
  const Tree expected =
      tree(R"([{"type":"mcp","server_label":"l","server_url":"https://mcp.example","require_approval":"never"},)"
           R"({"type":"shell","environment":{"network_policy":{"type":"allowlist"}}},)" +
           function + "]");
  for (const std::string path : {"responses", "chat/completions"}) {
    EXPECT_EQ(tree(request_facts(exchange_with(path, request, "")).metadata)["tools"], expected) << path;
  }
}

const std::vector<std::string> unfinished = {
    R"({"type":"response.created","response":{"model":"m-1","output":[],"usage":null}})",
    R"({"type":"response.output_item.added","output_index":0,"item":{"type":"reasoning","summary":[]}})",
    R"({"type":"response.reasoning_summary_part.added","output_index":0,"summary_index":0,"part":{"type":"summary_text","text":""}})",
    R"({"type":"response.reasoning_summary_text.delta","output_index":0,"summary_index":0,"delta":"hm"})",
    R"({"type":"response.output_item.done","output_index":0,"item":{"type":"reasoning","summary":[{"type":"summary_text","text":"hmm"}]}})",
    R"({"type":"response.output_item.added","output_index":1,"item":{"type":"message","status":"in_progress","role":"assistant","content":[]}})",
    R"({"type":"response.output_item.added","output_index":2,"item":{"type":"function_call","name":"f","arguments":""}})",
    R"({"type":"response.content_part.added","output_index":1,"content_index":0,"part":{"type":"output_text","text":"","annotations":[]}})",
    R"({"type":"response.output_text.delta","output_index":1,"content_index":0,"delta":"par"})",
    R"({"type":"response.function_call_arguments.delta","output_index":2,"delta":"{\"a\""})",
    R"({"type":"response.output_text.delta","output_index":1,"content_index":0,"delta":"tial"})",
};

TEST(OpenaiResponses, AStreamWithoutItsEndIsRebuilt) {  // INST 11.7
  const Exchange exchange = responses_stream(unfinished);
  const Facts facts = response_facts(exchange);
  EXPECT_EQ(
      tree(facts.output),
      tree(
          R"([{"type":"reasoning","summary":[{"type":"summary_text","text":"hmm"}]},)"
          R"({"type":"message","status":"in_progress","role":"assistant","content":[{"type":"output_text","text":"partial","annotations":[]}]},)"
          R"({"type":"function_call","name":"f","arguments":"{\"a\""}])"));
  EXPECT_EQ(tree(facts.metadata)["model"], "m-1");
  expect_same_however_cut(exchange);
}

TEST(OpenaiResponses, TheTerminalEventSaysItAll) {
  std::vector<std::string> events = unfinished;
  events.push_back(
      R"({"type":"response.incomplete","response":{"model":"m-2","status":"incomplete","output":[{"type":"message","content":[]}],"usage":{"input_tokens":1,"output_tokens":2,"total_tokens":3}}})");
  const Facts facts = response_facts(responses_stream(events));
  EXPECT_EQ(facts.output, R"([{"type":"message","content":[]}])");
  EXPECT_EQ(facts.metrics, R"({"prompt_tokens":1,"completion_tokens":2,"tokens":3})");
  EXPECT_EQ(facts.error, "");
}

TEST(OpenaiResponses, AFailedResponseIsAFailureWithPartialOutput) {  // INST 9.4, 9.5
  std::vector<std::string> events = unfinished;
  events.push_back(
      R"({"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"oops"},"output":[]}})");
  const Facts facts = response_facts(responses_stream(events));
  EXPECT_EQ(facts.error, R"("server_error: oops")");
  EXPECT_EQ(tree(facts.output).size(), 3U);
  EXPECT_EQ(response_facts(responses_stream({R"({"type":"error","code":"rate_limit","message":"slow down"})"})).error,
            R"("rate_limit: slow down")");
  EXPECT_EQ(
      response_facts(exchange_with("responses", "{}", R"({"status":"failed","error":{"code":"x","message":"y"},"output":[]})"))
          .error,
      R"("x: y")");
}

TEST(OpenaiResponses, AFailureWithoutAReasonIsAFailure) {
  EXPECT_EQ(response_facts(exchange_with("responses", "{}", R"({"status":"failed","error":null,"output":[]})")).error,
            R"("failed")");
}

TEST(OpenaiCompletions, APromptAndItsTextAreMessages) {
  const Facts facts = facts_of(exchange_with(
      "completions", R"({"model":"m","prompt":"say \"hi\"","max_tokens":3})",
      R"({"model":"m-1","choices":[{"text":"\n\nhi","index":0,"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}})"));
  EXPECT_EQ(facts.name, "Completion");
  EXPECT_EQ(facts.input, R"([{"role":"user","content":"say \"hi\""}])");
  EXPECT_EQ(facts.output, R"([{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"\n\nhi"}}])");
  EXPECT_EQ(facts.metrics, R"({"prompt_tokens":3,"completion_tokens":2,"tokens":5})");
}

TEST(OpenaiCompletions, AStreamIsJoined) {
  Exchange exchange = exchange_with(
      "completions", R"({"prompt":["a","b"],"suffix":"z"})",
      sse({R"({"choices":[{"index":0,"text":"x"}]})", R"({"choices":[{"index":0,"text":"y","finish_reason":"length"}]})"}));
  exchange.content_type = "text/event-stream";
  EXPECT_EQ(request_facts(exchange).input,
            R"([{"role":"user","content":"a","suffix":"z"},{"role":"user","content":"b","suffix":"z"}])");
  EXPECT_EQ(response_facts(exchange).output,
            R"([{"index":0,"finish_reason":"length","message":{"role":"assistant","content":"xy"}}])");
  expect_same_however_cut(exchange);
}

TEST(OpenaiCompletions, LogprobsOfAStreamAreThoseOfAPlainAnswer) {
  const std::string whole =
      R"({"tokens":["a","b"],"token_logprobs":[-0.10,-2],"top_logprobs":[{"a":-0.1},{"b":-2}],"text_offset":[0,1]})";
  Exchange exchange = exchange_with(
      "completions", "{}",
      sse({R"({"choices":[{"text":"a","logprobs":{"tokens":["a"],"token_logprobs":[-0.10],"top_logprobs":[{"a":-0.1}],"text_offset":[0]}}]})",
           R"({"choices":[{"text":"b","logprobs":{"tokens":["b"],"token_logprobs":[-2],"top_logprobs":[{"b":-2}],"text_offset":[1]}}]})",
           R"({"choices":[{"text":"","logprobs":null,"finish_reason":"stop"}]})"}));
  exchange.content_type = "text/event-stream";
  const std::string expected =
      R"([{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"ab"},"logprobs":)" + whole + "}]";
  EXPECT_EQ(response_facts(exchange).output, expected);
  expect_same_however_cut(exchange);
  EXPECT_EQ(response_facts(exchange_with("completions", "{}",
                                         R"({"choices":[{"text":"ab","finish_reason":"stop","logprobs":)" + whole + "}]}"))
                .output,
            expected);
  const std::string partly_null = R"({"tokens":["a"],"top_logprobs":null})";
  EXPECT_EQ(
      response_facts(exchange_with("completions", "{}", R"({"choices":[{"text":"a","logprobs":)" + partly_null + "}]}")).output,
      R"([{"index":0,"message":{"role":"assistant","content":"a"},"logprobs":)" + partly_null + "}]");
}

TEST(OpenaiEmbeddings, OnlyTheLengthOfTheFirstVectorIsKept) {
  const Facts facts = facts_of(exchange_with(
      "embeddings", R"({"model":"e","input":["a","b"]})",
      R"({"model":"e-1","data":[{"embedding":[0.1,-2e-3,3]},{"embedding":[1]}],"usage":{"prompt_tokens":2,"total_tokens":2}})"));
  EXPECT_EQ(facts.name, "Embedding");
  EXPECT_EQ(facts.input, R"(["a","b"])");
  EXPECT_EQ(facts.output, R"({"embedding_length":3})");
  EXPECT_EQ(facts.metrics, R"({"prompt_tokens":2,"tokens":2})");
  EXPECT_EQ(response_facts(exchange_with("embeddings", "{}", R"({"data":[{"embedding":"AACAPwAAAEAAAEBA"}]})")).output,
            R"({"embedding_length":3})");
}

TEST(OpenaiModerations, ResultsAreTheOutput) {
  const Facts facts =
      facts_of(exchange_with("moderations", R"({"input":"x"})", R"({"model":"o","results":[{"flagged":true}]})"));
  EXPECT_EQ(facts.name, "Moderation");
  EXPECT_EQ(facts.input, "\"x\"");
  EXPECT_EQ(facts.output, R"([{"flagged":true}])");
}

TEST(OpenaiImages, APromptIsAMessageAndAStreamEndsInAnImage) {
  Exchange exchange = exchange_with(
      "images/generations", R"({"model":"i","prompt":"a cat","n":1})",
      sse({R"({"type":"image_generation.partial_image","b64_json":"AAAA"})",
           R"({"type":"image_generation.completed","b64_json":"BBBB","usage":{"input_tokens":1,"output_tokens":2,"total_tokens":3}})"}));
  exchange.content_type = "text/event-stream";
  const Facts facts = facts_of(exchange);
  EXPECT_EQ(facts.name, "openai.images.generate");
  EXPECT_EQ(facts.input, R"([{"role":"user","content":"a cat"}])");
  EXPECT_EQ(facts.output, R"([{"b64_json":"BBBB"}])");
  EXPECT_EQ(facts.metrics, R"({"prompt_tokens":1,"completion_tokens":2,"tokens":3})");
  expect_same_however_cut(exchange);
}

}  // namespace
}  // namespace braintrust::llm
