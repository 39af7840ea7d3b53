// TRACED, TRACED_OUTPUT and traced().

#include <braintrust/trace/traced.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/told.h"
#include "trace/backend.h"
#include "trace/traced_elsewhere.h"

namespace braintrust {
namespace {

using test::Backend;
using test::Row;
using test::Told;
using testing::HasSubstr;

struct Opaque {};  // no way to write it as JSON
struct Throwing {};
Json to_json(const Throwing&) { throw std::runtime_error("to_json threw"); }

// --- the macros

void nothing() { TRACED(); }
void one(const std::string& user_id) { TRACED(user_id); }
int several(int a, double b, const std::vector<std::string>& list) {
  TRACED(a, b, list);
  return TRACED_OUTPUT(a + 1);
}

TEST(Traced, NamesTheSpanAfterTheFunctionAndTheInputAfterTheArguments) {
  Backend backend;
  nothing();
  one("u1");
  EXPECT_EQ(several(1, 2.5, {"x", "y"}), 2);
  Row none = backend.row("nothing"), single = backend.row("one"), all = backend.row("several");
  EXPECT_FALSE(none.contains("input"));
  EXPECT_EQ(none["span_attributes"]["type"], "function");
  EXPECT_EQ(none["context"]["caller_functionname"], "nothing");
  EXPECT_EQ(single["input"], (Row{{"user_id", "u1"}}));
  EXPECT_FALSE(single.contains("output"));
  EXPECT_EQ(all["input"], (Row{{"a", 1}, {"b", 2.5}, {"list", {"x", "y"}}}));
  EXPECT_EQ(all["output"], 2);
}

int sum(int a, int b) { return a + b; }
struct Point {
  int x, y;
};
void brackets(const std::vector<int>& rows, const Point& point) {
  TRACED(sum(1, 2), rows[0], (sum(point.x, point.y)), std::string("a,b").size());
}

TEST(Traced, SplitsArgumentsAtTheCommasOutsideBracketsAndQuotes) {
  Backend backend;
  brackets({7}, {3, 4});
  EXPECT_EQ(backend.row("brackets")["input"],
            (Row{{"sum(1, 2)", 3}, {"rows[0]", 7}, {"(sum(point.x, point.y))", 7}, {"std::string(\"a,b\").size()", 3}}));
}

void opaque(const Opaque& thing, int number) { TRACED(thing, number); }
Opaque opaque_output() {
  TRACED();
  Opaque thing;
  return TRACED_OUTPUT(thing);
}

TEST(Traced, NotesWhatCannotBeWrittenAsJson) {
  Backend backend;
  opaque({}, 5);
  opaque_output();
  EXPECT_EQ(backend.row("opaque")["input"], (Row{{"thing", "<not serializable>"}, {"number", 5}}));
  EXPECT_EQ(backend.row("opaque_output")["output"], "<not serializable>");
}

void throwing(const Throwing& thing) { TRACED(thing); }
int throwing_output() {
  TRACED();
  const Throwing thing;
  static_cast<void>(TRACED_OUTPUT(thing));
  return 7;
}

TEST(Traced, SurvivesAToJsonThatThrows) {
  Told told;
  Backend backend;
  EXPECT_NO_THROW(throwing({}));
  EXPECT_EQ(throwing_output(), 7);
  EXPECT_FALSE(backend.row("throwing").contains("input"));
  EXPECT_FALSE(backend.row("throwing_output").contains("output"));
  EXPECT_EQ(told.count(ErrorCode::callback_failed), 2U);
}

std::unique_ptr<int> move_only() {
  TRACED();
  auto value = std::make_unique<int>(5);
  return TRACED_OUTPUT(std::move(value));
}
int& by_reference(int& value) {
  TRACED();
  return TRACED_OUTPUT(value);
}
std::string temporary() {
  TRACED();
  return TRACED_OUTPUT(std::string("temp"));
}

TEST(TracedOutput, PassesMoveOnlyValuesReferencesAndTemporariesThrough) {
  Backend backend;
  EXPECT_EQ(*move_only(), 5);
  int value = 3;
  EXPECT_EQ(&by_reference(value), &value);
  EXPECT_EQ(temporary(), "temp");
  EXPECT_EQ(backend.row("move_only")["output"], 5);
  EXPECT_EQ(backend.row("by_reference")["output"], 3);
  EXPECT_EQ(backend.row("temporary")["output"], "temp");
}

int factorial(int n) {
  TRACED(n);
  return TRACED_OUTPUT(n <= 1 ? 1 : n * factorial(n - 1));
}

TEST(Traced, GivesEachLevelOfARecursionItsOwnSpan) {
  Backend backend;
  EXPECT_EQ(factorial(4), 24);
  const auto rows = backend.rows();
  ASSERT_EQ(rows.size(), 4U);
  const std::map<int, int> results = {{4, 24}, {3, 6}, {2, 2}, {1, 1}};
  for (const Row& row : rows) EXPECT_EQ(row["output"], results.at(row["input"]["n"])) << row;
  EXPECT_EQ(rows[1]["span_parents"], Row::array({rows[0]["span_id"]}));
  EXPECT_EQ(rows[3]["span_parents"], Row::array({rows[2]["span_id"]}));
}

TEST(Traced, WorksInALambda) {
  Backend backend;
  const int captured = 3;
  const auto lambda = [captured](int given) {
    TRACED(captured, given);
    return TRACED_OUTPUT(captured * given);
  };
  EXPECT_EQ(lambda(4), 12);
  Row row = backend.row("operator()");
  EXPECT_EQ(row["input"], (Row{{"captured", 3}, {"given", 4}}));
  EXPECT_EQ(row["output"], 12);
}

void two_in_one_scope(int a, int b) {
  TRACED(a);
  TRACED(b);
  static_cast<void>(TRACED_OUTPUT(a + b));
}

TEST(Traced, MayStandTwiceInOneScope) {
  Backend backend;
  two_in_one_scope(1, 2);
  const auto rows = backend.rows();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0]["input"], (Row{{"a", 1}}));
  EXPECT_EQ(rows[1]["input"], (Row{{"b", 2}}));
  EXPECT_EQ(rows[1]["output"], 3) << "it goes to the innermost";
  EXPECT_EQ(rows[1]["span_parents"], Row::array({rows[0]["span_id"]}));
}

