// Chat completions of OpenAI and of those that speak the same. INST 10, 16.2, 30.7.

#include "llm/exchange.h"

namespace braintrust::llm {
namespace {

const std::string question = R"({"model":"gpt-4o-mini","messages":[{"role":"user","content":"2+2?"}],"temperature":0.20})";

Exchange plain(std::string response) {
  Exchange exchange;
  exchange.request = question;
  exchange.response = std::move(response);
  return exchange;
}

Exchange stream(const std::vector<std::string>& events) {
  Exchange exchange = plain(sse(events));
  exchange.content_type = "text/event-stream; charset=utf-8";
  return exchange;
}

TEST(OpenaiChat, APlainCallBecomesOneRow) {  // INST 30.1
  const Facts facts = facts_of(plain(
      R"({"id":"x","model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,"message":{"role":"assistant","content":"4"},"logprobs":null,)"
      R"("finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":1,"total_tokens":10,)"
      R"("prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,)"
      R"("accepted_prediction_tokens":7}}})"));
  EXPECT_EQ(facts.name, "Chat Completion");
  EXPECT_EQ(facts.input, R"([{"role":"user","content":"2+2?"}])");
  EXPECT_EQ(facts.output, R"([{"index":0,"message":{"role":"assistant","content":"4"},"finish_reason":"stop"}])");
  EXPECT_EQ(facts.metadata, R"({"model":"gpt-4o-mini-2024-07-18","provider":"openai","temperature":0.20})");
  EXPECT_EQ(tree(facts.metrics), tree(R"({"prompt_tokens":9,"completion_tokens":1,"tokens":10,"prompt_cached_tokens":0,)"
                                      R"("completion_reasoning_tokens":0,"prompt_audio_tokens":0})"));
  EXPECT_EQ(facts.error, "");
  EXPECT_FALSE(facts.streamed);
}

TEST(OpenaiChat, MessagesAreKeptAsTheyWereWritten) {
  Exchange exchange;
  exchange.request = R"({"messages": [ {"z":1.0,"content":"\u00e9", "a":1e400, "role":"user"} ]})";
  EXPECT_EQ(request_facts(exchange).input, R"([ {"z":1.0,"content":"\u00e9", "a":1e400, "role":"user"} ])");
}

TEST(OpenaiChat, AStreamBecomesWhatAPlainCallReturns) {
  const Exchange exchange = stream({
      R"({"model":"gpt-x-1","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]})",
      R"({"model":"gpt-x-1","choices":[{"index":0,"delta":{"content":"Zo\u00eb \ud83d"}}]})",
      R"({"model":"gpt-x-1","choices":[{"index":0,"delta":{"content":"\ude00 said \"hi\"é"}}]})",
      R"({"model":"gpt-x-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})",
      R"({"model":"gpt-x-1","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":3,"total_tokens":8}})",
      "[DONE]",
  });
  const Facts facts = facts_of(exchange);
  EXPECT_EQ(tree(facts.output),
            tree(R"([{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"Zoë 😀 said \"hi\"é"}}])"));
  EXPECT_EQ(facts.metrics, R"({"prompt_tokens":5,"completion_tokens":3,"tokens":8})");
  EXPECT_EQ(tree(facts.metadata)["model"], "gpt-x-1");
  EXPECT_TRUE(facts.streamed);
  EXPECT_EQ(facts.note, "");
  expect_same_however_cut(exchange);
}

TEST(OpenaiChat, InterleavedToolCallsAreKeptApartByIndex) {  // INST 30.7
  const Exchange exchange = stream({
      R"({"choices":[{"index":0,"delta":{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"c0","type":"function","function":{"name":"f","arguments":"{\"a\""}},{"index":1,"id":"c1","function":{"name":"g","arguments":"{\"b\""}}]}}]})",
      R"({"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":":1}"}},{"index":1,"function":{"arguments":":2}"}}]}}]})",
      R"({"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]})",
  });
  EXPECT_EQ(tree(response_facts(exchange).output),
            tree(R"([{"index":0,"finish_reason":"tool_calls","message":{"role":"assistant","content":null,"tool_calls":[)"
                 R"({"id":"c0","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}},)"
                 R"({"id":"c1","type":"function","function":{"name":"g","arguments":"{\"b\":2}"}}]}}])"));
  expect_same_however_cut(exchange);
}

