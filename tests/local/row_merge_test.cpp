#include "local/row_merge.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace braintrust::local {
namespace {

using nlohmann::json;

json merged(const char* stored, const char* row) { return json::parse(merge_rows(stored, row)); }

// The first vector of PROTO 4.3.
TEST(RowMerge, KeepsWhoTheRowIsUnitesTagsAndOverwritesTheRest) {
  EXPECT_EQ(
      merged(
          R"({"id":1,"created":"t0","span_id":"s","metrics":{"start":1},"tags":["a"],"input":[1,2]})",
          R"({"id":1,"_is_merge":true,"created":"t1","span_id":"zz","metrics":{"end":2},"tags":["b","a"],"input":[3],"output":null})"),
      json::parse(
          R"({"id":1,"metrics":{"start":1,"end":2},"tags":["a","b"],"input":[3],"output":null,"created":"t0","span_id":"s"})"));
}

TEST(RowMerge, TakesTheIdentityOfTheLaterRowWhereNoneIsStored) {
  EXPECT_EQ(merged(R"({"id":1,"scores":{"a":1},"root_span_id":null})",
                   R"({"id":1,"_is_merge":true,"span_id":"s","root_span_id":"r"})"),
            json::parse(R"({"id":1,"scores":{"a":1},"root_span_id":"r","span_id":"s"})"));
}

TEST(RowMerge, MergesObjectsAtEveryDepthAndNothingElse) {
  EXPECT_EQ(merged(R"({"metadata":{"a":{"b":{"x":1}},"list":[1,2],"o":{"k":1}}})",
                   R"({"metadata":{"a":{"b":{"y":2}},"list":[3],"o":"text"},"input":{"q":1}})"),
            json::parse(R"({"metadata":{"a":{"b":{"x":1,"y":2}},"list":[3],"o":"text"},"input":{"q":1}})"));
}

TEST(RowMerge, StopsAtMergePaths) {
  EXPECT_EQ(merged(R"({"tags":["a"],"metadata":{"a":{"x":1},"b":{"x":1}}})",
                   R"({"tags":["b"],"metadata":{"a":{"y":2},"b":{"y":2}},"_merge_paths":[["tags"],["metadata","a"]]})"),
            json::parse(R"({"tags":["b"],"metadata":{"a":{"y":2},"b":{"x":1,"y":2}}})"));
}

TEST(RowMerge, HoldsMergePathsToWhatIsThere) {
  EXPECT_EQ(merged(R"({"span_id":"s","metadata":{"caf\u00e9":{"x":1},"b":{"x":1}},"input":{"x":1},"output":1})",
                   R"({"span_id":"zz","metadata":{"café":{"y":2}},"input":{"y":2},"output":{"y":2},
                       "_merge_paths":[["span_id"],["metadata","caf\u00e9"],["metadata","b"],["input","x","z"],["output","y"],[],1]})"),
            json::parse(R"({"span_id":"s","metadata":{"café":{"y":2},"b":{"x":1}},"input":{"x":1,"y":2},"output":{"y":2}})"));
}

TEST(RowMerge, KnowsAKeyHoweverItIsEscaped) {
  EXPECT_EQ(merged(R"({"metadata":{"caf\u00e9":{"x":1}}})", R"({"metadata":{"café":{"y":2}}})"),
            json::parse(R"({"metadata":{"café":{"x":1,"y":2}}})"));
}

TEST(RowMerge, LeavesNumbersAsTheyWereWritten) {
  EXPECT_EQ(merge_rows(R"({"a":123456789012345678901234567890,"m":{"x":1.10}})", R"({"m":{"y":1e2}})"),
            R"({"a":123456789012345678901234567890,"m":{"x":1.10,"y":1e2}})");
}

TEST(RowMerge, DropsTheFieldsThatSteerIt) {
  EXPECT_EQ(without_control_fields(R"({"id":"1","_is_merge":false,"_xact_id":"5","_audit_source":"app","_merge_paths":[]})"),
            R"({"id":"1","_audit_source":"app"})");
  EXPECT_EQ(merge_rows(R"({"id":"1"})", R"({"id":"1","_is_merge":true,"_xact_id":"5","_merge_paths":[]})"), R"({"id":"1"})");
}

}  // namespace
}  // namespace braintrust::local
