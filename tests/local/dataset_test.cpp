// Datasets of the local backend: registration, rows, versions.

#include "local/api_fixture.h"

namespace braintrust::local {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using LocalDatasets = LocalApi;

json row(const std::string& dataset, const std::string& id, const json& input) {
  return {{"id", id}, {"dataset_id", dataset}, {"input", input}, {"created", "2026-01-02T03:04:05Z"}};
}
json gone(const std::string& dataset, const std::string& id) {
  return {{"id", id}, {"dataset_id", dataset}, {"_object_delete", true}};
}

std::string all(const std::string& dataset) { return "SELECT * FROM dataset('" + dataset + "')"; }

TEST_F(LocalDatasets, AreMadeOnceForEachName) {
  const auto once = post("/api/dataset/register",
                         {{"project_name", "P"}, {"dataset_name", "cases"}, {"description", "d"}, {"metadata", {{"k", 1}}}});
  EXPECT_EQ(once.at("project").at("name"), "P");
  EXPECT_EQ(once.at("dataset").at("name"), "cases");
  EXPECT_EQ(once.at("dataset").at("description"), "d");
  EXPECT_EQ(once.at("dataset").at("metadata").at("k"), 1);
  EXPECT_EQ(post("/api/dataset/register", {{"project_name", "P"}, {"dataset_name", "cases"}}), once);
  EXPECT_EQ(post("/api/dataset/register", {{"project_id", once.at("project").at("id")}, {"dataset_name", "cases"}}), once);
  EXPECT_NE(post("/api/dataset/register", {{"project_name", "Q"}, {"dataset_name", "cases"}}).at("dataset"),
            once.at("dataset"));
  EXPECT_EQ(get("/v1/dataset/" + once.at("dataset").at("id").get<std::string>()), once.at("dataset"));
}

TEST_F(LocalDatasets, WithoutANameGetOneAndWithoutAProjectAreInGlobal) {
  const auto one = post("/api/dataset/register", json::object()), other = post("/api/dataset/register", json::object());
  EXPECT_EQ(one.at("project").at("name"), "Global");
  EXPECT_FALSE(one.at("dataset").at("name").get<std::string>().empty());
  EXPECT_NE(one.at("dataset").at("name"), other.at("dataset").at("name"));
  EXPECT_EQ(client_.post("/api/dataset/register", R"({"project_id":"nobody"})").status, 404);
}

TEST_F(LocalDatasets, GiveRowsInTheOrderOfInsertionAlsoAfterUpdates) {
  const auto id = new_dataset();
  log({row(id, "1", "a"), row(id, "2", "b"), row(id, "3", "c")});
  log({{{"id", "1"}, {"dataset_id", id}, {"expected", "x"}, {"_is_merge", true}}, gone(id, "2")});
  const auto data = query(all(id)).at("data");
  ASSERT_EQ(data.size(), 2U);
  EXPECT_EQ(data[0].at("id"), "1");
  EXPECT_EQ(data[0].at("input"), "a");
  EXPECT_EQ(data[0].at("expected"), "x");
  EXPECT_EQ(data[0].at("dataset_id"), id);
  EXPECT_EQ(data[0].at("created"), "2026-01-02T03:04:05Z");
  EXPECT_FALSE(data[0].contains("_is_merge"));
  EXPECT_EQ(data[1].at("id"), "3");
  EXPECT_LT(data[1].at("_xact_id").get<std::string>(), data[0].at("_xact_id").get<std::string>());
}

TEST_F(LocalDatasets, ShowAtAVersionWhatTheyWereThen) {
  const auto id = new_dataset();
  const auto version = [&] {
    const std::string text =
        query("SELECT max(_xact_id) AS v, count(*) AS n FROM dataset('" + id + "')").at("data").at(0).at("v");
    return text;
  };
  log({row(id, "1", "a"), row(id, "2", "b"), row(id, "3", "c")});
  const auto first = version();
  log({row(id, "1", "a2")});
  const auto second = version();
  log({gone(id, "2"), row(id, "4", "d")});
  log({row(id, "1", "a3")});
  log({row(id, "2", "b2")});

  const auto inputs = [&](const std::string& pinned) {
    std::vector<std::string> found;
    const auto answer = query(all(id), {{"version", pinned}});
    for (const auto& one : answer.at("data")) found.push_back(one.at("input"));
    return found;
  };
  EXPECT_THAT(inputs(first), ElementsAre("a", "b", "c"));
  EXPECT_THAT(inputs(second), ElementsAre("a2", "b", "c"));
  EXPECT_THAT(inputs(version()), ElementsAre("a3", "c", "d", "b2"));
  EXPECT_THAT(inputs("1"), IsEmpty());
  EXPECT_EQ(query(all(id), {{"version", first}}).at("data").at(0).at("_xact_id"), first);
  EXPECT_EQ(query("SELECT count(*) AS n FROM dataset('" + id + "')", {{"version", first}}).at("data").at(0).at("n"), 3);
  EXPECT_THAT(refusal(client_.post("/btql", json{{"query", all(id)}, {"version", "yesterday"}}.dump())), HasSubstr("version"));
}

TEST_F(LocalDatasets, CountTheirRows) {
  const auto id = new_dataset();
  EXPECT_EQ(get("/dataset-summary?dataset_id=" + id), json({{"total_records", 0}}));
  log({row(id, "1", 1), row(id, "2", 2), row(id, "3", 3)});
  log({gone(id, "2")});
  EXPECT_EQ(get("/dataset-summary?dataset_id=" + id), json({{"total_records", 2}}));
  EXPECT_EQ(client_.get("/dataset-summary?dataset_id=other").status, 404);
  const auto listed = must(server_.store().datasets());
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0].rows, 2U);
  EXPECT_EQ(listed[0].project, "P");
  EXPECT_EQ(listed[0].version, client_.get("/xact-id").body);
}

