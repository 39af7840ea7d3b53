// Two rows of one key made one. The vectors are those of PROTO 4.3, checked there by running the Python SDK.

#include "pipeline/row_merge.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace braintrust::pipeline {
namespace {

using Json = nlohmann::json;

Json merged(std::string_view existing, bool existing_is_merge, std::string_view incoming) {
  const auto text = merge_rows(existing, existing_is_merge, incoming);
  return text ? Json::parse(*text) : Json("not merged");
}

TEST(RowMerge, GivesTheVectorOfTheProtocol) {
  EXPECT_EQ(
      merged(
          R"({"id":"1","created":"t0","span_id":"s","metrics":{"start":1},"tags":["a"],"input":[1,2]})", false,
          R"({"id":"1","_is_merge":true,"created":"t1","span_id":"zz","metrics":{"end":2},"tags":["b","a"],"input":[3],"output":null})"),
      Json::parse(
          R"({"id":"1","metrics":{"start":1,"end":2},"tags":["a","b"],"input":[3],"output":null,"created":"t0","span_id":"s"})"));
}

TEST(RowMerge, OfTwoMergeRowsIsAMergeRow) {
  EXPECT_EQ(merged(R"({"id":"1","_is_merge":true,"a":{"x":1}})", true, R"({"id":"1","_is_merge":true,"a":{"y":2}})"),
            Json::parse(R"({"id":"1","_is_merge":true,"a":{"x":1,"y":2}})"));
}

TEST(RowMerge, DropsWhereARowStandsWhenTheFirstDidNotSay) {
  EXPECT_EQ(
      merged(
          R"({"id":"1"})", false,
          R"({"id":"1","_is_merge":true,"created":"t","span_id":"s","root_span_id":"r","span_parents":["p"],"_parent_id":"q"})"),
      Json::parse(R"({"id":"1"})"));
}

TEST(RowMerge, RemovesAFalseMergeMarkToo) {
  EXPECT_EQ(merged(R"({"id":"1","_is_merge":false})", false, R"({"id":"1","_is_merge":true,"a":1})"),
            Json::parse(R"({"id":"1","a":1})"));
}

TEST(RowMerge, UnitesTagsAtTheTopOnly) {
  EXPECT_EQ(merged(R"({"id":"1","tags":["a","b"],"metadata":{"tags":["a"]}})", false,
                   R"({"id":"1","_is_merge":true,"tags":["\u0062","c","c"],"metadata":{"tags":["b"]}})"),
            Json::parse(R"({"id":"1","tags":["a","b","c"],"metadata":{"tags":["b"]}})"));
  EXPECT_EQ(merged(R"({"id":"1","tags":["a"]})", false, R"({"id":"1","_is_merge":true,"tags":null})"),
            Json::parse(R"({"id":"1","tags":null})"));
  EXPECT_EQ(merged(R"({"id":"1","tags":[]})", false, R"({"id":"1","_is_merge":true,"tags":[["x"],["y"]]})"),
            Json::parse(R"({"id":"1","tags":[["x"],["y"]]})"));
}

TEST(RowMerge, KeepsNumbersThatNoMachineTypeHolds) {
  EXPECT_EQ(merge_rows(R"({"id":"1","input":{"n":18446744073709551616999}})", false, R"({"_is_merge":true,"output":1e400})"),
            R"({"id":"1","input":{"n":18446744073709551616999},"output":1e400})");
}

TEST(RowMerge, RefusesWhatIsNoRow) {
  EXPECT_FALSE(merge_rows("not json", false, "{}"));
  EXPECT_FALSE(merge_rows("{}", false, "{\"a\":}"));
}

}  // namespace
}  // namespace braintrust::pipeline
