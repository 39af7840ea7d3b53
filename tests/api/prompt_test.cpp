// Prompts: which one is asked for, what it becomes when it is filled in, and how spans tell of it.

#include <braintrust/api/prompt.h>

#include <thread>

#include <gmock/gmock.h>

#include <braintrust/tracing.h>

#include "trace/backend.h"

namespace braintrust {
namespace {

using nlohmann::json;
using test::Answer;
using test::Backend;
using test::FakeBraintrust;
using test::Row;
using test::ScriptedServer;
using test::ServerRequest;
using test::Variables;
using ::testing::HasSubstr;
using ::testing::Not;

json chat_row(const json& messages, const json& prompt_data = json::object()) {
  json row = {{"id", "prompt-1"},   {"project_id", "project-1"}, {"_xact_id", "1000"},
              {"name", "Greeting"}, {"slug", "greeting"},        {"prompt_data", prompt_data}};
  row["prompt_data"]["prompt"]["type"] = "chat";
  row["prompt_data"]["prompt"]["messages"] = messages;
  if (!prompt_data.contains("options")) row["prompt_data"]["options"]["model"] = "gpt-5-mini";
  return row;
}

json says(const std::string& role, const json& content) { return {{"role", role}, {"content", content}}; }
json list_of(std::initializer_list<json> elements) { return json::array_t(elements); }

Prompt prompt_of(const json& row, const json& defaults = {}, bool no_trace = false) {
  auto prompt = Prompt::from_row(row, defaults, no_trace);
  EXPECT_TRUE(prompt) << prompt.error().message;
  return *prompt;
}

json request_of(const json& row, const json& variables = {}, const BuildOptions& options = {}) {
  const auto built = prompt_of(row).build(variables, options);
  EXPECT_TRUE(built) << built.error().message;
  return built ? built->request : json();
}

json messages_of(const json& messages, const json& variables = {}, const BuildOptions& options = {}) {
  return request_of(chat_row(messages), variables, options)["messages"];
}

std::string error_of(const json& row, const json& variables = {}, const BuildOptions& options = {}) {
  const auto built = prompt_of(row).build(variables, options);
  EXPECT_FALSE(built);
  if (built) return {};
  EXPECT_EQ(built.error().code, ErrorCode::invalid_argument);
  return built.error().message;
}

TEST(PromptBuilding, FillsInTextsWithoutEscapingThem) {
  const json messages =
      messages_of(list_of({says("system", "You help {{user.name}}."), says("user", "{{question}} {{data}}")}),
                  {{"user", {{"name", "O'Hara <o@h>"}}}, {"question", "a & b?"}, {"data", {1, {{"k", "v"}}}}});
  EXPECT_EQ(messages, list_of({says("system", "You help O'Hara <o@h>."), says("user", R"(a & b? [1,{"k":"v"}])")}));
}

TEST(PromptBuilding, FillsInEveryPartOfAMessage) {
  const json content =
      list_of({{{"type", "text"}, {"text", "{{x}}"}},
               {{"type", "image_url"}, {"image_url", {{"url", "https://h/{{x}}"}, {"detail", "low"}}}},
               {{"type", "file"}, {"file", {{"file_data", "{{x}}1"}, {"file_id", "{{x}}2"}, {"filename", "{{x}}3"}}}}});
  const json call = {
      {"id", "call-{{x}}"}, {"type", "function"}, {"function", {{"name", "f_{{x}}"}, {"arguments", R"({"a":"{{x}}"})"}}}};
  json asks = says("assistant", nullptr);
  asks["tool_calls"] = list_of({call});
  json answers = says("tool", "{{x}}");
  answers["tool_call_id"] = "call-{{x}}";
  const json messages = messages_of(list_of({says("user", content), asks, answers}), {{"x", "X"}});

  EXPECT_EQ(messages[0]["content"],
            list_of({{{"type", "text"}, {"text", "X"}},
                     {{"type", "image_url"}, {"image_url", {{"url", "https://h/X"}, {"detail", "low"}}}},
                     {{"type", "file"}, {"file", {{"file_data", "X1"}, {"file_id", "X2"}, {"filename", "X3"}}}}}));
  EXPECT_EQ(
      messages[1]["tool_calls"],
      list_of({{{"id", "call-X"}, {"type", "function"}, {"function", {{"name", "f_X"}, {"arguments", R"({"a":"X"})"}}}}}));
  EXPECT_EQ(messages[1]["content"], nullptr);
  EXPECT_EQ(messages[2]["tool_call_id"], "call-X");
}

TEST(PromptBuilding, LeavesOutEmptyListsThatProvidersRefuse) {
  json none = says("assistant", "a");
  none["tool_calls"] = nullptr;
  json empty = says("assistant", "b");
  empty["tool_calls"] = json::array();
  EXPECT_EQ(messages_of(list_of({none, empty})), list_of({says("assistant", "a"), says("assistant", "b")}));
  EXPECT_FALSE(request_of(chat_row(list_of({says("user", "x")}), {{"prompt", {{"tools", " [] "}}}})).contains("tools"));
}

TEST(PromptBuilding, MakesManyPartsOfAPictureThatIsAList) {
  const json content = list_of({{{"type", "text"}, {"text", "See:"}},
                                {{"type", "image_url"}, {"image_url", {{"url", " {{ images }} "}, {"detail", "low"}}}},
                                {{"type", "file"}, {"file", {{"file_data", "{{files}}"}}}}});
  const json variables = {{"images", list_of({"https://h/1", {{"url", "https://h/2"}, {"detail", "high"}}})},
                          {"files", json::array()}};
  EXPECT_EQ(messages_of(list_of({says("user", content)}), variables)[0]["content"],
            list_of({{{"type", "text"}, {"text", "See:"}},
                     {{"type", "image_url"}, {"image_url", {{"url", "https://h/1"}, {"detail", "low"}}}},
                     {{"type", "image_url"}, {"image_url", {{"url", "https://h/2"}, {"detail", "high"}}}}}));
  EXPECT_EQ(messages_of(list_of({says("user", content)}),
                        {{"images", "https://h/3"}, {"files", "f"}})[0]["content"][1]["image_url"]["url"],
            " https://h/3 ");
}

TEST(PromptBuilding, GivesTheModelAndSettingsWithoutThoseOfBraintrustsOwn) {
  json row = chat_row(list_of({says("user", "x")}));
  row["prompt_data"]["options"] = {{"model", "gpt-5"},
                                   {"params",
                                    {{"temperature", 0.5},
                                     {"model", "not this"},
                                     {"use_cache", true},
                                     {"reasoning_enabled", true},
                                     {"reasoning_budget", 5},
                                     {"response_format", nullptr}}}};
  const auto built = prompt_of(row, {{"temperature", 1}, {"top_p", 0.9}, {"model", "nor this"}}).build();
  ASSERT_TRUE(built);
  EXPECT_EQ(built->request,
            json({{"model", "gpt-5"}, {"temperature", 0.5}, {"top_p", 0.9}, {"messages", list_of({says("user", "x")})}}));
}

TEST(PromptBuilding, TakesTheModelFromTheDefaultsAndIsRefusedWithoutOne) {
  json row = chat_row(list_of({says("user", "x")}), {{"options", json::object()}});
  EXPECT_THAT(error_of(row), HasSubstr("names no model"));
  const auto built = prompt_of(row, {{"model", "gpt-5"}}).build();
  ASSERT_TRUE(built);
  EXPECT_EQ(built->request["model"], "gpt-5");
}

TEST(PromptBuilding, FillsInToolsBeforeTheyAreRead) {
  const json row =
      chat_row(list_of({says("user", "x")}),
               {{"prompt", {{"tools", R"([{"type":"function","function":{"name":"{{n}}","description":"{{missing}}"}}])"}}}});
  EXPECT_EQ(request_of(row, {{"n", "look"}})["tools"],
            list_of({{{"type", "function"}, {"function", {{"name", "look"}, {"description", ""}}}}}));
  EXPECT_THAT(error_of(row, {{"n", "\""}}), HasSubstr("tools, filled in, is no JSON"));
  const json only = chat_row(list_of({says("user", "x")}), {{"prompt", {{"tools", "{{{n}}}"}}}});
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  EXPECT_THAT(error_of(only, {{"n", deep}}), HasSubstr("tools, filled in, is no JSON"));
}

TEST(PromptBuilding, FillsInTheSchemaOfTheAnswerHoweverDeep) {
  const auto row_with = [](const json& schema) {
    json row = chat_row(list_of({says("user", "x")}));
    row["prompt_data"]["options"]["params"]["response_format"] = {{"type", "json_schema"},
                                                                  {"json_schema", {{"name", "{{x}}"}, {"schema", schema}}}};
    return row;
  };
  const json deep = {{"type", "object"}, {"properties", {{"a", {{"enum", {"{{x}}", "b", 1}}, {"description", "the {{x}}"}}}}}};
  const json filled = {{"type", "object"}, {"properties", {{"a", {{"enum", {"X", "b", 1}}, {"description", "the X"}}}}}};
  const json variables = {{"x", "X"}, {"schema", filled}};
  EXPECT_EQ(request_of(row_with(deep), variables)["response_format"]["json_schema"],
            json({{"name", "{{x}}"}, {"schema", filled}}));
  EXPECT_EQ(request_of(row_with("{{schema}}"), variables)["response_format"]["json_schema"]["schema"], filled);
  EXPECT_THAT(error_of(row_with("{{nothing}}")), HasSubstr("schema, filled in, is no JSON"));
}

TEST(PromptBuilding, HasAllVariablesTogetherAsInput) {
  const json messages = list_of({says("user", "{{input}} {{input.a}}")});
  EXPECT_EQ(messages_of(messages, {{"a", 1}})[0]["content"], R"({"a":1} 1)");
  EXPECT_EQ(messages_of(messages, {{"input", {{"a", 2}}}})[0]["content"], R"({"a":2} 2)");
  EXPECT_EQ(messages_of(messages, "text")[0]["content"], "text ");
}

TEST(PromptBuilding, AppendsFurtherMessagesButNoSecondSystemOnes) {
  const json further = list_of({says("system", "other"), says("user", "{{not a template}}")});
  EXPECT_EQ(messages_of(list_of({says("system", "s")}), {}, {.messages = further}),
            list_of({says("system", "s"), says("user", "{{not a template}}")}));
  EXPECT_EQ(messages_of(list_of({says("user", "u")}), {}, {.messages = further}),
            list_of({says("user", "u"), says("system", "other"), says("user", "{{not a template}}")}));
  EXPECT_THAT(error_of(chat_row(list_of({says("user", "x")})), {}, {.messages = "x"}), HasSubstr("a list"));
}

TEST(PromptBuilding, MakesACompletionOfAPromptThatIsOne) {
  json row = chat_row(json::array());
  row["prompt_data"]["prompt"] = {{"type", "completion"}, {"content", "Once {{x}}"}};
  EXPECT_EQ(request_of(row, {{"x", "more"}}), json({{"model", "gpt-5-mini"}, {"prompt", "Once more"}}));
  EXPECT_THAT(error_of(row, {}, {.messages = list_of({says("user", "x")})}), HasSubstr("takes no messages"));
}

TEST(PromptBuilding, LeavesTextsAloneWhenTheyAreNoTemplatesAndRefusesNunjucks) {
  const json messages = list_of({says("user", "{{x}} {{#open")});
  EXPECT_EQ(request_of(chat_row(messages, {{"template_format", "none"}}), {{"x", 1}})["messages"], messages);
  EXPECT_THAT(error_of(chat_row(messages, {{"template_format", "nunjucks"}})), HasSubstr("nunjucks"));
}

TEST(PromptBuilding, InStrictIsRefusedWhenAVariableIsMissing) {
  const json row = chat_row(list_of({says("user", "{{there}} {{gone}}")}));
  EXPECT_EQ(error_of(row, {{"there", 1}}, {.strict = true}),
            "prompt \"greeting\": template, line 1, column 11: variable \"gone\" is missing");
  EXPECT_EQ(request_of(row, {{"there", 1}})["messages"][0]["content"], "1 ");
}

TEST(PromptBuilding, RefusesRowsAndTemplatesThatAreBroken) {
  EXPECT_THAT(error_of(chat_row(list_of({says("user", "{{x")}))), HasSubstr("not closed"));
  EXPECT_THAT(error_of(chat_row("no list")), HasSubstr("no messages"));
  EXPECT_THAT(error_of(chat_row(list_of({"text"}))), HasSubstr("no object"));
  json row = chat_row(json::array());
  row["prompt_data"]["prompt"]["type"] = "song";
  EXPECT_THAT(error_of(row), HasSubstr("neither"));
  row["prompt_data"] = nullptr;
  EXPECT_FALSE(Prompt::from_row(row));
  EXPECT_FALSE(Prompt::from_row(nullptr));
  EXPECT_FALSE(Prompt::from_row(chat_row(json::array()), "no object"));
  json deep = "{{x}}";
  for (int i = 0; i < 1000; ++i) deep = json::array({std::move(deep)});
  json nested = chat_row(list_of({says("user", "x")}));
  nested["prompt_data"]["options"]["params"]["response_format"] = {{"type", "json_schema"},
                                                                   {"json_schema", {{"schema", deep}}}};
  EXPECT_THAT(error_of(nested), HasSubstr("too deep"));
}

TEST(PromptBuilding, CanBeDoneAgainWithOtherVariables) {
  const Prompt prompt = prompt_of(chat_row(list_of({says("user", "{{x}}")})));
  EXPECT_EQ(prompt.build({{"x", 1}})->request["messages"][0]["content"], "1");
  EXPECT_EQ(prompt.build({{"x", 2}})->request["messages"][0]["content"], "2");
}

// Provenance

TEST(PromptProvenance, SaysWhichPromptAndWhichVariablesAndIsNoPartOfTheRequest) {
  const auto built = prompt_of(chat_row(list_of({says("user", "{{x}}")}))).build({{"x", 1}});
  EXPECT_EQ(built->provenance,
            json({{"id", "prompt-1"}, {"project_id", "project-1"}, {"version", "1000"}, {"variables", {{"x", 1}}}}));
  EXPECT_THAT(built->request.dump(), Not(HasSubstr("prompt-1")));
}

TEST(PromptProvenance, IsLeftOutWholeWhenPartOfItIsUnknownOrUnwanted) {
  for (const char* const key : {"id", "project_id", "_xact_id"}) {
    json row = chat_row(list_of({says("user", "x")}));
    row.erase(key);
    EXPECT_EQ(prompt_of(row).build()->provenance, nullptr) << key;
  }
  EXPECT_EQ(prompt_of(chat_row(list_of({says("user", "x")})), {}, true).build()->provenance, nullptr);
}

class PromptTracing : public ::testing::Test {
 protected:
  BuiltPrompt built_ = *prompt_of(chat_row(list_of({says("user", "{{x}}")}))).build({{"x", "hi"}});
  Backend backend_;

