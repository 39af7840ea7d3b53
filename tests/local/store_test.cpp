#include <braintrust/local/store.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "local/must.h"
#include "local/sqlite.h"
#include "local/temporary_folder.h"

namespace braintrust::local {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

Store memory() { return must(Store::open("")); }

std::string body(const std::vector<json>& rows) { return json{{"rows", rows}, {"api_version", 2}}.dump(); }

json row(const std::string& id, const json& more = json::object()) {
  json made = {{"id", id}, {"project_id", "p"}, {"log_id", "g"}};
  made.update(more);
  return made;
}

// A span of a trace, `start` and `end` in seconds.
json span(const std::string& id, const std::string& root, double start, double end, const json& more = json::object()) {
  auto made = row(id, {{"span_id", id},
                       {"root_span_id", root},
                       {"span_attributes", {{"name", id}}},
                       {"metrics", {{"start", start}, {"end", end}}}});
  made.update(more);
  return made;
}

json rows_of(const Store& store, const std::string& trace = "") {
  auto rows = json::parse(must(store.rows_json(trace)));
  for (auto& one : rows) one.erase("_xact_id");
  return rows;
}

TEST(LocalStore, GivesBackRowsAsTheyWere) {
  auto store = memory();
  const auto sent = row("1", {{"input", {{"text", "größer \" \n"}}}, {"scores", {{"a", nullptr}}}});
  ASSERT_EQ(must(store.write(body({sent}))), 1U);
  EXPECT_EQ(rows_of(store), json::array({sent}));
}

TEST(LocalStore, ReplacesARowUnlessItIsAMerge) {
  auto store = memory();
  ASSERT_TRUE(store.write(body({row("1", {{"input", "a"}, {"metadata", {{"x", 1}}}, {"_is_merge", false}})})));
  ASSERT_TRUE(store.write(body({row("1", {{"output", "b"}, {"metadata", {{"y", 2}}}, {"_is_merge", true}})})));
  EXPECT_EQ(rows_of(store), json::array({row("1", {{"input", "a"}, {"output", "b"}, {"metadata", {{"x", 1}, {"y", 2}}}})}));
  ASSERT_TRUE(store.write(body({row("1", {{"output", "c"}})})));
  EXPECT_EQ(rows_of(store), json::array({row("1", {{"output", "c"}})}));
}

TEST(LocalStore, MergesRowsOfOneRequestInTheirOrder) {
  auto store = memory();
  ASSERT_TRUE(store.write(
      body({row("1", {{"a", 1}, {"_is_merge", true}}), row("1", {{"b", 2}}), row("1", {{"c", 3}, {"_is_merge", true}})})));
  EXPECT_EQ(rows_of(store), json::array({row("1", {{"b", 2}, {"c", 3}})}));
}

TEST(LocalStore, FindsASpanUnderTheTraceThatALaterRowNames) {
  auto store = memory();
  ASSERT_TRUE(store.write(body({row("1", {{"scores", {{"user", 1}}}, {"_is_merge", true}})})));
  EXPECT_EQ(must(store.trace_count()), 0U);
  ASSERT_TRUE(store.write(body({span("1", "t", 10, 11, {{"_is_merge", true}})})));
  EXPECT_EQ(rows_of(store, "t").at(0).at("scores").at("user"), 1);
}

TEST(LocalStore, TellsRowsOfDifferentObjectsApart) {
  auto store = memory();
  ASSERT_TRUE(store.write(body({row("1"),
                                {{"id", "1"}, {"project_id", "q"}, {"log_id", "g"}},
                                {{"id", "1"}, {"experiment_id", "p"}},
                                {{"id", "1"}, {"dataset_id", "p"}}})));
  EXPECT_EQ(must(store.row_count()), 4U);
  // The same dataset, said in two ways that SDKs have.
  ASSERT_TRUE(store.write(body({{{"id", "1"}, {"dataset_id", "p"}, {"project_id", "x"}, {"log_id", "g"}}})));
  EXPECT_EQ(must(store.row_count()), 4U);
}

// Seconds as a number tell nothing apart below a quarter of a microsecond, and short spans start closer than that.
TEST(LocalStore, OrdersSpansThatStartedAtOneMomentByTheirCounter) {
  auto store = memory();
  const auto counted = [](const std::string& id, int counter) {
    return span(id, "t", 10, 11, {{"span_attributes", {{"exec_counter", counter}}}});
  };
  ASSERT_TRUE(
      store.write(body({counted("third", 10), counted("second", 9), span("first", "t", 9, 12), counted("fourth", 11)})));
  for (const char* trace : {"", "t"}) {
    std::vector<std::string> ids;
    for (const auto& one : rows_of(store, trace)) ids.push_back(one.at("id"));
    EXPECT_THAT(ids, ElementsAre("first", "second", "third", "fourth"));
  }
}

TEST(LocalStore, DeletesARow) {
  auto store = memory();
  ASSERT_TRUE(store.write(body({row("1"), row("2")})));
  ASSERT_TRUE(store.write(body({row("1", {{"_object_delete", true}})})));
  EXPECT_EQ(rows_of(store), json::array({row("2")}));
}

TEST(LocalStore, StoresNothingOfARequestWithOneBadRow) {
  auto store = memory();
  const auto refused = [&](const std::string& text) {
    const auto result = store.write(text);
    EXPECT_FALSE(result) << text;
    return result ? std::string() : result.error().message;
  };
  EXPECT_EQ(refused(body({row("1"), {{"project_id", "p"}}})), "row 2: no id");
  EXPECT_THAT(refused(body({row("1"), {{"id", "2"}}})), HasSubstr("row 2: none of project_id"));
  EXPECT_EQ(refused(body({row("1"), 5})), "row 2: not an object");
  EXPECT_THAT(refused(R"({"rows":[{"id":"1","project_id":"p"},]})"), HasSubstr("not JSON"));
  EXPECT_THAT(refused(R"({"rows":5})"), HasSubstr("rows must be an array"));
  EXPECT_THAT(refused("[]"), HasSubstr("must be an object"));
  EXPECT_EQ(must(store.row_count()), 0U);
}

TEST(LocalStore, NumbersItsTransactionsUpwards) {
  auto store = memory();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(store.write(body({row(std::to_string(i)), row(std::to_string(i) + "b")})));
  const auto rows = json::parse(must(store.rows_json()));
  std::vector<std::string> xacts;
  for (const auto& one : rows) xacts.push_back(one.at("_xact_id"));
  EXPECT_EQ(xacts[0], xacts[1]);
  EXPECT_LT(xacts[1], xacts[2]);
  EXPECT_LT(xacts[3], xacts[4]);
  EXPECT_EQ(xacts[0].size(), 19U);
}

TEST(LocalStore, SummarisesTracesNewestFirst) {
  auto store = memory();
  ASSERT_TRUE(store.write(body({span("old", "t1", 1000, 1001.5), span("new", "t2", 2000, 2004),
                                span("call", "t2", 2001, 2003, {{"span_parents", {"new"}}, {"error", "boom"}}),
                                span("late", "t2", 2001, 2002, {{"metrics", {{"start", 2001}}}, {"span_parents", {"new"}}})})));
  const auto traces = must(store.traces());
  ASSERT_EQ(traces.size(), 2U);
  EXPECT_EQ(traces[0].root_span_id, "t2");
  EXPECT_EQ(traces[0].name, "new");
  EXPECT_EQ(traces[0].spans, 3U);
  EXPECT_EQ(traces[0].errors, 1U);
  EXPECT_TRUE(traces[0].open);
  EXPECT_EQ(traces[0].duration, std::chrono::seconds(4));
  EXPECT_EQ(traces[0].start, std::chrono::system_clock::time_point(std::chrono::seconds(2000)));
  EXPECT_EQ(traces[1].duration, std::chrono::milliseconds(1500));
  EXPECT_FALSE(traces[1].open);
  ASSERT_EQ(must(store.traces(1)).size(), 1U);
  EXPECT_EQ(must(store.traces(1)).front().root_span_id, "t2");
}

TEST(LocalStore, CountsTokensOnceWhereAParentRepeatsThem) {
  auto store = memory();
  const auto metrics = [](int start, const json& tokens) {
    json made = {{"start", start}, {"end", start + 1}};
    made.update(tokens);
    return json{{"metrics", made}};
  };
  auto parent = span("parent", "t", 1, 2, metrics(1, {{"tokens", 30}}));
  auto one = span("one", "t", 1, 2, metrics(1, {{"tokens", 10}}));
  auto two = span("two", "t", 1, 2, metrics(1, {{"prompt_tokens", 15}, {"completion_tokens", 5}}));
  auto other = span("other", "t", 1, 2, metrics(1, {{"tokens", 100}}));
  one["span_parents"] = two["span_parents"] = {"parent"};
  ASSERT_TRUE(store.write(body({parent, one, two, other})));
  EXPECT_EQ(must(store.traces()).front().tokens, 130U);
}

TEST(LocalStore, GivesTheCommentsOfATraceWithItsRows) {
  auto store = memory();
  ASSERT_TRUE(store.write(body({span("1", "t", 1, 2), row("c", {{"comment", {{"text", "nice"}}}, {"origin", {{"id", "1"}}}}),
                                row("d", {{"comment", {{"text", "of another"}}}, {"origin", {{"id", "2"}}}})})));
  const auto rows = rows_of(store, "t");
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[1].at("id"), "c");
  EXPECT_EQ(must(store.row_count()), 3U);
}

