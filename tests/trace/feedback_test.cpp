// Feedback and updates of rows that were logged before. PROTO 8.

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <braintrust/trace/logger.h>

#include "support/told.h"
#include "trace/backend.h"

namespace braintrust {
namespace {

using test::Backend;
using test::Row;
using test::Told;
using test::Wire;

TEST(Feedback, IsAMergeRowForTheJudgementAndARowForTheComment) {
  Wire wire;
  wire.logger.log_feedback({.id = "row-1",
                            .scores = {{"user", 1}},
                            .expected = "better",
                            .tags = {"x"},
                            .comment = "nice",
                            .metadata = {{"user_id", "u1"}},
                            .source = FeedbackSource::app});
  const auto rows = wire.rows();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0], (Row{{"id", "row-1"},
                          {"project_id", "id of p"},
                          {"log_id", "g"},
                          {"scores", {{"user", 1}}},
                          {"expected", "better"},
                          {"tags", {"x"}},
                          {"_audit_source", "app"},
                          {"_audit_metadata", {{"user_id", "u1"}}},
                          {"_is_merge", true}}));
  Row comment = rows[1];
  EXPECT_THAT(comment["id"].get<std::string>(), testing::SizeIs(36));
  EXPECT_THAT(comment["created"].get<std::string>(), testing::EndsWith("Z"));
  comment.erase("id");
  comment.erase("created");
  EXPECT_EQ(comment, (Row{{"project_id", "id of p"},
                          {"log_id", "g"},
                          {"origin", {{"id", "row-1"}}},
                          {"comment", {{"text", "nice"}}},
                          {"_audit_source", "app"},
                          {"_audit_metadata", {{"user_id", "u1"}}}}));
}

TEST(Feedback, RefusesMetadataThatIsNoObjectAndKeepsTheRest) {
  Told told;
  Wire wire;
  wire.logger.log_feedback({.id = "a", .scores = {{"s", 1}}, .metadata = "text"});
  const auto rows = wire.rows();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0]["scores"], (Row{{"s", 1}}));
  EXPECT_FALSE(rows[0].contains("_audit_metadata"));
  EXPECT_TRUE(told.mentions("`metadata of feedback`"));
}

TEST(Feedback, SendsOnlyTheRowThatHasContent) {
  Wire wire;
  wire.logger.log_feedback({.id = "a", .comment = "only a comment"});
  wire.logger.log_feedback({.id = "b", .scores = {{"s", nullptr}}});
  const auto rows = wire.rows();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_TRUE(rows[0].contains("comment"));
  EXPECT_FALSE(rows[0].contains("_is_merge"));
  EXPECT_EQ(rows[1], (Row{{"id", "b"},
                          {"project_id", "id of p"},
                          {"log_id", "g"},
                          {"scores", {{"s", nullptr}}},
                          {"_audit_source", "external"},
                          {"_is_merge", true}}));
}

TEST(Feedback, IsRefusedWithoutIdOrContent) {
  Told told;
  Wire wire;
  wire.logger.log_feedback({.id = " ", .comment = "whose?"});
  wire.logger.log_feedback({.id = "a", .metadata = {{"user", 1}}});
  EXPECT_EQ(wire.rows().size(), 0U);
  EXPECT_EQ(told.count(ErrorCode::invalid_argument), 2U);
}

TEST(Feedback, ReachesTheSpanItIsAbout) {
  Backend backend;
  std::string id;
  {
    auto span = backend.logger().start_span("judged", {.input = "q"});
    id = span.id();
  }
  backend.rows();
  backend.logger().log_feedback({.id = id, .scores = {{"thumbs", 1}}, .tags = {"liked"}});
  Row row = backend.row("judged");
  EXPECT_EQ(row["scores"], (Row{{"thumbs", 1}}));
  EXPECT_EQ(row["tags"], (Row{"liked"}));
  EXPECT_EQ(row["input"], "q");
  EXPECT_TRUE(row.contains("span_id"));
}