TEST(OpenaiChat, AToolCallWithoutIndexContinuesTheLastOrStartsOneForANewId) {
  const Facts facts = response_facts(stream({
      R"({"choices":[{"delta":{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{"}}]}}]})",
      R"({"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"}"}}]}}]})",
      R"({"choices":[{"delta":{"tool_calls":[{"id":"b","function":{"name":"g","arguments":"["}}]}}]})",
      R"({"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"]"}}]}}]})",
  }));
  const Tree calls = tree(facts.output)[0]["message"]["tool_calls"];
  ASSERT_EQ(calls.size(), 2U);
  EXPECT_EQ(calls[0]["function"]["arguments"], "{}");
  EXPECT_EQ(calls[1]["function"]["arguments"], "[]");
}

TEST(OpenaiChat, TwoCallsUnderOneIndexAreToldApartByTheirIds) {
  const Facts facts = response_facts(stream({
      R"({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}}]}}]})",
      R"({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"b","function":{"name":"f","arguments":"{\"x\":2}"}}]}}]})",
  }));
  const Tree calls = tree(facts.output)[0]["message"]["tool_calls"];
  ASSERT_EQ(calls.size(), 2U);
  EXPECT_EQ(calls[1]["function"]["arguments"], "{\"x\":2}");
}

TEST(OpenaiChat, CallsOfOneDeltaThatHaveANameEachAreSeveral) {
  for (const std::string begin : {R"({"index":0,"id":"","function":)", R"({"index":0,"function":)", R"({"function":)"}) {
    const Exchange exchange = stream({
        R"({"choices":[{"delta":{"tool_calls":[)" + begin + R"({"name":"f","arguments":"{\"a\":1}"}},)" + begin +
            R"({"name":"g","arguments":"{\"b\":"}},)" + begin + R"({"arguments":"1}"}}]}}]})",
    });
    EXPECT_EQ(tree(response_facts(exchange).output)[0]["message"]["tool_calls"],
              tree(R"([{"type":"function","function":{"name":"f","arguments":"{\"a\":1}"}},)"
                   R"({"type":"function","function":{"name":"g","arguments":"{\"b\":1}"}}])"));
    expect_same_however_cut(exchange);
  }
}

TEST(OpenaiChat, ACallThatRepeatsItsNameOrItsIdIsOne) {
  const std::string expected = R"([{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}])";
  const auto calls = [](const std::vector<std::string>& events) {
    return tree(response_facts(stream(events)).output)[0]["message"]["tool_calls"];
  };
  const std::string first = R"({"index":0,"id":"c","function":{"name":"f","arguments":"{"}})";
  const std::string second = R"({"index":0,"id":"c","function":{"name":"f","arguments":"}"}})";
  EXPECT_EQ(calls({R"({"choices":[{"delta":{"tool_calls":[)" + first + "," + second + "]}}]}"}), tree(expected));
  EXPECT_EQ(calls({R"({"choices":[{"delta":{"tool_calls":[)" + first + "]}}]}",
                   R"({"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"f","arguments":"}"}}]}}]})"}),
            tree(expected));
}

TEST(OpenaiChat, ACallOfACustomToolHasANameAndAnInput) {
  const std::string expected = R"({"id":"c","type":"custom","custom":{"name":"code_exec","input":"print(1) # \"one\""}})";
  const Exchange exchange = stream({
      R"({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c","type":"custom","custom":{"name":"code_exec","input":""}}]}}]})",
      R"({"choices":[{"delta":{"tool_calls":[{"index":0,"custom":{"input":"print(1) "}}]}}]})",
      R"({"choices":[{"delta":{"tool_calls":[{"index":0,"custom":{"input":"# \"one\""}}]}}]})",
  });
  const Tree calls = tree("[" + expected + "]");
  EXPECT_EQ(tree(response_facts(exchange).output)[0]["message"]["tool_calls"], calls);
  expect_same_however_cut(exchange);
  const Facts whole = response_facts(plain(R"({"choices":[{"message":{"tool_calls":[)" + expected + "]}}]}"));
  EXPECT_EQ(tree(whole.output)[0]["message"]["tool_calls"], calls);
}

