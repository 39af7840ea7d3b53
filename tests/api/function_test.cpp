// Functions of Braintrust's: what is asked, what comes back at once or piece by piece, and what fails how.

#include <braintrust/api/function.h>

#include <chrono>
#include <map>
#include <stdexcept>

#include <gmock/gmock.h>

#include <braintrust/tracing.h>

#include "api/server_events.h"
#include "trace/backend.h"
#include "trace/slug.h"

namespace braintrust {
namespace {

using nlohmann::json;
using test::Answer;
using test::Deed;
using test::FakeBraintrust;
using test::ScriptedServer;
using test::ServerRequest;
using test::Variables;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Kind = InvokeEvent::Kind;

using Events = std::vector<std::pair<std::string, std::string>>;

// Of one stream, however it is cut.
Events events_of(std::string_view bytes, std::size_t piece, std::size_t most = 1 << 20) {
  Events all;
  detail::ServerEvents events(
      [&](std::string_view name, std::string_view data) {
        all.emplace_back(name, data);
        return true;
      },
      most);
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    if (!events.feed(bytes.substr(0, piece))) break;
  }
  return all;
}

TEST(ServerEvents, AreTheSameWhereverTheStreamIsCut) {
  const std::string stream =
      "\xEF\xBB\xBF: hello\r\nevent: a\r\ndata: 1\r\n\r\ndata:2\ndata: 3\n\nevent: done\n\nid: 7\nretry: 1\n\n"
      "event: b\rdata\rdata:  x\r\revent: lost\ndata: lost\n";
  const Events expected = {{"a", "1"}, {"", "2\n3"}, {"done", ""}, {"b", "\n x"}};
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) EXPECT_EQ(events_of(stream, piece), expected) << piece;
}

TEST(ServerEvents, AreBounded) {
  EXPECT_TRUE(events_of("data: " + std::string(200, 'x') + "\n\n", 1000, 100).empty());
  std::string lines;
  for (int i = 0; i < 30; ++i) lines += "data: xxxxx\n";
  EXPECT_TRUE(events_of(lines + "\n", 1000, 100).empty());
}

class Invoking : public ::testing::Test {
 protected:
  Invoking() {
    play_braintrust(server_, fake_);
    server_.on("/function/invoke", {{.body = R"({"answer":42})"}});
  }

  ConnectionOptions connection() { return {.api_key = fake_.api_key, .app_url = server_.url()}; }
  InvokeOptions function() { return {.project = "P", .slug = "f", .input = {{"x", 1}}, .connection = connection()}; }
  json body() { return json::parse(server_.requests("/function/invoke").back().body); }

  Result<json> streamed(const std::string& stream, Deed deed = Deed::answer) {
    server_.on("/function/invoke", {{.body = stream, .headers = {{"Content-Type", "text/event-stream"}}, .deed = deed}});
    seen_.clear();
    return invoke(function(), [this](const InvokeEvent& event) { seen_.push_back(event); });
  }
  std::vector<std::string> seen() const {
    std::vector<std::string> all;
    for (const InvokeEvent& event : seen_) all.push_back(std::string(to_string(event.kind)) + ":" + event.text);
    return all;
  }

  Variables variables_{
      {{"BRAINTRUST_API_URL", std::nullopt}, {"BRAINTRUST_PROJECT", std::nullopt}, {"BRAINTRUST_PROJECT_ID", std::nullopt}}};
  FakeBraintrust fake_;
  ScriptedServer server_;
  std::vector<InvokeEvent> seen_;
};

TEST_F(Invoking, NamesAProjectsFunctionAndSendsOnlyWhatIsGiven) {
  const auto answer = invoke(function());
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(*answer, json({{"answer", 42}}));
  EXPECT_EQ(body(), json({{"project_name", "P"}, {"slug", "f"}, {"input", {{"x", 1}}}, {"stream", false}}));
}

TEST_F(Invoking, SendsAllThatIsGiven) {
  InvokeOptions options = function();
  options.version = "7";
  options.expected = 2;
  options.metadata = {{"m", 1}};
  options.tags = {"a", "b"};
  options.messages = json::array_t{{{"role", "user"}, {"content", "x"}}};
  options.mode = "json";
  options.strict = true;
  options.parent = Parent(std::string("slug of the parent"));
  ASSERT_TRUE(invoke(options));
  EXPECT_EQ(body(), json({{"project_name", "P"},
                          {"slug", "f"},
                          {"version", "7"},
                          {"input", {{"x", 1}}},
                          {"expected", 2},
                          {"metadata", {{"m", 1}}},
                          {"tags", {"a", "b"}},
                          {"messages", json::array_t{{{"role", "user"}, {"content", "x"}}}},
                          {"mode", "json"},
                          {"strict", true},
                          {"parent", "slug of the parent"},
                          {"stream", false}}));
}

