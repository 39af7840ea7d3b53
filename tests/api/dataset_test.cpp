#include <braintrust/api/dataset.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>

#include <braintrust/trace/attachment.h>
#include <braintrust/trace/masking.h>

#include "api/dataset_core.h"
#include "api/dataset_rows.h"
#include "local/temporary_folder.h"
#include "support/told.h"
#include "trace/backend.h"
#include "trace/logger_core.h"

namespace braintrust::test {
namespace {

using nlohmann::json;

DatasetRow only(const Dataset& dataset) {
  const auto rows = rows_of(dataset);
  if (rows.size() != 1) throw std::runtime_error("not one row but " + std::to_string(rows.size()));
  return rows.front();
}

TEST(Dataset, GivesBackWhatWasInserted) {
  Backend backend;
  const auto dataset = init_dataset({.project = "P", .name = "D"});
  const auto id = dataset.insert({.input = {{"question", "why?"}},
                                  .expected = {{"answer", 42}},
                                  .metadata = {{"category", "x"}},
                                  .tags = {"a", "b"},
                                  .origin = {{"object_type", "project_logs"}, {"object_id", "p"}, {"id", "r"}}});
  const DatasetRow row = only(dataset);
  EXPECT_EQ(row.id, id);
  EXPECT_EQ(row.input, json({{"question", "why?"}}));
  EXPECT_EQ(row.expected, json({{"answer", 42}}));
  EXPECT_EQ(row.metadata, json({{"category", "x"}}));
  EXPECT_EQ(row.tags, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(row.origin["id"], "r");
  EXPECT_FALSE(row.version.empty());
  EXPECT_FALSE(row.created.empty());
}

// Before `main`, and so before any logger.
const DatasetRecord made_early{
    .input = {{"question", "why?"}}, .expected = 42, .metadata = {{"n", 1}}, .tags = {"a"}, .origin = {{"id", "r"}}};

TEST(Dataset, TakesARecordThatWasMadeBeforeThereWasALogger) {
  Backend backend;
  const auto dataset = init_dataset({.project = "P", .name = "D"});
  dataset.insert(made_early);
  const DatasetRow row = only(dataset);
  EXPECT_EQ(row.input, json({{"question", "why?"}}));
  EXPECT_EQ(row.expected, 42);
  EXPECT_EQ(row.metadata, json({{"n", 1}}));
  EXPECT_EQ(row.tags, std::vector<std::string>{"a"});
  EXPECT_EQ(row.origin["id"], "r");
}

TEST(Dataset, SendsRowsWithoutAnythingOfASpan) {
  Wire wire;
  wire.server.on("/api/dataset/register", {{.body = R"({"project":{"id":"p1","name":"P"},"dataset":{"id":"d1","name":"D"}})"}});
  const auto dataset = init_dataset({.project = "P", .name = "D"});
  dataset.insert({.input = 1, .id = "one"});
  dataset.remove("two");
  dataset.update("three", {.metadata = {{"k", 1}}});
  EXPECT_TRUE(dataset.flush(long_enough).complete());
  const auto rows = braintrust::test::rows_of(wire.server);
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_TRUE(rows[0]["created"].is_string());
  EXPECT_EQ(rows[0], (json{{"id", "one"}, {"dataset_id", "d1"}, {"created", rows[0]["created"]}, {"input", 1}}));
  EXPECT_EQ(rows[1], (json{{"id", "two"}, {"dataset_id", "d1"}, {"created", rows[1]["created"]}, {"_object_delete", true}}));
  EXPECT_EQ(rows[2], (json{{"id", "three"}, {"dataset_id", "d1"}, {"_is_merge", true}, {"metadata", {{"k", 1}}}}));
}

TEST(Dataset, IsRegisteredWithWhatItsOptionsSay) {
  Wire wire;
  wire.server.on("/api/dataset/register", {{.body = R"({"project":{"id":"p1","name":"P"},"dataset":{"id":"d1","name":"D"}})"}});
  const auto dataset = init_dataset({.project = "P", .name = "D", .description = "cases", .metadata = {{"owner", "me"}}});
  EXPECT_EQ(*dataset.id(), "d1");
  EXPECT_EQ(*dataset.project_id(), "p1");
  const auto body = json::parse(wire.server.requests("/api/dataset/register").at(0).body);
  EXPECT_EQ(body, (json{{"org_id", body["org_id"]},
                        {"project_name", "P"},
                        {"dataset_name", "D"},
                        {"description", "cases"},
                        {"metadata", {{"owner", "me"}}}}));
  EXPECT_FALSE(body["org_id"].get<std::string>().empty());
}

TEST(Dataset, ReturnsAtOnceWhenNobodyAnswers) {
  ScriptedServer silent;
  silent.on("/api/apikey/login", {{.deed = Deed::hang}});
  auto logger = init_logger({.project = "p", .api_key = "k", .app_url = silent.url()});
  const auto dataset = init_dataset({.name = "D"});
  EXPECT_FALSE(dataset.insert({.input = 1}).empty());
  EXPECT_EQ(dataset.flush(std::chrono::milliseconds(1)).pending, 1u);
  logger.shutdown(std::chrono::milliseconds(0));
}

TEST(Dataset, ReplacesARecordThatIsInsertedAgain) {
  Backend backend;
  const auto dataset = init_dataset({.project = "P", .name = "D"});
  dataset.insert({.input = 1, .expected = 1, .id = "same"});
  dataset.insert({.input = 2, .id = "same"});
  const DatasetRow row = only(dataset);
  EXPECT_EQ(row.input, 2);
  EXPECT_TRUE(row.expected.is_null());
}

TEST(Dataset, LaysAnUpdateOverTheRecord) {
  Backend backend;
  const auto dataset = init_dataset({.project = "P", .name = "D"});
  const auto id = dataset.insert({.input = 1, .expected = 1, .metadata = {{"a", 1}, {"b", 1}}});
  ASSERT_TRUE(dataset.flush(long_enough).complete());
  dataset.update(id, {.expected = 2, .metadata = {{"b", 2}}});
  const DatasetRow row = only(dataset);
  EXPECT_EQ(row.input, 1);
  EXPECT_EQ(row.expected, 2);
  EXPECT_EQ(row.metadata, json({{"a", 1}, {"b", 2}}));
}

TEST(Dataset, RemovesARecord) {
  Backend backend;
  const auto dataset = init_dataset({.project = "P", .name = "D"});
  const auto id = dataset.insert({.input = 1});
  const auto other = dataset.insert({.input = 2});
  ASSERT_TRUE(dataset.flush(long_enough).complete());
  dataset.remove(id);
  EXPECT_EQ(only(dataset).id, other);
}

TEST(Dataset, TellsOfAChangeWithoutAnId) {
  Backend backend;
  Told told;
  const auto dataset = init_dataset({.project = "P", .name = "D"});
  dataset.update("", {.input = 1});
  dataset.remove(" ");
  EXPECT_TRUE(told.mentions("Dataset::update: `id` is blank"));
  EXPECT_TRUE(told.mentions("Dataset::remove: `id` is blank"));
  EXPECT_TRUE(rows_of(dataset).empty());
}

TEST(Dataset, CountsItsRecords) {
  Backend backend;
  const auto dataset = init_dataset({.project = "My P", .name = "D/1"});
  for (int i = 0; i < 3; ++i) dataset.insert({.input = i});
  const auto summary = dataset.summarize();
  ASSERT_TRUE(summary) << summary.error().message;
  EXPECT_EQ(summary->project_name, "My P");
  EXPECT_EQ(summary->dataset_name, "D/1");
  EXPECT_EQ(summary->total_records, 3u);
  EXPECT_EQ(summary->url, backend.url() + "/app/local/p/My%20P/datasets/D%2F1");
}

TEST(Dataset, OfOneNameIsOneDataset) {
  Backend backend;
  init_dataset({.project = "P", .name = "D"}).insert({.input = 1});
  init_dataset({.project = "P", .name = "other"}).insert({.input = 2});
  backend.rows();
  EXPECT_EQ(only(init_dataset({.project = "P", .name = "D"})).input, 1);
}

TEST(Dataset, OfTheProjectOfTheLogger) {
  Backend backend({.project = "mine"});
  const auto dataset = init_dataset({.name = "D"});
  dataset.insert({.input = 1});
  EXPECT_EQ(dataset.summarize()->project_name, "mine");
}

TEST(Dataset, NeedsNoLogger) {
  auto server = local::Server::start();
  ASSERT_TRUE(server);
  const ConnectionOptions connection{.api_key = "k", .app_url = server->url()};
  const auto dataset = init_dataset({.project = "P", .name = "D", .connection = connection});
  dataset.insert({.input = "by itself"});
  EXPECT_EQ(only(dataset).input, "by itself");
  EXPECT_EQ(dataset.summarize()->total_records, 1u);
}

TEST(Dataset, IsSeenInOneVersionWhileItIsGoneThrough) {
  Backend backend;
  const auto dataset = init_dataset({.project = "P", .name = "D", .page_rows = 2});
  for (int i = 0; i < 5; ++i) dataset.insert({.input = i});
  int rows = 0;
  for (auto& row : dataset) {
    ASSERT_TRUE(row);
    if (rows++ == 0) {
      dataset.insert({.input = "meanwhile"});
      ASSERT_TRUE(dataset.flush(long_enough).complete());
    }
    EXPECT_TRUE(row->input.is_number());
  }
  EXPECT_EQ(rows, 5);
  EXPECT_EQ(rows_of(dataset).size(), 6u);
}

TEST(Dataset, CanBeReadAsItWas) {
  Backend backend;
  const auto dataset = init_dataset({.project = "P", .name = "D"});
  dataset.insert({.input = "old", .id = "one"});
  const auto version = dataset.version();
  ASSERT_TRUE(version) << version.error().message;
  dataset.insert({.input = "new", .id = "one"});
  dataset.insert({.input = "more"});
  ASSERT_TRUE(dataset.flush(long_enough).complete());
  ASSERT_NE(*dataset.version(), *version);

  const auto pinned = init_dataset({.project = "P", .name = "D", .version = *version});
  EXPECT_EQ(only(pinned).input, "old");
  EXPECT_EQ(*pinned.version(), *version);

  ASSERT_TRUE(dataset.create_snapshot("before", *version));
  EXPECT_EQ(only(init_dataset({.project = "P", .name = "D", .snapshot_name = "before"})).input, "old");
  ASSERT_TRUE(dataset.set_environment("production", *version));
  EXPECT_EQ(only(init_dataset({.project = "P", .name = "D", .environment = "production"})).input, "old");
  ASSERT_TRUE(dataset.set_environment("production"));
  EXPECT_EQ(rows_of(init_dataset({.project = "P", .name = "D", .environment = "production"})).size(), 2u);
}

TEST(Dataset, NamesASnapshotOrEnvironmentThatItDoesNotHave) {
  Backend backend;
  for (const DatasetOptions& options : {DatasetOptions{.project = "P", .name = "D", .snapshot_name = "none"},
                                        DatasetOptions{.project = "P", .name = "D", .environment = "none"}}) {
    const auto version = init_dataset(options).version();
    ASSERT_FALSE(version);
    EXPECT_NE(version.error().message.find("\"none\""), std::string::npos);
    int errors = 0;
    for (auto& row : init_dataset(options)) errors += row ? 0 : 1;
    EXPECT_EQ(errors, 1);
  }
}

TEST(Dataset, HasNoRowsBeforeTheFirst) {
  Backend backend;
  const auto dataset = init_dataset({.project = "P", .name = "D"});
  const auto before = dataset.version();
  ASSERT_TRUE(before) << before.error().message;
  EXPECT_TRUE(rows_of(dataset).empty());
  dataset.insert({.input = 1});
  EXPECT_EQ(rows_of(dataset).size(), 1u);
  EXPECT_TRUE(rows_of(dataset.at_version(*before)).empty());
}

TEST(Dataset, IsNotReadWithoutWhatWasWrittenToItBefore) {
  Wire wire;
  wire.server.on("/api/dataset/register", {{.body = R"({"project":{"id":"p1","name":"P"},"dataset":{"id":"d1","name":"D"}})"}});
  wire.server.on("/xact-id", {{.body = "7"}});
  wire.server.on("/btql", {{.body = R"({"data":[{"id":"a","input":1}]})"}});
  wire.server.on("/dataset-summary", {{.body = R"({"total_records":1})"}});
  std::atomic<bool> takes_rows = false;
  wire.server.handle("/logs3", [&](const ServerRequest&) { return takes_rows ? Answer{} : Answer{.status = 503}; });
  const auto dataset = init_dataset({.project = "P", .name = "D"});
  DatasetAccess::core_of(dataset)->patience = std::chrono::milliseconds(50);
  dataset.insert({.input = 1});
  for (int i = 0; i < 2; ++i) {  // still so the second time
    const auto version = dataset.version();
    ASSERT_FALSE(version);
    EXPECT_EQ(version.error().code, ErrorCode::deadline_exceeded);
    EXPECT_NE(version.error().message.find("what you wrote has not arrived"), std::string::npos);
    EXPECT_EQ(dataset.summarize().error().code, ErrorCode::deadline_exceeded);
    EXPECT_EQ(dataset.begin()->error().code, ErrorCode::deadline_exceeded);
  }
  EXPECT_EQ(wire.server.count("/btql"), 0u);

  takes_rows = true;
  DatasetAccess::core_of(dataset)->patience = long_enough;
  EXPECT_EQ(only(dataset).input, 1);
  EXPECT_EQ(dataset.summarize()->total_records, 1u);
}

TEST(Dataset, SharesALoggerOfItsOwnWithOthersOfTheSameConnection) {
  ScriptedServer server;
  const auto core_of = [&](const char* key) {
    return DatasetAccess::core_of(init_dataset({.name = "D", .connection = {.api_key = key, .app_url = server.url()}}))->core;
  };
  detail::LoggerCore* const first = core_of("k1");
  EXPECT_EQ(core_of("k1"), first);
  detail::LoggerCore* const second = core_of("k2");
  EXPECT_NE(second, first);
  {
    const Variables elsewhere(Variables::Values{{"BRAINTRUST_ORG_NAME", "other"}});
    EXPECT_NE(core_of("k1"), first);
  }
  first->stop(std::chrono::milliseconds(0));
  EXPECT_NE(core_of("k1"), first) << "one that was shut down carries nothing";
  EXPECT_EQ(core_of("k2"), second);
}

// A server that lets "good" in, and a folder whose file says which key we have.
struct KeyInFile {
  KeyInFile() {
    play_braintrust(server, {.api_key = "good"});
    server.on("/api/dataset/register", {{.body = R"({"dataset":{"id":"d"}})"}});
    std::filesystem::current_path(folder.path());
  }
  ~KeyInFile() { std::filesystem::current_path(former); }
  void say(const char* key) const { std::ofstream(folder / ".env.braintrust") << "BRAINTRUST_API_KEY=" << key << '\n'; }
  Dataset open() const { return init_dataset({.project = "P", .name = "D", .connection = {.app_url = server.url()}}); }

  const Variables variables{Variables::Values{{"BRAINTRUST_API_KEY", std::nullopt}}};
  const std::filesystem::path former = std::filesystem::current_path();
  TemporaryFolder folder;
  ScriptedServer server;
};

TEST(Dataset, OpenedAnewLooksForAKeyAgainWhereOneWasRefused) {
  KeyInFile given;
  given.say("bad");
  const auto before = given.open();
  before.insert({.input = 1});
  EXPECT_EQ(before.flush(long_enough).pending, 1u);
  given.say("good");
  EXPECT_EQ(before.flush(long_enough).pending, 1u) << "who does not open one is not kept waiting";
  const auto after = given.open();
  after.insert({.input = 2});
  EXPECT_TRUE(after.flush(long_enough).complete());
  EXPECT_EQ(rows_of(given.server).size(), 2u) << "what waited is sent as well";
}

TEST(Dataset, OpenedAgainAndAgainDoesNotAskTheServerAsOften) {
  KeyInFile given;
  given.say("bad");
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 200; ++i) {
    const auto dataset = given.open();
    dataset.insert({.input = i});
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  const auto seconds = std::chrono::steady_clock::now() - begin;
  EXPECT_LE(given.server.count("/api/apikey/login"), 2 + static_cast<std::size_t>(seconds / std::chrono::milliseconds(500)));
}

TEST(Dataset, SaysWhyItCannotBeHad) {
  Wire wire;
  wire.server.on("/api/dataset/register", {{.status = 403, .body = R"({"error":"not yours"})"}});
  Told told;
  const auto dataset = init_dataset({.project = "P", .name = "D"});
  dataset.insert({.input = 1});
  const auto id = dataset.id();
  ASSERT_FALSE(id);
  EXPECT_EQ(id.error().code, ErrorCode::unauthorized);
  EXPECT_NE(id.error().message.find("dataset \"D\" of project \"P\""), std::string::npos);
  EXPECT_NE(id.error().message.find("not yours"), std::string::npos);
  EXPECT_EQ(dataset.flush(long_enough).failed, 1u);
  EXPECT_TRUE(told.mentions("dataset \"D\" of project \"P\" cannot be had"));
}

TEST(Dataset, GoesThroughMaskingLikeSpans) {
  Backend backend;
  set_masking_function([](const json&) { return json("masked"); });
  const auto dataset = init_dataset({.project = "P", .name = "D"});
  dataset.insert({.input = "secret"});
  const DatasetRow row = only(dataset);
  set_masking_function(nullptr);
  EXPECT_EQ(row.input, "masked");
}

TEST(Dataset, KeepsAttachmentsReadable) {
  Backend backend;
  const auto dataset = init_dataset({.project = "P", .name = "D"});
  dataset.insert({.input = {{"image", Attachment::bytes(std::string("\x89PNG bytes"), {.content_type = "image/png"})}}});
  const DatasetRow row = only(dataset);
  const json& reference = row.input["image"];
  EXPECT_EQ(reference["type"], "braintrust_attachment");
  const auto bytes = read_attachment(reference);
  ASSERT_TRUE(bytes) << bytes.error().message;
  EXPECT_EQ(*bytes, "\x89PNG bytes");
}

TEST(ReadAttachment, SaysWhatIsMissing) {
  Backend backend;
  EXPECT_EQ(read_attachment("no reference").error().code, ErrorCode::invalid_argument);
  const auto unknown = read_attachment({{"type", "braintrust_attachment"}, {"key", "nobody"}, {"filename", "x"}});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::not_found);
}

TEST(ReadAttachment, DoesNotSendTheKeyToTheStore) {
  Wire wire;
  ScriptedServer store;
  store.on("/file", {{.body = "content"}});
  wire.server.on("/attachment",
                 {{.body = json{{"downloadUrl", store.url() + "/file"}, {"status", {{"upload_status", "done"}}}}.dump()}});
  const auto bytes = read_attachment({{"type", "braintrust_attachment"}, {"key", "k"}, {"filename", "x y"}});
  ASSERT_TRUE(bytes) << bytes.error().message;
  EXPECT_EQ(*bytes, "content");
  EXPECT_EQ(store.requests().at(0).headers.count("authorization"), 0u);
  EXPECT_NE(wire.server.requests("/attachment").at(0).target.find("filename=x%20y"), std::string::npos);
}

TEST(Dataset, ThatIsNoneTakesNothing) {
  const Dataset dataset;
  EXPECT_FALSE(dataset);
  EXPECT_EQ(dataset.insert({.input = 1}), "");
  EXPECT_EQ(dataset.id().error().code, ErrorCode::invalid_argument);
  int errors = 0;
  for (auto& row : dataset) errors += row ? 0 : 1;
  EXPECT_EQ(errors, 1);
}

}  // namespace
}  // namespace braintrust::test