TEST(OpenaiChat, AllChoicesAreKeptAndSorted) {
  const Facts facts = response_facts(stream({
      R"({"choices":[{"index":1,"delta":{"content":"b"},"finish_reason":"length"}]})",
      R"({"choices":[{"index":0,"delta":{"content":"a"},"logprobs":{"content":[{"token":"a","logprob":-0.10}]}}]})",
      R"({"choices":[{"index":0,"delta":{"content":"A"},"logprobs":{"content":[{"token":"A","logprob":-0.2}],"refusal":null}}]})",
  }));
  EXPECT_EQ(
      facts.output,
      R"([{"index":0,"message":{"role":"assistant","content":"aA"},"logprobs":{"content":[{"token":"a","logprob":-0.10},)"
      R"({"token":"A","logprob":-0.2}]}},{"index":1,"finish_reason":"length","message":{"role":"assistant","content":"b"}}])");
}

TEST(OpenaiChat, RefusalAndReasoningHaveTheirOwnKeys) {
  const Tree message = tree(response_facts(stream({
                                               R"({"choices":[{"delta":{"refusal":"I can"}}]})",
                                               R"({"choices":[{"delta":{"refusal":"not","reasoning":"hm"}}]})",
                                               R"({"choices":[{"delta":{"reasoning":"m","reasoning_content":"well"}}]})",
                                           }))
                                .output)[0]["message"];
  EXPECT_EQ(message,
            tree(R"({"role":"assistant","content":null,"refusal":"I cannot","reasoning":"hmm","reasoning_content":"well"})"));
}

TEST(OpenaiChat, WhatServersAddToMessagesChoicesAndCallsIsKept) {  // INST 8.1, 10.2
  const Exchange exchange = stream({
      // OpenRouter, Groq
      R"({"choices":[{"delta":{"content":"a","reasoning_details":[{"type":"reasoning.text","text":"hm"}],"executed_tools":[]}}]})",
      R"({"choices":[{"delta":{"reasoning_details":[{"type":"reasoning.text","signature":"s=="}],"executed_tools":[{"name":"search"}],"mood":"so"}}]})",
      // Azure ends with an empty object
      R"({"choices":[{"delta":{"mood":"fine"},"content_filter_results":{"hate":{"filtered":false}},"stop_reason":null}]})",
      R"({"choices":[{"delta":{"mood":null},"content_filter_results":{},"stop_reason":17}]})",
      // Gemini
      R"({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c","extra_content":{"google":{"thought_signature":"t"}},"function":{"name":"f"}}]}}]})",
      R"({"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}}]})",
  });
  EXPECT_EQ(
      tree(response_facts(exchange).output)[0],
      tree(
          R"({"index":0,"message":{"role":"assistant","content":"a","tool_calls":[{"id":"c","type":"function",)"
          R"("function":{"name":"f","arguments":"{}"},"extra_content":{"google":{"thought_signature":"t"}}}],)"
          R"("reasoning_details":[{"type":"reasoning.text","text":"hm"},{"type":"reasoning.text","signature":"s=="}],)"
          R"("executed_tools":[{"name":"search"}],"mood":"fine"},"content_filter_results":{"hate":{"filtered":false}},"stop_reason":17})"));
  expect_same_however_cut(exchange);
}

TEST(OpenaiChat, ATokenThatTogetherRepeatsBesideADeltaIsNoPartOfTheAnswer) {
  EXPECT_EQ(response_facts(stream({R"({"choices":[{"index":0,"text":"Hi","delta":{"token_id":7,"content":"Hi"}}]})"})).output,
            R"([{"index":0,"message":{"role":"assistant","content":"Hi"}}])");
}

