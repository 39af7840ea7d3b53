// Rows on their way to servers that answer late, wrongly, or not at all.

#include "pipeline/courier.h"

#include <algorithm>
#include <deque>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "support/fake_braintrust.h"
#include "support/told.h"

namespace braintrust::pipeline {
namespace {

using std::chrono::milliseconds;
using test::Answer;
using test::Deed;
using test::rows_of;
using test::ScriptedServer;
using test::ServerRequest;
using testing::ElementsAre;
using testing::UnorderedElementsAre;
using Json = nlohmann::json;

constexpr const char* good_key = "sk-test-key";
constexpr std::size_t most_bytes = 64u << 20;

class CourierTest : public testing::Test {
 protected:
  CourierTest() {
    play_braintrust(server);
    settings.api_key = good_key;
    settings.app_url = server.url();
    settings.project = "the project";
    settings.retry_wait = milliseconds(2);
  }

  Courier& courier() {
    if (!started) started = std::make_unique<Courier>(settings, counters, most_bytes);
    return *started;
  }

  // A row with a fresh id, and some more members.
  std::uint64_t take(Destination& destination, Json fields = Json::object(), bool merge = false, std::uint64_t id = 0) {
    if (id == 0) id = ++last_id;
    fields["id"] = std::to_string(id);
    if (merge) fields["_is_merge"] = true;
    courier().take({.destination = &destination, .id = {1, id}, .merge = merge, .text = std::string(fields.dump())});
    return id;
  }
  void take_many(std::size_t count) {
    for (std::size_t row = 0; row < count; ++row) take(logs);
  }

  // Steps until something is so; false when that takes so long that it will never be.
  template <class Condition>
  bool run_until(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      courier().step(milliseconds(20));
    }
    return true;
  }
  bool deliver_all() {
    courier().seal();
    return run_until([&] { return courier().idle(); });
  }

  static std::vector<std::string> ids_of(const std::vector<Json>& rows) {
    std::vector<std::string> ids;
    for (const Json& row : rows) ids.push_back(row["id"]);
    return ids;
  }
  std::vector<std::string> arrived() const { return ids_of(rows_of(server)); }

  // Checks that `logs` arrived completely, whatever was tried on the way.
  void expect_all_arrived(std::size_t count) {
    const auto ids = arrived();
    EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), count);
    EXPECT_EQ(counters.sent_rows.load(), count);
    EXPECT_EQ(courier().held_rows(), 0U);
  }
  std::uint64_t dropped() const {
    return counters.refused + counters.exhausted + counters.unresolved + counters.invalid + counters.closed;
  }

  ScriptedServer server;
  test::Told told;
  Settings settings;
  Counters counters;
  Destination logs{ObjectType::project_logs, "", "the project"};
  std::uint64_t last_id = 0;
  std::unique_ptr<Courier> started;
};

// --- the plain way

TEST_F(CourierTest, LogsInResolvesTheProjectAndSendsRows) {
  take(logs, {{"input", "hello"}});
  ASSERT_TRUE(deliver_all());
  const auto seen = server.requests();
  ASSERT_EQ(seen.size(), 4U);
  EXPECT_EQ(seen[0].path, "/api/apikey/login");
  EXPECT_EQ(seen[0].method, "POST");
  EXPECT_EQ(seen[0].body, "");
  EXPECT_EQ(seen[1].path, "/version");
  EXPECT_EQ(seen[2].path, "/api/project/register");
  EXPECT_EQ(Json::parse(seen[2].body), (Json{{"project_name", "the project"}, {"org_id", "id of acme"}}));
  EXPECT_EQ(seen[3].path, "/logs3");
  EXPECT_EQ(seen[3].headers.at("x-bt-org-name"), "acme");
  EXPECT_EQ(seen[3].headers.at("content-type"), "application/json");
  EXPECT_EQ(
      Json::parse(seen[3].body),
      Json::parse(R"({"rows":[{"project_id":"id of the project","log_id":"g","id":"1","input":"hello"}],"api_version":2})"));
  EXPECT_EQ(*logs.id(), "id of the project");
  EXPECT_EQ(courier().org_name(), "acme");
  EXPECT_EQ(counters.requests.load(), 1U);
  EXPECT_EQ(counters.sent_bytes.load(), seen[3].body.size());
  EXPECT_EQ(counters.held.rows.load(), 0U);
  EXPECT_EQ(counters.held.bytes.load(), 0U);
  EXPECT_EQ(counters.oldest_held.load(), 0U);
  EXPECT_TRUE(told.all().empty());
}

TEST_F(CourierTest, AsksForNoProjectWhoseIdIsKnown) {
  settings.project_id = "configured";
  Destination unnamed{ObjectType::project_logs, "", ""}, experiment{ObjectType::experiment, "e", ""},
      playground{ObjectType::playground_logs, "s", ""};
  take(unnamed);
  take(experiment);
  take(playground);
  ASSERT_TRUE(deliver_all());
  EXPECT_EQ(server.count("/api/project/register"), 0U);
  EXPECT_THAT(rows_of(server), UnorderedElementsAre(Json{{"project_id", "configured"}, {"log_id", "g"}, {"id", "1"}},
                                                    Json{{"experiment_id", "e"}, {"id", "2"}},
                                                    Json{{"prompt_session_id", "s"}, {"log_id", "x"}, {"id", "3"}}));
}