TEST_F(Invoking, NamesAFunctionByIdOrOneThatEverybodyHas) {
  ASSERT_TRUE(invoke({.function_id = "id-1", .version = "7", .connection = connection()}));
  EXPECT_EQ(body(), json({{"function_id", "id-1"}, {"version", "7"}, {"input", nullptr}, {"stream", false}}));
  ASSERT_TRUE(invoke({.global_function = "Factuality", .connection = connection()}));
  EXPECT_EQ(body(),
            json({{"global_function", "Factuality"}, {"function_type", "scorer"}, {"input", nullptr}, {"stream", false}}));
}

TEST_F(Invoking, IsRefusedWithoutAskingWhenItIsNotClearWhichFunction) {
  EXPECT_EQ(invoke({.connection = connection()}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(invoke({.slug = "s", .function_id = "id", .connection = connection()}).error().code, ErrorCode::invalid_argument);
  InvokeOptions odd = function();
  odd.metadata = "no object";
  EXPECT_EQ(invoke(odd).error().code, ErrorCode::invalid_argument);
  const Variables by_id(Variables::Values{{"BRAINTRUST_PROJECT_ID", "p-1"}});
  EXPECT_EQ(invoke({.slug = "s", .connection = connection()}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(server_.count("/function/invoke"), 0u);
}

TEST_F(Invoking, TakesTheProjectOfTheConnection) {
  const Variables project(Variables::Values{{"BRAINTRUST_PROJECT", "from the environment"}});
  ASSERT_TRUE(invoke({.slug = "s", .connection = connection()}));
  EXPECT_EQ(body()["project_name"], "from the environment");
}

TEST_F(Invoking, HangsWhatTheFunctionLogsUnderTheSpanThatCalledThisProcess) {
  using Headers = std::map<std::string, std::string>;
  const std::string traceparent = "00-00112233445566778899aabbccddeeff-0123456789abcdef-01";
  const auto invoke_under = [&](const Headers& headers) {
    ASSERT_TRUE(invoke({.project = "P", .slug = "f", .parent = extract_trace_context(headers), .connection = connection()}));
  };
  invoke_under({{"traceparent", traceparent}, {"baggage", "braintrust.parent=project_name:demo"}});
  detail::SlugParts parts;
  ASSERT_TRUE(detail::decode_slug(body()["parent"].get<std::string>(), parts));
  EXPECT_EQ(parts.project_name, "demo");
  EXPECT_EQ(parts.root_span_id, "00112233445566778899aabbccddeeff");
  EXPECT_EQ(parts.span_id, "0123456789abcdef");
  EXPECT_FALSE(parts.row_id.empty());
  invoke_under({{"traceparent", traceparent}});
  EXPECT_FALSE(body().contains("parent")) << "where that is, is not known";
  invoke_under({});
  EXPECT_FALSE(body().contains("parent"));
}

TEST_F(Invoking, HangsWhatTheFunctionLogsUnderTheCurrentSpan) {
  Logger logger = init_logger({.project = "P", .api_key = fake_.api_key, .app_url = server_.url()});
  {
    auto span = logger.start_span("work");
    ASSERT_TRUE(invoke({.project = "P", .slug = "f"}));
    EXPECT_EQ(body()["parent"], span.export_slug());
    auto other = logger.start_span("other", {.set_current = false});
    ASSERT_TRUE(invoke({.project = "P", .slug = "f", .parent = other}));
    EXPECT_EQ(body()["parent"], other.export_slug());
    // A span of one account is nothing to another.
    ASSERT_TRUE(
        invoke({.project = "P", .slug = "f", .connection = {.api_key = fake_.api_key, .app_url = server_.url() + "/"}}));
    EXPECT_FALSE(body().contains("parent"));
  }
  ASSERT_TRUE(invoke({.project = "P", .slug = "f"}));
  EXPECT_FALSE(body().contains("parent"));
  logger.shutdown(std::chrono::milliseconds(0));
}

TEST_F(Invoking, GoesToTheHostBehindTheProxyForModels) {
  ScriptedServer functions;
  functions.on("/base/function/invoke", {{.body = "1"}});
  for (const char* const path : {"/base/v1/proxy", "/base/v1/proxy/", "/base", "/base/"}) {
    ScriptedServer server;
    const json organisation = {{"id", "o"}, {"name", "acme"}, {"api_url", server.url()}, {"proxy_url", functions.url() + path}};
    server.on("/api/apikey/login", {{.body = json{{"org_info", json::array_t{organisation}}}.dump()}});
    const auto answer = invoke({.function_id = "f", .connection = {.api_key = "k", .app_url = server.url()}});
    EXPECT_TRUE(answer) << path << ": " << (answer ? "" : answer.error().message);
  }
  EXPECT_EQ(functions.count("/base/function/invoke"), 4u);
}

TEST_F(Invoking, GoesToTheConfiguredProxyWhateverTheLoginSays) {
  ScriptedServer proxy;
  proxy.on("/function/invoke", {{.body = "1"}});
  const Variables variables(Variables::Values{{"BRAINTRUST_PROXY_URL", proxy.url() + "/v1/proxy"}});
  EXPECT_TRUE(invoke(function()));
  InvokeOptions with_api_url = function();
  with_api_url.connection.api_url = server_.url();
  EXPECT_TRUE(invoke(with_api_url));
  EXPECT_EQ(proxy.count("/function/invoke"), 2u);
  {
    const Variables none(Variables::Values{{"BRAINTRUST_PROXY_URL", " "}});
    EXPECT_TRUE(invoke(function())) << "a blank one is none";
  }
  EXPECT_EQ(proxy.count("/function/invoke"), 2u);
  EXPECT_EQ(server_.count("/function/invoke"), 1u);
  const Variables nonsense(Variables::Values{{"BRAINTRUST_PROXY_URL", "proxy.example.com"}});
  const auto failed = invoke(function());
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::invalid_argument);
  EXPECT_THAT(failed.error().message, HasSubstr("BRAINTRUST_PROXY_URL is neither"));
}

TEST_F(Invoking, IsNeverRepeatedAndTellsTheServersWords) {
  server_.on("/function/invoke", {{.status = 500, .body = R"({"error":"division by zero"})"}});
  const auto failed = invoke(function());
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::http_status);
  EXPECT_THAT(failed.error().message, HasSubstr("division by zero"));
  EXPECT_EQ(server_.count("/function/invoke"), 1u);

  server_.on("/function/invoke", {{.deed = Deed::drop}});
  EXPECT_EQ(invoke(function()).error().code, ErrorCode::transport);
  EXPECT_EQ(server_.count("/function/invoke"), 2u);

  server_.on("/function/invoke", {{.status = 500, .body = "plain words"}});
  const auto streamed = invoke(function(), [](const InvokeEvent&) {});
  EXPECT_EQ(streamed.error().code, ErrorCode::http_status);
  EXPECT_THAT(streamed.error().message, HasSubstr("plain words"));
  EXPECT_EQ(server_.count("/function/invoke"), 3u);
}

TEST_F(Invoking, EndsWhenItsTimeIsOver) {
  server_.on("/function/invoke", {{.deed = Deed::hang}});
  InvokeOptions options = function();
  options.timeout = std::chrono::seconds(1);
  EXPECT_EQ(invoke(options).error().code, ErrorCode::transport);
}

TEST_F(Invoking, StreamsTextPieceByPiece) {
  const auto answer = streamed(
      "event: start\ndata: \n\nevent: text_delta\ndata: \"Hel\"\n\nevent: reasoning_delta\ndata: \"hm\"\n\n"
      "event: text_delta\ndata: \"lo\\n\\u00e9\"\n\nevent: done\ndata: \n\n");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(*answer, "Hello\né");
  EXPECT_THAT(seen(), ElementsAre("start:", "text_delta:Hel", "reasoning_delta:hm", "text_delta:lo\né", "done:"));
  EXPECT_EQ(body()["stream"], true);
  EXPECT_EQ(server_.requests("/function/invoke").back().headers.at("accept"), "text/event-stream");
}

TEST_F(Invoking, PrefersJsonToTextAndTextToReasoning) {
  const std::string reasoning = "event: reasoning_delta\ndata: \"r\"\n\n";
  const std::string text = "event: text_delta\ndata: \"t\"\n\n";
  const std::string pieces = "event: json_delta\ndata: {\"a\":\n\nevent: json_delta\ndata: [1]}\n\n";
  const std::string done = "event: done\ndata: \n\n";
  EXPECT_EQ(*streamed(reasoning + text + pieces + done), json({{"a", {1}}}));
  EXPECT_EQ(*streamed(reasoning + text + done), "t");
  EXPECT_EQ(*streamed(reasoning + done), "r");
  EXPECT_EQ(*streamed(done), nullptr);
  EXPECT_EQ(*streamed("event: text_delta\ndata: \"\"\n\n" + done), "");
  EXPECT_EQ(streamed("event: json_delta\ndata: {\"a\":\n\n" + done).error().code, ErrorCode::bad_response);
}

TEST_F(Invoking, PassesOnWhatTheFunctionPrintsAndHowFarItIsAndIgnoresWhatIsNew) {
  const auto answer = streamed(
      "event: console\ndata: {\"message\":\"line\",\"stream\":\"stderr\"}\n\n"
      "event: progress\ndata: {\"name\":\"step\",\"event\":\"start\",\"data\":\"\"}\n\n"
      "event: of_tomorrow\ndata: ?\n\nevent: progress\ndata: broken\n\nevent: json_delta\ndata: 1\n\nevent: done\n\n");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(*answer, 1);
  EXPECT_THAT(seen(), ElementsAre("console:line", "progress:", "progress:", "json_delta:1", "done:"));
  EXPECT_EQ(seen_[0].data["stream"], "stderr");
  EXPECT_EQ(seen_[1].data["name"], "step");
  EXPECT_EQ(seen_[2].data, nullptr);
}

TEST_F(Invoking, RefusesPiecesThatNestTooDeepTogether) {
  const std::string deep = std::string(200'000, '[') + std::string(200'000, ']');
  const auto answer =
      streamed("event: console\ndata: " + deep + "\n\nevent: json_delta\ndata: " + deep + "\n\nevent: done\ndata: \n\n");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::bad_response);
  EXPECT_THAT(answer.error().message, HasSubstr("nests deeper"));
}

TEST_F(Invoking, FailsWithWhatTheFunctionSaysInItsStream) {
  const auto answer =
      streamed("event: text_delta\ndata: \"a\"\n\nevent: error\ndata: \"no such tool\"\n\nevent: done\ndata: \n\n");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::http_status);
  EXPECT_EQ(answer.error().message, "the function failed: no such tool");
  EXPECT_THAT(seen(), ElementsAre("text_delta:a", "error:no such tool"));
}

TEST_F(Invoking, FailsWhenTheStreamIsCutAnywhereBeforeItsEnd) {
  const std::string stream = "event: text_delta\ndata: \"one\"\n\nevent: text_delta\ndata: \"two\"\n\nevent: done\ndata: \n\n";
  for (std::size_t length = 0; length < stream.size(); length += 5) {
    const auto answer = streamed(stream.substr(0, length));
    ASSERT_FALSE(answer) << length;
    EXPECT_EQ(answer.error().code, ErrorCode::transport) << length;
  }
  const auto torn = streamed(stream.substr(0, 40), Deed::truncate);
  EXPECT_EQ(torn.error().code, ErrorCode::transport);
  EXPECT_THAT(seen(), ElementsAre("text_delta:one"));
}

TEST_F(Invoking, ReadsAStreamThatComesByteByByte) {
  EXPECT_EQ(*streamed("event: text_delta\r\ndata: \"one\"\r\n\r\nevent: done\r\ndata:\r\n\r\n", Deed::trickle), "one");
}

TEST_F(Invoking, EndsWithAnErrorWhenTheCallbackThrows) {
  server_.on("/function/invoke", {{.body = "event: text_delta\ndata: \"a\"\n\nevent: done\ndata: \n\n"}});
  int calls = 0;
  const auto answer = invoke(function(), [&](const InvokeEvent&) {
    ++calls;
    throw std::runtime_error("enough");
  });
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::callback_failed);
  EXPECT_THAT(answer.error().message, HasSubstr("enough"));
  EXPECT_EQ(calls, 1);
}

TEST_F(Invoking, ByACallableHasANameAndTakesTheInput) {
  const RemoteFunction remote = init_function({.project = "P", .slug = "f", .connection = connection()});
  EXPECT_EQ(remote.name(), "init_function-P-f-latest");
  EXPECT_EQ(init_function({.project = "P", .slug = "f", .version = "7"}).name(), "init_function-P-f-7");
  const auto answer = remote({{"output", "x"}, {"expected", "y"}});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(body()["input"], json({{"output", "x"}, {"expected", "y"}}));
}

}  // namespace
}  // namespace braintrust