TEST(OpenaiChat, WhatServersAddIsBoundedAsAllElseIs) {
  std::string many;
  for (int i = 0; i < 1000; ++i) many += ",\"m" + std::to_string(i) + "\":1";
  const Facts facts = response_facts(stream({R"({"choices":[{"delta":{"content":"a"},"finish_reason":"stop")" + many + "}]}"}));
  EXPECT_LE(tree(facts.output)[0].size(), 100U);
  EXPECT_NE(facts.note, "");

  const Endpoint endpoint = endpoint_of({});
  ResponseReader reader(endpoint, "/v1/chat/completions", {200, "text/event-stream"}, nullptr, 2000);
  for (int i = 0; i < 100; ++i) {
    reader.feed("data: {\"choices\":[{\"delta\":{\"list\":[\"twenty characters ok\"],\"state\":" + std::to_string(i) +
                "}}]}\n\n");
  }
  const Facts cut = reader.finish(End::complete());
  EXPECT_LE(cut.output.size(), 3000U);
  EXPECT_NE(cut.note, "");
}

TEST(OpenaiChat, AValueThatIsReplacedAgainAndAgainTakesRoomOnce) {
  const Endpoint endpoint = endpoint_of({});
  ResponseReader reader(endpoint, "/v1/chat/completions", {200, "text/event-stream"}, nullptr, 2000);
  for (int i = 100; i < 400; ++i) {
    reader.feed("data: {\"choices\":[{\"delta\":{\"content\":\"x\"},\"state\":\"twenty characters " + std::to_string(i) +
                "\"}]}\n\n");
  }
  const Facts facts = reader.finish(End::complete());
  EXPECT_EQ(tree(facts.output)[0]["message"]["content"], std::string(300, 'x'));
  EXPECT_EQ(tree(facts.output)[0]["state"], "twenty characters 399");
  EXPECT_EQ(facts.note, "");
}

TEST(OpenaiChat, PartsOfMistralsReasoningModelsAreJoined) {
  const Tree message =
      tree(response_facts(
               stream({
                   R"({"choices":[{"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"let "}]}]}}]})",
                   R"({"choices":[{"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"me"}]}]}}]})",
                   R"({"choices":[{"delta":{"content":"4"}}]})",
                   R"({"choices":[{"delta":{"content":"2"}}]})",
               }))
               .output)[0]["message"];
  EXPECT_EQ(message["content"],
            tree(R"([{"type":"thinking","thinking":[{"type":"text","text":"let me"}]},{"type":"text","text":"42"}])"));
}

TEST(OpenaiChat, WhatIsRepeatedBesideEachDeltaIsNotTakenTwice) {
  const auto content = [](const std::vector<std::string>& events) {
    return tree(response_facts(stream(events)).output)[0]["message"]["content"];
  };
  EXPECT_EQ(content({R"({"choices":[{"message":{"content":"a"},"delta":{"content":"a"}}]})",
                     R"({"choices":[{"message":{"content":"ab"},"delta":{"content":"b"}}]})"}),
            "ab");
  EXPECT_EQ(content({R"({"choices":[{"message":{"content":"whole"}}]})"}), "whole");
}

TEST(OpenaiChat, AStreamWithoutAChoiceHasAnEmptyOutput) {
  const Facts facts = response_facts(stream({R"({"model":"m","choices":[],"usage":{"prompt_tokens":1}})", "[DONE]"}));
  EXPECT_EQ(facts.output, "[]");
  EXPECT_EQ(facts.metrics, R"({"prompt_tokens":1})");
}

TEST(OpenaiChat, UsageThatNeverComesLeavesNoMetrics) {
  EXPECT_EQ(response_facts(stream({R"({"choices":[{"delta":{"content":"a"}}]})"})).metrics, "");
}

TEST(OpenaiChat, GroqsUsageIsFoundWhereItIs) {
  EXPECT_EQ(response_facts(
                stream({R"({"choices":[],"x_groq":{"usage":{"prompt_tokens":4,"completion_tokens":2,"total_tokens":6}}})"}))
                .metrics,
            R"({"prompt_tokens":4,"completion_tokens":2,"tokens":6})");
}

TEST(OpenaiChat, ReasoningThatXaiCountsBesideTheCompletionIsPutInside) {
  EXPECT_EQ(tree(response_facts(plain(R"({"choices":[],"usage":{"prompt_tokens":32,"completion_tokens":9,"total_tokens":135,)"
                                      R"("completion_tokens_details":{"reasoning_tokens":94}}})"))
                     .metrics)["completion_tokens"],
            103);
}