int helper_without_span() { return TRACED_OUTPUT(9); }
int outer_function() {
  TRACED();
  return helper_without_span();
}

TEST(TracedOutput, GoesToNoOtherFunctionsSpan) {
  Told told;
  Backend backend;
  EXPECT_EQ(outer_function(), 9);
  EXPECT_FALSE(backend.row("outer_function").contains("output"));
  EXPECT_TRUE(told.mentions("helper_without_span"));
}

int output_below_a_span() {
  TRACED();
  auto inner = start_span("inner");
  return TRACED_OUTPUT(4);
}

TEST(TracedOutput, PassesSpansThatAreNotTraced) {
  Backend backend;
  output_below_a_span();
  EXPECT_EQ(backend.row("output_below_a_span")["output"], 4);
  EXPECT_FALSE(backend.row("inner").contains("output"));
}

void fails() {
  TRACED();
  throw std::runtime_error("inside");
}

TEST(Traced, MarksTheSpanWhenAnExceptionLeavesIt) {
  Backend backend;
  EXPECT_THROW(fails(), std::runtime_error);
  EXPECT_TRUE(backend.row("fails").contains("error"));
}

TEST(Traced, DoesNothingWithoutALogger) {
  { Backend backend; }
  EXPECT_EQ(several(1, 2, {}), 2);
  EXPECT_NO_THROW(throwing({}));
  EXPECT_EQ(factorial(3), 6);
}

// --- the wrapper