  static void call_model(const json& request) {
    auto create = wrap_openai([](const json&) { return json{{"model", "gpt-5-mini-2025"}, {"choices", json::array()}}; });
    create(request);
  }
  json prompt_in(const Row& row) { return row.contains("metadata") ? row["metadata"].value("prompt", json()) : json(); }
};

TEST_F(PromptTracing, MarksModelCallsOfItsScopeBesideTheirOwnMetadata) {
  {
    auto scope = built_.trace();
    call_model(built_.request);
  }
  const Row row = backend_.row("Chat Completion");
  EXPECT_EQ(prompt_in(row), built_.provenance);
  EXPECT_EQ(row["metadata"]["model"], "gpt-5-mini-2025");
  EXPECT_EQ(row["metadata"]["provider"], "openai");
  EXPECT_THAT(row["input"].dump(), Not(HasSubstr("prompt-1")));
}

TEST_F(PromptTracing, EndsWithItsScopeAndStaysOnItsThread) {
  {
    auto scope = built_.trace();
    std::thread([] { auto span = start_span("other thread", {.type = SpanType::llm}); }).join();
    auto tool = start_span("no model", {.type = SpanType::tool});
  }
  auto span = start_span("after", {.type = SpanType::llm});
  span.end();
  for (const char* const name : {"other thread", "no model", "after"})
    EXPECT_EQ(prompt_in(backend_.row(name)), nullptr) << name;
}

TEST_F(PromptTracing, OfAnInnerScopeCountsAndAnUntracedOneHidesTheOuter) {
  json row = chat_row(list_of({says("user", "x")}));
  row["id"] = "prompt-2";
  const BuiltPrompt inner = *prompt_of(row).build();
  const BuiltPrompt untraced = *prompt_of(row, {}, true).build();
  {
    auto scope = built_.trace();
    {
      auto other = inner.trace();
      auto span = start_span("inner", {.type = SpanType::llm});
    }
    {
      auto none = untraced.trace();
      auto span = start_span("hidden", {.type = SpanType::llm});
    }
    auto span = start_span("outer", {.type = SpanType::llm});
  }
  EXPECT_EQ(prompt_in(backend_.row("inner"))["id"], "prompt-2");
  EXPECT_EQ(prompt_in(backend_.row("hidden")), nullptr);
  EXPECT_EQ(prompt_in(backend_.row("outer"))["id"], "prompt-1");
}

TEST_F(PromptTracing, MayEndOnAnotherThread) {
  struct Kept {
    PromptScope scope;
  };
  std::unique_ptr<Kept> kept(new Kept{built_.trace()});
  std::thread([&] { kept.reset(); }).join();
  auto span = start_span("after", {.type = SpanType::llm});
  span.end();
  EXPECT_EQ(prompt_in(backend_.row("after")), nullptr);
}

TEST_F(PromptTracing, CannotBeOverwrittenByMetadataOfTheSpan) {
  {
    auto scope = built_.trace();
    auto span = start_span("call", {.type = SpanType::llm, .metadata = {{"prompt", "mine"}, {"a", 1}}});
    backend_.logger().flush(test::long_enough);
    span.log({.metadata = {{"prompt", {{"id", "mine"}}}, {"b", 2}}});
    SpanHandle handle = span.handle();
    span.end();
    backend_.logger().flush(test::long_enough);
    handle.log({.metadata = {{"prompt", nullptr}, {"c", 3}}});
  }
  const Row row = backend_.row("call");
  EXPECT_EQ(row["metadata"], json({{"prompt", built_.provenance}, {"a", 1}, {"b", 2}, {"c", 3}}));
}

TEST(PromptTracingOnTheWire, StandsOnceInItsRow) {
  const BuiltPrompt built = *prompt_of(chat_row(list_of({says("user", "x")}))).build();
  test::Wire wire;
  {
    auto scope = built.trace();
    auto span = start_span("call", {.type = SpanType::llm, .metadata = Json::raw(R"({"pro\u006dpt":"mine","prompt":"mine"})")});
  }
  wire.rows();
  const std::string body = wire.server.requests("/logs3").front().body;
  EXPECT_THAT(body, HasSubstr(R"("metadata":{"prompt":{"id":"prompt-1")"));
  EXPECT_THAT(body, Not(HasSubstr("mine")));
}

TEST_F(PromptTracing, IsOfTheCallAloneAndNotOfWhatIsBelowIt) {
  {
    auto scope = built_.trace();
    auto call = start_span("call", {.type = SpanType::llm, .propagated = {{"metadata", {{"tenant", "t"}}}}});
    auto below = start_span("below");
  }
  EXPECT_EQ(backend_.row("below")["metadata"], json({{"tenant", "t"}}));
  EXPECT_EQ(backend_.row("call")["metadata"], json({{"tenant", "t"}, {"prompt", built_.provenance}}));
}

TEST_F(PromptTracing, KeepsWhatIsPropagatedFromAbove) {
  {
    auto request = start_span("request", {.propagated = {{"metadata", {{"tenant", "t"}}}}});
    auto scope = built_.trace();
    auto call = start_span("call", {.type = SpanType::llm});
  }
  EXPECT_EQ(backend_.row("call")["metadata"], json({{"tenant", "t"}, {"prompt", built_.provenance}}));
}

TEST_F(PromptTracing, IsMaskedLikeAllMetadata) {
  set_masking_function([](const json& value) {
    return value.is_object() && value.contains("prompt") ? json{{"masked", true}} : value;
  });
  {
    auto scope = built_.trace();
    auto call = start_span("call", {.type = SpanType::llm});
  }
  const Row row = backend_.row("call");
  set_masking_function(nullptr);
  EXPECT_EQ(row["metadata"], json({{"masked", true}}));
}

// Loading

class PromptLoading : public ::testing::Test {
 protected:
  PromptLoading() { play_braintrust(server_, fake_); }