TEST(OpenaiChat, OnlyOpenRoutersCostIsDollars) {
  const std::string response = R"({"choices":[],"usage":{"prompt_tokens":1,"cost":0.0000036}})";
  EXPECT_EQ(response_facts(plain(response)).metrics, R"({"prompt_tokens":1})");
  Exchange exchange = plain(response);
  exchange.url = "https://openrouter.ai/api/v1/chat/completions";
  EXPECT_DOUBLE_EQ(tree(response_facts(exchange).metrics)["estimated_cost"].get<double>(), 0.0000036);
}

TEST(OpenaiChat, AStreamThatBreaksOffKeepsWhatCame) {
  Exchange exchange = stream({R"({"model":"m","choices":[{"index":0,"delta":{"content":"par"}}]})"});
  exchange.response += "data: {\"choices\":[{\"index\":0,\"del";
  exchange.end = End::broken_off("connection reset");
  const Facts facts = facts_of(exchange);
  EXPECT_EQ(facts.output, R"([{"index":0,"message":{"role":"assistant","content":"par"}}])");
  EXPECT_EQ(facts.error, R"("connection reset")");
  EXPECT_EQ(tree(facts.metadata)["model"], "m");
  expect_same_however_cut(exchange);
}

TEST(OpenaiChat, AnAbandonedStreamIsNoError) {
  Exchange exchange = stream({R"({"choices":[{"index":0,"delta":{"content":"par"}}]})"});
  exchange.end = End::abandoned();
  EXPECT_EQ(response_facts(exchange).error, "");
  EXPECT_EQ(tree(response_facts(exchange).output)[0]["message"]["content"], "par");
}

TEST(OpenaiChat, AnHttpErrorHasAnErrorAndNothingElse) {
  Exchange exchange =
      plain(R"({"error":{"message":"Incorrect API key","type":"invalid_request_error","code":"invalid_api_key"}})");
  exchange.status = 401;
  const Facts facts = facts_of(exchange);
  EXPECT_EQ(facts.error, R"("HTTP 401 invalid_request_error: Incorrect API key")");
  EXPECT_EQ(facts.output, "");
  EXPECT_EQ(facts.metrics, "");
  EXPECT_EQ(tree(facts.metadata)["model"], "gpt-4o-mini");
  exchange.response = "<html>Bad gateway</html>";
  exchange.status = 502;
  EXPECT_EQ(facts_of(exchange).error, R"("HTTP 502")");
}

TEST(OpenaiChat, AnErrorOfAGatewayHoldsThatOfTheProviderBehindIt) {
  Exchange exchange = plain(R"({"error":{"message":"Provider returned error","code":429,"metadata":{"raw":"too many"}}})");
  exchange.status = 429;
  EXPECT_EQ(response_facts(exchange).error, R"("HTTP 429: Provider returned error: too many")");
}

TEST(OpenaiChat, AnErrorInsideAStreamCountsAsFailure) {
  const Facts facts = response_facts(
      stream({R"({"choices":[{"delta":{"content":"par"}}]})", R"({"error":{"message":"upstream gone","code":502}})"}));
  EXPECT_EQ(facts.error, R"("502: upstream gone")");
  EXPECT_EQ(tree(facts.output)[0]["message"]["content"], "par");
}

TEST(OpenaiChat, AnErrorOfMistralSaysWhatIsWrongWithTheRequest) {
  Exchange exchange = plain(
      R"({"object":"error","message":{"detail":[{"type":"missing","msg":"Field required"}]},"type":"invalid_request_error","code":"x"})");
  exchange.status = 422;
  EXPECT_EQ(response_facts(exchange).error, R"("HTTP 422 invalid_request_error: Field required")");
}