// The span's own row is still on its way: one row of a key at a time, whichever way it was named.
TEST(Feedback, IsMergedIntoARowThatHasNotLeftYet) {
  Wire wire({.flush_interval = std::chrono::seconds(5)});
  {
    auto span = wire.logger.start_span("judged");
    const std::string id = span.id();
    span.end();
    wire.logger.log_feedback({.id = id, .scores = {{"thumbs", 1}}});
    wire.logger.update_span(id, {.output = "updated"});
  }
  const auto rows = wire.rows();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0]["scores"], (Row{{"thumbs", 1}}));
  EXPECT_EQ(rows[0]["output"], "updated");
  EXPECT_FALSE(rows[0].contains("_is_merge"));
}

TEST(Feedback, MeetsTheRowOfASpanWhoseParentCameAsASlugOfTheSameProject) {
  Wire wire({.flush_interval = std::chrono::seconds(5)});
  const std::string slug = [&] {
    auto parent = wire.logger.start_span("parent");
    return parent.export_slug();
  }();
  auto child = wire.logger.start_span("child", {.parent = slug});
  const std::string id = child.id();
  child.end();
  wire.logger.log_feedback({.id = id, .scores = {{"thumbs", 1}}});
  const Row row = test::only_row(wire.rows(), "child");
  EXPECT_EQ(row["scores"], (Row{{"thumbs", 1}}));
  EXPECT_FALSE(row.contains("_is_merge"));
}

TEST(Feedback, MeetsTheRowWhenTheSlugHasTheIdOfAProjectThatIsKnownByName) {
  Wire wire({.flush_interval = std::chrono::seconds(5)});
  wire.logger.log({.input = "so that the project is resolved"});
  wire.logger.flush(test::long_enough);
  auto parent = wire.logger.start_span("parent");
  auto child = wire.logger.start_span("child", {.parent = parent.export_slug()});  // by id now
  const std::string id = child.id();
  child.end();
  wire.logger.log_feedback({.id = id, .scores = {{"thumbs", 1}}});
  EXPECT_EQ(test::only_row(wire.rows(), "child")["scores"], (Row{{"thumbs", 1}}));
}

TEST(UpdateSpan, ByIdMergesIntoTheRowWithoutTouchingItsSpan) {
  Wire wire;
  wire.logger.update_span("row-1", {.output = "new", .metadata = {{"k", 1}}});
  const auto rows = wire.rows();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0], (Row{{"id", "row-1"},
                          {"project_id", "id of p"},
                          {"log_id", "g"},
                          {"output", "new"},
                          {"metadata", {{"k", 1}}},
                          {"_is_merge", true}}));
}

TEST(UpdateSpan, ByIdIsRefusedWhenTheIdIsBlank) {
  Told told;
  Wire wire;
  wire.logger.update_span(" ", {.output = 1});
  EXPECT_EQ(wire.rows().size(), 0U);
  EXPECT_TRUE(told.mentions("update_span"));
}

TEST(UpdateSpan, BySlugKeepsTheSpansIds) {
  Backend backend;
  std::string slug;
  Row before;
  {
    auto root = backend.logger().start_span("root");
    auto span = start_span("updated", {.input = "q"});
    slug = span.export_slug();
  }
  before = backend.row("updated");
  EXPECT_TRUE(update_span(slug, {.output = "later"}));
  Row after = backend.row("updated");
  EXPECT_EQ(after["output"], "later");
  EXPECT_EQ(after["input"], "q");
  for (const char* const name : {"id", "span_id", "root_span_id", "span_parents", "created", "span_attributes"}) {
    EXPECT_EQ(after[name], before[name]) << name;
  }
}

TEST(UpdateSpan, BySlugSaysNoToWhatNamesNoRow) {
  Told told;
  Wire wire;
  EXPECT_FALSE(update_span("", {.output = 1}));
  EXPECT_FALSE(update_span("nonsense", {.output = 1}));
  EXPECT_FALSE(update_span("AwEBAREREREiIjMzRERVVVVVVVU=", {.output = 1}));  // an experiment, but no row of it
  EXPECT_EQ(wire.rows().size(), 0U);
  EXPECT_EQ(told.count(ErrorCode::invalid_argument), 3U);
}

}  // namespace
}  // namespace braintrust
