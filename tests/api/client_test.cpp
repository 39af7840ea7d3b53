// What all calls that wait have in common, seen through the smallest of them: `run_btql`.

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include <braintrust/api/btql.h>
#include <braintrust/api/dataset.h>

#include "api/client.h"
#include "support/sanitized.h"
#include "trace/backend.h"

namespace braintrust::test {
namespace {

constexpr const char* no_rows = R"({"data":[]})";

// No logger: only what the options and the environment say.
struct Braintrust {
  explicit Braintrust(const FakeBraintrust& fake = {}) {
    play_braintrust(server, fake);
    server.on("/btql", {{.body = no_rows}});
  }
  ScriptedServer server;
  Variables variables{{{"BRAINTRUST_API_KEY", std::nullopt},
                       {"BRAINTRUST_APP_URL", std::nullopt},
                       {"BRAINTRUST_API_URL", std::nullopt},
                       {"BRAINTRUST_ORG_NAME", std::nullopt}}};
  ConnectionOptions connection() const { return {.api_key = "sk-test-key", .app_url = server.url()}; }
};

TEST(Client, LogsInOnceForAllCallsOfAConnection) {
  Braintrust braintrust;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(run_btql("SELECT 1", {.connection = braintrust.connection()}));
  EXPECT_EQ(braintrust.server.count("/api/apikey/login"), 1u);
  EXPECT_EQ(braintrust.server.count("/btql"), 3u);
}

TEST(Client, SendsTheKeyAndTheOrganisation) {
  Braintrust braintrust;
  ASSERT_TRUE(run_btql("SELECT 1", {.connection = braintrust.connection()}));
  const auto request = braintrust.server.requests("/btql").at(0);
  EXPECT_EQ(request.headers.at("authorization"), "Bearer sk-test-key");
  EXPECT_EQ(request.headers.at("x-bt-org-name"), "acme");
  EXPECT_EQ(request.headers.at("content-type"), "application/json");
}

TEST(Client, TakesTheCurrentLoggersConnection) {
  Braintrust elsewhere;
  Wire wire;
  wire.server.on("/btql", {{.body = no_rows}});
  ASSERT_TRUE(run_btql("SELECT 1"));
  EXPECT_EQ(wire.server.count("/btql"), 1u);
  ASSERT_TRUE(run_btql("SELECT 1", {.connection = elsewhere.connection()}));
  EXPECT_EQ(wire.server.count("/btql"), 1u);
  EXPECT_EQ(elsewhere.server.count("/btql"), 1u);
}

TEST(Client, NeverSendsALoggersKeyToAnotherHost) {
  Braintrust elsewhere;
  Wire wire;
  const auto answer = run_btql("SELECT 1", {.connection = {.app_url = elsewhere.server.url()}});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::missing_api_key);
  EXPECT_EQ(elsewhere.server.count(), 0u);
}

TEST(Client, SaysHowToGiveAKeyWhereThereIsNone) {
  Braintrust braintrust;
  const auto answer = run_btql("SELECT 1", {.connection = {.app_url = braintrust.server.url()}});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::missing_api_key);
  EXPECT_NE(answer.error().message.find("BRAINTRUST_API_KEY"), std::string::npos);
}

TEST(Client, SaysThatTheKeyWasRefusedWithoutShowingIt) {
  Braintrust braintrust;
  const auto answer = run_btql("SELECT 1", {.connection = {.api_key = "sk-wrong-secret", .app_url = braintrust.server.url()}});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::unauthorized);
  EXPECT_EQ(answer.error().message.find("secret"), std::string::npos);
}

TEST(Client, HidesTheKeyThatAServerRepeats) {
  Braintrust braintrust;
  braintrust.server.on(
      "/btql", {{.status = 400,
                 .body = R"({"error":"no rows for sk-test-key, sent as Bearer sk-test-key; bearer eyJhbGciOi.x1 is old"})"}});
  const auto answer = run_btql("SELECT 1", {.connection = braintrust.connection()});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().message.find("sk-test-key"), std::string::npos) << answer.error().message;
  EXPECT_EQ(answer.error().message.find("eyJ"), std::string::npos) << answer.error().message;
  EXPECT_NE(answer.error().message.find("no rows for ***"), std::string::npos) << answer.error().message;
}

TEST(Client, LogsInAnewAfterAKeyWasRefused) {
  Braintrust braintrust;
  braintrust.server.on("/btql", {{.status = 401}, {.body = no_rows}});
  EXPECT_FALSE(run_btql("SELECT 1", {.connection = braintrust.connection()}));
  EXPECT_TRUE(run_btql("SELECT 1", {.connection = braintrust.connection()}));
  EXPECT_EQ(braintrust.server.count("/api/apikey/login"), 2u);
}

TEST(Client, SaysThatNobodyAnswers) {
  Braintrust braintrust;
  auto connection = braintrust.connection();
  braintrust.server.stop();
  const auto answer = run_btql("SELECT 1", {.connection = connection});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::transport);
}

TEST(Client, CallsWhatIsNoJsonABadResponse) {
  Braintrust braintrust;
  braintrust.server.on("/btql", {{.body = "<html>hello</html>"}});
  const auto answer = run_btql("SELECT 1", {.connection = braintrust.connection()});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::bad_response);
}

TEST(Client, RefusesAnAnswerThatNestsTooDeepToBeHandledSafely) {
  Braintrust braintrust;
  const std::string deep = std::string(200'000, '[') + std::string(200'000, ']');
  braintrust.server.on("/btql", {{.body = R"({"data":[{"input":)" + deep + "}]}"}});
  const auto answer = run_btql("SELECT 1", {.connection = braintrust.connection()});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::bad_response);
  EXPECT_NE(answer.error().message.find("nests deeper than"), std::string::npos) << answer.error().message;
}

