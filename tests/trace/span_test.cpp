// Spans: what arrives of them, through the public API and over HTTP.

#include <braintrust/trace/span.h>

#include <chrono>
#include <cmath>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <limits>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <braintrust/trace/context.h>
#include <braintrust/version.h>

#include "support/told.h"
#include "trace/backend.h"
#include "trace/span_slot.h"

namespace braintrust {
namespace {

using test::Backend;
using test::Row;
using test::Told;
using test::Variables;
using test::Wire;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;

static_assert(!std::is_copy_constructible_v<Span> && !std::is_copy_assignable_v<Span>);
static_assert(std::is_nothrow_move_constructible_v<Span> && std::is_nothrow_move_assignable_v<Span>);

double now() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

// Counts how often it is written as JSON.
struct Counted {
  int* count;
};
Json to_json(const Counted& value) {
  ++*value.count;
  return "counted";
}

// --- what a row holds

TEST(Span, IsOneRowInOneRequestWhenItIsShort) {
  Wire wire;
  {
    auto span = wire.logger.start_span("short");
    span.log({.input = 1});
    span.log({.output = 2});
    span.set_attributes("short", SpanType::tool);
  }
  const auto rows = wire.rows();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(wire.server.count("/logs3"), 1U);
  EXPECT_FALSE(rows[0].contains("_is_merge"));
  EXPECT_EQ(rows[0]["input"], 1);
  EXPECT_EQ(rows[0]["output"], 2);
  EXPECT_EQ(rows[0]["log_id"], "g");
  EXPECT_EQ(rows[0]["project_id"], "id of p");
}

TEST(Span, HasTheMembersOfTheProtocolAndNoOthers) {
  Backend backend;
  { auto span = backend.logger().start_span("all"); }
  Row row = backend.row("all");
  std::set<std::string> names;
  for (const auto& [name, value] : row.items()) names.insert(name);
  EXPECT_EQ(names, (std::set<std::string>{"_xact_id", "context", "created", "id", "log_id", "metrics", "project_id",
                                          "root_span_id", "span_attributes", "span_id"}));
  EXPECT_THAT(row["id"].get<std::string>(),
              MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
  EXPECT_THAT(row["span_id"].get<std::string>(), MatchesRegex("[0-9a-f]{16}"));
  EXPECT_THAT(row["root_span_id"].get<std::string>(), MatchesRegex("[0-9a-f]{32}"));
}

TEST(Span, TellsItsIds) {
  Backend backend;
  auto span = backend.logger().start_span("ids");
  const SpanHandle handle = span.handle();
  EXPECT_EQ(span.id(), handle.id());
  const std::string id = span.id(), span_id = to_string(span.span_id()), trace_id = to_string(span.trace_id());
  span.end();
  Row row = backend.row("ids");
  EXPECT_EQ(row["id"], id);
  EXPECT_EQ(row["span_id"], span_id);
  EXPECT_EQ(row["root_span_id"], trace_id);
}

TEST(Span, IsNamedRootWhenItBeginsATraceWithoutAName) {
  Backend backend;
  { auto span = backend.logger().start_span(); }
  EXPECT_EQ(backend.only()["span_attributes"]["name"], "root");
}

TEST(Span, IsNamedAfterItsPlaceWhenItIsAChildWithoutAName) {
  Backend backend;
  int line = 0;
  {
    auto root = backend.logger().start_span("parent");
    line = __LINE__ + 1;
    auto child = start_span();
  }
  EXPECT_NO_THROW(backend.row("TestBody:span_test.cpp:" + std::to_string(line)));
}

TEST(Span, HasADefaultTypeOnlyWhereATraceBegins) {
  Backend backend;
  {
    auto root = backend.logger().start_span("root of trace");
    auto child = start_span("child");
    auto typed = start_span("typed", {.type = SpanType::llm});
  }
  { auto typed_root = backend.logger().start_span("typed root", {.type = SpanType::eval}); }
  EXPECT_EQ(backend.row("root of trace")["span_attributes"]["type"], "task");
  EXPECT_FALSE(backend.row("child")["span_attributes"].contains("type"));
  EXPECT_EQ(backend.row("typed")["span_attributes"]["type"], "llm");
  EXPECT_EQ(backend.row("typed root")["span_attributes"]["type"], "eval");
}

TEST(Span, SpellsEveryTypeAsTheProtocolDoes) {
  const std::vector<std::string> spelled = {"llm",        "score", "function",     "eval",       "task",  "tool",
                                            "automation", "facet", "preprocessor", "classifier", "review"};
  Backend backend;
  for (std::size_t i = 0; i < spelled.size(); ++i) {
    auto span = backend.logger().start_span(spelled[i], {.type = static_cast<SpanType>(i + 1)});
  }
  for (const std::string& type : spelled) EXPECT_EQ(backend.row(type)["span_attributes"]["type"], type);
}

TEST(Span, CountsInTheOrderOfStarts) {
  Backend backend;
  {
    auto first = backend.logger().start_span("first");
    auto second = start_span("second");
    auto third = start_span("third");
    first.end();
  }
  const auto count = [&](const char* name) { return backend.row(name)["span_attributes"]["exec_counter"].get<int>(); };
  EXPECT_GT(count("first"), 0);
  EXPECT_EQ(count("second"), count("first") + 1);
  EXPECT_EQ(count("third"), count("first") + 2);
}

TEST(Span, MeasuresStartAndEndInSeconds) {
  const double before = now();
  Backend backend;
  { auto span = backend.logger().start_span("timed"); }
  Row row = backend.row("timed");
  const double start = row["metrics"]["start"], end = row["metrics"]["end"];
  EXPECT_GE(start, before - 0.05);
  EXPECT_LE(start, end);
  EXPECT_LE(end, now() + 0.05);
  EXPECT_THAT(row["created"].get<std::string>(), MatchesRegex("20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-9:]{8}\\.[0-9]{6}Z"));
}

TEST(Span, TakesTheTimesItIsGiven) {
  Backend backend;
  {
    auto span = backend.logger().start_span("told", {.start_time = 1700000000.25});
    span.end(1700000001.5);
  }
  {
    const auto start = std::chrono::sys_days(std::chrono::year(2024) / 5 / 6) + std::chrono::milliseconds(750);
    auto span = backend.logger().start_span("time point", {.start_time = start});
    span.end(start + std::chrono::seconds(2));
  }
  const Row told = backend.row("told");
  EXPECT_DOUBLE_EQ(told["metrics"]["start"], 1700000000.25);
  EXPECT_DOUBLE_EQ(told["metrics"]["end"], 1700000001.5);
  EXPECT_THAT(told["created"].get<std::string>(), testing::Not(HasSubstr("2023-11")));
  EXPECT_DOUBLE_EQ(backend.row("time point")["metrics"]["start"], 1714953600.75);
  EXPECT_DOUBLE_EQ(backend.row("time point")["metrics"]["end"], 1714953602.75);
}

TEST(Span, SurvivesTimesThatCannotBe) {
  Backend backend;
  for (const double time :
       {std::nan(""), std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(), 1e300, -1e300, -1.5}) {
    auto span = backend.logger().start_span("odd time", {.start_time = time});
    span.end(time);
  }
  const auto rows = backend.rows();
  ASSERT_EQ(rows.size(), 6U);
  for (const Row& row : rows) EXPECT_TRUE(row["metrics"]["start"].is_number()) << row;
  EXPECT_EQ(backend.logger().stats().dropped.total(), 0U);
}

TEST(Span, LetsLoggedMetricsReplaceTheMeasuredTimes) {
  Backend backend;
  {
    auto span = backend.logger().start_span("logged times");
    span.log({.metrics = {{"start", 5}, {"end", 7.5}, {"tokens", 12}}});
  }
  EXPECT_EQ(backend.row("logged times")["metrics"], (Row{{"start", 5}, {"end", 7.5}, {"tokens", 12}}));
}

TEST(Span, SaysWhereItWasStarted) {
  Backend backend;
  { auto span = backend.logger().start_span("here"); }
  const int line = __LINE__ - 1;
  Row context = backend.row("here")["context"];
  EXPECT_EQ(context["caller_functionname"], "TestBody");
  EXPECT_THAT(context["caller_filename"].get<std::string>(), testing::EndsWith("span_test.cpp"));
  EXPECT_EQ(context["caller_lineno"], line);
  EXPECT_EQ(context["span_origin"]["name"], "braintrust.sdk.cpp");
  EXPECT_EQ(context["span_origin"]["version"], BRAINTRUST_VERSION);
  EXPECT_EQ(context["span_origin"]["instrumentation"]["name"], "braintrust.logger");
}

TEST(Span, HasItsNameTypeAndAttributesChanged) {
  Backend backend;
  {
    auto span =
        backend.logger().start_span("before", {.type = SpanType::task, .attributes = {{"purpose", "scorer"}, {"free", 1}}});
    span.set_attributes("after", SpanType::tool, {{"free", 2}, {"more", true}});
    span.set_attributes("");
  }
  Row attributes = backend.row("after")["span_attributes"];
  EXPECT_EQ(attributes["type"], "tool");
  EXPECT_EQ(attributes["purpose"], "scorer");
  EXPECT_EQ(attributes["free"], 2);
  EXPECT_EQ(attributes["more"], true);
}

TEST(Span, LetsAttributesBeatNameAndTypeButNotTheCounter) {
  Wire wire;
  {
    auto span = wire.logger.start_span(
        "name", {.type = SpanType::task, .attributes = {{"name", "by attribute"}, {"type", "custom"}, {"exec_counter", -5}}});
  }
  wire.logger.flush(test::long_enough);
  const std::string body = wire.server.requests("/logs3").at(0).body;
  const auto count = [&](const std::string& text) {
    std::size_t found = 0;
    for (std::size_t at = body.find(text); at != std::string::npos; at = body.find(text, at + 1)) ++found;
    return found;
  };
  Row attributes = test::rows_of(wire.server).at(0)["span_attributes"];
  EXPECT_EQ(attributes["name"], "by attribute");
  EXPECT_EQ(attributes["type"], "custom");
  EXPECT_GT(attributes["exec_counter"], 0);
  EXPECT_EQ(count("\"exec_counter\""), 1U) << body;
  EXPECT_EQ(count("by attribute"), 1U) << body;
  EXPECT_EQ(count("\"type\":\"custom\""), 1U) << body;  // `context` may have a type, too: the environment's
  EXPECT_EQ(count("\"type\":\"task\""), 0U) << body;
}

// --- parents

TEST(Span, IsAChildOfTheCurrentSpan) {
  Backend backend;
  {
    auto root = backend.logger().start_span("a");
    auto child = start_span("b");
    auto grandchild = backend.logger().start_span("c");
  }
  Row a = backend.row("a"), b = backend.row("b"), c = backend.row("c");
  EXPECT_FALSE(a.contains("span_parents"));
  EXPECT_EQ(b["span_parents"], Row::array({a["span_id"]}));
  EXPECT_EQ(c["span_parents"], Row::array({b["span_id"]}));
  EXPECT_EQ(b["root_span_id"], a["root_span_id"]);
  EXPECT_EQ(c["root_span_id"], a["root_span_id"]);
  EXPECT_NE(a["span_id"], a["root_span_id"]);
}

TEST(Span, BeginsANewTraceAfterTheLastHasEnded) {
  Backend backend;
  { auto span = backend.logger().start_span("one"); }
  { auto span = backend.logger().start_span("two"); }
  EXPECT_NE(backend.row("one")["root_span_id"], backend.row("two")["root_span_id"]);
}

TEST(Span, PrefersTheParentItIsGivenToTheCurrentOne) {
  Backend backend;
  {
    auto chosen = backend.logger().start_span("chosen", {.set_current = false});
    auto current = backend.logger().start_span("current");
    auto child = start_span("child", {.parent = chosen});
    auto by_handle = start_span("by handle", {.parent = chosen.handle()});
  }
  EXPECT_EQ(backend.row("child")["span_parents"], Row::array({backend.row("chosen")["span_id"]}));
  EXPECT_EQ(backend.row("by handle")["span_parents"], Row::array({backend.row("chosen")["span_id"]}));
  EXPECT_FALSE(backend.row("current").contains("span_parents"));
}

TEST(Span, IsNoParentWhenItIsNotMadeCurrent) {
  Backend backend;
  {
    auto quiet = backend.logger().start_span("quiet", {.set_current = false});
    EXPECT_FALSE(current_span());
    auto other = start_span("other");
  }
  EXPECT_FALSE(backend.row("other").contains("span_parents"));
}

TEST(Span, StaysCurrentWhenAnotherEndsOutOfOrder) {
  Backend backend;
  {
    auto outer = backend.logger().start_span("outer");
    auto inner = start_span("inner");
    outer.end();
    EXPECT_EQ(current_span().id(), inner.id());
    auto child = start_span("child");
    child.end();
    inner.end();
    EXPECT_FALSE(current_span());
  }
  EXPECT_EQ(backend.row("child")["span_parents"], Row::array({backend.row("inner")["span_id"]}));
}

TEST(Span, MayBeOutlivedByItsChildren) {
  Backend backend;
  Span child;
  {
    auto parent = backend.logger().start_span("parent");
    child = start_span("child");
  }
  auto grandchild = start_span("grandchild");
  grandchild.end();
  child.log({.output = "late"});
  child.end();
  EXPECT_EQ(backend.row("child")["span_parents"], Row::array({backend.row("parent")["span_id"]}));
  EXPECT_EQ(backend.row("child")["output"], "late");
  EXPECT_EQ(backend.row("grandchild")["span_parents"], Row::array({backend.row("child")["span_id"]}));
}

TEST(Span, OfALoggerIsNoChildOfAnotherLoggersSpan) {
  Backend one, two;
  {
    auto outer = one.logger().start_span("outer");
    auto inner = two.logger().start_span("inner");
    auto innermost = start_span("innermost");  // follows the current span, whoever's it is
  }
  EXPECT_FALSE(two.row("inner").contains("span_parents"));
  EXPECT_NO_THROW(two.row("innermost"));
  EXPECT_EQ(one.rows().size(), 1U);
}

TEST(Span, PassesOnWhatIsPropagated) {
  Backend backend;
  {
    auto root =
        backend.logger().start_span("root", {.metadata = {{"own", 1}, {"user", "mine"}},
                                             .propagated = {{"metadata", {{"user", "u1"}}}, {"tags", Json::array({"beta"})}}});
    auto child = start_span("child", {.tags = {"x"}});
    auto grandchild = start_span("grandchild");
  }
  EXPECT_EQ(backend.row("root")["metadata"], (Row{{"own", 1}, {"user", "u1"}}));
  EXPECT_EQ(backend.row("child")["metadata"], (Row{{"user", "u1"}}));
  EXPECT_EQ(backend.row("child")["tags"], (Row{"x", "beta"}));
  EXPECT_EQ(backend.row("grandchild")["tags"], (Row{"beta"}));
}

TEST(Span, ReplacesWhatIsPropagatedWithItsOwn) {
  Backend backend;
  {
    auto root = backend.logger().start_span("root", {.propagated = {{"metadata", {{"a", 1}}}}});
    auto child = start_span("child", {.propagated = {{"metadata", {{"b", 2}}}}});
    auto grandchild = start_span("grandchild");
  }
  EXPECT_EQ(backend.row("child")["metadata"], (Row{{"b", 2}}));
  EXPECT_EQ(backend.row("grandchild")["metadata"], (Row{{"b", 2}}));
}

// --- fields logged twice

TEST(Span, MergesWhatIsLoggedTwice) {
  Backend backend;
  {
    auto span = backend.logger().start_span(
        "twice", {.input = {{"a", 1}, {"deep", {{"x", 1}}}}, .metadata = {{"k", 1}}, .tags = {"a", "b"}});
    span.log({.input = {{"b", 2}, {"deep", {{"y", 2}}}},
              .output = Json::array({1, 2}),
              .scores = {{"s", 0.25}},
              .metadata = {{"k", 2}, {"l", 3}},
              .metrics = {{"m", 1}},
              .tags = {"b", "c"}});
    span.log({.output = Json::array({3}), .expected = 4, .scores = {{"t", 1}}, .metrics = {{"m", 2}, {"n", 3}}});
    span.log({.expected = nullptr, .metadata = {{"l", nullptr}}});
  }
  Row row = backend.row("twice");
  EXPECT_EQ(row["input"], (Row{{"a", 1}, {"b", 2}, {"deep", {{"x", 1}, {"y", 2}}}}));
  EXPECT_EQ(row["output"], (Row{3}));
  EXPECT_TRUE(row.contains("expected"));
  EXPECT_TRUE(row["expected"].is_null());
  EXPECT_EQ(row["scores"], (Row{{"s", 0.25}, {"t", 1}}));
  EXPECT_EQ(row["metadata"], (Row{{"k", 2}, {"l", nullptr}}));
  EXPECT_EQ(row["metrics"]["m"], 2);
  EXPECT_EQ(row["metrics"]["n"], 3);
  EXPECT_EQ(row["tags"], (Row{"a", "b", "c"}));
}

TEST(Span, KeepsEveryFieldOfARow) {
  Backend backend;
  {
    auto span = backend.logger().start_span("fields");
    span.log({.input = "i",
              .output = "o",
              .expected = "e",
              .error = "oops",
              .scores = {{"s", true}, {"n", nullptr}},
              .metadata = {{"m", 1}},
              .metrics = {{"x", 1.5}},
              .tags = std::vector<std::string>{"t"},
              .classifications = {{"topic", Json::array({{{"id", "1"}, {"label", "one"}}})}},
              .origin = {{"object_type", "dataset"}, {"object_id", "d"}, {"id", "r"}}});
  }
  Row row = backend.row("fields");
  EXPECT_EQ(row["input"], "i");
  EXPECT_EQ(row["output"], "o");
  EXPECT_EQ(row["expected"], "e");
  EXPECT_EQ(row["error"], "oops");
  EXPECT_EQ(row["scores"], (Row{{"s", 1}, {"n", nullptr}}));
  EXPECT_EQ(row["metadata"], (Row{{"m", 1}}));
  EXPECT_EQ(row["tags"], (Row{"t"}));
  EXPECT_EQ(row["classifications"]["topic"][0]["label"], "one");
  EXPECT_EQ(row["origin"]["id"], "r");
}

TEST(Span, CopiesValuesWhenTheyAreLogged) {
  Backend backend;
  {
    auto span = backend.logger().start_span("copied");
    std::vector<int> values = {1, 2};
    span.log({.input = values});
    values.assign({9, 9, 9});
  }
  EXPECT_EQ(backend.row("copied")["input"], (Row{1, 2}));
}

// --- what is refused

struct Refused {
  const char* what;
  SpanFields (*fields)();
  const char* told;
  const char* field;
  Row kept;  // of the field; null = absent
};

class SpanRefuses : public testing::TestWithParam<Refused> {};

TEST_P(SpanRefuses, OneValueAndKeepsTheRest) {
  const Refused& refused = GetParam();
  Told told;
  Backend backend;
  {
    auto span = backend.logger().start_span("checked", {.input = "kept"});
    span.log(refused.fields());
  }
  Row row = backend.row("checked");
  EXPECT_EQ(row["input"], "kept");
  if (refused.kept.is_null()) {
    EXPECT_FALSE(row.contains(refused.field)) << row;
  } else {
    EXPECT_EQ(row[refused.field], refused.kept);
  }
  EXPECT_TRUE(told.mentions("span 'checked'"));
  EXPECT_TRUE(told.mentions(refused.told));
  EXPECT_EQ(told.count(ErrorCode::invalid_argument), 1U);
}

INSTANTIATE_TEST_SUITE_P(
    Values, SpanRefuses,
    testing::Values(
        Refused{"ScoreAboveOne",
                [] {
                  return SpanFields{.scores = {{"good", 0.5}, {"bad", 1.01}}};
                },
                "score 'bad'",
                "scores",
                {{"good", 0.5}}},
        Refused{"ScoreBelowZero",
                [] {
                  return SpanFields{.scores = {{"good", 0}, {"bad", -0.1}}};
                },
                "score 'bad'",
                "scores",
                {{"good", 0}}},
        Refused{"ScoreText",
                [] {
                  return SpanFields{.scores = {{"good", 1}, {"bad", "1"}}};
                },
                "score 'bad'",
                "scores",
                {{"good", 1}}},
        Refused{"ScoreNaN",
                [] {
                  return SpanFields{.scores = {{"good", 1}, {"bad", std::nan("")}}};
                },
                "score 'bad'",
                "scores",
                {{"good", 1}}},
        Refused{"ScoreInfinity",
                [] {
                  return SpanFields{.scores = {{"good", 1}, {"bad", INFINITY}}};
                },
                "score 'bad'",
                "scores",
                {{"good", 1}}},
        Refused{"ScoreList", [] { return SpanFields{.scores = Json::array({1})}; }, "`scores`", "scores", nullptr},
        Refused{"MetadataList", [] { return SpanFields{.metadata = Json::array({1})}; }, "`metadata`", "metadata", nullptr},
        Refused{"MetadataText", [] { return SpanFields{.metadata = "text"}; }, "`metadata`", "metadata", nullptr},
        Refused{"TagNumber", [] { return SpanFields{.tags = std::vector<int>{1}}; }, "a tag", "tags", Row::array()},
        Refused{"TagTwice",
                [] {
                  return SpanFields{.tags = {"a", "b", "a"}};
                },
                "tag \"a\"",
                "tags",
                {"a", "b"}},
        Refused{"ClassificationsText", [] { return SpanFields{.classifications = "x"}; }, "`classifications`",
                "classifications", nullptr},
        Refused{"OriginText", [] { return SpanFields{.origin = "x"}; }, "`origin`", "origin", nullptr},
        Refused{"RawThatIsNoJson", [] { return SpanFields{.output = Json::raw("{oops")}; }, "`output`", "output", "{oops"}),
    [](const auto& refused) { return refused.param.what; });

TEST(Span, RefusesAttributesThatAreNoObject) {
  Told told;
  Backend backend;
  { auto span = backend.logger().start_span("checked", {.attributes = "text"}); }
  EXPECT_EQ(backend.row("checked")["span_attributes"]["type"], "task");
  EXPECT_TRUE(told.mentions("`attributes`"));
}

TEST(Span, PassesNothingOnOfWhatIsNoJson) {
  Told told;
  Backend backend;
  { auto span = backend.logger().start_span("checked", {.propagated = Json::raw(R"({"metadata":{"k":1},oops)")}); }
  EXPECT_FALSE(backend.row("checked").contains("metadata"));
  EXPECT_TRUE(told.mentions("`propagated` is not valid JSON"));
}

TEST(Span, RefusesMetricsThatAreNoNumbersOneByOne) {
  Told told;
  Backend backend;
  {
    auto span = backend.logger().start_span("metrics");
    span.log({.metrics = {{"good", 1},
                          {"text", "2"},
                          {"bool", true},
                          {"nan", std::nan("")},
                          {"also good", -1e9},
                          {"huge", Json::raw("1e999")}}});
  }
  Row metrics = backend.row("metrics")["metrics"];
  EXPECT_EQ(metrics.size(), 4U) << metrics;
  EXPECT_EQ(metrics["good"], 1);
  EXPECT_EQ(metrics["also good"], -1e9);
  for (const char* const name : {"'text'", "'bool'", "'nan'", "'huge'"}) EXPECT_TRUE(told.mentions(name)) << name;
}

TEST(Span, TakesRawJsonWithWhiteSpaceAroundIt) {
  Backend backend;
  {
    auto span = backend.logger().start_span("spaces", {.attributes = Json::raw(" { \"x\" : 1 } ")});
    span.log({.output = Json::raw("\n[1, 2]\n"),
              .scores = Json::raw("\t{\"s\": 1}\n"),
              .metadata = Json::raw("  {\"a\": 1}\n"),
              .metrics = Json::raw(" {\"m\": 1}\n"),
              .origin = Json::raw("\n{\"id\": \"r\"}")});
  }
  {
    auto span = backend.logger().start_span("empty", {.attributes = Json::raw("{ }")});
    span.log({.scores = Json::raw("{ }"), .metadata = Json::raw(" { }"), .metrics = Json::raw("{\n}")});
  }
  Row row = backend.row("spaces");
  EXPECT_EQ(row["output"], (Row{1, 2}));
  EXPECT_EQ(row["scores"], (Row{{"s", 1}}));
  EXPECT_EQ(row["metadata"], (Row{{"a", 1}}));
  EXPECT_EQ(row["metrics"]["m"], 1);
  EXPECT_EQ(row["origin"], (Row{{"id", "r"}}));
  EXPECT_EQ(row["span_attributes"]["x"], 1);
  EXPECT_NO_THROW(backend.row("empty"));
  EXPECT_EQ(backend.logger().stats().dropped.total(), 0U);
}

// --- errors

TEST(Span, LeftByAnExceptionSaysSo) {
  Backend backend;
  try {
    auto span = backend.logger().start_span("thrown out");
    throw std::runtime_error("no route to host");
  } catch (const std::runtime_error&) {
  }
  EXPECT_THAT(backend.row("thrown out")["error"].get<std::string>(), HasSubstr("left by an exception"));
}

TEST(Span, KeepsTheErrorItWasGivenWhenItIsLeftByAnException) {
  Backend backend;
  try {
    auto span = backend.logger().start_span("told");
    span.log({.error = "the cause"});
    throw 1;
  } catch (int) {
  }
  EXPECT_EQ(backend.row("told")["error"], "the cause");
}

TEST(Span, KeepsTheErrorThatAHandleGaveItWhenItIsLeftByAnException) {
  Backend backend;
  try {
    auto span = backend.logger().start_span("told");
    current_span().log({.error = "the cause"});
    throw 1;
  } catch (int) {
  }
  EXPECT_EQ(backend.row("told")["error"], "the cause");
}

TEST(Span, InADestructorDuringUnwindingHasNoErrorOfItsOwn) {
  Backend backend;
  struct Cleanup {
    Logger& logger;
    ~Cleanup() { auto span = logger.start_span("cleanup"); }
  };
  try {
    const Cleanup cleanup{backend.logger()};
    throw 1;
  } catch (int) {
  }
  EXPECT_FALSE(backend.row("cleanup").contains("error"));
}

TEST(Span, LeftByTheExceptionOfAnotherThreadHasNoErrorOfItsOwn) {
  Backend backend;
  auto span = backend.logger().start_span("given away");
  std::thread([&] {
    try {
      const Span mine = std::move(span);
      throw std::runtime_error("of the thread");
    } catch (const std::runtime_error&) {
    }
  }).join();
  EXPECT_FALSE(backend.row("given away").contains("error"));
}

TEST(Span, RunRecordsTypeAndMessageAndRethrows) {
  Backend backend;
  {
    auto span = backend.logger().start_span("run");
    EXPECT_THROW(span.run([]() -> int { throw std::out_of_range("17"); }), std::out_of_range);
  }
  {
    auto span = backend.logger().start_span("run with span");
    EXPECT_THROW(span.run([](Span& self) {
      self.log({.output = "so far"});
      throw 42;
    }),
                 int);
  }
  {
    auto span = backend.logger().start_span("fine");
    EXPECT_EQ(span.run([] { return 3; }), 3);
    int value = 5;
    static_assert(std::is_same_v<decltype(span.run([&]() -> int& { return value; })), int&>);
  }
  EXPECT_EQ(backend.row("run")["error"], "std::out_of_range: 17");
  EXPECT_EQ(backend.row("run with span")["error"], "int");
  EXPECT_EQ(backend.row("run with span")["output"], "so far");
  EXPECT_FALSE(backend.row("fine").contains("error"));
}

TEST(Span, RunWorksOnANoOpSpan) {
  Span span;
  EXPECT_THROW(span.run([] { throw std::runtime_error("x"); }), std::runtime_error);
  EXPECT_EQ(span.run([] { return 1; }), 1);
}

// --- ends

TEST(Span, EndsOnce) {
  Wire wire;
  {
    auto span = wire.logger.start_span("once");
    span.end(1700000001.0);
    span.end(1700000009.0);
    span.end();
  }
  const auto rows = wire.rows();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0]["metrics"]["end"], 1700000001.0);
}

TEST(Span, IsANoOpAfterItWasMovedFrom) {
  Wire wire;
  {
    auto first = wire.logger.start_span("moved");
    Span second = std::move(first);
    EXPECT_FALSE(first);  // NOLINT: that is the point
    first.log({.input = "lost"});
    first.end();
    second.log({.input = "kept"});
    second = wire.logger.start_span("next");  // ends the one it held
    EXPECT_EQ(current_span().id(), second.id());
  }
  const auto rows = wire.rows();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0]["input"], "kept");
  // The next one was started while the first was open.
  EXPECT_EQ(rows[1]["span_parents"], Row::array({rows[0]["span_id"]}));
}

