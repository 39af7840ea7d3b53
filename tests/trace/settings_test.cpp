// Where a logger's settings come from: option, environment, `.env.braintrust`, default. Seen from the server.

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <braintrust/trace/logger.h>

#include "support/told.h"
#include "trace/backend.h"

namespace braintrust {
namespace {

using test::FakeBraintrust;
using test::play_braintrust;
using test::Row;
using test::ScriptedServer;
using test::Told;
using test::Variables;

// A server, no variable of ours, and a working directory of its own.
class Settings : public testing::Test {
 protected:
  Settings() : former_(std::filesystem::current_path()) {
    play_braintrust(server);
    directory = std::filesystem::temp_directory_path() / ("braintrust-settings-" + std::to_string(::getpid()));
    std::filesystem::create_directories(directory / "deep" / "deeper");
    std::filesystem::current_path(directory / "deep" / "deeper");
  }
  ~Settings() override {
    std::filesystem::current_path(former_);
    std::filesystem::remove_all(directory);
  }

  void write_file(const std::filesystem::path& folder, const std::string& text) {
    std::ofstream(folder / ".env.braintrust") << text;
  }

  // Logs one row with these options; where it arrived, or null.
  Row project_with(const LoggerOptions& options) {
    Logger logger = init_logger(options);
    { auto span = logger.start_span("row"); }
    logger.shutdown(std::chrono::seconds(10));
    const auto rows = rows_of(server);
    return rows.empty() ? Row() : rows.back()["project_id"];
  }

  ScriptedServer server;
  std::filesystem::path directory;
  const FakeBraintrust fake;

