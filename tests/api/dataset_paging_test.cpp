// Reading a dataset when pages go wrong, and when there are many.

#include <algorithm>
#include <fstream>
#include <functional>
#include <optional>

#include <gtest/gtest.h>

#include <braintrust/api/dataset.h>

#include "support/sanitized.h"
#include "trace/backend.h"

namespace braintrust::test {
namespace {

using nlohmann::json;

constexpr const char* registered = R"({"project":{"id":"p1","name":"P"},"dataset":{"id":"d1","name":"D"}})";

// Answers /btql with pages of `rows` numbers, of version 7. `disturb` may answer in place of a page.
void serve_dataset(ScriptedServer& server, std::size_t rows,
                   std::function<std::optional<Answer>(std::size_t begin)> disturb = {}) {
  server.on("/api/dataset/register", {{.body = registered}});
  server.on("/xact-id", {{.body = "7"}});
  server.handle("/btql", [=](const ServerRequest& request) -> Answer {
    const json body = json::parse(request.body);
    const json& query = body["query"];
    if (body["version"] != "7") return {.status = 400, .body = R"({"error":"no version"})"};
    const std::size_t begin = query.contains("cursor") ? std::stoul(query["cursor"].get<std::string>()) : 0;
    if (disturb) {
      if (auto answer = disturb(begin)) return *answer;
    }
    json data = json::array();
    std::size_t at = begin;
    for (; at < rows && at - begin < query["limit"].get<std::size_t>(); ++at) {
      data.push_back({{"id", std::to_string(at)}, {"input", at}, {"_xact_id", "7"}});
    }
    json answer = {{"data", data}, {"cursor", nullptr}};
    if (at < rows) answer["cursor"] = std::to_string(at);
    return {.body = answer.dump()};
  });
}

struct Seen {
  int rows = 0;
  std::vector<Error> errors = {};
  bool ended_with_error = false;
};
Seen go_through(const Dataset& dataset) {
  Seen seen;
  for (auto& row : dataset) {
    seen.ended_with_error = !row;
    if (row) {
      EXPECT_EQ(row->input, seen.rows);
      ++seen.rows;
    } else {
      seen.errors.push_back(row.error());
    }
  }
  return seen;
}

TEST(DatasetPages, FollowEachOtherAtOneVersion) {
  Wire wire;
  serve_dataset(wire.server, 25);
  EXPECT_EQ(go_through(init_dataset({.project = "P", .name = "D", .page_rows = 10})).rows, 25);
}

TEST(DatasetPages, EndWithAnErrorWhenTheSecondOneFails) {
  Wire wire;
  serve_dataset(wire.server, 25, [](std::size_t begin) -> std::optional<Answer> {
    if (begin == 10) return Answer{.status = 400, .body = R"({"error":"the page is gone"})"};
    return {};
  });
  const Seen seen = go_through(init_dataset({.project = "P", .name = "D", .page_rows = 10}));
  EXPECT_EQ(seen.rows, 10);
  ASSERT_EQ(seen.errors.size(), 1u);
  EXPECT_TRUE(seen.ended_with_error);
  EXPECT_NE(seen.errors[0].message.find("the page is gone"), std::string::npos);
}

TEST(DatasetPages, AreAskedForAgainAfterAFailureThatPasses) {
  Wire wire;
  int failures = 0;
  serve_dataset(wire.server, 25, [&](std::size_t begin) -> std::optional<Answer> {
    if (begin == 10 && failures++ < 2) return Answer{.status = 503, .headers = {{"Retry-After", "0"}}};
    return {};
  });
  const Seen seen = go_through(init_dataset({.project = "P", .name = "D", .page_rows = 10}));
  EXPECT_EQ(seen.rows, 25);
  EXPECT_TRUE(seen.errors.empty());
  EXPECT_EQ(failures, 3);
}

TEST(DatasetPages, CutOffInTheMiddleAreAnError) {
  Wire wire;
  serve_dataset(wire.server, 25, [](std::size_t begin) -> std::optional<Answer> {
    if (begin == 10) return Answer{.body = R"({"data":[{"id":"10","inp)"};
    return {};
  });
  const Seen seen = go_through(init_dataset({.project = "P", .name = "D", .page_rows = 10}));
  EXPECT_EQ(seen.rows, 10);
  ASSERT_EQ(seen.errors.size(), 1u);
  EXPECT_EQ(seen.errors[0].code, ErrorCode::bad_response);
}

TEST(DatasetPages, AreNotAskedForBeforeTheyAreNeeded) {
  Wire wire;
  serve_dataset(wire.server, 25);
  const auto dataset = init_dataset({.project = "P", .name = "D", .page_rows = 10});
  auto row = dataset.begin();
  for (int i = 0; i < 9; ++i) ++row;
  EXPECT_EQ(wire.server.count("/btql"), 1u);
  ++row;
  EXPECT_EQ(wire.server.count("/btql"), 2u);
}

TEST(DatasetVersion, IsTheNewestRowsWhereTheServerDoesNotSayItsOwn) {
  Wire wire;
  wire.server.on("/api/dataset/register", {{.body = registered}});
  std::vector<json> asked;
  json newest = {{"version", "1000195"}};
  wire.server.handle("/btql", [&](const ServerRequest& request) -> Answer {
    asked.push_back(json::parse(request.body));
    const bool is_text = asked.back()["query"].is_string();
    return {.body = json{{"data", json::array({is_text ? newest : json{{"id", "a"}, {"input", 0}}})}}.dump()};
  });
  const auto dataset = init_dataset({.project = "P", .name = "D"});
  ASSERT_EQ(go_through(dataset).rows, 1);
  ASSERT_EQ(asked.size(), 2u);
  EXPECT_EQ(asked[0]["query"], "SELECT max(_xact_id) AS version FROM dataset('d1')");
  EXPECT_EQ(asked[1]["version"], "1000195");

  newest = {{"version", 1000196}};
  EXPECT_EQ(*dataset.version(), "1000196");
  newest = {{"version", nullptr}};
  EXPECT_EQ(*dataset.version(), "0");
  const Seen seen = go_through(dataset);
  EXPECT_EQ(seen.rows, 0);
  EXPECT_TRUE(seen.errors.empty());
  newest = {{"version", "'; DROP"}};
  EXPECT_EQ(dataset.version().error().code, ErrorCode::bad_response);
}

TEST(DatasetVersion, IsNotAskedForInAnotherWayAfterOtherFailures) {
  Wire wire;
  serve_dataset(wire.server, 3);
  wire.server.on("/xact-id", {{.status = 403, .body = R"({"error":"not yours"})"}});
  EXPECT_EQ(init_dataset({.project = "P", .name = "D"}).version().error().code, ErrorCode::unauthorized);
  EXPECT_EQ(wire.server.count("/btql"), 0u);
}

std::size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t pages = 0, resident = 0;
  statm >> pages >> resident;
  return resident * 4096;
}

TEST(DatasetPages, OfManyRowsTakeTheMemoryOfOne) {
  Wire wire;
  const std::string filler(2000, 'x');  // 20 MB in all
  wire.server.on("/api/dataset/register", {{.body = registered}});
  wire.server.on("/xact-id", {{.body = "7"}});
  wire.server.handle("/btql", [&](const ServerRequest& request) -> Answer {
    const json query = json::parse(request.body)["query"];
    const std::size_t begin = query.contains("cursor") ? std::stoul(query["cursor"].get<std::string>()) : 0;
    std::string data;
    for (std::size_t at = begin; at < begin + 1000; ++at) {
      data += std::string(data.empty() ? "" : ",") + R"({"id":")" + std::to_string(at) + R"(","input":")" + filler + "\"}";
    }
    const std::string cursor = begin + 1000 < 10'000 ? "\"" + std::to_string(begin + 1000) + "\"" : "null";
    return {.body = R"({"data":[)" + data + R"(],"cursor":)" + cursor + "}"};
  });
  std::size_t rows = 0, after_first_page = 0, most = 0;
  for (auto& row : init_dataset({.project = "P", .name = "D"})) {
    ASSERT_TRUE(row);
    if (++rows == 2000) after_first_page = resident_bytes();
    if (rows % 1'000 == 0) most = std::max(most, resident_bytes());
  }
  EXPECT_EQ(rows, 10'000u);
  // Sanitizers keep what was freed.
  constexpr bool sanitized = BRAINTRUST_ADDRESS_SANITIZED || BRAINTRUST_THREAD_SANITIZED;
  EXPECT_TRUE(sanitized || most < after_first_page + (8u << 20)) << most - after_first_page;
}

}  // namespace
}  // namespace braintrust::test