TEST(OpenaiChat, AnErrorThatIsPlainTextIsItsFirstLine) {  // INST 9.3
  const auto error = [](std::string body) {
    Exchange exchange = plain(std::move(body));
    exchange.content_type = "text/plain";
    exchange.status = 503;
    return response_facts(exchange).error;
  };
  EXPECT_EQ(error("upstream connect error or disconnect/reset before headers"),
            R"("HTTP 503: upstream connect error or disconnect/reset before headers")");
  EXPECT_EQ(error("\n no \"healthy\" upstream \r\nand more"), R"("HTTP 503: no \"healthy\" upstream")");
  EXPECT_EQ(error(std::string(299, 'a') + "éb"), "\"HTTP 503: " + std::string(299, 'a') + '"');
  EXPECT_EQ(error(std::string(298, 'a') + "éb"), "\"HTTP 503: " + std::string(298, 'a') + "é\"");
  for (const std::string body :
       {"", "<!doctype html>", R"({"error":{"mess)", "[{", "null", "{}", "\x28\xb5\x2f\xfd", "a\x01z"}) {
    EXPECT_EQ(error(body), R"("HTTP 503")") << body;
  }
}

TEST(OpenaiChat, AnObjectThatSaysItIsAnErrorCountsAsFailure) {  // INST 9.5
  const std::string body = R"({"object":"error","message":"bad","type":"BadRequestError","param":null,"code":400})";
  EXPECT_EQ(response_facts(plain(body)).error, R"("BadRequestError: bad")");
  const Facts facts = response_facts(stream({R"({"choices":[{"delta":{"content":"par"}}]})", body}));
  EXPECT_EQ(facts.error, R"("BadRequestError: bad")");
  EXPECT_EQ(tree(facts.output)[0]["message"]["content"], "par");
  EXPECT_EQ(response_facts(stream({R"({"object":"error"})"})).error, R"("error")");
  for (const std::string path : {"completions", "embeddings", "responses"}) {
    Exchange exchange = plain(body);
    exchange.url = "https://api.openai.com/v1/" + path;
    EXPECT_EQ(response_facts(exchange).error, R"("BadRequestError: bad")") << path;
    exchange.response = sse({body});
    exchange.content_type = "text/event-stream";
    EXPECT_EQ(response_facts(exchange).error, R"("BadRequestError: bad")") << path;
  }
}

TEST(OpenaiChat, AResponseThatIsNoJsonIsNoError) {  // INST 9.6
  const Facts facts = facts_of(plain("hello"));
  EXPECT_EQ(facts.output, "");
  EXPECT_EQ(facts.error, "");
  EXPECT_NE(facts.note, "");
  EXPECT_EQ(facts.input, R"([{"role":"user","content":"2+2?"}])");
}

TEST(OpenaiChat, AStreamIsRecognisedWhateverItsContentTypeSays) {
  Exchange exchange = stream({R"({"choices":[{"index":0,"delta":{"content":"a"}}]})"});
  exchange.content_type = "text/plain";
  EXPECT_TRUE(response_facts(exchange).streamed);
  expect_same_however_cut(exchange);
}

TEST(OpenaiChat, AByteOrderMarkAndWhiteSpaceInFrontAreNothing) {
  for (const std::string front : {"\xEF\xBB\xBF", " \n \n", "\n\xEF\xBB\xBF"}) {
    Exchange exchange = plain(front + R"({"choices":[]})");
    EXPECT_EQ(response_facts(exchange).output, "[]");
    expect_same_however_cut(exchange);
    exchange = stream({R"({"choices":[{"index":0,"delta":{"content":"a"}}]})"});
    exchange.response.insert(0, front);
    EXPECT_TRUE(response_facts(exchange).streamed);
    expect_same_however_cut(exchange);
  }
}

TEST(OpenaiChat, AnErrorSentWhereEventsWereAnnouncedIsRead) {
  Exchange exchange = plain(R"({"error":"model not loaded"})");
  exchange.content_type = "text/event-stream";
  EXPECT_EQ(response_facts(exchange).error, R"("error: model not loaded")");
  expect_same_however_cut(exchange);
}

TEST(OpenaiChat, CompatibleServersAreBroughtIntoTheCanonicalForm) {
  const Facts facts = response_facts(plain(
      R"({"choices":[{"message":{"role":"assistant","content":null,"tool_calls":[{"id":"a","function":{"name":"f","arguments":{"x":1.0}}}]},"finish_reason":"tool_calls"}]})"));
  EXPECT_EQ(
      tree(facts.output),
      tree(
          R"([{"message":{"role":"assistant","content":null,"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{\"x\":1.0}"},"type":"function"}]},"finish_reason":"tool_calls","index":0}])"));
}