TEST(Client, TakesBracketsInATextForText) {
  Braintrust braintrust;
  const std::string brackets(5'000, '[');
  braintrust.server.on("/btql", {{.body = R"({"data":[{"input":"\"\\\")" + brackets + R"("}]})"}});
  const auto answer = run_btql("SELECT 1", {.connection = braintrust.connection()});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->rows[0]["input"], "\"\\\"" + brackets);
}

TEST(Client, ShortensWhatAServerSaysAndKeepsItOnOneLine) {
  Braintrust braintrust;
  braintrust.server.on("/btql", {{.status = 400, .body = nlohmann::json{{"error", "bad\n" + std::string(5000, 'x')}}.dump()}});
  const auto answer = run_btql("SELECT 1", {.connection = braintrust.connection()});
  ASSERT_FALSE(answer);
  EXPECT_LT(answer.error().message.size(), 600u);
  EXPECT_EQ(answer.error().message.find('\n'), std::string::npos);
  EXPECT_NE(answer.error().message.find("bad x"), std::string::npos);
}

TEST(Client, OfOtherTimeoutsIsAnotherOne) {
  Braintrust braintrust;
  ASSERT_TRUE(run_btql("SELECT 1", {.connection = braintrust.connection()}));
  const Variables shorter(Variables::Values{{"BRAINTRUST_HTTP_TIMEOUT", "7"}});
  ASSERT_TRUE(run_btql("SELECT 1", {.connection = braintrust.connection()}));
  EXPECT_EQ(braintrust.server.count("/api/apikey/login"), 2u);
}

TEST(Client, LogsInOnceForManyThreads) {
  Braintrust braintrust;
  std::vector<std::thread> threads;
  std::atomic<int> answers = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] { answers += run_btql("SELECT 1", {.connection = braintrust.connection()}) ? 1 : 0; });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(answers, 8);
  EXPECT_EQ(braintrust.server.count("/api/apikey/login"), 1u);
}

TEST(Client, SharesTheFailureOfALoginWithThoseWhoWaitForIt) {
  Braintrust braintrust;
  const Variables brief(Variables::Values{{"BRAINTRUST_HTTP_TIMEOUT", "1"}});
  braintrust.server.on("/api/apikey/login", {{.deed = Deed::hang}});
  const auto client = detail::client_for(braintrust.connection());
  std::thread patient([&] { EXPECT_FALSE(client->access(3)); });
  ASSERT_TRUE(eventually([&] { return braintrust.server.count("/api/apikey/login") == 1; }));
  bool may_pass = false;
  const auto access = client->access(1, &may_pass);
  EXPECT_LT(braintrust.server.count("/api/apikey/login"), 3u) << "one try is waited for, not three";
  ASSERT_FALSE(access);
  EXPECT_EQ(access.error().code, ErrorCode::transport);
  EXPECT_TRUE(may_pass);
  patient.join();
  EXPECT_EQ(braintrust.server.count("/api/apikey/login"), 3u);
}

#if !BRAINTRUST_ADDRESS_SANITIZED && !BRAINTRUST_THREAD_SANITIZED  // their own locks do not survive such a fork
// Forks while threads are in the middle of calls, as a server does that starts its workers late.
TEST(Client, WorksInAChildThatWasForkedDuringALogin) {
  Braintrust braintrust, elsewhere;
  std::atomic<bool> answers = false;
  braintrust.server.handle("/api/apikey/login", [&](const ServerRequest&) -> Answer {
    if (!answers) return {.deed = Deed::hang};
    const auto organisation = nlohmann::json{{"id", "o"}, {"name", "acme"}, {"api_url", braintrust.server.url()}};
    return {.body = nlohmann::json{{"org_info", nlohmann::json::array({organisation})}}.dump()};
  });
  const auto inherited = detail::client_for(braintrust.connection());
  const Dataset dataset = init_dataset({.name = "D", .connection = braintrust.connection()});
  braintrust.server.on("/api/dataset/register", {{.body = R"({"project":{"id":"p"},"dataset":{"id":"d1","name":"D"}})"}});
  // Nobody waits for them: they end with the process.
  std::thread([&connection = *new ConnectionOptions(braintrust.connection())] {
    static_cast<void>(run_btql("SELECT 1", {.connection = connection}));
  }).detach();
  std::thread([&kept = *new Dataset(dataset)] { static_cast<void>(kept.id()); }).detach();
  ASSERT_TRUE(eventually([&] { return braintrust.server.count("/api/apikey/login") >= 1; }));
  answers = true;

  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(20);  // ends one that waits for a thread that is not there
    int failures = 0;
    failures += run_btql("SELECT 1", {.connection = elsewhere.connection()}) ? 0 : 1;
    failures += run_btql("SELECT 1", {.connection = braintrust.connection()}) ? 0 : 2;
    failures += inherited->access() ? 0 : 4;
    failures += dataset.id() ? 0 : 8;
    ::_exit(failures);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status)) << "ended by signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}
#endif

TEST(Client, PrefersTheConfiguredApiUrl) {
  Braintrust app({.api_url = "http://127.0.0.1:1"});
  Braintrust api;
  auto connection = app.connection();
  connection.api_url = api.server.url();
  EXPECT_TRUE(run_btql("SELECT 1", {.connection = connection}));
  EXPECT_EQ(api.server.count("/btql"), 1u);
}

}  // namespace
}  // namespace braintrust::test