TEST_F(CourierTest, CallsAProjectThatNobodyNamedGlobal) {
  settings.project = "";
  Destination unnamed{ObjectType::project_logs, "", ""};
  take(unnamed);
  ASSERT_TRUE(deliver_all());
  EXPECT_EQ(rows_of(server)[0]["project_id"], "id of Global");
}

TEST_F(CourierTest, SendsManyRowsInBatchesOfAThousand) {
  take_many(1050);
  ASSERT_TRUE(deliver_all());
  expect_all_arrived(1050);
  EXPECT_EQ(server.count("/logs3"), 2U);
}

TEST_F(CourierTest, SendsNoMoreRowsInARequestThanItIsTold) {
  settings.batch_rows = 100;
  take_many(1050);
  ASSERT_TRUE(deliver_all());
  expect_all_arrived(1050);
  EXPECT_EQ(server.count("/logs3"), 11U);
}

TEST_F(CourierTest, DoesNotSendABatchThatMayGrow) {
  take_many(5);
  ASSERT_TRUE(run_until([&] { return logs.id() != nullptr; }));
  for (int step = 0; step < 5; ++step) courier().step(milliseconds(1));
  EXPECT_EQ(server.count("/logs3"), 0U);
  ASSERT_TRUE(deliver_all());
  expect_all_arrived(5);
}

// --- login

TEST_F(CourierTest, KeepsRowsWhenTheKeyIsWrongAndSaysSoOnce) {
  settings.api_key = "sk-wrong-key";
  take_many(150);
  courier().seal();
  ASSERT_TRUE(run_until([&] { return courier().hopeless(); }));
  for (int step = 0; step < 20; ++step) courier().step(milliseconds(1));
  EXPECT_EQ(server.count(), 1U) << "a refused key is not tried again and again";
  EXPECT_EQ(counters.held.rows.load(), 150U);
  EXPECT_FALSE(courier().idle());
  ASSERT_EQ(told.all().size(), 1U);
  EXPECT_EQ(told.all()[0].code, ErrorCode::unauthorized);
  for (const char* source : {"`api_key`", "BRAINTRUST_API_KEY", ".env.braintrust"})
    EXPECT_TRUE(told.mentions(source)) << source;
  EXPECT_FALSE(told.mentions("wrong-key"));
}

TEST_F(CourierTest, KeepsRowsWhenThereIsNoKeyAndNamesTheThreeSources) {
  settings.api_key = "  ";
  take_many(3);
  courier().seal();
  for (int step = 0; step < 5; ++step) courier().step(milliseconds(1));
  EXPECT_TRUE(courier().hopeless());
  EXPECT_EQ(server.count(), 0U);
  EXPECT_EQ(counters.held.rows.load(), 3U);
  ASSERT_EQ(told.all().size(), 1U);
  EXPECT_EQ(told.all()[0].code, ErrorCode::missing_api_key);
  for (const char* source : {"`api_key`", "BRAINTRUST_API_KEY", ".env.braintrust"})
    EXPECT_TRUE(told.mentions(source)) << source;
}

TEST_F(CourierTest, TakesTheOrganisationThatWasNamed) {
  const Json login = {{"org_info",
                       {{{"id", "1"}, {"name", "first"}, {"api_url", server.url() + "/first"}},
                        {{"id", "2"}, {"name", "second"}, {"api_url", server.url()}}}}};
  server.on("/api/apikey/login", {{.body = login.dump()}});
  settings.org_name = "second";
  take(logs);
  ASSERT_TRUE(deliver_all());
  EXPECT_EQ(Json::parse(server.requests("/api/project/register")[0].body)["org_id"], "2");
  EXPECT_EQ(courier().org_name(), "second");
}

TEST_F(CourierTest, TakesTheFirstOrganisationWhenNoneWasNamed) {
  const Json login = {
      {"org_info", {{{"id", "1"}, {"name", "first"}, {"api_url", server.url()}}, {{"id", "2"}, {"name", "second"}}}}};
  server.on("/api/apikey/login", {{.body = login.dump()}});
  take(logs);
  ASSERT_TRUE(deliver_all());
  EXPECT_EQ(courier().org_name(), "first");
}

TEST_F(CourierTest, NamesTheOrganisationsOfTheKeyWhenTheWantedOneIsNotAmongThem) {
  settings.org_name = "elsewhere";
  take(logs);
  ASSERT_TRUE(run_until([&] { return courier().hopeless(); }));
  EXPECT_TRUE(told.mentions("\"elsewhere\""));
  EXPECT_TRUE(told.mentions("\"acme\""));
  EXPECT_EQ(counters.held.rows.load(), 1U);
}

TEST_F(CourierTest, UsesTheConfiguredApiUrlRatherThanTheServers) {
  ScriptedServer configured;
  play_braintrust(configured);
  settings.api_url = configured.url() + "/";
  take(logs);
  ASSERT_TRUE(deliver_all());
  EXPECT_EQ(server.count("/logs3"), 0U);
  EXPECT_EQ(server.count("/version"), 0U);
  EXPECT_EQ(server.count("/api/project/register"), 1U) << "projects live at app_url";
  EXPECT_EQ(configured.count("/logs3"), 1U);
  EXPECT_EQ(configured.count("/version"), 1U);
  EXPECT_EQ(configured.count(), 2U);
}

TEST_F(CourierTest, UsesTheServersApiUrlWhenNoneIsConfigured) {
  ScriptedServer api;
  play_braintrust(api);
  play_braintrust(server, {.api_url = api.url()});
  take(logs);
  ASSERT_TRUE(deliver_all());
  EXPECT_EQ(api.count("/logs3"), 1U);
  EXPECT_EQ(server.count("/logs3"), 0U);
}

