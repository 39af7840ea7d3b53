// Slugs: the vectors of PROTO 7, damage of every kind, and spans that cross processes with them.

#include "trace/slug.h"

#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/base64.h"
#include "support/told.h"
#include "trace/backend.h"

namespace braintrust {
namespace {

using detail::decode_slug;
using detail::encode_slug;
using detail::SlugParts;
using pipeline::ObjectType;
using test::Backend;
using test::Row;
using test::Told;
using test::Wire;
using testing::HasSubstr;

constexpr const char* object = "11111111-2222-3333-4444-555555555555";
constexpr const char* row_id = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";
constexpr const char* span = "0123456789abcdef";
constexpr const char* root = "00112233445566778899aabbccddeeff";

constexpr const char* v3_experiment = "AwEBAREREREiIjMzRERVVVVVVVU=";
constexpr const char* v3_logs =
    "AwIEAREREREiIjMzRERVVVVVVVUCqqqqqru7TMyN3e7u7u7u7gOqqqqqu7tMzI3d7u7u7u7uBKqqqqq7u0zMjd3u7u7u7u4=";
constexpr const char* v4_logs =
    "BAICAwEjRWeJq83vBAARIjNEVWZ3iJmqu8zd7v97Im9iamVjdF9pZCI6IjExMTExMTExLTIyMjItMzMzMy00NDQ0LTU1NTU1NTU1NTU1NSIsInJvd19pZCI6"
    "ImFhYWFhYWFhLWJiYmItNGNjYy04ZGRkLWVlZWVlZWVlZWVlZSJ9";
constexpr const char* v4_by_name =
    "BAICAwEjRWeJq83vBAARIjNEVWZ3iJmqu8zd7v97ImNvbXB1dGVfb2JqZWN0X21ldGFkYXRhX2FyZ3MiOnsicHJvamVjdF9uYW1lIjoiZGVtbyJ9LCJyb3df"
    "aWQiOiJyMSJ9";
constexpr const char* v4_binary = "BAIEAREREREiIjMzRERVVVVVVVUCqqqqqru7TMyN3e7u7u7u7gMBI0VniavN7wQAESIzRFVmd4iZqrvM3e7/";
constexpr const char* vectors[] = {v3_experiment, v3_logs, v4_logs, v4_by_name, v4_binary};

SlugParts decoded(const char* slug) {
  SlugParts parts;
  EXPECT_TRUE(decode_slug(slug, parts)) << slug;
  return parts;
}

TEST(Slug, OfVersion3IsRead) {
  SlugParts parts = decoded(v3_experiment);
  EXPECT_EQ(parts.type, ObjectType::experiment);
  EXPECT_EQ(parts.object_id, object);
  EXPECT_EQ(parts.row_id + parts.span_id + parts.root_span_id, "");
  parts = decoded(v3_logs);
  EXPECT_EQ(parts.type, ObjectType::project_logs);
  EXPECT_EQ(parts.object_id, object);
  EXPECT_EQ(parts.row_id, row_id);
  EXPECT_EQ(parts.span_id, row_id);
  EXPECT_EQ(parts.root_span_id, row_id);
}

TEST(Slug, OfVersion4IsRead) {
  SlugParts parts = decoded(v4_logs);
  EXPECT_EQ(parts.object_id, object);
  EXPECT_EQ(parts.row_id, row_id);
  EXPECT_EQ(parts.span_id, span);
  EXPECT_EQ(parts.root_span_id, root);
  parts = decoded(v4_by_name);
  EXPECT_EQ(parts.object_id, "");
  EXPECT_EQ(parts.project_name, "demo");
  EXPECT_EQ(parts.row_id, "r1");
}

TEST(Slug, WithBinaryObjectAndRowIdsIsReadAsDashedUuids) {
  const SlugParts parts = decoded(v4_binary);
  EXPECT_EQ(parts.object_id, object);
  EXPECT_EQ(parts.row_id, row_id);
  EXPECT_EQ(parts.span_id, span);
  EXPECT_EQ(parts.root_span_id, root);
}

TEST(Slug, IsWrittenByteForByteAsTheOthersWriteIt) {
  EXPECT_EQ(encode_slug({.object_id = object, .row_id = row_id, .span_id = span, .root_span_id = root}), v4_logs);
  EXPECT_EQ(encode_slug({.project_name = "demo", .row_id = "r1", .span_id = span, .root_span_id = root}), v4_by_name);
}

TEST(Slug, KeepsEverythingOnTheWayThroughBase64) {
  const SlugParts parts = {.type = ObjectType::experiment,
                           .object_id = object,
                           .row_id = "a \"quoted\" row",
                           .span_id = row_id,
                           .root_span_id = row_id,
                           .propagated_event = R"({"metadata":{"user":"Zoë"}})"};
  const SlugParts back = decoded(encode_slug(parts).c_str());
  EXPECT_EQ(back.type, parts.type);
  EXPECT_EQ(back.row_id, parts.row_id);
  EXPECT_EQ(back.span_id, row_id);
  EXPECT_EQ(back.root_span_id, row_id);
  EXPECT_EQ(Row::parse(back.propagated_event), Row::parse(parts.propagated_event));
}

TEST(Slug, IsRefusedWhenItIsCutAnywhere) {
  for (const std::string slug : vectors) {
    for (std::size_t size = 0; size < slug.size(); ++size) {
      SlugParts parts;
      const bool read = decode_slug(std::string_view(slug).substr(0, size), parts);
      // Cut in whole groups of four behind the entries, it may be a shorter slug that is good.
      EXPECT_TRUE(!read || size % 4 == 0) << slug << " " << size;
    }
    const std::string bytes = *base64::decode(slug);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      SlugParts parts;
      decode_slug(base64::encode(std::string_view(bytes).substr(0, size)), parts);
    }
  }
}

TEST(Slug, NeverCrashesHoweverItIsDamaged) {
  std::mt19937 random(20260722);
  for (const std::string slug : vectors) {
    const std::string good = *base64::decode(slug);
    for (std::size_t at = 0; at < good.size(); ++at) {
      for (int value = 0; value < 256; value += at < 4 ? 1 : 37) {
        std::string bytes = good;
        bytes[at] = static_cast<char>(value);
        SlugParts parts;
        decode_slug(base64::encode(bytes), parts);
      }
    }
  }
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes(random() % 80, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    if (!bytes.empty()) bytes[0] = static_cast<char>(3 + round % 2);
    if (bytes.size() > 2) bytes[2] = static_cast<char>(random() % 6);
    SlugParts parts;
    decode_slug(base64::encode(bytes), parts);
    decode_slug(bytes, parts);
  }
}

TEST(Slug, OfAnUnknownVersionOrTypeIsRefused) {
  for (const unsigned char version : {0, 1, 2, 5, 255}) {
    std::string bytes = *base64::decode(v4_logs);
    bytes[0] = static_cast<char>(version);
    SlugParts parts;
    EXPECT_FALSE(decode_slug(base64::encode(bytes), parts)) << int{version};
  }
  std::string bytes = *base64::decode(v4_logs);
  bytes[1] = 9;
  SlugParts parts;
  EXPECT_FALSE(decode_slug(base64::encode(bytes), parts));
}

TEST(Slug, WithOnlySomeIdsOfASpanIsRefused) {
  for (const char* const ids :
       {R"("row_id":"r")", R"("span_id":"s")", R"("row_id":"r","span_id":"s")", R"("span_id":"s","root_span_id":"t")"}) {
    SlugParts parts;
    const std::string rest = std::string(R"({"object_id":"x",)") + ids + "}";
    EXPECT_FALSE(decode_slug(base64::encode(std::string("\4\2\0", 3) + rest), parts)) << ids;
  }
}

TEST(Slug, ThatNestsWithoutEndIsRefused) {
  SlugParts parts;
  const std::string deep = std::string(1'000'000, '[') + std::string(1'000'000, ']');
  EXPECT_FALSE(decode_slug(
      base64::encode(std::string("\4\2\0", 3) + R"({"object_id":"x","propagated_event":{"metadata":)" + deep + "}}"), parts));
}

TEST(Slug, WithUnknownMembersIsRead) {
  SlugParts parts;
  EXPECT_TRUE(
      decode_slug(base64::encode(std::string("\4\2\0", 3) + R"({"object_id":"x","span_parents":["y"],"new":1})"), parts));
  EXPECT_EQ(parts.object_id, "x");
}

// --- as a parent

Row child_of(Wire& wire, const std::string& slug) {
  { auto child = wire.logger.start_span("child", {.parent = slug}); }
  return test::only_row(wire.rows(), "child");
}

TEST(SlugParent, GivesTraceAndParentInAnotherProcess) {
  Wire wire;
  Row row = child_of(wire, v4_logs);
  EXPECT_EQ(row["project_id"], object);
  EXPECT_EQ(row["log_id"], "g");
  EXPECT_EQ(row["root_span_id"], root);
  EXPECT_EQ(row["span_parents"], (Row{span}));
}

TEST(SlugParent, MayHaveUuidsOfAnOlderSdk) {
  Wire wire;
  {
    auto child = wire.logger.start_span("child", {.parent = v3_logs});
    auto grandchild = start_span("grandchild");
  }
  const auto rows = wire.rows();
  Row child = test::only_row(rows, "child"), grandchild = test::only_row(rows, "grandchild");
  EXPECT_EQ(child["root_span_id"], row_id);
  EXPECT_EQ(child["span_parents"], (Row{row_id}));
  EXPECT_EQ(grandchild["root_span_id"], row_id);
  EXPECT_EQ(grandchild["span_parents"], Row::array({child["span_id"]}));
}

TEST(SlugParent, WithUuidsKeepsItsTraceInUpdates) {
  Wire wire;
  SpanHandle handle;
  {
    auto child = wire.logger.start_span("child", {.parent = v3_logs});
    handle = child.handle();
  }
  wire.rows();
  handle.log({.output = "later"});
  for (const Row& row : wire.rows()) EXPECT_EQ(row["root_span_id"], row_id) << row;
  EXPECT_EQ(wire.rows().size(), 2U);
}

TEST(SlugParent, OfAnExperimentSendsThere) {
  Wire wire;
  Row row = child_of(wire, v3_experiment);
  EXPECT_EQ(row["experiment_id"], object);
  EXPECT_FALSE(row.contains("project_id"));
  EXPECT_FALSE(row.contains("log_id"));
  EXPECT_FALSE(row.contains("span_parents")) << "no span is named: a new trace";
}

TEST(SlugParent, ByProjectNameIsResolved) {
  Wire wire;
  EXPECT_EQ(child_of(wire, v4_by_name)["project_id"], "id of demo");
}

TEST(SlugParent, ThatIsDamagedIsToldAndATraceBegins) {
  Told told;
  Wire wire;
  Row row = child_of(wire, "BAICAwEjRWeJ");
  EXPECT_FALSE(row.contains("span_parents"));
  EXPECT_EQ(row["project_id"], "id of p");
  EXPECT_TRUE(told.mentions("parent"));
}

TEST(SlugParent, ComesBackFromExport) {
  Wire wire;
  std::string slug, before_resolution;
  {
    auto parent = wire.logger.start_span("parent");
    before_resolution = parent.export_slug();
  }
  wire.rows();
  {
    auto parent = wire.logger.start_span("second parent");
    slug = parent.export_slug();
  }
  {
    auto first = wire.logger.start_span("first", {.parent = before_resolution});
    auto second = wire.logger.start_span("second", {.parent = slug});
  }
  EXPECT_EQ(decoded(before_resolution.c_str()).project_name, "p");
  EXPECT_EQ(decoded(slug.c_str()).object_id, "id of p");
  const auto rows = wire.rows();
  for (const auto& [child, parent] : {std::pair("first", "parent"), std::pair("second", "second parent")}) {
    const Row one = test::only_row(rows, child), other = test::only_row(rows, parent);
    EXPECT_EQ(one["span_parents"], Row::array({other["span_id"]}));
    EXPECT_EQ(one["root_span_id"], other["root_span_id"]);
    EXPECT_EQ(one["project_id"], other["project_id"]);
  }
}

TEST(SlugParent, ExportsUuidsOfAnOlderSdkFurther) {
  Wire wire;
  auto child = wire.logger.start_span("child", {.parent = v3_logs});
  const SlugParts parts = decoded(child.export_slug().c_str());
  EXPECT_EQ(parts.root_span_id, row_id);
  EXPECT_EQ(parts.span_id, to_string(child.span_id()));
  EXPECT_EQ(parts.row_id, child.id());
}

TEST(SlugParent, CarriesWhatIsPropagated) {
  Wire wire;
  std::string slug;
  {
    auto parent = wire.logger.start_span("parent", {.propagated = {{"metadata", {{"user", "u1"}}}}});
    slug = parent.export_slug();
  }
  {
    auto child = wire.logger.start_span("child", {.metadata = {{"own", 1}}, .parent = slug});
    auto grandchild = start_span("grandchild");
    EXPECT_THAT(decoded(grandchild.export_slug().c_str()).propagated_event, HasSubstr("u1"));
  }
  const auto rows = wire.rows();
  EXPECT_EQ(test::only_row(rows, "child")["metadata"], (Row{{"own", 1}, {"user", "u1"}}));
  EXPECT_EQ(test::only_row(rows, "grandchild")["metadata"], (Row{{"user", "u1"}}));
}

TEST(SlugParent, TakesNothingFromPropagatedThatIsNoObjectOrNoField) {
  Told told;
  Wire wire;
  {
    auto one = wire.logger.start_span("one", {.input = "kept", .propagated = Json::array({1})});
    auto two = wire.logger.start_span("two", {.input = "kept", .propagated = {{"id", "x"}, {"metadata", {{"k", 1}}}}});
    auto three = wire.logger.start_span("three", {.input = "kept", .propagated = Json::raw("{oops")});
    EXPECT_EQ(decoded(one.export_slug().c_str()).propagated_event, "");
    EXPECT_EQ(decoded(three.export_slug().c_str()).propagated_event, "");
  }
  const auto rows = wire.rows();
  for (const char* const name : {"one", "two", "three"}) EXPECT_EQ(test::only_row(rows, name)["input"], "kept");
  EXPECT_EQ(test::only_row(rows, "two")["metadata"], (Row{{"k", 1}}));
  EXPECT_EQ(told.count(ErrorCode::invalid_argument), 3U);
}

}  // namespace
}  // namespace braintrust