TEST(OpenaiChat, ToolsAndSettingsGoToMetadataAndNothingElseDoes) {
  Exchange exchange;
  exchange.request =
      R"({"model":"m","messages":[],"tools":[{"type":"function","function":{"name":"f","parameters":{}}}],"tool_choice":"auto",)"
      R"("parallel_tool_calls":false,"max_completion_tokens":7,"stop":["x"],"top_p":null,"seed":1,"user":"u","stream":true,)"
      R"("response_format":{"type":"json_object"}})";
  EXPECT_EQ(
      tree(request_facts(exchange).metadata),
      tree(
          R"({"model":"m","provider":"openai","max_tokens":7,"stop":["x"],"response_format":{"type":"json_object"},)"
          R"("tools":[{"type":"function","function":{"name":"f","parameters":{}}}],"tool_choice":"auto","parallel_tool_calls":false})"));
  exchange.request = R"({"tools":[],"functions":[{"name":"f"}],"function_call":{"name":"f"}})";
  EXPECT_EQ(
      tree(request_facts(exchange).metadata),
      tree(
          R"({"provider":"openai","tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":{"type":"function","function":{"name":"f"}}})"));
}

TEST(OpenaiChat, AzuresDeploymentStandsInForAModel) {
  Exchange exchange = plain(R"({"choices":[]})");
  exchange.url = "https://res.openai.azure.com/openai/deployments/my%20gpt/chat/completions?api-version=2024-02-01";
  exchange.request = R"({"messages":[]})";
  EXPECT_EQ(facts_of(exchange).metadata, R"({"model":"my gpt","provider":"azure"})");
}

TEST(OpenaiChat, BytesThatWereNotSeenEndNothing) {
  const Endpoint endpoint = endpoint_of({});
  ResponseReader reader(endpoint, "/v1/chat/completions", {200, "text/event-stream"}, nullptr);
  reader.feed("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\ndata: {\"choices\":[{\"ind");
  reader.skip();
  reader.feed(
      "tent\":\"lost\"}}]}\n\ndata: "
      "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"b\"},\"finish_reason\":\"stop\"}]}\n\n");
  const Facts facts = reader.finish(End::complete());
  EXPECT_EQ(facts.output, R"([{"index":0,"message":{"role":"assistant","content":"ab"}}])");
  EXPECT_NE(facts.note, "");
}

TEST(OpenaiChat, AStreamIsNoLessAStreamWhenItsFirstPieceIsLongerThanTheLimit) {
  std::string bytes(1000, '\n');  // what keeps a connection alive
  for (int i = 0; i < 20; ++i) bytes += "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}]}\n\n";
  const Endpoint endpoint = endpoint_of({});
  ResponseReader reader(endpoint, "/v1/chat/completions", {200, "text/event-stream"}, nullptr, 400);
  reader.feed(bytes);
  EXPECT_EQ(tree(reader.finish(End::complete()).output)[0]["message"]["content"], std::string(20, 'x'));
}

TEST(OpenaiChat, AStreamLongerThanTheLimitKeepsItsMetrics) {
  const Endpoint endpoint = endpoint_of({});
  ResponseReader reader(endpoint, "/v1/chat/completions", {200, "text/event-stream"}, nullptr, 400);
  for (int i = 0; i < 50; ++i)
    reader.feed("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"twenty characters ok\"}}]}\n\n");
  reader.feed(
      "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":3}}\n\n");
  const Facts facts = reader.finish(End::complete());
  EXPECT_EQ(facts.metrics, R"({"prompt_tokens":3})");
  EXPECT_LE(facts.output.size(), 500U);
  EXPECT_EQ(facts.output.find("finish_reason"), std::string::npos);
  EXPECT_NE(facts.note, "");
}

}  // namespace
}  // namespace braintrust::llm