TEST_F(LocalDatasets, ArePagedInOrderAndEachPageIsOfOneVersion) {
  const auto id = new_dataset();
  std::vector<json> rows;
  std::vector<std::string> expected;
  for (int i = 0; i < 2500; ++i) {
    expected.push_back("row-" + std::to_string(i));
    rows.push_back(row(id, expected.back(), i));
  }
  log(rows);
  std::vector<std::string> found;
  std::vector<std::size_t> sizes;
  json cursor;
  do {
    json tree = {{"select", {{{"op", "star"}}}}, {"from", "dataset('" + id + "')"}, {"limit", 1000}, {"cursor", cursor}};
    const auto answer = post("/btql", {{"query", tree}});
    for (const auto& one : answer.at("data")) {
      EXPECT_EQ(one.at("input"), found.size());
      found.push_back(one.at("id"));
    }
    sizes.push_back(answer.at("data").size());
    cursor = answer.at("cursor");
    // What comes in between is of a later version than the first page.
    if (sizes.size() == 1) {
      for (auto& one : rows) one["input"] = "changed";
      rows.push_back(gone(id, "row-2000"));
      rows.push_back(row(id, "new", "new"));
      log(rows);
    }
  } while (!cursor.is_null());
  EXPECT_THAT(sizes, ElementsAre(1000U, 1000U, 500U));
  EXPECT_EQ(found, expected);
  EXPECT_EQ(get("/dataset-summary?dataset_id=" + id).at("total_records"), 2500);
  EXPECT_THAT(ids(query(all(id) + " WHERE id = 'row-7' AND input = 'changed'")), ElementsAre("row-7"));
}