TEST(Span, IsANoOpWithoutALoggerAndWritesNoJson) {
  { Backend backend; }
  int count = 0;
  {
    auto span = start_span("nothing", {.input = Counted{&count}, .metadata = {{"x", Counted{&count}}}});
    EXPECT_FALSE(span);
    span.log({.input = Counted{&count}, .metadata = {{"x", Counted{&count}}}});
    current_span().log({.output = Counted{&count}});
    Logger().start_span("no logger", {.input = Counted{&count}}).log({.output = Counted{&count}});
    EXPECT_EQ(span.id(), "");
    EXPECT_EQ(span.export_slug(), "");
    EXPECT_EQ(span.link(), "https://www.braintrust.dev/noop-span");
  }
  EXPECT_EQ(count, 0);
  Backend backend;
  backend.logger().start_span("something").log({.input = Counted{&count}});
  EXPECT_EQ(count, 1);
}

TEST(Span, TakesWhatIsLoggedAfterItsEnd) {
  Backend backend;
  {
    auto span = backend.logger().start_span("ended", {.input = "i"});
    span.end();
    span.log({.output = "after", .metadata = {{"late", true}}});
    span.set_attributes("renamed");
  }
  Row row = backend.only();
  EXPECT_EQ(row["input"], "i");
  EXPECT_EQ(row["output"], "after");
  EXPECT_EQ(row["metadata"]["late"], true);
  EXPECT_EQ(row["span_attributes"]["name"], "renamed");
  EXPECT_TRUE(row["span_attributes"].contains("exec_counter"));
}

