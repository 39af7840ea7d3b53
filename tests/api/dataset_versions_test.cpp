// Versions of a dataset: their names, and the way back to one.

#include <braintrust/api/dataset.h>

#include <gmock/gmock.h>

#include "api/dataset_core.h"
#include "api/dataset_rows.h"
#include "trace/backend.h"

namespace braintrust::test {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> names_of(const Dataset& dataset) {
  const auto snapshots = dataset.snapshots();
  if (!snapshots) throw std::runtime_error(snapshots.error().message);
  std::vector<std::string> names;
  for (const auto& snapshot : *snapshots) names.push_back(snapshot.name);
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<json> inputs_of(const Dataset& dataset) {
  std::vector<json> inputs;
  for (const auto& row : rows_of(dataset)) inputs.push_back(row.input);
  return inputs;
}

// Registered as `d1`; the first of its snapshots is "v1".
struct ScriptedDataset : testing::Test {
  ScriptedDataset() {
    wire.server.on("/api/dataset/register",
                   {{.body = R"({"project":{"id":"p1","name":"P"},"dataset":{"id":"d1","name":"D"}})"}});
    wire.server.on("/api/dataset_snapshot/get", {{.body = R"([{"id":"s1","name":"v1","xact_id":"7"}])"}});
  }
  json sent(const std::string& path) { return json::parse(wire.server.requests(path).at(0).body); }