  void answer(const json& row) { server_.on("/v1/prompt", {{.body = json{{"objects", list_of({row})}}.dump()}}); }
  PromptOptions options(const std::string& slug = "greeting") {
    return {.project = "P & Q", .slug = slug, .connection = {.api_key = fake_.api_key, .app_url = server_.url()}};
  }
  std::string target() { return server_.requests().back().target; }

  Variables no_cache_{{{"BRAINTRUST_CACHE_LOCATION", "none"},
                       {"BRAINTRUST_API_URL", std::nullopt},
                       {"BRAINTRUST_PROJECT", std::nullopt},
                       {"BRAINTRUST_PROJECT_ID", std::nullopt}}};
  FakeBraintrust fake_;
  ScriptedServer server_;
};

TEST_F(PromptLoading, AsksForProjectAndSlugAndKnowsWhatItGot) {
  answer(chat_row(list_of({says("user", "Hi {{x}}")})));
  const auto prompt = load_prompt(options("a/b?"));
  ASSERT_TRUE(prompt) << prompt.error().message;
  EXPECT_EQ(target(), "/v1/prompt?project_name=P%20%26%20Q&slug=a%2Fb%3F");
  EXPECT_EQ(prompt->id() + prompt->project_id() + prompt->version() + prompt->name() + prompt->slug(),
            "prompt-1project-11000Greetinggreeting");
  EXPECT_EQ(prompt->build({{"x", "you"}})->request["messages"][0]["content"], "Hi you");
}

TEST_F(PromptLoading, AsksByIdOfTheProjectOrOfThePromptItself) {
  answer(chat_row(json::array()));
  PromptOptions asked = options();
  asked.project_id = "p-1";
  ASSERT_TRUE(load_prompt(asked));
  EXPECT_EQ(target(), "/v1/prompt?project_id=p-1&slug=greeting");

  server_.on("/v1/prompt/prompt%2F1", {{.body = chat_row(json::array()).dump()}});
  ASSERT_TRUE(load_prompt({.id = "prompt/1", .version = "7", .connection = asked.connection}));
  EXPECT_EQ(target(), "/v1/prompt/prompt%2F1?version=7");
}

TEST_F(PromptLoading, AsksForAVersionRatherThanAnEnvironment) {
  answer(chat_row(json::array()));
  PromptOptions asked = options();
  asked.environment = "production";
  ASSERT_TRUE(load_prompt(asked));
  EXPECT_EQ(target(), "/v1/prompt?project_name=P%20%26%20Q&slug=greeting&environment=production");
  asked.version = "42";
  ASSERT_TRUE(load_prompt(asked));
  EXPECT_EQ(target(), "/v1/prompt?project_name=P%20%26%20Q&slug=greeting&version=42");
}

TEST_F(PromptLoading, TakesProjectAndConnectionFromTheLoggerThatIsThere) {
  answer(chat_row(json::array()));
  Logger logger = init_logger({.project = "of the logger", .api_key = fake_.api_key, .app_url = server_.url()});
  ASSERT_TRUE(load_prompt({.slug = "greeting"}));
  EXPECT_EQ(target(), "/v1/prompt?project_name=of%20the%20logger&slug=greeting");
  logger.shutdown(std::chrono::milliseconds(0));
}

TEST_F(PromptLoading, SaysThatThereIsNoneOrMoreThanOne) {
  server_.on("/v1/prompt", {{.body = R"({"objects":[]})"},
                            {.status = 404, .body = R"({"error":"no such project"})"},
                            {.body = R"({"objects":[{},{}]})"},
                            {.body = "<html>"},
                            {.body = R"({"objects":[{"id":"x"}]})"},
                            {.status = 400, .body = R"({"error":"the words of the server"})"}});
  const auto error = [&] { return load_prompt(options()).error(); };
  Error none = error();
  EXPECT_EQ(none.code, ErrorCode::not_found);
  EXPECT_EQ(none.message, "there is no prompt \"greeting\" in project \"P & Q\"");
  EXPECT_EQ(error().code, ErrorCode::not_found);
  Error many = error();
  EXPECT_EQ(many.code, ErrorCode::bad_response);
  EXPECT_THAT(many.message, HasSubstr("2 prompts"));
  EXPECT_EQ(error().code, ErrorCode::bad_response);
  EXPECT_EQ(error().code, ErrorCode::bad_response);
  EXPECT_THAT(error().message, HasSubstr("the words of the server"));
}

TEST_F(PromptLoading, RefusesAnAnswerThatNestsWithoutEnd) {
  const std::size_t depth = 200'000;
  server_.on("/v1/prompt",
             {{.body = R"({"id":"x","prompt_data":{"prompt":)" + std::string(depth, '[') + std::string(depth, ']') + "}}"}});
  EXPECT_EQ(load_prompt(options()).error().code, ErrorCode::bad_response);
}

TEST_F(PromptLoading, WithoutSlugOrKeyIsRefusedWithoutAsking) {
  EXPECT_EQ(load_prompt({}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(load_prompt({.project = "P", .slug = " "}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(server_.count(), 0u);
}

}  // namespace
}  // namespace braintrust