TEST(Span, TakesWhatIsLoggedThroughAHandleLongAfterItsEnd) {
  Backend backend;
  SpanHandle handle;
  {
    auto span = backend.logger().start_span("ended");
    handle = span.handle();
  }
  ASSERT_EQ(backend.rows().size(), 1U);
  {
    auto other = backend.logger().start_span("takes the same memory");
    handle.log({.output = "after"});
  }
  EXPECT_EQ(backend.row("ended")["output"], "after");
  EXPECT_FALSE(backend.row("takes the same memory").contains("output"));
}

// A thread's rows are collected together, so whichever thread comes first must not decide.
TEST(Span, TakesWhatAnotherThreadLogsAfterItsEnd) {
  Backend backend({.flush_interval = std::chrono::seconds(5)});
  constexpr int rounds = 50;
  std::vector<SpanHandle> handles;
  const auto end_one = [&](const char* name) {
    auto span = backend.logger().start_span(name, {.set_current = false});
    handles.push_back(span.handle());
  };
  for (int i = 0; i < rounds; ++i) end_one("ended here");
  std::thread([&] {
    for (const SpanHandle& handle : handles) handle.log({.output = "from there"});
    for (int i = 0; i < rounds; ++i) end_one("ended there");
  }).join();
  for (int i = 0; i < rounds; ++i) handles[static_cast<std::size_t>(rounds + i)].log({.output = "from here"});
  for (const Row& row : backend.rows()) {
    ASSERT_EQ(row.value("output", ""), test::name_of(row) == "ended here" ? "from there" : "from here") << row;
    ASSERT_TRUE(row.contains("created"));
  }
}