  Wire wire;
  const Dataset dataset = init_dataset({.project = "P", .name = "D"});
};

TEST(DatasetVersions, AreListedByTheirNames) {
  Backend backend;
  const auto dataset = init_dataset({.project = "P", .name = "D"});
  EXPECT_THAT(names_of(dataset), ElementsAre());
  dataset.insert({.input = "old", .id = "one"});
  const auto version = dataset.version();
  ASSERT_TRUE(version) << version.error().message;
  ASSERT_TRUE(dataset.create_snapshot("v1", *version, "the first"));
  dataset.insert({.input = "new", .id = "one"});
  ASSERT_TRUE(dataset.create_snapshot("v2"));
  ASSERT_TRUE(init_dataset({.project = "P", .name = "other"}).create_snapshot("elsewhere"));
  EXPECT_THAT(names_of(dataset), ElementsAre("v1", "v2"));

  const auto snapshots = dataset.snapshots();
  const auto first = std::find_if(snapshots->begin(), snapshots->end(), [](const auto& one) { return one.name == "v1"; });
  EXPECT_EQ(first->version, *version);
  EXPECT_EQ(first->description, "the first");
  EXPECT_FALSE(first->id.empty());
  EXPECT_FALSE(first->created.empty());
  EXPECT_THAT(inputs_of(dataset.at_version(first->version)), ElementsAre("old"));
}

TEST(DatasetVersions, GetOtherNamesAndDescriptionsAndKeepWhatIsNotGiven) {
  Backend backend;
  const auto dataset = init_dataset({.project = "P", .name = "D"});
  ASSERT_TRUE(dataset.create_snapshot("v1", "7", "the first"));
  ASSERT_TRUE(dataset.update_snapshot("v1", {.name = "release"}));
  ASSERT_EQ(dataset.snapshots()->size(), 1u);
  EXPECT_EQ(dataset.snapshots()->front().name, "release");
  EXPECT_EQ(dataset.snapshots()->front().description, "the first");
  EXPECT_EQ(dataset.snapshots()->front().version, "7");
  ASSERT_TRUE(dataset.update_snapshot("release", {.description = ""}));
  EXPECT_EQ(dataset.snapshots()->front().name, "release");
  EXPECT_EQ(dataset.snapshots()->front().description, "");
}

TEST(DatasetVersions, LoseTheirNames) {
  Backend backend;
  const auto dataset = init_dataset({.project = "P", .name = "D"});
  ASSERT_TRUE(dataset.create_snapshot("v1", "7"));
  ASSERT_TRUE(dataset.create_snapshot("v2", "8"));
  ASSERT_TRUE(dataset.remove_snapshot("v1"));
  EXPECT_THAT(names_of(dataset), ElementsAre("v2"));
}

TEST(DatasetVersions, ThatHaveNoSuchNameAreNotFound) {
  Backend backend;
  const auto dataset = init_dataset({.project = "P", .name = "D"});
  ASSERT_TRUE(dataset.create_snapshot("v1", "7"));
  for (const auto& done : {dataset.update_snapshot("v2", {.name = "v3"}), dataset.remove_snapshot("v2")}) {
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, ErrorCode::not_found);
    EXPECT_THAT(done.error().message, HasSubstr("dataset \"D\" has no snapshot \"v2\""));
  }
  // A blank name would ask for any of them.
  EXPECT_EQ(dataset.remove_snapshot(" ").error().code, ErrorCode::invalid_argument);
  EXPECT_THAT(names_of(dataset), ElementsAre("v1"));
}

TEST_F(ScriptedDataset, NamesASnapshotByItsIdWhenItIsChanged) {
  wire.server.on("/api/dataset_snapshot/patch_id", {{.body = "{}"}});
  wire.server.on("/api/dataset_snapshot/delete_id", {{.body = "{}"}});
  ASSERT_TRUE(dataset.update_snapshot("v1", {.name = "v2", .description = "d"}));
  ASSERT_TRUE(dataset.remove_snapshot("v1"));
  EXPECT_EQ(sent("/api/dataset_snapshot/get"), (json{{"dataset_id", "d1"}, {"name", "v1"}}));
  EXPECT_EQ(sent("/api/dataset_snapshot/patch_id"), (json{{"id", "s1"}, {"name", "v2"}, {"description", "d"}}));
  EXPECT_EQ(sent("/api/dataset_snapshot/delete_id"), (json{{"id", "s1"}}));
}

TEST_F(ScriptedDataset, TakesNoNonsenseForSnapshots) {
  for (const char* const answer : {R"({"objects":[]})", R"([{"id":"s1","name":"v1"}])", R"([7])"}) {
    wire.server.on("/api/dataset_snapshot/get", {{.body = answer}});
    EXPECT_EQ(dataset.snapshots().error().code, ErrorCode::bad_response) << answer;
  }
}

TEST(DatasetRestore, MakesTheRecordsWhatTheyWere) {
  Backend backend;
  const auto dataset = init_dataset({.project = "P", .name = "D"});
  dataset.insert({.input = "a", .expected = 1, .tags = {"t"}, .id = "1"});
  dataset.insert({.input = "b", .id = "2"});
  dataset.insert({.input = "c", .id = "3"});
  const auto version = dataset.version();
  ASSERT_TRUE(version) << version.error().message;
  dataset.update("1", {.expected = 2});
  dataset.remove("2");
  dataset.insert({.input = "d", .id = "4"});

  // Neither of them waited for what was written: they do it themselves.
  const auto preview = dataset.preview_restore(*version);
  ASSERT_TRUE(preview) << preview.error().message;
  EXPECT_EQ(preview->restored, 2u);
  EXPECT_EQ(preview->removed, 1u);
  EXPECT_EQ(preview->version, "");
  EXPECT_THAT(inputs_of(dataset), testing::UnorderedElementsAre("a", "c", "d"));
  const auto changed = dataset.version();
  ASSERT_TRUE(changed);

  const auto restored = dataset.restore(*version);
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(restored->restored, 2u);
  EXPECT_EQ(restored->removed, 1u);
  EXPECT_EQ(restored->version, *dataset.version());
  const auto rows = rows_of(dataset);
  ASSERT_EQ(rows.size(), 3u);
  const auto first = std::find_if(rows.begin(), rows.end(), [](const auto& row) { return row.id == "1"; });
  EXPECT_EQ(first->expected, 1);
  EXPECT_EQ(first->tags, std::vector<std::string>{"t"});
  EXPECT_THAT(inputs_of(dataset), testing::UnorderedElementsAre("a", "b", "c"));
  EXPECT_THAT(inputs_of(dataset.at_version(*changed)), testing::UnorderedElementsAre("a", "c", "d"))
      << "what was undone stays in the history";

  const auto again = dataset.restore(*version);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->restored + again->removed, 0u);
  EXPECT_EQ(again->version, "");
}