TEST_F(LocalDatasets, HaveSnapshotsByName) {
  const auto id = new_dataset();
  log({row(id, "1", "a")});
  const auto version = client_.get("/xact-id").body;
  const json request = {{"dataset_id", id}, {"dataset_snapshot_name", "v1"}, {"description", "d"}, {"xact_id", version}};
  const auto made = post("/api/dataset_snapshot/register", request);
  EXPECT_EQ(made.at("found_existing"), false);
  const auto snapshot = made.at("dataset_snapshot");
  EXPECT_EQ(snapshot.at("name"), "v1");
  EXPECT_EQ(snapshot.at("xact_id"), version);
  EXPECT_EQ(snapshot.at("description"), "d");

  // A second registration moves it only if it says so.
  auto again = request;
  again["xact_id"] = "7";
  EXPECT_EQ(post("/api/dataset_snapshot/register", again).at("dataset_snapshot"), snapshot);
  again["update"] = true;
  const auto moved = post("/api/dataset_snapshot/register", again);
  EXPECT_EQ(moved.at("found_existing"), true);
  EXPECT_EQ(moved.at("dataset_snapshot").at("xact_id"), "7");

  const auto patched = post("/api/dataset_snapshot/patch_id", {{"id", snapshot.at("id")}, {"name", "v2"}});
  EXPECT_EQ(patched.at("name"), "v2");
  EXPECT_EQ(patched.at("description"), "d");
  EXPECT_EQ(post("/api/dataset_snapshot/get", {{"dataset_id", id}, {"name", "v2"}}), json::array({patched}));
  EXPECT_EQ(post("/api/dataset_snapshot/get", {{"dataset_id", id}, {"name", "v1"}}), json::array());
  EXPECT_EQ(get("/api/dataset_snapshot/get?dataset_id=" + id), json::array({patched}));
  EXPECT_EQ(post("/api/dataset_snapshot/delete_id", {{"id", snapshot.at("id")}}), patched);
  EXPECT_EQ(post("/api/dataset_snapshot/get", {{"dataset_id", id}}), json::array());
  EXPECT_EQ(client_.post("/api/dataset_snapshot/delete_id", json{{"id", "x"}}.dump()).status, 400);
}

TEST_F(LocalDatasets, HaveAVersionInEachEnvironment) {
  const auto id = new_dataset();
  const auto path = "/environment-object/dataset/" + id;
  EXPECT_EQ(client_.get(path + "/production").status, 400);
  EXPECT_EQ(send("PUT", path + "/production", {{"object_version", "5"}}).at("object_version"), "5");
  EXPECT_EQ(send("PUT", path + "/production", {{"object_version", "6"}}).at("object_version"), "6");
  EXPECT_EQ(get(path + "/production?org_name=local").at("environment_slug"), "production");
  EXPECT_EQ(client_.post(path, R"({"object_version":"7","environment_slug":"production"})").status, 400);
  post(path, {{"object_version", "7"}, {"environment_slug", "staging"}});
  EXPECT_EQ(get(path).at("objects").size(), 2U);
  EXPECT_EQ(send("DELETE", path + "/production").at("object_version"), "6");
  EXPECT_EQ(client_.get(path + "/production").status, 400);
  EXPECT_THAT(refusal(client_.post(path, R"({"object_version":"v1","environment_slug":"x"})")), HasSubstr("version"));
}

TEST_F(LocalDatasets, CanBeBroughtBackToAVersion) {
  const auto id = new_dataset();
  log({row(id, "1", "a"), row(id, "2", "b"), row(id, "3", "c")});
  const auto version = client_.get("/xact-id").body;
  log({row(id, "1", "a2"), gone(id, "2"), row(id, "4", "d")});
  log({row(id, "1", "a3")});
  const auto path = "/v1/dataset/" + id + "/restore";
  EXPECT_EQ(post(path + "/preview", {{"version", version}}), json({{"rows_to_restore", 2}, {"rows_to_delete", 1}}));
  EXPECT_EQ(get("/dataset-summary?dataset_id=" + id).at("total_records"), 3);
  const auto changed = client_.get("/xact-id").body;
  const auto restored = post(path, {{"version", version}});
  EXPECT_EQ(restored.at("rows_restored"), 2);
  EXPECT_EQ(restored.at("rows_deleted"), 1);
  EXPECT_EQ(restored.at("xact_id"), client_.get("/xact-id").body);
  json inputs;
  const auto answer = query(all(id));
  for (const auto& one : answer.at("data")) inputs[one.at("id").get<std::string>()] = one.at("input");
  EXPECT_EQ(inputs, json({{"1", "a"}, {"2", "b"}, {"3", "c"}}));
  // What was undone is still in the history.
  EXPECT_THAT(ids(query(all(id), {{"version", changed}})), ElementsAre("1", "3", "4"));
  const auto again = post(path, {{"version", version}});
  EXPECT_EQ(again, json({{"xact_id", nullptr}, {"rows_restored", 0}, {"rows_deleted", 0}}));
}

}  // namespace
}  // namespace braintrust::local