TEST(Span, MayEndOnAnotherThread) {
  Backend backend;
  auto span = backend.logger().start_span("travels");
  std::thread([moved = std::move(span)]() mutable {
    moved.log({.output = "there"});
    moved.end();
  }).join();
  EXPECT_FALSE(current_span());
  { auto next = start_span("next"); }
  EXPECT_EQ(backend.row("travels")["output"], "there");
  EXPECT_FALSE(backend.row("next").contains("span_parents"));
  EXPECT_FALSE(backend.row("travels").contains("error"));
}

TEST(Span, IsCurrentOnItsOwnThreadOnly) {
  Backend backend;
  auto span = backend.logger().start_span("here");
  std::thread([&] {
    EXPECT_FALSE(current_span());
    auto other = backend.logger().start_span("there");
  }).join();
  span.end();
  EXPECT_FALSE(backend.row("there").contains("span_parents"));
}

TEST(Span, IsLoggedToByManyThreadsAtOnce) {
  Backend backend;
  {
    auto span = backend.logger().start_span("busy");
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([handle = span.handle(), t] {
        for (int i = 0; i < 100; ++i) handle.log({.metadata = {{std::to_string(t * 100 + i), i}}});
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_EQ(backend.row("busy")["metadata"].size(), 400U);
}

TEST(Span, GivesItsMemoryBackWhereverItEnds) {
  Backend backend;
  const auto slots = [] {
    std::size_t count = 0;
    detail::for_each_slot([](detail::SpanSlot&, void* n) { ++*static_cast<std::size_t*>(n); }, &count);
    return count;
  };
  const std::size_t before = slots();
  constexpr int rounds = 40, spans = 50;
  for (int i = 0; i < rounds; ++i) {
    std::vector<Span> started;
    for (int s = 0; s < spans; ++s) started.push_back(backend.logger().start_span("travels", {.set_current = false}));
    std::thread([moved = std::move(started)] {}).join();
  }
  EXPECT_LT(slots() - before, 200U) << "the memory of threads that ended";

  const std::size_t before_many = slots();
  for (int i = 0; i < 100; ++i) std::thread([&] { backend.logger().start_span("once", {.set_current = false}).end(); }).join();
  EXPECT_LT(slots() - before_many, 100U) << "of threads that started and ended one span each";

  // One thread starts, another that lives on ends.
  std::vector<Span> shared;
  std::mutex mutex;
  std::condition_variable changed;
  bool over = false;
  std::thread ender([&] {
    std::unique_lock lock(mutex);
    while (!over) {
      changed.wait(lock, [&] { return over || !shared.empty(); });
      shared.clear();
      changed.notify_all();
    }
  });
  for (int i = 0; i < rounds; ++i) {
    std::vector<Span> started;
    for (int s = 0; s < spans; ++s) started.push_back(backend.logger().start_span("travels", {.set_current = false}));
    std::unique_lock lock(mutex);
    shared = std::move(started);
    changed.notify_all();
    changed.wait(lock, [&] { return shared.empty(); });
  }
  {
    const std::lock_guard lock(mutex);
    over = true;
    changed.notify_all();
  }
  ender.join();
  EXPECT_LT(slots() - before, 600U) << "the memory of a thread that only ends spans";
}

// --- loggers

TEST(Span, OutlivesItsLogger) {
  Backend second({.set_current = false});
  Span orphan, late;
  {
    Backend first;
    orphan = first.logger().start_span("orphan");
  }
  orphan.log({.output = 1});
  orphan.end();
  orphan = {};
  EXPECT_EQ(second.rows().size(), 0U);
}

TEST(Logger, SendsToItsOwnProject) {
  Wire wire({.project = "one"});
  Logger other = init_logger({.project = "two", .api_key = "sk-test-key", .app_url = wire.server.url(), .set_current = false});
  { auto span = wire.logger.start_span("first"); }
  { auto span = other.start_span("second"); }
  other.flush(test::long_enough);
  const auto rows = wire.rows();
  EXPECT_EQ(test::only_row(rows, "first")["project_id"], "id of one");
  EXPECT_EQ(test::only_row(rows, "second")["project_id"], "id of two");
  other.shutdown(test::long_enough);
}

TEST(Logger, HasAProjectOfItsOwnThoughAnotherHasOneOfThatName) {
  Wire one({.project = "same"}), two({.project = "same", .set_current = false});
  two.server.on("/api/project/register", {{.body = R"({"project":{"id":"another"}})"}});
  one.logger.start_span("first").end();
  EXPECT_EQ(test::only_row(one.rows(), "first")["project_id"], "id of same");
  two.logger.start_span("second").end();
  EXPECT_EQ(test::only_row(two.rows(), "second")["project_id"], "another");
}

TEST(Logger, LogsATraceOfOneRow) {
  Backend backend;
  std::string id;
  {
    auto current = backend.logger().start_span("current");
    id = backend.logger().log({.input = "question", .output = "answer"});
    EXPECT_EQ(current_span().id(), current.id());
  }
  for (const Row& row : backend.rows()) {
    if (row["id"] != id) continue;
    EXPECT_EQ(row["input"], "question");
    EXPECT_EQ(row["output"], "answer");
    EXPECT_FALSE(row.contains("span_parents"));
    EXPECT_EQ(row["span_attributes"]["name"], "root");
    EXPECT_THAT(row["context"]["caller_filename"].get<std::string>(), testing::EndsWith("span_test.cpp"));
    return;
  }
  FAIL() << "no row " << id;
}

TEST(Logger, WaitsForItsOpenSpansWhenItsLastHandleIsGone) {
  Backend second({.set_current = false});
  Span open;
  {
    Logger first = init_logger({.project = "first", .api_key = "local", .app_url = second.url()});
    open = first.start_span("open");
  }
  // Another becomes the current one: nobody has a handle to the first now.
  Logger third = init_logger({.project = "third", .api_key = "local", .app_url = second.url()});
  // It is shown after a second: the thread that sends it goes on.
  EXPECT_TRUE(test::eventually([&] { return second.stored_rows().size() == 1; }));
  open.log({.output = "arrives"});
  open.end();
  EXPECT_TRUE(test::eventually([&] {
    const auto rows = second.stored_rows();
    return rows.size() == 1 && rows[0].value("output", "") == "arrives";
  }));
  third.shutdown(test::long_enough);
}

#if defined(__linux__)
TEST(Logger, EndsItsThreadWhenItsLastHandleIsGone) {
  const auto threads = [] {
    int count = 0;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
      std::string name;
      std::getline(std::ifstream(task.path() / "comm"), name);
      count += name == "braintrust" ? 1 : 0;
    }
    return count;
  };
  Wire wire;
  ASSERT_TRUE(test::eventually([&] { return threads() == 0; })) << "of loggers of other tests";
  {
    Logger logger = init_logger({.project = "p", .api_key = "sk-test-key", .app_url = wire.server.url(), .set_current = false});
    logger.start_span("row").end();
    EXPECT_EQ(threads(), 1);
  }
  EXPECT_TRUE(test::eventually([&] { return threads() == 0; }));
}
#endif

TEST(Logger, CurrentIsTheLastThatWasMade) {
  Backend first, second;
  { auto span = start_span("whose"); }
  EXPECT_EQ(first.rows().size(), 0U);
  EXPECT_EQ(second.rows().size(), 1U);
  EXPECT_TRUE(current_logger());
}

TEST(Logger, DropsAndCountsWhatIsLoggedAfterShutdown) {
  Backend backend;
  Logger& logger = backend.logger();
  { auto span = logger.start_span("before"); }
  EXPECT_TRUE(logger.shutdown(test::long_enough).complete());
  { auto span = logger.start_span("after"); }
  logger.log_feedback({.id = "r", .comment = "late"});
  EXPECT_EQ(logger.stats().dropped.closed, 2U);
  EXPECT_EQ(logger.stats().sent_rows, 1U);
  EXPECT_EQ(logger.stats().queued_rows, 0U);
  EXPECT_EQ(backend.stored_rows().size(), 1U);
}

TEST(Logger, SendsOpenSpansAtShutdownAsTheyStand) {
  Backend backend;
  auto open = backend.logger().start_span("open", {.input = "i"});
  EXPECT_TRUE(backend.logger().shutdown(test::long_enough).complete());
  const auto rows = backend.stored_rows();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0]["input"], "i");
  EXPECT_FALSE(rows[0]["metrics"].contains("end"));
}