TEST(LocalStore, KeepsDatasetRowsOutOfTraces) {
  auto store = memory();
  ASSERT_TRUE(store.write(body({{{"id", "1"}, {"dataset_id", "d"}, {"root_span_id", "t"}, {"span_id", "s"}}})));
  EXPECT_EQ(must(store.trace_count()), 0U);
  EXPECT_EQ(must(store.row_count()), 1U);
}

TEST(LocalStore, FindsATraceByTheBeginningOfItsId) {
  auto store = memory();
  ASSERT_TRUE(store.write(body({span("1", "abc1", 1, 2), span("2", "abc2", 1, 2), span("3", "abc", 1, 2)})));
  EXPECT_EQ(must(store.find_trace("abc2")), "abc2");
  EXPECT_EQ(must(store.find_trace("abc")), "abc") << "a whole id is meant, though others begin with it";
  EXPECT_EQ(store.find_trace("ab").error().code, ErrorCode::invalid_argument);
  EXPECT_THAT(store.find_trace("ab").error().message, HasSubstr("abc1"));
  EXPECT_EQ(store.find_trace("x%").error().code, ErrorCode::not_found);
}

TEST(LocalStore, RemembersWhichTracesItWrote) {
  const TemporaryFolder folder;
  auto one = must(Store::open(folder / "a.db"));
  auto other = must(Store::open(folder / "a.db"));
  ASSERT_TRUE(one.write(body({span("1", "t1", 5, 6), span("2", "t2", 1, 2), span("3", "t1", 1, 2)})));
  ASSERT_TRUE(other.write(body({span("4", "t3", 1, 2)})));
  EXPECT_THAT(one.traces_written(), ElementsAre("t1", "t2"));
  EXPECT_THAT(other.traces_written(), ElementsAre("t3"));
  EXPECT_EQ(must(one.trace_count()), 3U);
}