TEST(TracedFunction, RecordsArgumentsAndResult) {
  Backend backend;
  auto add = traced("add", [](int a, int b) { return a + b; });
  EXPECT_EQ(add(2, 3), 5);
  auto tool = traced(
      "no arguments", [] { return std::string("done"); }, SpanType::tool);
  EXPECT_EQ(tool(), "done");
  auto silent = traced("no result", [](const std::string&) {});
  silent("x");
  EXPECT_EQ(backend.row("add")["input"], (Row{2, 3}));
  EXPECT_EQ(backend.row("add")["output"], 5);
  EXPECT_EQ(backend.row("add")["span_attributes"]["type"], "function");
  EXPECT_EQ(backend.row("no arguments")["input"], Row::array());
  EXPECT_EQ(backend.row("no arguments")["span_attributes"]["type"], "tool");
  EXPECT_EQ(backend.row("no result")["input"], (Row{"x"}));
  EXPECT_FALSE(backend.row("no result").contains("output"));
}

TEST(TracedFunction, RecordsTypeAndMessageOfAnExceptionAndRethrows) {
  Backend backend;
  auto bad = traced("bad", [](int) -> int { throw std::invalid_argument("no such user"); });
  EXPECT_THROW(bad(1), std::invalid_argument);
  EXPECT_EQ(backend.row("bad")["error"], "std::invalid_argument: no such user");
  EXPECT_EQ(backend.row("bad")["input"], (Row{1}));
}

TEST(TracedFunction, PassesMoveOnlyValuesAndReferencesThrough) {
  Backend backend;
  auto box = traced("box", [](std::unique_ptr<int> value) { return value; });
  EXPECT_EQ(*box(std::make_unique<int>(6)), 6);
  int value = 1;
  auto self = traced("self", [](int& given) -> int& { return given; });
  EXPECT_EQ(&self(value), &value);
  auto opaque_result = traced("opaque result", [](Opaque thing) { return thing; });
  opaque_result(Opaque{});
  EXPECT_EQ(backend.row("box")["output"], 6);
  EXPECT_EQ(backend.row("self")["output"], 1);
  EXPECT_EQ(backend.row("opaque result")["output"], "<not serializable>");
}

TEST(TracedFunction, SurvivesAToJsonThatThrows) {
  Told told;
  Backend backend;
  int calls = 0;
  auto wrapped = traced("wrapped", [&](Throwing thing) {
    ++calls;
    return thing;
  });
  EXPECT_NO_THROW(wrapped(Throwing{}));
  EXPECT_EQ(calls, 1);
  Row row = backend.row("wrapped");
  EXPECT_FALSE(row.contains("input"));
  EXPECT_FALSE(row.contains("output"));
  EXPECT_FALSE(row.contains("error"));
  EXPECT_EQ(told.count(ErrorCode::callback_failed), 2U);
}

TEST(TracedFunction, NestsLikeAnyOtherSpan) {
  Backend backend;
  auto inner = traced("inner", [] { nothing(); });
  auto outer = traced("outer", [&] { inner(); });
  outer();
  EXPECT_EQ(backend.row("inner")["span_parents"], Row::array({backend.row("outer")["span_id"]}));
  EXPECT_EQ(backend.row("nothing")["span_parents"], Row::array({backend.row("inner")["span_id"]}));
}

TEST(TracedFunction, WorksWithoutALogger) {
  { Backend backend; }
  EXPECT_EQ(traced("add", [](int a, int b) { return a + b; })(2, 3), 5);
}

// --- the switches

TEST(TracedSwitches, DisabledCodeIsCheckedButNeverEvaluated) {
  Backend backend;
  int evaluated = 0;
  EXPECT_EQ(test::disabled_function(evaluated), 8);
  EXPECT_EQ(evaluated, 1) << "only TRACED_OUTPUT's own argument";
  EXPECT_EQ(backend.rows().size(), 0U);
}

TEST(TracedSwitches, LongNamesWorkWhereTheShortOnesAreTaken) {
  Backend backend;
  EXPECT_EQ(test::long_names(3), 6);
  EXPECT_EQ(backend.row("long_names")["input"], (Row{{"value", 3}}));
  EXPECT_EQ(backend.row("long_names")["output"], 6);
}

}  // namespace
}  // namespace braintrust