 private:
  const Variables cleared_{{{"BRAINTRUST_API_KEY", std::nullopt},
                            {"BRAINTRUST_APP_URL", std::nullopt},
                            {"BRAINTRUST_API_URL", std::nullopt},
                            {"BRAINTRUST_ORG_NAME", std::nullopt},
                            {"BRAINTRUST_PROJECT", std::nullopt},
                            {"BRAINTRUST_PROJECT_ID", std::nullopt},
                            {"BRAINTRUST_DEFAULT_PROJECT", std::nullopt}}};
  std::filesystem::path former_;
};

TEST_F(Settings, OfTheOptionsBeatTheEnvironment) {
  const Variables variables({{"BRAINTRUST_API_KEY", "wrong"},
                             {"BRAINTRUST_APP_URL", "http://127.0.0.1:1"},
                             {"BRAINTRUST_PROJECT", "no"},
                             {"BRAINTRUST_PROJECT_ID", "no id"}});
  EXPECT_EQ(project_with({.project = "yes", .api_key = fake.api_key, .app_url = server.url()}), "id of yes");
  EXPECT_EQ(project_with({.project_id = "yes id", .api_key = fake.api_key, .app_url = server.url()}), "yes id");
}

TEST_F(Settings, OfTheEnvironmentBeatTheFile) {
  write_file(directory, "BRAINTRUST_API_KEY=wrong\nBRAINTRUST_APP_URL=http://127.0.0.1:1\nBRAINTRUST_PROJECT=no\n");
  const Variables variables(
      {{"BRAINTRUST_API_KEY", fake.api_key}, {"BRAINTRUST_APP_URL", server.url()}, {"BRAINTRUST_PROJECT", "yes"}});
  EXPECT_EQ(project_with({}), "id of yes");
}

TEST_F(Settings, OfTheFileBeatTheDefaults) {
  write_file(directory, "export BRAINTRUST_API_KEY='" + fake.api_key + "'\nBRAINTRUST_APP_URL=\"" + server.url() +
                            "\" # here\nBRAINTRUST_PROJECT=from file\n");
  EXPECT_EQ(project_with({}), "id of from file");
}

TEST_F(Settings, OfTheNearestFileCountEvenWhenTheyAreMissingThere) {
  Told told;
  write_file(directory, "BRAINTRUST_API_KEY=" + fake.api_key + "\n");
  write_file(directory / "deep", "BRAINTRUST_PROJECT=near\n");
  EXPECT_TRUE(project_with({.app_url = server.url()}).is_null());
  EXPECT_EQ(told.count(ErrorCode::missing_api_key), 1U);
  EXPECT_EQ(project_with({.api_key = fake.api_key, .app_url = server.url()}), "id of near");
}

TEST_F(Settings, ThatAreBlankCountAsUnset) {
  write_file(directory, "BRAINTRUST_PROJECT=from file\n");
  const Variables variables(
      {{"BRAINTRUST_API_KEY", fake.api_key}, {"BRAINTRUST_PROJECT", "  "}, {"BRAINTRUST_PROJECT_ID", ""}});
  EXPECT_EQ(project_with({.project = " ", .api_key = "\t", .app_url = server.url()}), "id of from file");
}

TEST_F(Settings, NameTheProjectGlobalByDefault) {
  EXPECT_EQ(project_with({.api_key = fake.api_key, .app_url = server.url()}), "id of Global");
}

TEST_F(Settings, TakeAProjectIdFromTheEnvironmentOverAName) {
  const Variables variables({{"BRAINTRUST_PROJECT", "name"}, {"BRAINTRUST_PROJECT_ID", "the id"}});
  EXPECT_EQ(project_with({.api_key = fake.api_key, .app_url = server.url()}), "the id");
}

TEST_F(Settings, KnowTheNameThatAnotherSdkReads) {
  const Variables variables(Variables::Values{{"BRAINTRUST_DEFAULT_PROJECT", "other sdk"}});
  EXPECT_EQ(project_with({.api_key = fake.api_key, .app_url = server.url()}), "id of other sdk");
}

TEST_F(Settings, SendRowsToTheConfiguredApiUrlAndNotToTheLogins) {
  ScriptedServer api;
  play_braintrust(api);
  const Variables variables(Variables::Values{{"BRAINTRUST_API_URL", api.url()}});
  EXPECT_TRUE(project_with({.api_key = fake.api_key, .app_url = server.url()}).is_null());
  EXPECT_EQ(rows_of(api).size(), 1U);
  EXPECT_EQ(server.count("/logs3"), 0U);
  EXPECT_EQ(api.count("/api/apikey/login"), 0U);
}

TEST_F(Settings, AreReadWhenTheLoggerIsMade) {
  Logger logger;
  {
    const Variables variables(Variables::Values{{"BRAINTRUST_PROJECT", "then"}});
    logger = init_logger({.api_key = fake.api_key, .app_url = server.url()});
  }
  const Variables variables(Variables::Values{{"BRAINTRUST_PROJECT", "later"}});
  { auto span = logger.start_span("row"); }
  logger.shutdown(test::long_enough);
  EXPECT_EQ(rows_of(server).at(0)["project_id"], "id of then");
}

TEST_F(Settings, ThatCannotBeReadAreToldAndTheDefaultCounts) {
  for (const char* const name : {"BRAINTRUST_DEFAULT_BATCH_SIZE", "BRAINTRUST_MAX_REQUEST_SIZE", "BRAINTRUST_NUM_RETRIES",
                                 "BRAINTRUST_HTTP_TIMEOUT", "BRAINTRUST_QUEUE_SIZE", "BRAINTRUST_QUEUE_DROP_EXCEEDING_MAXSIZE",
                                 "BRAINTRUST_QUEUE_DROP_LOGGING_PERIOD", "BRAINTRUST_SYNC_FLUSH"}) {
    Told told;
    const Variables variables(Variables::Values{{name, "banana"}});
    EXPECT_EQ(project_with({.project = "p", .api_key = fake.api_key, .app_url = server.url()}), "id of p") << name;
    EXPECT_TRUE(told.mentions(name)) << name;
    EXPECT_FALSE(told.mentions("banana")) << name;
  }
}

TEST_F(Settings, SayHowManyRowsARequestHas) {
  const Variables variables(Variables::Values{{"BRAINTRUST_DEFAULT_BATCH_SIZE", "2"}});
  Logger logger = init_logger(
      {.project = "p", .api_key = fake.api_key, .app_url = server.url(), .flush_interval = std::chrono::seconds(5)});
  for (int i = 0; i < 5; ++i) auto span = logger.start_span("row");
  EXPECT_EQ(logger.shutdown(test::long_enough).sent, 5U);
  EXPECT_EQ(server.count("/logs3"), 3U);
}

TEST_F(Settings, SayHowOftenARequestIsRepeated) {
  server.on("/logs3", {{.status = 500}});
  const Variables variables(Variables::Values{{"BRAINTRUST_NUM_RETRIES", "0"}});
  Logger logger = init_logger({.project = "p", .api_key = fake.api_key, .app_url = server.url()});
  { auto span = logger.start_span("row"); }
  const FlushResult result = logger.flush(test::long_enough);
  EXPECT_EQ(result.failed, 1U);
  EXPECT_EQ(logger.stats().dropped.exhausted, 1U);
  EXPECT_EQ(server.count("/logs3"), 1U);
  logger.shutdown(test::long_enough);
}

TEST_F(Settings, BoundTheQueueByRowsUnderEitherName) {
  for (const char* const name : {"BRAINTRUST_QUEUE_SIZE", "BRAINTRUST_QUEUE_DROP_EXCEEDING_MAXSIZE"}) {
    const Variables variables(Variables::Values{{name, "10"}});
    Logger logger =
        init_logger({.project = "p", .api_key = "k", .app_url = "http://127.0.0.1:" + std::to_string(test::free_port())});
    for (int i = 0; i < 100; ++i) auto span = logger.start_span("row");
    const Stats stats = logger.stats();
    EXPECT_LE(stats.queued_rows, 20U) << name;
    EXPECT_EQ(stats.queued_rows + stats.dropped.queue_full, 100U) << name;
    logger.shutdown(std::chrono::milliseconds(0));
  }
}

TEST_F(Settings, SendNothingBeforeAFlushWhenToldSo) {
  const Variables variables(Variables::Values{{"BRAINTRUST_SYNC_FLUSH", "1"}});
  Logger logger = init_logger(
      {.project = "p", .api_key = fake.api_key, .app_url = server.url(), .flush_interval = std::chrono::milliseconds(1)});
  { auto span = logger.start_span("row"); }
  // The background thread has logged in, so it has been round its loop since.
  EXPECT_TRUE(test::eventually([&] { return server.count("/version") > 0; }));
  EXPECT_EQ(server.count("/logs3"), 0U);
  EXPECT_EQ(logger.flush(test::long_enough).sent, 1U);
  logger.shutdown(test::long_enough);
}

TEST_F(Settings, SendEverythingOfALoggerThatIsDroppedEvenThen) {
  const Variables variables(Variables::Values{{"BRAINTRUST_SYNC_FLUSH", "1"}});
  {
    Logger logger = init_logger({.project = "p", .api_key = fake.api_key, .app_url = server.url(), .set_current = false});
    logger.start_span("row").end();
  }
  EXPECT_TRUE(test::eventually([&] { return test::rows_of(server).size() == 1; }));
}

}  // namespace
}  // namespace braintrust