TEST(LocalStore, GivesAProjectTheSameIdEachTime) {
  const TemporaryFolder folder;
  std::string id;
  {
    auto store = must(Store::open(folder / "a.db"));
    id = must(store.register_project("My \"Project\" ü")).id;
    EXPECT_NE(must(store.register_project("other")).id, id);
  }
  auto store = must(Store::open(folder / "a.db"));
  EXPECT_EQ(must(store.register_project("My \"Project\" ü")).id, id);
  EXPECT_EQ(must(store.project(id)).name, "My \"Project\" ü");
  EXPECT_EQ(store.project("none").error().code, ErrorCode::not_found);
}

TEST(LocalStore, StoresAnUploadOnceHoweverOftenItIsAsked) {
  auto store = memory();
  const auto upload = must(store.begin_upload());
  EXPECT_EQ(store.write_upload(upload.key).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(store.put_upload(upload.key, "guessed", body({row("1")})).error().code, ErrorCode::unauthorized);
  ASSERT_TRUE(store.put_upload(upload.key, upload.token, body({row("1", {{"a", 1}})})));
  const auto request = json{{"rows", {{"type", "logs3_overflow"}, {"key", upload.key}}}}.dump();
  ASSERT_EQ(must(store.write(request)), 1U);
  ASSERT_TRUE(store.write(body({row("1", {{"a", 2}})})));
  EXPECT_EQ(must(store.write(request)), 0U) << "an answer that was lost is asked for again";
  EXPECT_EQ(rows_of(store), json::array({row("1", {{"a", 2}})}));
  EXPECT_EQ(store.write_upload("unknown").error().code, ErrorCode::not_found);
}

TEST(LocalStore, MakesItsFileForTheOwnerOnly) {
  const TemporaryFolder folder;
  auto store = must(Store::open(folder / "a.db"));
  ASSERT_TRUE(store.write(body({row("1")})));
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    using std::filesystem::perms;
    EXPECT_EQ(entry.status().permissions(), perms::owner_read | perms::owner_write) << entry.path();
  }
}