TEST_F(CourierTest, RetriesTheLoginForAsLongAsTheServerIsInTrouble) {
  const Json login = {{"org_info", {{{"id", "1"}, {"name", "a"}, {"api_url", server.url()}}}}};
  server.on("/api/apikey/login", {{.status = 500},
                                  {.status = 429, .headers = {{"Retry-After", "0"}}},
                                  {.deed = Deed::drop},
                                  {.status = 200, .body = "<html>a captive portal</html>"},
                                  {.status = 503},
                                  {.body = login.dump()}});
  take(logs);
  ASSERT_TRUE(deliver_all());
  expect_all_arrived(1);
  EXPECT_EQ(server.count("/api/apikey/login"), 6U);
  EXPECT_EQ(told.all().size(), 1U) << "trouble is told once";
}

TEST_F(CourierTest, WaitsBeforeItLogsInAgain) {
  settings.retry_wait = std::chrono::hours(1);
  server.on("/api/apikey/login", {{.status = 500}});
  take(logs);
  courier().seal();
  ASSERT_TRUE(run_until([&] { return told.count(ErrorCode::http_status) == 1; }));
  for (int step = 0; step < 20; ++step) courier().step(milliseconds(1));
  EXPECT_EQ(server.count("/api/apikey/login"), 1U);
}

TEST_F(CourierTest, SendsRowsThatWereQueuedWhileTheServerWasDown) {
  const int port = test::free_port();
  settings.app_url = "http://127.0.0.1:" + std::to_string(port);
  take_many(250);
  courier().seal();
  ASSERT_TRUE(run_until([&] { return told.count(ErrorCode::transport) > 0; }));
  EXPECT_EQ(counters.held.rows.load(), 250U);
  EXPECT_GT(counters.oldest_held.load(), 0U);
  ScriptedServer late(port);
  play_braintrust(late);
  ASSERT_TRUE(run_until([&] { return courier().idle(); }));
  EXPECT_EQ(rows_of(late).size(), 250U);
  EXPECT_EQ(dropped(), 0U);
}

TEST_F(CourierTest, WaitsForAHostThatNobodyKnows) {
  settings.app_url = "http://no-such-host.invalid";
  take_many(3);
  courier().seal();
  ASSERT_TRUE(run_until([&] { return told.count(ErrorCode::transport) > 0; }));
  EXPECT_FALSE(courier().hopeless());
  EXPECT_EQ(counters.held.rows.load(), 3U);
  EXPECT_TRUE(told.mentions("no-such-host.invalid"));
}

