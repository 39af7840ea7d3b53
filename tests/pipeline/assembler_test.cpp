// Rows into batches: sizes, and what happens when two rows have one key.

#include "pipeline/assembler.h"

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace braintrust::pipeline {
namespace {

using testing::ElementsAre;
using Json = nlohmann::json;

class AssemblerTest : public testing::Test {
 protected:
  void take(std::uint64_t id, const std::string& text, bool merge = false) {
    assembler.take(assembler.route_to(&logs), {.destination = &logs, .id = {0, id}, .merge = merge, .text = text});
  }
  void take_fields(std::uint64_t id, Json fields, bool merge = false) {
    fields["id"] = std::to_string(id);
    if (merge) fields["_is_merge"] = true;
    take(id, fields.dump(), merge);
  }
  void open() { assembler.open(assembler.route_to(&logs), ""); }

  static Json rows_in(const Batch& held) { return Json::parse(held.body())["rows"]; }

  // The rows of the next batch, in order.
  Json next_rows() {
    batch = assembler.next();
    return batch ? rows_in(*batch) : Json();
  }

  std::vector<std::size_t> sizes_of_all() {
    assembler.seal();
    std::vector<std::size_t> sizes;
    while (auto next = assembler.next()) {
      sizes.push_back(next->rows().size());
      assembler.finish(std::move(next));
    }
    return sizes;
  }

  Destination logs{ObjectType::project_logs, "p", ""};
  Assembler assembler{{.rows = 100}};
  std::unique_ptr<Batch> batch;
};

TEST_F(AssemblerTest, SplitsAsTheVectorOfTheProtocolSays) {
  // Sizes 4, 2, 5, 1 with at most 2 rows and 6 bytes (half of what a request may have): [4][2][5][1].
  assembler.set_limits({.rows = 2, .request_bytes = 12});
  open();
  for (const char* text : {R"({  })", "{}", R"({   })", "{"}) take(0, text);
  assembler.seal();
  std::vector<std::size_t> sizes;
  while (auto next = assembler.next()) {
    ASSERT_EQ(next->rows().size(), 1U);
    sizes.push_back(next->rows()[0].size);
  }
  EXPECT_THAT(sizes, ElementsAre(4, 2, 5, 1));
}

TEST_F(AssemblerTest, EndsABatchAtItsNumberOfRows) {
  assembler.set_limits({.rows = 3});
  open();
  for (std::uint64_t id = 1; id <= 7; ++id) take_fields(id, {});
  EXPECT_EQ(assembler.sealed(), 2U) << "full batches need no seal";
  EXPECT_THAT(sizes_of_all(), ElementsAre(3, 3, 1));
}

TEST_F(AssemblerTest, CountsBytesNotCharacters) {
  open();
  const std::string text = R"({"id":"日本語"})";  // 9 bytes in 3 characters
  ASSERT_EQ(text.size(), 18U);
  assembler.set_limits({.rows = 100, .request_bytes = 2 * 37});
  for (std::uint64_t id = 1; id <= 4; ++id) take(id, text);
  EXPECT_THAT(sizes_of_all(), ElementsAre(2, 2));
}

TEST_F(AssemblerTest, LetsARowAboveTheLimitTravelAlone) {
  assembler.set_limits({.rows = 100, .request_bytes = 200});
  open();
  take_fields(1, {});
  take_fields(2, {{"input", std::string(500, 'x')}});
  take_fields(3, {});
  EXPECT_THAT(sizes_of_all(), ElementsAre(1, 1, 1));
}

TEST_F(AssemblerTest, WritesTheBodyOfTheProtocolWithTheIdsFirst) {
  assembler.open(assembler.route_to(&logs), R"("project_id":"p","log_id":"g",)");
  take(1, R"({"id":"a","input":1})");
  take(2, "{}");
  assembler.seal();
  EXPECT_EQ(assembler.next()->body(),
            R"({"rows":[{"project_id":"p","log_id":"g","id":"a","input":1},{"project_id":"p","log_id":"g"}],"api_version":2})");
}

TEST_F(AssemblerTest, HoldsRowsUntilTheirDestinationIsKnown) {
  take_fields(1, {});
  assembler.seal();
  EXPECT_EQ(assembler.sealed(), 0U);
  take_fields(2, {});
  assembler.open(assembler.route_to(&logs), R"("project_id":"p",)");
  EXPECT_EQ(next_rows(), Json::parse(R"([{"project_id":"p","id":"1"},{"project_id":"p","id":"2"}])"))
      << "sealed while it waited";
}

TEST_F(AssemblerTest, MergesRowsOfOneKeyThatMeet) {
  assembler.open(assembler.route_to(&logs), R"("project_id":"p",)");
  take_fields(1, {{"created", "t0"}, {"metrics", {{"start", 1}}}});
  take_fields(2, {});
  take_fields(1, {{"created", "t1"}, {"metrics", {{"end", 2}}}}, true);
  assembler.seal();
  EXPECT_EQ(next_rows(), Json::parse(R"([{"project_id":"p","id":"2"},
                                         {"project_id":"p","id":"1","created":"t0","metrics":{"start":1,"end":2}}])"));
  EXPECT_EQ(batch->count(), 3U) << "a merged row counts for both";
  EXPECT_EQ(assembler.held_rows(), 3U);
  assembler.finish(std::move(batch));
  EXPECT_EQ(assembler.held_rows(), 0U);
  EXPECT_EQ(assembler.held_bytes(), 0U);
}

TEST_F(AssemblerTest, ReplacesARowByOneThatDoesNotMerge) {
  // The second vector of PROTO 4.3.
  open();
  take_fields(1, {{"a", {{"x", 1}}}}, true);
  take_fields(1, {{"a", {{"y", 2}}}});
  take_fields(1, {{"a", {{"z", 3}}}}, true);
  assembler.seal();
  EXPECT_EQ(next_rows(), Json::parse(R"([{"id":"1","a":{"y":2,"z":3}}])"));
}

TEST_F(AssemblerTest, MergesWhileTheDestinationIsNotKnown) {
  take_fields(1, {{"a", 1}});
  take_fields(1, {{"b", 2}}, true);
  assembler.seal();
  assembler.open(assembler.route_to(&logs), R"("project_id":"p",)");
  EXPECT_EQ(next_rows(), Json::parse(R"([{"project_id":"p","id":"1","a":1,"b":2}])"));
}

TEST_F(AssemblerTest, KeepsRowsOfOneIdInTwoDestinationsApart) {
  Destination other{ObjectType::experiment, "e", ""};
  open();
  assembler.open(assembler.route_to(&other), R"("experiment_id":"e",)");
  take_fields(1, {{"a", 1}});
  assembler.take(assembler.route_to(&other),
                 {.destination = &other, .id = {0, 1}, .merge = true, .text = R"({"id":"1","_is_merge":true,"b":2})"});
  assembler.seal();
  EXPECT_EQ(next_rows(), Json::parse(R"([{"id":"1","a":1},{"experiment_id":"e","id":"1","_is_merge":true,"b":2}])"));
  EXPECT_TRUE(batch->several_destinations());
}

TEST_F(AssemblerTest, LetsALaterRowWaitWhileTheFirstIsOut) {
  open();
  take_fields(1, {{"a", 1}});
  assembler.seal();
  next_rows();
  take_fields(1, {{"b", 2}}, true);
  take_fields(1, {{"c", 3}}, true);
  take_fields(2, {});
  assembler.seal();
  auto first = std::move(batch);
  EXPECT_EQ(next_rows(), Json::parse(R"([{"id":"2"}])")) << "no second row of a key that is out";
  EXPECT_EQ(assembler.next(), nullptr);
  assembler.finish(std::move(first));
  EXPECT_EQ(next_rows(), Json::parse(R"([{"id":"1","_is_merge":true,"b":2,"c":3}])")) << "goes without another seal";
  EXPECT_EQ(batch->count(), 2U);
}

TEST_F(AssemblerTest, LetsALaterRowWaitAcrossAHalving) {
  open();
  for (std::uint64_t id = 1; id <= 5; ++id) take_fields(id, {{"n", id}});
  assembler.seal();
  auto whole = assembler.next();
  take_fields(5, {{"b", 2}}, true);
  auto [first, second] = assembler.split(std::move(whole), Assembler::Split::in_the_middle);
  EXPECT_EQ(rows_in(*first).size(), 2U);
  EXPECT_EQ(rows_in(*second), Json::parse(R"([{"id":"3","n":3},{"id":"4","n":4},{"id":"5","n":5}])"));
  take_fields(4, {{"c", 3}}, true);
  assembler.seal();
  assembler.finish(std::move(first));
  EXPECT_EQ(assembler.next(), nullptr);
  assembler.finish(std::move(second));
  assembler.seal();
  EXPECT_EQ(next_rows().size() + next_rows().size(), 2U);
}

TEST_F(AssemblerTest, DoesNotPileUpCopiesOfARowThatGrows) {
  open();
  take_fields(1, {{"input", std::string(1'000'000, 'x')}});
  for (int part = 0; part < 50; ++part) take_fields(1, {{"metadata", {{"part", part}}}}, true);
  assembler.seal();
  batch = assembler.next();
  EXPECT_EQ(rows_in(*batch)[0]["metadata"]["part"], 49);
  EXPECT_LT(batch->capacity(), 10'000'000U);
}

TEST_F(AssemblerTest, PassesOnWhatItCannotMerge) {
  open();
  take(1, R"({"id":"1"})");
  take(1, "not json", true);
  assembler.seal();
  batch = assembler.next();
  EXPECT_EQ(batch->body(), R"({"rows":[{"id":"1"},not json],"api_version":2})");
}

TEST_F(AssemblerTest, SurrendersEverythingThatIsNotOut) {
  Destination unknown{ObjectType::project_logs, "", "x"};
  open();
  take_fields(1, {});
  assembler.seal();
  next_rows();
  take_fields(1, {{"a", 1}}, true);  // follows the one that is out
  take_fields(2, {});
  assembler.take(assembler.route_to(&unknown), {.destination = &unknown, .id = {0, 9}, .text = R"({"id":"9"})"});
  std::vector<std::string> ids;
  for (const auto& left : assembler.surrender()) {
    for (const Json& row : rows_in(*left)) ids.push_back(row["id"]);
  }
  EXPECT_THAT(ids, testing::UnorderedElementsAre("1", "2", "9"));
  EXPECT_EQ(assembler.held_rows(), 0U);
}

// Whatever happens in whatever order: what has arrived at the end is what the rows say one after the other, no key is ever out
// twice, and every row is counted once.
TEST_F(AssemblerTest, KeepsOrderAndCountInARandomHistory) {
  std::mt19937 random(42);
  for (int history = 0; history < 80; ++history) {
    Destination place{ObjectType::project_logs, "", "x"};
    Assembler under_test({.rows = 1 + random() % 8});
    std::vector<std::unique_ptr<Batch>> out;
    std::map<std::string, Json> server, expected;
    std::uint64_t taken = 0, arrived = 0;
    const auto merge_into = [](Json& stored, const Json& row) {
      for (const auto& [key, value] : row.items()) stored[key] = value;
    };
    const auto deliver = [&](std::size_t which) {
      for (const Json& row : rows_in(*out[which])) {
        Json fields = row;
        const bool merge = fields.value("_is_merge", false);
        fields.erase("_is_merge");
        Json& stored = server[fields["id"]];
        if (!merge) stored = Json::object();
        merge_into(stored, fields);
      }
      arrived += out[which]->count();
      under_test.finish(std::move(out[which]));
      out.erase(out.begin() + static_cast<std::ptrdiff_t>(which));
    };
    const auto check_keys = [&] {
      std::vector<std::string> ids;
      for (const auto& held : out) {
        for (const Json& row : rows_in(*held)) ids.push_back(row["id"]);
      }
      std::sort(ids.begin(), ids.end());
      ASSERT_EQ(std::adjacent_find(ids.begin(), ids.end()), ids.end());
    };
    bool opened = false;
    for (int action = 0; action < 300; ++action) {
      switch (random() % 6) {
        case 0:
        case 1:
        case 2: {
          const std::uint64_t id = 1 + random() % 12;
          const bool merge = random() % 3 != 0;
          Json fields = {{"id", std::to_string(id)}, {"f" + std::to_string(random() % 4), ++taken}};
          Json& stored = expected[std::to_string(id)];
          if (!merge) stored = Json::object();
          merge_into(stored, fields);
          if (merge) fields["_is_merge"] = true;
          under_test.take(under_test.route_to(&place),
                          {.destination = &place, .id = {0, id}, .merge = merge, .text = std::string(fields.dump())});
          break;
        }
        case 3:
          if (auto next = under_test.next()) out.push_back(std::move(next));
          break;
        case 4:
          if (random() % 3 == 0) under_test.seal();
          if (!opened && random() % 10 == 0) {
            under_test.open(under_test.route_to(&place), "");
            opened = true;
          }
          break;
        default:
          if (out.empty()) break;
          const std::size_t which = random() % out.size();
          if (random() % 3 == 0 && out[which]->rows().size() > 1) {
            auto [first, second] = under_test.split(std::move(out[which]), Assembler::Split::in_the_middle);
            out[which] = std::move(first);
            out.push_back(std::move(second));
          } else {
            deliver(which);
          }
      }
      check_keys();
    }
    if (!opened) under_test.open(under_test.route_to(&place), "");
    under_test.seal();
    for (;;) {
      while (auto next = under_test.next()) out.push_back(std::move(next));
      check_keys();
      if (out.empty()) break;
      deliver(random() % out.size());
    }
    ASSERT_EQ(arrived, taken);
    ASSERT_EQ(under_test.held_rows(), 0U);
    ASSERT_EQ(under_test.held_bytes(), 0U);
    ASSERT_EQ(server, expected);
  }
}

}  // namespace
}  // namespace braintrust::pipeline