TEST(Logger, SendsNoOpenSpansOfAnotherLogger) {
  Wire one, two({.set_current = false});
  auto first = one.logger.start_span("first");
  auto second = two.logger.start_span("second", {.set_current = false});
  one.logger.shutdown(test::long_enough);
  const auto rows = test::rows_of(one.server);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(test::name_of(rows[0]), "first");
}

TEST(Logger, MayBeShutDownByManyThreadsAtOnce) {
  for (int round = 0; round < 10; ++round) {
    Backend backend;
    { auto span = backend.logger().start_span("row"); }
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) threads.emplace_back([&] { backend.logger().shutdown(test::long_enough); });
    for (std::thread& thread : threads) thread.join();
    ASSERT_EQ(backend.stored_rows().size(), 1U);
  }
}

TEST(Logger, TakesDeadlinesOfAnyLength) {
  Backend backend;
  { auto span = backend.logger().start_span("row"); }
  EXPECT_TRUE(backend.logger().flush(std::chrono::milliseconds::max()).complete());
  EXPECT_EQ(backend.stored_rows().size(), 1U);
  backend.logger().flush(std::chrono::milliseconds::min());
  backend.logger().shutdown(std::chrono::milliseconds::max());
}

// A case of INST 3.12 to 3.20.
struct Place {
  Variables::Values variables;
  const char* type;
  const char* name;
};