TEST_F(CourierTest, ReadsTheFileForWhatIsNotSet) {
  const auto folder = std::filesystem::temp_directory_path() / ("braintrust-courier-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder / "below");
  std::ofstream(folder / ".env.braintrust")
      << "BRAINTRUST_API_KEY=" << good_key << "\nBRAINTRUST_APP_URL=" << server.url() << "\nBRAINTRUST_PROJECT=from the file\n";
  settings.api_key = "";
  settings.app_url = "";
  settings.project = "";
  settings.working_directory = (folder / "below").string();
  Destination unnamed{ObjectType::project_logs, "", ""};
  take(unnamed);
  const bool delivered = deliver_all();
  std::filesystem::remove_all(folder);
  ASSERT_TRUE(delivered);
  EXPECT_EQ(rows_of(server)[0]["project_id"], "id of from the file");
}

TEST_F(CourierTest, LogsInAgainWhenRowsAreRefusedFor401) {
  server.on("/logs3", {{.status = 401}, {}});
  take_many(3);
  ASSERT_TRUE(deliver_all());
  EXPECT_EQ(server.count("/api/apikey/login"), 2U);
  expect_all_arrived(3);
  EXPECT_TRUE(told.all().empty());
}

TEST_F(CourierTest, GivesUpWhenRowsAreRefusedFor401Again) {
  server.on("/logs3", {{.status = 401}});
  take_many(350);
  courier().seal();
  ASSERT_TRUE(run_until([&] { return courier().hopeless(); }));
  for (int step = 0; step < 20; ++step) courier().step(milliseconds(1));
  EXPECT_LE(server.count("/logs3"), 8U);
  EXPECT_EQ(server.count("/api/apikey/login"), 2U);
  EXPECT_EQ(counters.held.rows.load(), 350U);
  EXPECT_EQ(told.count(ErrorCode::unauthorized), 1U);
}

TEST_F(CourierTest, SendsTheKeyToNoOtherHost) {
  ScriptedServer elsewhere;
  play_braintrust(elsewhere);
  for (const int status : {301, 302, 307, 308}) {
    server.on("/logs3", {{.status = status, .headers = {{"Location", elsewhere.url() + "/logs3"}}}});
    take(logs);
    ASSERT_TRUE(deliver_all());
  }
  EXPECT_EQ(elsewhere.count(), 0U);
  EXPECT_EQ(counters.refused.load(), 4U);
  EXPECT_TRUE(told.mentions("redirect to " + elsewhere.url()));
}

TEST_F(CourierTest, StopsAtALoginThatRedirects) {
  ScriptedServer elsewhere;
  server.on("/api/apikey/login", {{.status = 308, .headers = {{"Location", elsewhere.url() + "/login?secret=1"}}}});
  take(logs);
  ASSERT_TRUE(run_until([&] { return courier().hopeless(); }));
  EXPECT_EQ(elsewhere.count(), 0U);
  EXPECT_TRUE(told.mentions(elsewhere.url()));
  EXPECT_FALSE(told.mentions("secret"));
}

// --- destinations

TEST_F(CourierTest, LetsADestinationThatCannotBeHadFailAlone) {
  Destination forbidden{ObjectType::project_logs, "", "forbidden"}, broken{ObjectType::experiment, "", "no id"};
  server.handle("/api/project/register", [](const ServerRequest& request) {
    const std::string name = Json::parse(request.body)["project_name"];
    if (name == "forbidden") return Answer{.status = 403};
    return Answer{.body = Json{{"project", {{"id", "id of " + name}}}}.dump()};
  });
  for (int row = 0; row < 5; ++row) {
    take(logs);
    take(forbidden);
    take(broken);
  }
  ASSERT_TRUE(deliver_all());
  take(forbidden);
  ASSERT_TRUE(deliver_all());
  expect_all_arrived(5);
  EXPECT_EQ(counters.unresolved.load(), 11U);
  EXPECT_EQ(server.count("/api/project/register"), 2U);
  EXPECT_EQ(told.all().size(), 2U) << "one message for each";
}

TEST_F(CourierTest, WaitsForAProjectWhileTheServerIsInTrouble) {
  server.on("/api/project/register", {{.status = 500}, {.deed = Deed::reset}, {.body = R"({"project":{"id":"p"}})"}});
  take_many(3);
  ASSERT_TRUE(deliver_all());
  expect_all_arrived(3);
  EXPECT_EQ(dropped(), 0U);
}

TEST_F(CourierTest, SendsToAProjectThatIsKnownWhileAnotherIsNot) {
  Destination slow{ObjectType::project_logs, "", "slow"};
  server.handle("/api/project/register", [](const ServerRequest& request) {
    const std::string name = Json::parse(request.body)["project_name"];
    return name == "slow" ? Answer{.status = 503} : Answer{.body = Json{{"project", {{"id", name}}}}.dump()};
  });
  take(slow);
  take(logs);
  courier().seal();
  ASSERT_TRUE(run_until([&] { return counters.sent_rows == 1; }));
  EXPECT_EQ(counters.held.rows.load(), 1U);
}

TEST_F(CourierTest, DoesNotLetAnUnknownProjectFillTheSpaceOfOthers) {
  Destination stuck{ObjectType::project_logs, "", "stuck"};
  server.handle("/api/project/register", [](const ServerRequest& request) {
    const std::string name = Json::parse(request.body)["project_name"];
    return name == "stuck" ? Answer{.status = 503} : Answer{.body = Json{{"project", {{"id", name}}}}.dump()};
  });
  const std::string large(1'000'000, 'x');
  while (!courier().full()) take(stuck, {{"input", large}});
  ASSERT_TRUE(run_until([&] { return !courier().full(); }));
  EXPECT_GT(counters.unresolved.load(), 10U);
  take(logs);
  courier().seal();
  ASSERT_TRUE(run_until([&] { return counters.sent_rows == 1; }));
}

// --- failures that pass

TEST_F(CourierTest, RetriesA500AndSendsTheBatchOnce) {
  server.on("/logs3", {{.status = 500}, {.status = 500}, {.status = 500}, {}});
  take_many(10);
  ASSERT_TRUE(deliver_all());
  EXPECT_EQ(server.count("/logs3"), 4U);
  const auto seen = server.requests("/logs3");
  for (const auto& request : seen) EXPECT_EQ(request.body, seen[0].body);
  expect_all_arrived(10);
  EXPECT_EQ(counters.requests.load(), 4U);
  EXPECT_EQ(counters.retries.load(), 3U);
  EXPECT_EQ(told.all().size(), 1U) << "an outage is told once";
}

TEST_F(CourierTest, RetriesEveryStatusThatMayPass) {
  for (const int status : {408, 425, 429, 502, 503, 504}) {
    server.on("/logs3", {{.status = status}, {}});
    take(logs);
    ASSERT_TRUE(deliver_all()) << status;
  }
  expect_all_arrived(6);
}

TEST_F(CourierTest, DoesNotComeBackBeforeRetryAfter) {
  settings.batch_rows = 1;
  server.on("/logs3", {{.status = 429, .headers = {{"Retry-After", "3600"}}}});
  take(logs);
  ASSERT_TRUE(run_until([&] { return counters.requests == 1 && told.count(ErrorCode::http_status) == 1; }));
  take_many(3);
  // Without the header it would come back within two milliseconds.
  for (int step = 0; step < 20; ++step) courier().step(milliseconds(5));
  EXPECT_EQ(server.count("/logs3"), 1U);
  EXPECT_EQ(counters.held.rows.load(), 4U);
}

TEST_F(CourierTest, DoesNotLogInBeforeRetryAfter) {
  server.on("/api/apikey/login", {{.status = 429, .headers = {{"Retry-After", "3600"}}}});
  take(logs);
  courier().seal();
  ASSERT_TRUE(run_until([&] { return told.count(ErrorCode::http_status) == 1; }));
  for (int step = 0; step < 20; ++step) courier().step(milliseconds(5));
  EXPECT_EQ(server.count("/api/apikey/login"), 1U);
}

TEST_F(CourierTest, DoesNotAskForAProjectBeforeRetryAfter) {
  server.on("/api/project/register", {{.status = 429, .headers = {{"Retry-After", "3600"}}}});
  take(logs);
  courier().seal();
  ASSERT_TRUE(run_until([&] { return told.count(ErrorCode::transport) == 1; }));
  for (int step = 0; step < 20; ++step) courier().step(milliseconds(5));
  EXPECT_EQ(server.count("/api/project/register"), 1U);
}

TEST_F(CourierTest, ComesBackWhenRetryAfterSaysNow) {
  server.on("/logs3", {{.status = 429, .headers = {{"Retry-After", "0"}}}, {}});
  take(logs);
  ASSERT_TRUE(deliver_all());
  expect_all_arrived(1);
}

TEST_F(CourierTest, ResendsWhatAConnectionLost) {
  for (const Deed deed : {Deed::reset, Deed::truncate, Deed::drop, Deed::close}) {
    server.on("/logs3", {{.deed = deed}, {}});
    take_many(3);
    ASSERT_TRUE(deliver_all());
  }
  expect_all_arrived(12);
}

TEST_F(CourierTest, ResendsTheSameRowsWhenTheServerTookThemWithoutAnAnswer) {
  server.on("/logs3", {{.deed = Deed::drop}, {}});
  take_many(3);
  ASSERT_TRUE(deliver_all());
  const auto ids = arrived();
  EXPECT_GE(ids.size(), 6U);
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()), (std::set<std::string>{"1", "2", "3"}));
  EXPECT_EQ(counters.sent_rows.load(), 3U);
}

