// Judges: what a model is asked, what its choice is worth, and what happens when there is none. Over real HTTP.

#include <braintrust/eval/judges.h>

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <braintrust/eval/scorer.h>
#include <braintrust/instrument/call.h>

#include "eval/model_server.h"

namespace braintrust {
namespace {

using nlohmann::json;
using scorers::LlmClassifier;
using test::Backend;
using test::chat_call;
using test::chat_choice;
using test::chat_text;
using test::Deed;
using test::judge_key;
using test::llm_row;
using test::ModelServer;
using test::responses_choice;
using test::Row;
using test::Variables;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const ScorerArgs everything{.input = *new json("the input"),
                            .output = *new json("the output"),
                            .expected = *new json("the expected"),
                            .metadata = *new json{{"criteria", "the criteria"}}};

LlmClassifier own_judge(const ModelServer& server) {
  return {.name = "Tone",
          .prompt_template = "{{output}}",
          .choice_scores = {{"good", 1}, {"bad", 0.25}},
          .model = "gpt-4o",
          .client = server.client()};
}

template <class Error>
std::string refusal(const auto& judge, const ScorerArgs& args = everything) {
  try {
    judge(args);
  } catch (const Error& error) {
    return error.what();
  }
  return "no refusal";
}

template <class Judge>
Judge asked_of(const ModelServer& server) {
  Judge judge;
  judge.model = "gpt-4o";
  judge.client = server.client();
  return judge;
}

// The choices that a judge offers, and what it makes of each.
template <class Judge>
std::vector<std::pair<std::string, double>> scores_of() {
  ModelServer server;
  server.answer_chat(chat_choice("none of them"));
  const auto judge = asked_of<Judge>(server);
  EXPECT_THAT(refusal<std::runtime_error>(judge), HasSubstr(std::string(Judge::name))) << "a choice that it does not know";
  const json offered = server.last_request()["tools"][0]["function"]["parameters"]["properties"]["choice"]["enum"];
  std::vector<std::pair<std::string, double>> scores;
  for (const json& choice : offered) {
    server.answer_chat(chat_choice(choice));
    const Score score = judge(everything);
    EXPECT_EQ(score.name, Judge::name);
    EXPECT_EQ(score.metadata, (json{{"choice", choice}, {"rationale", "because"}}));
    scores.emplace_back(choice, score.score.value());
  }
  return scores;
}

using Scores = std::vector<std::pair<std::string, double>>;

TEST(Judges, ScoreEachChoiceAsAutoevalsDoes) {
  EXPECT_EQ(scores_of<scorers::Factuality>(), (Scores{{"A", 0.4}, {"B", 0.6}, {"C", 1}, {"D", 0}, {"E", 1}}));
  EXPECT_EQ(scores_of<scorers::ClosedQA>(), (Scores{{"Y", 1}, {"N", 0}}));
  EXPECT_EQ(scores_of<scorers::Battle>(), (Scores{{"Yes", 1}, {"No", 0}}));
  EXPECT_EQ(scores_of<scorers::Humor>(), (Scores{{"Yes", 1}, {"No", 0}, {"Unsure", 0.5}}));
  EXPECT_EQ(scores_of<scorers::Security>(), (Scores{{"Yes", 0}, {"No", 1}, {"Unsure", 0.5}}));
  EXPECT_EQ(scores_of<scorers::Sql>(), (Scores{{"Correct", 1}, {"Incorrect", 0}}));
  EXPECT_EQ(scores_of<scorers::Summary>(), (Scores{{"A", 0}, {"B", 1}}));
  EXPECT_EQ(scores_of<scorers::Translation>(), (Scores{{"Y", 1}, {"N", 0}}));
  EXPECT_EQ(scores_of<scorers::Possible>(), (Scores{{"A", 0}, {"B", 1}}));
}

template <class Judge>
std::string prompt_of() {
  ModelServer server;
  server.answer_chat(chat_choice("?"));
  refusal<std::runtime_error>(asked_of<Judge>(server));
  return server.last_prompt();
}

// What stands between the tags <name> and </name>.
std::string part(const std::string& prompt, const std::string& name) {
  const std::size_t begin = prompt.find("<" + name + ">\n");
  const std::size_t end = prompt.find("\n</" + name + ">");
  if (begin == prompt.npos || end == prompt.npos) return "no " + name + " in " + prompt;
  return prompt.substr(begin + name.size() + 3, end - begin - name.size() - 3);
}

TEST(Judges, ShowTheModelWhatTheyAreAbout) {
  const std::string factuality = prompt_of<scorers::Factuality>();
  EXPECT_EQ(part(factuality, "question"), "the input");
  EXPECT_EQ(part(factuality, "expert_answer"), "the expected");
  EXPECT_EQ(part(factuality, "answer"), "the output");
  const std::string closed_qa = prompt_of<scorers::ClosedQA>();
  EXPECT_EQ(part(closed_qa, "task"), "the input");
  EXPECT_EQ(part(closed_qa, "answer"), "the output");
  EXPECT_EQ(part(closed_qa, "criterion"), "the criteria");
  const std::string battle = prompt_of<scorers::Battle>();
  EXPECT_EQ(part(battle, "first_response"), "the output");
  EXPECT_EQ(part(battle, "second_response"), "the expected");
  EXPECT_EQ(part(prompt_of<scorers::Humor>(), "text"), "the output");
  EXPECT_EQ(part(prompt_of<scorers::Security>(), "text"), "the output");
  const std::string sql = prompt_of<scorers::Sql>();
  EXPECT_EQ(part(sql, "question"), "the input");
  EXPECT_EQ(part(sql, "expert_query"), "the expected");
  EXPECT_EQ(part(sql, "query"), "the output");
  const std::string summary = prompt_of<scorers::Summary>();
  EXPECT_EQ(part(summary, "text"), "the input");
  EXPECT_EQ(part(summary, "summary_A"), "the expected");
  EXPECT_EQ(part(summary, "summary_B"), "the output");
  const std::string translation = prompt_of<scorers::Translation>();
  EXPECT_EQ(part(translation, "sentence"), "the input");
  EXPECT_EQ(part(translation, "expert_translation"), "the expected");
  EXPECT_EQ(part(translation, "translation"), "the output");
  const std::string possible = prompt_of<scorers::Possible>();
  EXPECT_EQ(part(possible, "task"), "the input");
  EXPECT_EQ(part(possible, "reply"), "the output");
}

TEST(Judges, AskWithOneMessageForACallOfOneFunction) {
  ModelServer server;
  server.answer_chat(chat_choice("C"));
  scorers::Factuality{.model = "gpt-4o", .client = server.client()}(everything);

  const json request = server.last_request();
  EXPECT_EQ(request.size(), 4u) << "nothing is set that was not asked for: " << request;
  EXPECT_EQ(request["model"], "gpt-4o");
  ASSERT_EQ(request["messages"].size(), 1u);
  EXPECT_EQ(request["messages"][0]["role"], "user");
  EXPECT_THAT(server.last_prompt(), HasSubstr(R"(`select_choice`)"));
  EXPECT_THAT(server.last_prompt(), HasSubstr(R"(["A","B","C","D","E"])"));
  EXPECT_EQ(request["tool_choice"], (json{{"type", "function"}, {"function", {{"name", "select_choice"}}}}));
  ASSERT_EQ(request["tools"].size(), 1u);
  EXPECT_EQ(request["tools"][0]["type"], "function");
  const json& function = request["tools"][0]["function"];
  EXPECT_EQ(function["name"], "select_choice");
  EXPECT_EQ(function["parameters"]["type"], "object");
  EXPECT_EQ(function["parameters"]["required"], (json{"reasons", "choice"}));
  EXPECT_EQ(function["parameters"]["properties"]["reasons"]["type"], "string");
  EXPECT_EQ(function["parameters"]["properties"]["choice"]["type"], "string");
  EXPECT_EQ(function["parameters"]["properties"]["choice"]["enum"], (json{"A", "B", "C", "D", "E"}));

  const test::ServerRequest sent = server.server.requests().back();
  EXPECT_EQ(sent.method, "POST");
  EXPECT_EQ(sent.headers.at("authorization"), "Bearer " + judge_key);
  EXPECT_EQ(sent.headers.at("content-type"), "application/json");
  EXPECT_THAT(sent.body, Not(HasSubstr(judge_key)));
}

TEST(Judges, LetTheModelReasonBeforeItChooses) {
  ModelServer server;
  server.answer_chat(chat_choice("C"));
  server.answer_responses(responses_choice("C"));
  for (const bool use_responses_api : {false, true}) {
    scorers::Factuality{.use_responses_api = use_responses_api, .client = server.client()}(everything);
    const auto request = nlohmann::ordered_json::parse(server.server.requests().back().body);
    const auto& tool = request["tools"][0];
    const auto& parameters = (use_responses_api ? tool : tool["function"])["parameters"];
    EXPECT_EQ(parameters["properties"].begin().key(), "reasons") << "models write arguments in this order";
    EXPECT_EQ(parameters["required"][0], "reasons");
  }
}

TEST(Judges, AskForNoReasonsWhenNoneAreWanted) {
  ModelServer server;
  server.answer_chat(chat_call({{"choice", "Yes"}}));
  const Score score = scorers::Humor{.model = "gpt-4o", .use_cot = false, .client = server.client()}(everything);
  EXPECT_EQ(score.score, 1);
  EXPECT_EQ(score.metadata, (json{{"choice", "Yes"}}));
  const json parameters = server.last_request()["tools"][0]["function"]["parameters"];
  EXPECT_EQ(parameters["required"], json::array({"choice"}));
  EXPECT_FALSE(parameters["properties"].contains("reasons"));
  EXPECT_THAT(server.last_prompt(), AllOf(HasSubstr(R"(["Yes","No","Unsure"])"), Not(HasSubstr("`reasons`"))));
}

TEST(Judges, PassTheirSettingsOn) {
  ModelServer server;
  server.answer_chat(chat_choice("C"));
  scorers::Factuality{.model = "my-model", .temperature = 0.5, .max_tokens = 700, .client = server.client()}(everything);
  EXPECT_EQ(server.last_request()["model"], "my-model");
  EXPECT_EQ(server.last_request()["temperature"], 0.5);
  EXPECT_EQ(server.last_request()["max_tokens"], 700);
  scorers::Factuality{.model = "my-model", .max_tokens = 1, .client = server.client()}(everything);
  EXPECT_EQ(server.last_request()["max_tokens"], 5) << "fewer hold no choice";
}

TEST(Judges, AskGpt5ThroughTheResponsesApi) {
  ModelServer server;
  server.answer_responses(responses_choice("D"));
  const Score score = scorers::Factuality{.temperature = 1, .max_tokens = 3, .client = server.client()}(everything);
  EXPECT_EQ(score.score, 0);
  EXPECT_EQ(score.metadata, (json{{"choice", "D"}, {"rationale", "because"}}));
  const json request = server.last_request();
  EXPECT_EQ(request.size(), 6u) << request;
  EXPECT_EQ(request["model"], "gpt-5-mini") << "the default";
  ASSERT_EQ(request["input"].size(), 1u);
  EXPECT_EQ(request["input"][0]["role"], "user");
  EXPECT_THAT(request["input"][0]["content"].get<std::string>(), HasSubstr("the output"));
  EXPECT_EQ(request["tools"][0]["type"], "function");
  EXPECT_EQ(request["tools"][0]["name"], "select_choice");
  EXPECT_EQ(request["tools"][0]["parameters"]["properties"]["choice"]["enum"], (json{"A", "B", "C", "D", "E"}));
  EXPECT_EQ(request["tool_choice"], (json{{"type", "function"}, {"name", "select_choice"}}));
  EXPECT_EQ(request["temperature"], 1);
  EXPECT_EQ(request["max_output_tokens"], 16) << "the API takes no less";
}

TEST(Judges, UseTheApiThatTheyAreTold) {
  ModelServer server;
  server.answer_responses(responses_choice("C"));
  server.answer_chat(chat_choice("C"));
  scorers::Factuality{.model = "gpt-4o", .use_responses_api = true, .client = server.client()}(everything);
  EXPECT_EQ(server.server.requests().back().path, "/v1/responses");
  scorers::Factuality{.model = "gpt-5.1", .use_responses_api = false, .client = server.client()}(everything);
  EXPECT_EQ(server.server.requests().back().path, "/v1/chat/completions");
}

TEST(Judges, UnderstandAChoiceThatIsWrittenALittleOtherwise) {
  ModelServer server;
  LlmClassifier judge = own_judge(server);
  judge.choice_scores = {{"1", 0.1}, {"2", 0.2}};
  server.answer_chat(chat_call({{"choice", " 2\n"}}));
  EXPECT_EQ(judge(everything).score, 0.2);
  server.answer_chat(chat_call({{"choice", 1}}));
  EXPECT_EQ(judge(everything).score, 0.1);
  json unquoted = chat_choice("");
  unquoted["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] = {{"choice", "2"}};
  server.answer_chat(unquoted);
  EXPECT_EQ(judge(everything).score, 0.2);
}

TEST(Judges, RefuseAnAnswerWithoutAChoiceAndSayWhatItWas) {
  ModelServer server;
  const LlmClassifier judge = own_judge(server);
  const auto refused = [&](const json& answer) {
    server.answer_chat(answer);
    return refusal<std::runtime_error>(judge);
  };
  EXPECT_THAT(refused(chat_choice("ugly")), AllOf(HasSubstr("Tone"), HasSubstr(R"(["good","bad"])"), HasSubstr("ugly")));
  EXPECT_THAT(refused(chat_choice("Good")), HasSubstr("Good")) << "case counts";
  EXPECT_THAT(refused(chat_call({{"reasons", "because"}})), HasSubstr("none of"));
  EXPECT_THAT(refused(chat_text("It is good.")), AllOf(HasSubstr("select_choice"), HasSubstr("It is good.")));
  EXPECT_THAT(refused(chat_call({{"choice", "good"}}, "other_function")), HasSubstr("other_function"));
  EXPECT_THAT(refused(chat_call("{\"choice\": \"go")), AllOf(HasSubstr("no JSON object"), HasSubstr("go")));
  EXPECT_THAT(refused(chat_call("[1]")), HasSubstr("no JSON object"));
  EXPECT_THAT(refused(json{{"choices", json::array()}}), HasSubstr("choices"));
  EXPECT_THAT(refused(json(7)), HasSubstr("7"));
  server.server.on("/v1/chat/completions", {{.body = std::string(200'000, '[') + std::string(200'000, ']')}});
  EXPECT_THAT(refusal<std::runtime_error>(judge), HasSubstr("no JSON")) << "too deep to look into";
  server.server.on("/v1/chat/completions", {{.body = "<html>hello"}});
  EXPECT_THAT(refusal<std::runtime_error>(judge), AllOf(HasSubstr("no JSON"), HasSubstr("<html>hello")));

  json refusing = chat_text("");
  refusing["choices"][0]["message"]["refusal"] = "I would rather not";
  EXPECT_THAT(refused(refusing), HasSubstr("I would rather not"));

  std::string words = "x";  // so that the cut is in the middle of a character
  for (int i = 0; i < 1000; ++i) words += "é\n";
  const std::string message = refused(chat_text(words));
  EXPECT_LT(message.size(), 400u);
  EXPECT_THAT(message, AllOf(HasSubstr("é é"), HasSubstr("…"), Not(HasSubstr("\n"))));
  EXPECT_NO_THROW(json(message).dump()) << "no character is cut in two";
}

TEST(Judges, RefuseAnAnswerOfTheResponsesApiWithoutAChoiceAndSayWhatItWas) {
  ModelServer server;
  scorers::Humor judge{.client = server.client()};
  server.answer_responses({{"status", "incomplete"},
                           {"incomplete_details", {{"reason", "max_output_tokens"}}},
                           {"output", json::array({{{"type", "reasoning"}}})}});
  EXPECT_THAT(refusal<std::runtime_error>(judge), HasSubstr("max_output_tokens"));
  const json words = {{"type", "output_text"}, {"text", "Ha ha."}};
  server.answer_responses({{"output", json::array({{{"type", "message"}, {"content", json::array({words})}}})}});
  EXPECT_THAT(refusal<std::runtime_error>(judge), HasSubstr("Ha ha."));
}

TEST(Judges, ComeBackWhenTheServerAsksThemTo) {
  ModelServer server;
  server.server.on("/v1/chat/completions",
                   {{.status = 429, .headers = {{"Retry-After", "1"}}}, {.body = chat_choice("good").dump()}});
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(own_judge(server)(everything).score, 1);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
  EXPECT_EQ(server.server.count(), 2u);
}

TEST(Judges, AreMorePatientWithARateLimitThanWithAFailure) {
  ModelServer server;
  server.server.on("/v1/chat/completions",
                   {{.status = 429}, {.status = 429}, {.status = 429}, {.body = chat_choice("good").dump()}});
  EXPECT_EQ(own_judge(server)(everything).score, 1);

  ModelServer failing;
  failing.server.on("/v1/chat/completions", {{.status = 500, .body = R"({"error": {"message": "no GPU"}})"}});
  EXPECT_THAT(refusal<std::runtime_error>(own_judge(failing)), AllOf(HasSubstr("500"), HasSubstr("no GPU")));
  EXPECT_EQ(failing.server.count(), 3u);
}

TEST(Judges, GiveUpAfterAsManyTriesAsTheyAreAllowed) {
  ModelServer server;
  server.server.on("/v1/chat/completions", {{.status = 429}});
  LlmClassifier judge = own_judge(server);
  judge.client->tries = 1;
  EXPECT_THAT(refusal<std::runtime_error>(judge), HasSubstr("429"));
  EXPECT_EQ(server.server.count(), 1u);
}

TEST(Judges, WaitNoLongerThanTheirTimeout) {
  ModelServer server;
  server.server.on("/v1/chat/completions", {{.deed = Deed::hang}});
  LlmClassifier judge = own_judge(server);
  judge.client->timeout = std::chrono::milliseconds(50);
  judge.client->tries = 1;
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THAT(refusal<std::runtime_error>(judge), HasSubstr(server.server.url()));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

TEST(Judges, TellNobodyTheKey) {
  ModelServer server;
  Backend backend;
  LlmClassifier judge = own_judge(server);
  judge.client->headers = {{"api-key", "another-secret"}};
  const std::string both = judge_key + " and another-secret";
  server.server.on("/v1/chat/completions", {{.status = 401, .body = json{{"error", {{"message", "bad key " + both}}}}.dump()}});
  EXPECT_THAT(refusal<std::runtime_error>(judge), AllOf(HasSubstr("401"), HasSubstr("bad key *** and ***"),
                                                        Not(HasSubstr(judge_key)), Not(HasSubstr("another-secret"))));
  EXPECT_EQ(server.server.count(), 1u) << "a key does not become right by trying again";
  EXPECT_EQ(server.server.requests().back().headers.at("api-key"), "another-secret");
  EXPECT_THAT(Row(backend.rows()).dump(),
              AllOf(HasSubstr("bad key ***"), Not(HasSubstr(judge_key)), Not(HasSubstr("another-secret"))));
}

TEST(Judges, AreModelCallsWhoseCostIsTheScorers) {
  ModelServer server;
  server.answer_chat(chat_choice("C"));
  Backend backend;
  std::string parent;
  {
    const auto step = start_span("step");
    parent = to_string(step.span_id());
    scorers::Factuality{.model = "gpt-4o", .client = server.client()}(everything);
  }
  Row row = llm_row(backend);
  EXPECT_EQ(row["span_attributes"]["purpose"], "scorer");
  EXPECT_EQ(row["span_parents"], json::array({parent}));
  EXPECT_EQ(row["metadata"]["model"], "gpt-4o-2024");
  EXPECT_EQ(row["metadata"]["provider"], "openai");
  EXPECT_EQ(row["metrics"]["tokens"], 100);
  EXPECT_EQ(row["input"][0]["role"], "user");
  EXPECT_THAT(row["output"].dump(), HasSubstr("select_choice"));
  EXPECT_FALSE(row.contains("error") && !row["error"].is_null());
  EXPECT_FALSE(backend.row("step")["span_attributes"].contains("purpose"));

  // But for the purpose it is named and typed as any model call.
  Backend other;
  auto call =
      llm::start_call({.provider = "openai", .path = "/v1/chat/completions", .request = server.server.requests().back().body});
  call.end();
  json attributes = llm_row(other)["span_attributes"];
  for (const char* const key : {"name", "type"}) EXPECT_EQ(row["span_attributes"][key], attributes[key]);
}

TEST(Judges, HaveOnePurposeWithinAScorersSpan) {
  ModelServer server;
  server.answer_chat(chat_choice("C"));
  Backend backend;
  {
    const auto scorer =
        start_span("Factuality", {.type = SpanType::score, .propagated = {{"span_attributes", {{"purpose", "scorer"}}}}});
    scorers::Factuality{.model = "gpt-4o", .client = server.client()}(everything);
  }
  EXPECT_EQ(llm_row(backend)["span_attributes"]["purpose"], "scorer");
  EXPECT_EQ(llm_row(backend)["span_attributes"]["type"], "llm");
}

TEST(Judges, RecordTheFailureOfTheirCall) {
  ModelServer server;
  server.server.on("/v1/chat/completions", {{.status = 400, .body = R"({"error": {"message": "no such model"}})"}});
  Backend backend;
  refusal<std::runtime_error>(own_judge(server));
  EXPECT_THAT(llm_row(backend)["error"].dump(), HasSubstr("no such model"));
}

// The providers that are traced when these are switched off, of a server of one's own, Groq and Mistral, for whose hosts a
// proxy stands in.
std::string providers_traced_without(const char* switched_off) {
  ModelServer server;
  const Variables variables(
      {{"BRAINTRUST_DISABLE_INSTRUMENTATION", switched_off}, {"http_proxy", server.server.url()}, {"no_proxy", "127.0.0.1"}});
  Backend backend;
  LlmClassifier judge = own_judge(server);
  for (const std::string& base :
       {server.url(), std::string("http://api.groq.com/v1"), std::string("http://api.mistral.ai/v1")}) {
    judge.client->base_url = base;
    refusal<std::runtime_error>(judge);
  }
  std::string providers = std::to_string(server.server.count()) + " requests:";
  for (const Row& row : backend.rows()) providers += " " + row["metadata"]["provider"].get<std::string>();
  return providers;
}

// Each in a process of its own: what is switched off is read once.
TEST(Judges, AreTracedUnlessTheProviderIsSwitchedOff) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto tell = [](const std::string& providers) {
    std::fputs(providers.c_str(), stderr);
    std::_Exit(0);
  };
  EXPECT_EXIT(tell(providers_traced_without("")), testing::ExitedWithCode(0), "^3 requests: openai groq mistral$");
  EXPECT_EXIT(tell(providers_traced_without("groq")), testing::ExitedWithCode(0), "^3 requests: openai mistral$");
  EXPECT_EXIT(tell(providers_traced_without("openai")), testing::ExitedWithCode(0), "^3 requests: groq mistral$");
}

// The key that is sent with these variables set, to the gateway or to another server.
std::string key_sent(const ModelServer& server, bool to_gateway, const Variables::Values& keys) {
  Variables::Values values = keys;
  values[to_gateway ? "BRAINTRUST_AI_GATEWAY_URL" : "OPENAI_BASE_URL"] = server.url() + "/";
  const Variables variables(values);
  scorers::Factuality{.model = "gpt-4o"}(everything);
  return server.last_authorization();
}

TEST(Judges, SendTheKeyThatBelongsToTheServer) {
  ModelServer server;
  server.answer_chat(chat_choice("C"));
  const Variables::Values both = {{"OPENAI_API_KEY", " sk-openai\n"}, {"BRAINTRUST_API_KEY", "sk-braintrust"}};
  EXPECT_EQ(key_sent(server, true, both), "Bearer sk-braintrust");
  EXPECT_EQ(key_sent(server, false, both), "Bearer sk-openai");
  EXPECT_EQ(key_sent(server, true, {{"OPENAI_API_KEY", "sk-openai"}}), "Bearer sk-openai");
  EXPECT_EQ(key_sent(server, false, {{"BRAINTRUST_API_KEY", "sk-braintrust"}}), "none") << "it is nobody else's";
  EXPECT_EQ(key_sent(server, false, {}), "none") << "a server of one's own may want none";
}

TEST(Judges, TakeTheGatewaysKeyFromTheProjectsFileToo) {
  const auto directory = std::filesystem::temp_directory_path() / ("braintrust-judges-" + std::to_string(::getpid()));
  std::filesystem::create_directories(directory);
  std::ofstream(directory / ".env.braintrust") << "BRAINTRUST_API_KEY=sk-file\n";
  const auto former = std::filesystem::current_path();
  std::filesystem::current_path(directory);
  ModelServer server;
  server.answer_chat(chat_choice("C"));
  EXPECT_EQ(key_sent(server, true, {{"OPENAI_API_KEY", "sk-openai"}}), "Bearer sk-file");
  EXPECT_EQ(key_sent(server, true, {{"BRAINTRUST_API_KEY", "sk-braintrust"}}), "Bearer sk-braintrust");
  EXPECT_EQ(key_sent(server, false, {}), "none") << "other servers have no business with it";
  std::filesystem::current_path(former);
  std::filesystem::remove_all(directory);
}

TEST(Judges, PreferTheServerThatIsNamedMoreClosely) {
  ModelServer gateway;
  ModelServer openai;
  ModelServer own;
  for (ModelServer* const server : {&gateway, &openai, &own}) server->answer_chat(chat_choice("C"));
  const Variables variables({{"BRAINTRUST_AI_GATEWAY_URL", gateway.url()},
                             {"OPENAI_BASE_URL", openai.url()},
                             {"BRAINTRUST_API_KEY", "sk-braintrust"}});
  scorers::Factuality{.model = "gpt-4o"}(everything);
  EXPECT_EQ(openai.server.count(), 1u);
  scorers::Factuality{.model = "gpt-4o", .client = own.client()}(everything);
  EXPECT_EQ(own.server.count(), 1u);
  EXPECT_EQ(own.last_authorization(), "Bearer " + judge_key);
  EXPECT_EQ(gateway.server.count(), 0u);
}

TEST(Judges, GoToBraintrustsGatewayWhenNothingElseIsSaid) {
  const ModelServer server;  // for its environment
  const auto former = std::filesystem::current_path();
  std::filesystem::current_path("/");
  EXPECT_THAT(refusal<std::invalid_argument>(scorers::factuality),
              AllOf(HasSubstr("https://gateway.braintrust.dev"), HasSubstr("BRAINTRUST_API_KEY")));
  std::filesystem::current_path(former);
  EXPECT_THAT(refusal<std::invalid_argument>(scorers::Factuality{.client = {{.base_url = "localhost:8000"}}}),
              HasSubstr("http://"));
}

TEST(Judges, TakeWhatTheyAreNotToldFromInit) {
  ModelServer server;
  ModelServer other;
  for (ModelServer* const one : {&server, &other}) {
    one->answer_chat(chat_choice("Yes"));
    one->answer_responses(responses_choice("Yes"));
  }
  scorers::init({.default_model = "my-default", .client = server.client()});
  EXPECT_EQ(scorers::humor(everything).score, 1);
  EXPECT_EQ(server.last_request()["model"], "my-default");
  EXPECT_EQ(server.last_authorization(), "Bearer " + judge_key);
  scorers::Humor{.model = "my-own"}(everything);
  EXPECT_EQ(server.last_request()["model"], "my-own");

  scorers::Humor{.client = {{.base_url = other.url()}}}(everything);
  EXPECT_EQ(other.last_request()["model"], "my-default");
  EXPECT_EQ(other.last_authorization(), "none") << "a key goes to the server for which it was set";

  scorers::init({});
  scorers::Humor{.client = other.client()}(everything);
  EXPECT_EQ(other.last_request()["model"], "gpt-5-mini");
}

TEST(Judges, TakeWhatIsNotSetFromTheCase) {
  ModelServer server;
  server.answer_chat(chat_choice("Y"));
  auto closed_qa = asked_of<scorers::ClosedQA>(server);
  const auto criterion = [&](const json& metadata) {
    closed_qa({.input = "i", .output = "o", .metadata = metadata});
    return part(server.last_prompt(), "criterion");
  };
  EXPECT_EQ(criterion({{"criteria", "of the case"}}), "of the case");
  closed_qa.criteria = "of the judge";
  EXPECT_EQ(criterion({{"criteria", "of the case"}}), "of the judge");
  EXPECT_EQ(criterion(nullptr), "of the judge");
  closed_qa.criteria = " ";
  EXPECT_THAT(refusal<std::invalid_argument>(closed_qa, {.input = "i", .output = "o"}), HasSubstr("metadata.criteria"));

  server.answer_chat(chat_choice("Yes"));
  auto battle = asked_of<scorers::Battle>(server);
  const auto instructions = [&](const json& metadata) {
    battle({.input = "the input", .output = "o", .expected = "e", .metadata = metadata});
    return part(server.last_prompt(), "instructions");
  };
  EXPECT_EQ(instructions(nullptr), "the input");
  EXPECT_EQ(instructions({{"instructions", "of the case"}}), "of the case");
  battle.instructions = "of the judge";
  EXPECT_EQ(instructions({{"instructions", "of the case"}}), "of the judge");

  server.answer_chat(chat_choice("Y"));
  auto translation = asked_of<scorers::Translation>(server);
  const auto first_line = [&](const json& metadata) {
    translation({.input = "i", .output = "o", .expected = "e", .metadata = metadata});
    return server.last_prompt().substr(0, server.last_prompt().find('.'));
  };
  EXPECT_EQ(first_line(nullptr), "A sentence was translated into English");
  EXPECT_EQ(first_line({{"language", "Danish"}}), "A sentence in Danish was translated into English");
  translation.language = "Welsh";
  EXPECT_EQ(first_line({{"language", "Danish"}}), "A sentence in Welsh was translated into English");
}

TEST(Judges, AskNobodyWhenTheValueToCompareWithIsMissing) {
  ModelServer server;
  scorers::init({.client = server.client()});
  const ScorerArgs args{.input = "i", .output = "o"};
  EXPECT_THAT(refusal<std::invalid_argument>(scorers::factuality, args), HasSubstr("Factuality needs an expected value"));
  EXPECT_THAT(refusal<std::invalid_argument>(scorers::battle, args), HasSubstr("Battle"));
  EXPECT_THAT(refusal<std::invalid_argument>(scorers::sql, args), HasSubstr("Sql"));
  EXPECT_THAT(refusal<std::invalid_argument>(scorers::summary, args), HasSubstr("Summary"));
  EXPECT_THAT(refusal<std::invalid_argument>(scorers::translation, args), HasSubstr("Translation"));
  EXPECT_EQ(server.server.count(), 0u);
  server.answer_responses(responses_choice("No"));
  EXPECT_EQ(scorers::humor(args).score, 0);
  EXPECT_EQ(scorers::security(args).score, 1);
  server.answer_responses(responses_choice("B"));
  EXPECT_EQ(scorers::possible(args).score, 1);
}

TEST(LlmClassifier, FillsItsTemplateFromTheCaseAndItsVariables) {
  ModelServer server;
  server.answer_chat(chat_choice("bad"));
  LlmClassifier judge = own_judge(server);
  judge.prompt_template =
      "{{input.question}}|{{input.list}}|{{output}}|{{expected}}|{{metadata.tone}}|{{tone}}|{{color}}|{{unknown}}|{{__choices}}"
      "|";
  judge.variables = {{"color", "red"}, {"expected", "mine"}};
  const Score score = judge({.input = {{"question", "why?"}, {"list", {1, 2}}},
                             .output = true,
                             .expected = "the case's",
                             .metadata = {{"tone", "warm"}, {"color", "blue"}, {"output", "hidden"}}});
  EXPECT_THAT(server.last_prompt(), testing::StartsWith(R"(why?|[1,2]|true|mine|warm|warm|red||["good","bad"]|)"));
  EXPECT_EQ(score.name, "Tone");
  EXPECT_EQ(score.score, 0.25);
}

TEST(LlmClassifier, SaysWhatItLacks) {
  ModelServer server;
  const auto refused = [&](auto change) {
    LlmClassifier judge = own_judge(server);
    change(judge);
    return refusal<std::invalid_argument>(judge);
  };
  EXPECT_THAT(refused([](LlmClassifier& judge) { judge.name = ""; }), HasSubstr("name"));
  EXPECT_THAT(refused([](LlmClassifier& judge) { judge.prompt_template = " "; }), HasSubstr("Tone needs a prompt_template"));
  EXPECT_THAT(refused([](LlmClassifier& judge) { judge.prompt_template = "{{#a}}"; }), HasSubstr("not closed"));
  EXPECT_THAT(refused([](LlmClassifier& judge) { judge.choice_scores.clear(); }), HasSubstr("choice_scores"));
  EXPECT_THAT(refused([](LlmClassifier& judge) { judge.variables = json::array(); }), HasSubstr("variables"));
  EXPECT_EQ(server.server.count(), 0u);
}

TEST(Judges, TakeValuesForWhatTheyAre) {
  ModelServer server;
  server.answer_chat(chat_choice("good"));
  const LlmClassifier judge = own_judge(server);
  const auto shown = [&](const json& output) {
    judge({.input = "secret", .output = output});
    return server.last_prompt().substr(0, server.last_prompt().find("\nGive your verdict"));
  };
  for (const char* const text :
       {"{{input}}", "}}} {{#x}} {{/y}} {{=<% %>=}}", "\"quotes\" 'n' <b>&amp;</b> \\ \n\t", "", "日本 🎉"}) {
    EXPECT_EQ(shown(text), text);
  }
  EXPECT_EQ(shown("a\xff\xC3z"), "a\xEF\xBF\xBD\xEF\xBF\xBDz") << "what is no UTF-8 cannot be sent";
  EXPECT_EQ(shown({{"text", "{{input}}"}}), R"({"text":"{{input}}"})");
  EXPECT_EQ(shown(std::string("a\0b", 3)), std::string("a\0b", 3));
}

TEST(Judges, AreScorersUnderTheNamesOfAutoevals) {
  static_assert(std::is_aggregate_v<scorers::Factuality> && std::is_aggregate_v<scorers::ClosedQA> &&
                std::is_aggregate_v<scorers::Battle> && std::is_aggregate_v<scorers::Translation> &&
                std::is_aggregate_v<LlmClassifier> && std::is_aggregate_v<scorers::ModelClient>);
  static_assert(std::is_invocable_r_v<Score, decltype(scorers::factuality), const ScorerArgs&>);
  static_assert(!std::is_invocable_v<decltype(scorers::factuality), json, json>, "a judge needs the input, too");
  EXPECT_THAT(
      (std::vector<std::string_view>{scorers::factuality.name, scorers::closed_qa.name, scorers::battle.name,
                                     scorers::humor.name, scorers::security.name, scorers::sql.name, scorers::summary.name,
                                     scorers::translation.name, scorers::possible.name, scorers::embedding_similarity.name}),
      ElementsAre("Factuality", "ClosedQA", "Battle", "Humor", "Security", "Sql", "Summary", "Translation", "Possible",
                  "EmbeddingSimilarity"));
}

TEST(Judges, AreScorersOfAnEvalUnderTheirNames) {
  const LlmClassifier tone{.name = "A tone that is too long to be stored in place"};
  const std::vector<Scorer> scores = {scorers::factuality,
                                      scorers::ClosedQA{.criteria = "short"},
                                      tone,
                                      scorers::embedding_similarity,
                                      {"renamed", scorers::humor}};
  std::vector<std::string> names;
  for (const Scorer& scorer : scores) names.push_back(scorer.name());
  EXPECT_THAT(names, ElementsAre("Factuality", "ClosedQA", tone.name, "EmbeddingSimilarity", "renamed"));
}

}  // namespace
}  // namespace braintrust