TEST(LocalStore, RefusesFilesThatAreNotItsOwn) {
  const TemporaryFolder folder;
  std::ofstream(folder / "text") << std::string(5000, 'x');
  EXPECT_EQ(Store::open(folder / "text").error().code, ErrorCode::io);
  EXPECT_THAT(Store::open(folder / "missing/a.db").error().message, HasSubstr("missing/a.db"));
}

TEST(LocalStore, TakesAFileOfAnEarlierVersionAsItIs) {
  const TemporaryFolder folder;
  ASSERT_TRUE(must(Store::open(folder / "a.db")).write(body({span("old", "t", 10, 11)})));
  Database(folder / "a.db", 0).run("ALTER TABLE rows DROP COLUMN exec_counter; PRAGMA user_version = 2");
  auto store = must(Store::open(folder / "a.db"));
  ASSERT_TRUE(store.write(body({span("new", "t", 12, 13)})));
  EXPECT_EQ(rows_of(store, "t").size(), 2U);
}

TEST(LocalStore, KeepsTheHistoryOfDatasetsAlsoInAFileOfTheVersionBefore) {
  const TemporaryFolder folder;
  const auto input = [](const char* text) { return json{{"id", "1"}, {"dataset_id", "d"}, {"input", text}}; };
  ASSERT_TRUE(must(Store::open(folder / "a.db")).write(body({input("old")})));
  Database(folder / "a.db", 0)
      .run(
          "DROP TABLE history; DROP INDEX rows_by_object; DROP INDEX rows_by_dataset; DROP TABLE datasets; "
          "DROP TABLE experiments; DROP TABLE prompts; DROP TABLE dataset_snapshots; DROP TABLE environment_objects; "
          "PRAGMA user_version = 3");
  auto store = must(Store::open(folder / "a.db"));
  const auto query = [&](const json& more) {
    json request = {{"query", "SELECT input, _xact_id FROM dataset('d')"}};
    request.update(more);
    return json::parse(must(store.query(request.dump()))).at("data").at(0);
  };
  const auto old = query(json::object());
  EXPECT_EQ(old.at("input"), "old");
  ASSERT_TRUE(store.write(body({input("new")})));
  EXPECT_EQ(query(json::object()).at("input"), "new");
  EXPECT_EQ(query({{"version", old.at("_xact_id")}}), old);
}

TEST(LocalStore, TakesWritersWhileItRefusesOthers) {
  auto store = memory();
  constexpr int requests = 200;
  std::vector<std::thread> running;
  for (int t = 0; t < 2; ++t) {
    running.emplace_back([&, t] {
      for (int i = 0; i < requests; ++i) {
        const auto own = std::to_string(t) + "-" + std::to_string(i);
        ASSERT_TRUE(store.write(body({row(own, {{"project_id", "p" + own}})})));
      }
    });
    running.emplace_back([&] {
      for (int i = 0; i < requests; ++i) EXPECT_EQ(store.project("none").error().code, ErrorCode::not_found);
    });
  }
  for (auto& thread : running) thread.join();
  EXPECT_EQ(must(store.row_count()), 2U * requests);
}

TEST(LocalStore, TakesWritersOfSeveralThreadsAndConnectionsAtOnce) {
  const TemporaryFolder folder;
  constexpr int threads = 4, requests = 60;
  std::vector<std::thread> running;
  for (int t = 0; t < threads; ++t) {
    // Each opens the file itself, all at the same moment, while there is no table yet.
    running.emplace_back([&, t] {
      auto store = Store::open(folder / "a.db");
      ASSERT_TRUE(store) << store.error().message;
      for (int i = 0; i < requests; ++i) {
        const auto own = std::to_string(t) + "-" + std::to_string(i);
        const auto wrote = store->write(body({row(own), row("shared", {{"metadata", {{own, 1}}}, {"_is_merge", true}})}));
        ASSERT_TRUE(wrote) << wrote.error().message;
      }
    });
  }
  for (auto& thread : running) thread.join();
  auto store = must(Store::open(folder / "a.db"));
  EXPECT_EQ(must(store.row_count()), threads * requests + 1U);
  for (const auto& one : rows_of(store)) {
    if (one.at("id") == "shared") {
      EXPECT_EQ(one.at("metadata").size(), static_cast<std::size_t>(threads * requests));
    }
  }
}

}  // namespace
}  // namespace braintrust::local