TEST_F(CourierTest, GoesOnAfterAServerThatHangs) {
  settings.request_timeout = milliseconds(100);
  server.on("/logs3", {{.deed = Deed::hang}, {}});
  take_many(3);
  ASSERT_TRUE(deliver_all());
  expect_all_arrived(3);
}

TEST_F(CourierTest, GoesOnAfterALoginAndAProjectThatHang) {
  settings.request_timeout = milliseconds(200);
  const Json login = {{"org_info", {{{"id", "1"}, {"name", "acme"}, {"api_url", server.url()}}}}};
  server.on("/api/apikey/login", {{.deed = Deed::hang}, {.body = login.dump()}});
  server.on("/api/project/register", {{.deed = Deed::hang}, {.body = R"({"project":{"id":"the id"}})"}});
  take(logs);
  ASSERT_TRUE(deliver_all());
  expect_all_arrived(1);
}

TEST_F(CourierTest, HasTheDefaultLimitsWhenTheAnswerAboutThemIsCut) {
  server.on("/version", {{.body = R"({"logs3_payload_max)"}});
  take(logs);
  ASSERT_TRUE(deliver_all());
  expect_all_arrived(1);
}

// An answer that makes sense but for a member that nests without end.
std::string nested_without_end(Json answer) {
  answer["deep"] = nullptr;
  std::string text = answer.dump();
  constexpr std::string_view null = "null";
  return text.replace(text.find(null), null.size(), std::string(500'000, '[') + std::string(500'000, ']'));
}

TEST_F(CourierTest, TakesNothingFromAnswersThatNestWithoutEnd) {
  server.on("/version", {{.body = nested_without_end({{"logs3_payload_max_bytes", 1}})}});
  server.on("/api/project/register",
            {{.body = nested_without_end({{"project", {{"id", "bad"}}}})}, {.body = R"({"project":{"id":"good"}})"}});
  take(logs);
  ASSERT_TRUE(deliver_all());
  expect_all_arrived(1);
  EXPECT_EQ(server.count("/logs3/overflow"), 0U) << "the limit is the default one";
  EXPECT_EQ(*logs.id(), "good");
}

TEST_F(CourierTest, SendsNothingToAnApiUrlThatIsNoHttp) {
  const Json login = {{"org_info", {{{"id", "1"}, {"name", "acme"}, {"api_url", "ftp://127.0.0.1"}}}}};
  server.on("/api/apikey/login", {{.body = login.dump()}});
  take(logs);
  courier().seal();
  ASSERT_TRUE(run_until([&] { return !told.all().empty(); }));
  EXPECT_TRUE(told.mentions("neither http nor https"));
}

TEST_F(CourierTest, AsksLittleOfAServerInTrouble) {
  server.on("/logs3", {{.status = 503}});
  settings.batch_rows = 1;
  take(logs);
  ASSERT_TRUE(run_until([&] { return logs.id() != nullptr; }));
  while (!courier().full()) take(logs);
  ASSERT_TRUE(run_until([&] { return server.count("/logs3") >= 12; }));
  // After the first four, which went out together, one at a time: at no moment are two on their way.
  EXPECT_LE(counters.requests.load() - server.count("/logs3"), 1U);
  EXPECT_EQ(counters.held.rows.load(), last_id) << "all that were taken";
}

TEST_F(CourierTest, GivesUpAfterTheRetriesThatWereAllowed) {
  settings.retries = 2;
  server.on("/logs3", {{.status = 500}});
  take_many(3);
  ASSERT_TRUE(deliver_all());
  EXPECT_EQ(server.count("/logs3"), 3U);
  EXPECT_EQ(counters.exhausted.load(), 3U);
  EXPECT_EQ(courier().held_rows(), 0U);
}

TEST_F(CourierTest, FindsTheRowThatTheServerFailsAtWhileOthersPass) {
  // The server answers 500 to any batch with row 7, for ever.
  server.handle("/logs3", [](const ServerRequest& request) {
    return Answer{.status = request.body.find(R"("id":"7")") != std::string::npos ? 500 : 200};
  });
  take_many(10);
  courier().seal();
  ASSERT_TRUE(run_until([&] {
    // Others come and pass all the time.
    if (counters.exhausted == 0) take(logs), courier().seal();
    return courier().idle();
  }));
  EXPECT_EQ(counters.exhausted.load(), 1U);
  EXPECT_EQ(counters.sent_rows.load(), last_id - 1) << "all others";
}

// --- failures that stay

TEST_F(CourierTest, DropsWhatTheServerRefusesAndGoesOn) {
  for (const int status : {402, 403, 404, 409, 451}) {
    server.on("/logs3", {{.status = status, .body = "no"}, {}});
    take_many(2);
    ASSERT_TRUE(deliver_all()) << status;
  }
  EXPECT_EQ(counters.refused.load(), 10U);
  EXPECT_EQ(counters.requests.load(), 5U) << "none was tried again";
  EXPECT_TRUE(told.mentions("451"));
  server.on("/logs3", {{}});
  take(logs);
  ASSERT_TRUE(deliver_all());
  EXPECT_EQ(counters.sent_rows.load(), 1U);
}

TEST_F(CourierTest, FindsTheRowThatTheServerRefuses) {
  for (const int status : {400, 422}) {
    server.handle("/logs3", [status](const ServerRequest& request) {
      return Answer{.status = request.body.find("poison") != std::string::npos ? status : 200};
    });
    for (int row = 0; row < 100; ++row) take(logs, {{"input", row == 37 ? "poison" : "fine"}});
    ASSERT_TRUE(deliver_all());
  }
  EXPECT_EQ(counters.refused.load(), 2U);
  EXPECT_EQ(counters.sent_rows.load(), 198U);
  EXPECT_LE(counters.requests.load(), 2U * 15);
}

TEST_F(CourierTest, StopsSearchingWhenEverythingIsRefused) {
  server.on("/logs3", {{.status = 400}});
  take_many(1000);
  ASSERT_TRUE(deliver_all());
  EXPECT_EQ(counters.refused.load(), 1000U);
  EXPECT_LE(counters.requests.load(), 4U * 33 + 6 * 3);
}

TEST_F(CourierTest, KeepsTheRowsOfOtherDestinationsWhenOneIsForbidden) {
  Destination forbidden{ObjectType::experiment, "forbidden", ""};
  server.handle("/logs3", [](const ServerRequest& request) {
    return Answer{.status = request.body.find("forbidden") != std::string::npos ? 403 : 200};
  });
  // The ways to both are known before their rows come, else each gets a batch of its own.
  take(logs);
  take(forbidden);
  ASSERT_TRUE(deliver_all());
  for (int row = 0; row < 8; ++row) take(logs);
  for (int row = 0; row < 8; ++row) take(forbidden);
  ASSERT_TRUE(deliver_all());
  EXPECT_EQ(counters.sent_rows.load(), 9U);
  EXPECT_EQ(counters.refused.load(), 9U);
}

TEST_F(CourierTest, KeepsThemWhenTheRowsOfBothAreMixed) {
  Destination forbidden{ObjectType::experiment, "forbidden", ""};
  server.handle("/logs3", [](const ServerRequest& request) {
    return Answer{.status = request.body.find("forbidden") != std::string::npos ? 403 : 200};
  });
  take(logs);
  take(forbidden);
  ASSERT_TRUE(deliver_all());
  for (int row = 0; row < 1000; ++row) take(row % 2 == 0 ? logs : forbidden);
  ASSERT_TRUE(deliver_all());
  EXPECT_EQ(counters.sent_rows.load(), 501U);
  EXPECT_EQ(counters.refused.load(), 501U);
}

// --- too large

TEST_F(CourierTest, HalvesABatchThatIsTooLarge) {
  server.handle("/logs3", [](const ServerRequest& request) {
    return Answer{.status = Json::parse(request.body)["rows"].size() > 3 ? 413 : 200};
  });
  take_many(10);
  ASSERT_TRUE(deliver_all());
  expect_all_arrived(10);
  EXPECT_EQ(dropped(), 0U);
}

TEST_F(CourierTest, DropsASingleRowThatIsTooLargeWhereThereIsNoOverflow) {
  server.handle("/logs3", [](const ServerRequest& request) {
    return Answer{.status = request.body.find("large") != std::string::npos ? 413 : 200};
  });
  for (int row = 0; row < 10; ++row) take(logs, {{"input", row == 3 ? "large" : "small"}});
  ASSERT_TRUE(deliver_all());
  EXPECT_EQ(counters.sent_rows.load(), 9U);
  EXPECT_EQ(counters.refused.load(), 1U);
}

class OverflowTest : public CourierTest {
 protected:
  OverflowTest() { play_braintrust(server, {.payload_max_bytes = 4000}); }

  void offer(Json place) {
    place["key"] = "the key";
    server.on("/logs3/overflow", {{.body = place.dump()}});
    store.on("/bucket/object", {{}});
  }

  ScriptedServer store;
};

TEST_F(OverflowTest, UploadsALargeRowByPut) {
  offer({{"method", "PUT"}, {"signedUrl", store.url() + "/bucket/object?signature=s"}, {"headers", {{"X-Given", "1"}}}});
  take(logs, {{"input", std::string(10'000, 'x')}});
  take(logs, {{"input", "small"}});
  ASSERT_TRUE(deliver_all());
  EXPECT_EQ(counters.sent_rows.load(), 2U);

  const Json asked = Json::parse(server.requests("/logs3/overflow").at(0).body);
  const ServerRequest upload = store.requests().at(0);
  EXPECT_EQ(asked["content_type"], "application/json");
  EXPECT_EQ(asked["size_bytes"], upload.body.size());
  const Json body = Json::parse(upload.body);
  EXPECT_EQ(asked["rows"], Json::array({{{"object_ids", {{"project_id", "id of the project"}, {"log_id", "g"}}},
                                         {"is_delete", false},
                                         {"input_row", {{"byte_size", body["rows"][0].dump().size()}}}}}));
  EXPECT_EQ(body["api_version"], 2);
  EXPECT_EQ(body["rows"][0]["input"], std::string(10'000, 'x'));
  EXPECT_EQ(upload.method, "PUT");
  EXPECT_EQ(upload.target, "/bucket/object?signature=s");
  EXPECT_EQ(upload.headers.at("x-given"), "1");
  EXPECT_FALSE(upload.headers.contains("authorization")) << "the key is not for the store";
  EXPECT_FALSE(upload.headers.contains("x-ms-blob-type"));

  std::vector<Json> posted;
  for (const auto& request : server.requests("/logs3")) posted.push_back(Json::parse(request.body));
  EXPECT_THAT(posted, testing::Contains(Json::parse(R"({"rows":{"type":"logs3_overflow","key":"the key"},"api_version":2})")));
}

TEST_F(OverflowTest, UploadsALargeRowByForm) {
  offer({{"method", "POST"},
         {"signedUrl", store.url() + "/bucket/object"},
         {"headers", {{"Content-Type", "wrong"}, {"X-Given", "1"}}},
         {"fields", {{"policy", "p"}, {"Content-Type", "application/json"}}}});
  take(logs, {{"input", std::string(10'000, 'x')}});
  ASSERT_TRUE(deliver_all());
  const ServerRequest upload = store.requests().at(0);
  EXPECT_EQ(upload.headers.at("content-type").rfind("multipart/form-data", 0), 0U);
  EXPECT_EQ(upload.headers.at("x-given"), "1");
  EXPECT_FALSE(upload.headers.contains("authorization"));
  EXPECT_LT(upload.body.find("name=\"policy\""), upload.body.find("name=\"file\""));
  EXPECT_NE(upload.body.find(std::string(10'000, 'x')), std::string::npos);
  EXPECT_EQ(counters.sent_rows.load(), 1U);
}

TEST_F(OverflowTest, AsksAgainWhereTheAnswerNestsWithoutEnd) {
  const Json place = {{"method", "PUT"}, {"signedUrl", store.url() + "/bucket/object"}, {"headers", {}}, {"key", "the key"}};
  server.on("/logs3/overflow", {{.body = nested_without_end(place)}, {.body = place.dump()}});
  store.on("/bucket/object", {{}});
  take(logs, {{"input", std::string(10'000, 'x')}});
  ASSERT_TRUE(deliver_all());
  EXPECT_EQ(server.count("/logs3/overflow"), 2U);
  EXPECT_EQ(store.count(), 1U);
}

TEST_F(OverflowTest, DoesNotUploadTwiceWhenOnlyTheLastStepFails) {
  offer({{"method", "PUT"}, {"signedUrl", store.url() + "/bucket/object"}, {"headers", Json::object()}});
  server.on("/logs3", {{.status = 500}, {.deed = Deed::drop}, {}});
  take(logs, {{"input", std::string(10'000, 'x')}});
  ASSERT_TRUE(deliver_all());
  EXPECT_EQ(store.count(), 1U);
  EXPECT_EQ(server.count("/logs3/overflow"), 1U);
  EXPECT_EQ(counters.sent_rows.load(), 1U);
}

TEST_F(OverflowTest, RepeatsAnUploadThatFailed) {
  offer({{"method", "PUT"}, {"signedUrl", store.url() + "/bucket/object"}, {"headers", Json::object()}});
  store.on("/bucket/object", {{.status = 503}, {.deed = Deed::reset}, {}});
  take(logs, {{"input", std::string(10'000, 'x')}});
  ASSERT_TRUE(deliver_all());
  EXPECT_EQ(counters.sent_rows.load(), 1U);
}

TEST_F(OverflowTest, DoesNotTakeTheStoresRefusalForOneOfTheKey) {
  offer({{"method", "PUT"}, {"signedUrl", store.url() + "/bucket/object"}, {"headers", Json::object()}});
  store.on("/bucket/object", {{.status = 401}});
  take(logs, {{"input", std::string(10'000, 'x')}});
  ASSERT_TRUE(deliver_all());
  EXPECT_EQ(counters.refused.load(), 1U);
  EXPECT_EQ(server.count("/api/apikey/login"), 1U);
}

TEST_F(OverflowTest, TakesARowThatIsRefusedForItsSizeToTheStore) {
  offer({{"method", "PUT"}, {"signedUrl", store.url() + "/bucket/object"}, {"headers", Json::object()}});
  server.handle("/logs3", [](const ServerRequest& request) {
    return Answer{.status = request.body.find("large") != std::string::npos ? 413 : 200};
  });
  for (int row = 0; row < 10; ++row) take(logs, {{"input", row == 3 ? "large" : "small"}});
  ASSERT_TRUE(deliver_all());
  EXPECT_EQ(counters.sent_rows.load(), 10U);
  ASSERT_EQ(store.count(), 1U);
  EXPECT_EQ(Json::parse(store.requests()[0].body)["rows"].size(), 1U);
}

TEST_F(OverflowTest, ObeysTheSmallerOfTwoLimits) {
  settings.max_request_bytes = 1000;  // half of it ends a batch
  for (int row = 0; row < 10; ++row) take(logs, {{"input", std::string(200, 'x')}});
  ASSERT_TRUE(deliver_all());
  for (const auto& request : server.requests("/logs3")) EXPECT_LT(request.body.size(), 600U);
  EXPECT_EQ(counters.sent_rows.load(), 10U);
}

// --- rows of one key

TEST_F(CourierTest, NeverHasTwoRowsOfAKeyOnTheirWay) {
  server.on("/logs3", {{.status = 500}, {.status = 500}, {}});
  const auto id = take(logs, {{"input", 1}, {"metrics", {{"start", 1}}}});
  courier().seal();
  ASSERT_TRUE(run_until([&] { return server.count("/logs3") == 1; }));
  take(logs, {{"output", 2}}, true, id);
  take(logs, {{"metrics", {{"end", 2}}}}, true, id);
  ASSERT_TRUE(deliver_all());
  const auto rows = rows_of(server);
  ASSERT_EQ(rows.size(), 4U);
  for (int attempt = 0; attempt < 3; ++attempt) EXPECT_EQ(rows[static_cast<std::size_t>(attempt)]["input"], 1);
  EXPECT_EQ(rows[3], Json::parse(R"({"project_id":"id of the project","log_id":"g","id":"1","_is_merge":true,
                                     "output":2,"metrics":{"end":2}})"));
  EXPECT_EQ(counters.sent_rows.load(), 3U);
}

TEST_F(CourierTest, MakesOneRowOfTwoThatMeet) {
  const auto id = take(logs, {{"input", 1}});
  take(logs, {{"output", 2}}, true, id);
  ASSERT_TRUE(deliver_all());
  EXPECT_THAT(rows_of(server),
              ElementsAre(Json::parse(R"({"project_id":"id of the project","log_id":"g","id":"1","input":1,"output":2})")));
  EXPECT_EQ(counters.sent_rows.load(), 2U);
}

// --- the end, and the directories

TEST_F(CourierTest, CountsWhatItHoldsAsClosedWhenItGivesUp) {
  server.on("/logs3", {{.deed = Deed::hang}});
  settings.batch_rows = 100;
  take_many(250);
  courier().seal();
  ASSERT_TRUE(run_until([&] { return server.count("/logs3") == 3; }));
  take_many(10);
  courier().give_up();
  EXPECT_TRUE(courier().idle());
  EXPECT_EQ(counters.closed.load(), 260U);
  EXPECT_EQ(counters.held.rows.load(), 0U);
  EXPECT_EQ(counters.oldest_held.load(), 0U);
  courier().step(milliseconds(1));
  EXPECT_EQ(counters.closed.load(), 260U);
}

class DirectoryTest : public CourierTest {
 protected:
  DirectoryTest() : folder(std::filesystem::temp_directory_path() / ("braintrust-payloads-" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(folder);
  }
  ~DirectoryTest() override { std::filesystem::remove_all(folder); }

  std::vector<std::string> ids_in_files() {
    std::vector<std::string> ids;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      EXPECT_THAT(entry.path().filename().string(), testing::MatchesRegex("payload_[0-9]+_[0-9a-f]+\\.json"));
      std::ifstream file(entry.path());
      const Json body = Json::parse(file);
      EXPECT_EQ(body["api_version"], 2);
      for (const Json& row : body["rows"]) ids.push_back(row["id"]);
    }
    return ids;
  }

  std::filesystem::path folder;
};

TEST_F(DirectoryTest, ReceivesWhatCouldNotBeSent) {
  settings.failed_payloads_directory = (folder / "failed").string();
  folder /= "failed";
  server.on("/logs3", {{.status = 403}, {}});
  take(logs);
  ASSERT_TRUE(deliver_all());
  take(logs);
  ASSERT_TRUE(deliver_all());
  EXPECT_THAT(ids_in_files(), ElementsAre("1"));
  server.on("/logs3", {{.deed = Deed::hang}});
  take(logs);
  courier().seal();
  ASSERT_TRUE(run_until([&] { return server.count("/logs3") == 3; }));
  take(logs);
  courier().give_up();
  EXPECT_THAT(ids_in_files(), UnorderedElementsAre("1", "3", "4"));
  folder = folder.parent_path();
}

TEST_F(DirectoryTest, ReceivesEveryPayloadOnce) {
  settings.all_payloads_directory = folder.string();
  server.on("/logs3", {{.status = 500}, {}});
  take_many(3);
  ASSERT_TRUE(deliver_all());
  EXPECT_THAT(ids_in_files(), UnorderedElementsAre("1", "2", "3"));
}

TEST_F(DirectoryTest, ThatCannotBeWrittenIsToldAndHarmless) {
  std::ofstream(folder) << "a file";
  settings.all_payloads_directory = folder.string();
  take_many(3);
  ASSERT_TRUE(deliver_all());
  expect_all_arrived(3);
  EXPECT_EQ(told.count(ErrorCode::io), 1U);
}

TEST_F(CourierTest, WakesFromAnotherThread) {
  take(logs);
  ASSERT_TRUE(deliver_all());
  std::thread other([&] { courier().wake(); });
  courier().step(std::chrono::hours(1));  // or the test never ends
  other.join();
}

TEST_F(CourierTest, NeverTellsTheKeyOrABody) {
  server.on("/logs3", {{.status = 400, .body = "sk-test-key secret input"}});
  take(logs, {{"input", "secret input"}});
  ASSERT_TRUE(deliver_all());
  EXPECT_FALSE(told.all().empty());
  EXPECT_FALSE(told.mentions("sk-test"));
  EXPECT_FALSE(told.mentions("secret"));
}

}  // namespace
}  // namespace braintrust::pipeline