TEST(DatasetRestore, UndoesWhatAnotherHandleWrote) {
  Backend backend;
  const auto writer = init_dataset({.project = "P", .name = "D"});
  writer.insert({.input = "a", .id = "1"});
  const auto version = writer.version();
  ASSERT_TRUE(version) << version.error().message;
  writer.insert({.input = "b", .id = "2"});
  for (const auto& other : {writer.at_version(*version), init_dataset({.project = "P", .name = "D"})}) {
    const auto restored = other.restore(*version);
    ASSERT_TRUE(restored) << restored.error().message;
    EXPECT_EQ(restored->removed, 1u);
    EXPECT_THAT(inputs_of(writer), testing::ElementsAre("a"));
    writer.insert({.input = "b", .id = "2"});
  }
}

TEST_F(ScriptedDataset, ChangesNoSnapshotOfAnotherName) {
  wire.server.on("/api/dataset_snapshot/get", {{.body = R"([{"id":"s0","name":"v0","xact_id":"6"}])"}});
  wire.server.on("/api/dataset_snapshot/delete_id", {{.body = "{}"}});
  EXPECT_EQ(dataset.remove_snapshot("v1").error().code, ErrorCode::not_found);
  EXPECT_EQ(wire.server.count("/api/dataset_snapshot/delete_id"), 0u);
}

TEST_F(ScriptedDataset, IsNotRestoredBeforeWhatWasWrittenHasArrived) {
  wire.server.on("/logs3", {{.status = 503}});
  wire.server.on("/v1/dataset/d1/restore", {{.body = R"({"xact_id":"9","rows_restored":1,"rows_deleted":0})"}});
  DatasetAccess::core_of(dataset)->patience = std::chrono::milliseconds(50);
  dataset.insert({.input = 1});
  EXPECT_EQ(dataset.restore("7").error().code, ErrorCode::deadline_exceeded);
  EXPECT_EQ(wire.server.count("/v1/dataset/d1/restore"), 0u);
}

TEST_F(ScriptedDataset, IsAskedToRestoreOnlyOnce) {
  wire.server.on("/v1/dataset/d1/restore", {{.status = 503}, {.body = R"({"rows_restored":0,"rows_deleted":0})"}});
  EXPECT_EQ(dataset.restore("7").error().code, ErrorCode::http_status);
  EXPECT_EQ(wire.server.count("/v1/dataset/d1/restore"), 1u);
  EXPECT_EQ(sent("/v1/dataset/d1/restore"), (json{{"version", "7"}}));
}

TEST_F(ScriptedDataset, IsRestoredToAVersionAndNothingElse) {
  wire.server.on("/v1/dataset/d1/restore", {{.body = R"({"xact_id":"9","rows_restored":1})"}});
  for (const char* const no_version : {"", "v1", "7 "}) {
    EXPECT_EQ(dataset.restore(no_version).error().code, ErrorCode::invalid_argument) << no_version;
    EXPECT_EQ(dataset.preview_restore(no_version).error().code, ErrorCode::invalid_argument) << no_version;
  }
  EXPECT_EQ(wire.server.count("/v1/dataset/d1/restore"), 0u);
  EXPECT_EQ(dataset.restore("7").error().code, ErrorCode::bad_response) << "of what it removed nothing was said";
  EXPECT_EQ(Dataset().restore("7").error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(Dataset().snapshots().error().code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace braintrust::test