TEST(SpanOrigin, NamesTheEnvironmentItRunsIn) {
  Variables::Values none;
  for (const char* const name : {"GITHUB_ACTIONS",
                                 "GITLAB_CI",
                                 "CIRCLECI",
                                 "BUILDKITE",
                                 "JENKINS_URL",
                                 "JENKINS_HOME",
                                 "TF_BUILD",
                                 "TEAMCITY_VERSION",
                                 "TRAVIS",
                                 "BITBUCKET_BUILD_NUMBER",
                                 "CI",
                                 "VERCEL",
                                 "NETLIFY",
                                 "ECS_CONTAINER_METADATA_URI",
                                 "ECS_CONTAINER_METADATA_URI_V4",
                                 "AWS_EXECUTION_ENV",
                                 "AWS_LAMBDA_FUNCTION_NAME",
                                 "K_SERVICE",
                                 "FUNCTION_TARGET",
                                 "KUBERNETES_SERVICE_HOST",
                                 "DYNO",
                                 "FLY_APP_NAME",
                                 "RAILWAY_ENVIRONMENT",
                                 "RENDER_SERVICE_NAME",
                                 "NODE_ENV",
                                 "RAILS_ENV",
                                 "RACK_ENV",
                                 "ASPNETCORE_ENVIRONMENT",
                                 "DOTNET_ENVIRONMENT",
                                 "BRAINTRUST_ENVIRONMENT_TYPE",
                                 "BRAINTRUST_ENVIRONMENT_NAME"}) {
    none[name] = std::nullopt;
  }
  const Variables cleared(none);
  const std::vector<Place> places = {
      {{}, nullptr, nullptr},
      {{{"GITHUB_ACTIONS", "true"}, {"CI", "true"}}, "ci", "github_actions"},
      {{{"GITLAB_CI", "true"}}, "ci", "gitlab_ci"},
      {{{"CIRCLECI", "true"}}, "ci", "circleci"},
      {{{"BUILDKITE", "true"}}, "ci", "buildkite"},
      {{{"JENKINS_URL", "http://j"}}, "ci", "jenkins"},
      {{{"JENKINS_HOME", "/j"}}, "ci", "jenkins"},
      {{{"TF_BUILD", "True"}}, "ci", "azure_pipelines"},
      {{{"TEAMCITY_VERSION", "2"}}, "ci", "teamcity"},
      {{{"TRAVIS", "true"}}, "ci", "travis"},
      {{{"BITBUCKET_BUILD_NUMBER", "3"}}, "ci", "bitbucket"},
      {{{"CI", "1"}}, "ci", "ci"},
      {{{"CI", "false"}}, nullptr, nullptr},
      {{{"CI", " "}}, nullptr, nullptr},
      {{{"CI", "1"}, {"VERCEL", "1"}}, "ci", "ci"},
      {{{"VERCEL", "1"}}, "server", "vercel"},
      {{{"NETLIFY", "true"}}, "server", "netlify"},
      {{{"ECS_CONTAINER_METADATA_URI", "http://e"}}, "server", "ecs"},
      {{{"ECS_CONTAINER_METADATA_URI_V4", "http://e"}, {"AWS_LAMBDA_FUNCTION_NAME", "f"}}, "server", "ecs"},
      {{{"AWS_EXECUTION_ENV", "AWS_ECS_FARGATE"}}, "server", "ecs"},
      {{{"AWS_EXECUTION_ENV", "AWS_Lambda_provided"}}, "server", "aws_lambda"},
      {{{"AWS_LAMBDA_FUNCTION_NAME", "f"}}, "server", "aws_lambda"},
      {{{"AWS_EXECUTION_ENV", "CloudShell"}}, nullptr, nullptr},
      {{{"K_SERVICE", "s"}}, "server", "cloud_run"},
      {{{"FUNCTION_TARGET", "f"}}, "server", "gcp_functions"},
      {{{"KUBERNETES_SERVICE_HOST", "10.0.0.1"}, {"NODE_ENV", "development"}}, "server", "kubernetes"},
      {{{"DYNO", "web.1"}}, "server", "heroku"},
      {{{"FLY_APP_NAME", "a"}}, "server", "fly"},
      {{{"RAILWAY_ENVIRONMENT", "production"}}, "server", "railway"},
      {{{"RENDER_SERVICE_NAME", "s"}}, "server", "render"},
      {{{"NODE_ENV", "production"}}, "server", "production"},
      {{{"RAILS_ENV", "Staging"}}, "server", "staging"},
      {{{"RACK_ENV", "dev"}}, "local", "dev"},
      {{{"ASPNETCORE_ENVIRONMENT", "Development"}}, "local", "development"},
      {{{"DOTNET_ENVIRONMENT", "local"}}, "local", "local"},
      {{{"NODE_ENV", "test"}}, nullptr, nullptr},
      {{{"NODE_ENV", "banana"}, {"RACK_ENV", "prod"}}, "server", "prod"},
      {{{"GITHUB_ACTIONS", "true"}, {"BRAINTRUST_ENVIRONMENT_TYPE", "edge"}}, "edge", nullptr},
      {{{"GITHUB_ACTIONS", "true"}, {"BRAINTRUST_ENVIRONMENT_NAME", "mine"}}, nullptr, "mine"},
  };
  for (const Place& place : places) {
    const Variables variables(place.variables);
    Backend backend;
    { auto span = backend.logger().start_span("origin"); }
    Row origin = backend.row("origin")["context"]["span_origin"];
    Row expected = Row::object();
    if (place.type != nullptr) expected["type"] = place.type;
    if (place.name != nullptr) expected["name"] = place.name;
    EXPECT_EQ(origin.value("environment", Row::object()), expected) << testing::PrintToString(place.variables);
  }
  const Variables github(Variables::Values{{"GITHUB_ACTIONS", "true"}});
  {
    Backend backend({.environment = {.type = "mine"}});
    { auto span = backend.logger().start_span("origin"); }
    EXPECT_EQ(backend.row("origin")["context"]["span_origin"]["environment"], (Row{{"type", "mine"}}));
  }
  {
    Backend backend({.environment = {.detect = false}});
    { auto span = backend.logger().start_span("origin"); }
    EXPECT_FALSE(backend.row("origin")["context"]["span_origin"].contains("environment"));
  }
}

}  // namespace
}  // namespace braintrust
