// One trace across processes: what is sent, what is made of it, and every kind of carrier. Numbers are those of INST.

#include <braintrust/trace/propagation.h>

#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <curl/curl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <braintrust/trace/context.h>

#include "core/base64.h"
#include "support/told.h"
#include "trace/backend.h"
#include "trace/logger_core.h"

namespace braintrust {
namespace {

using test::only_row;
using test::Row;
using test::Told;
using test::Variables;
using test::Wire;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

using Headers = std::map<std::string, std::string>;

const std::string trace = "00112233445566778899aabbccddeeff", caller = "0123456789abcdef";
const std::string traceparent = "00-" + trace + "-" + caller + "-01";
// Of PROTO 7.1: a span of an older SDK, with UUIDs; and one of this day.
constexpr const char* slug_of_uuids =
    "AwIEAREREREiIjMzRERVVVVVVVUCqqqqqru7TMyN3e7u7u7u7gOqqqqqu7tMzI3d7u7u7u7uBKqqqqq7u0zMjd3u7u7u7u4=";
constexpr const char* slug_of_an_experiment = "AwEBAREREREiIjMzRERVVVVVVVU=";
constexpr const char* experiment = "11111111-2222-3333-4444-555555555555";

Headers injected(const Span& span, Headers headers = {}) {
  span.inject(headers);
  return headers;
}
TraceContext received(const std::string& baggage = {}) {
  return extract_trace_context(Headers{{"traceparent", traceparent}, {"baggage", baggage}});
}

// --- inject

// 19.30
TEST(Inject, WritesATraceparentWithTheSpansIds) {
  Wire wire;
  auto span = wire.logger.start_span("caller");
  Headers headers;
  inject_trace_context(headers);
  EXPECT_THAT(headers["traceparent"], MatchesRegex("00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"));
  EXPECT_EQ(headers["traceparent"], "00-" + to_string(span.trace_id()) + "-" + to_string(span.span_id()) + "-01");
  EXPECT_EQ(injected(span), headers);
  Headers by_handle;
  current_span().inject(by_handle);
  EXPECT_EQ(by_handle, headers);
}

TEST(Inject, OfAGivenSpanDoesNotTakeTheCurrentOne) {
  Wire wire;
  auto outer = wire.logger.start_span("outer");
  auto inner = wire.logger.start_span("inner");
  EXPECT_THAT(injected(outer)["traceparent"], HasSubstr(to_string(outer.span_id())));
  Headers headers;
  inject_trace_context(headers);
  EXPECT_THAT(headers["traceparent"], HasSubstr(to_string(inner.span_id())));
}

// 19.31, 19.34
TEST(Inject, NamesTheContainerAndKeepsForeignMembersByteForByte) {
  Wire wire;
  auto span = wire.logger.start_span("caller");
  EXPECT_EQ(injected(span)["baggage"], "braintrust.parent=project_name:p");
  EXPECT_EQ(injected(span, {{"baggage", "x=1%2F2,y;p"}})["baggage"], "braintrust.parent=project_name:p,x=1%2F2,y;p");
}

TEST(Inject, NamesAProjectByItsIdOnceThatIsKnown) {
  Wire wire;
  { auto first = wire.logger.start_span("first"); }
  wire.rows();
  auto span = wire.logger.start_span("caller");
  EXPECT_EQ(injected(span)["baggage"], "braintrust.parent=project_id:id%20of%20p");
}

TEST(Inject, NamesAnExperimentAlsoFromWithin) {
  Wire wire;
  auto span = wire.logger.start_span("row", {.parent = slug_of_an_experiment});
  auto child = start_span("child");
  EXPECT_EQ(injected(child)["baggage"], "braintrust.parent=experiment_id:" + std::string(experiment));
}

// 19.9
TEST(Inject, WithoutAKnownContainerSendsTheTraceAlone) {
  const Variables none({{"BRAINTRUST_PROJECT", {}}, {"BRAINTRUST_DEFAULT_PROJECT", {}}, {"BRAINTRUST_PROJECT_ID", {}}});
  Logger logger = init_logger({.api_key = "k", .app_url = "http://127.0.0.1:" + std::to_string(test::free_port())});
  {
    auto span = logger.start_span("caller");
    EXPECT_EQ(injected(span).size(), 1U);
    EXPECT_EQ(injected(span, {{"baggage", "x=1,braintrust.parent=project_id:of-another"}})["baggage"], "x=1");
    EXPECT_EQ(injected(span, {{"baggage", "braintrust.parent=project_id:of-another"}}).count("baggage"), 0U);
  }
  logger.shutdown(std::chrono::milliseconds(0));
}

// 19.32
TEST(Inject, LeavesOneLowerCaseKeyOfEachNameAndLosesNoForeignMember) {
  Wire wire;
  auto span = wire.logger.start_span("caller");
  const Headers headers = injected(span, {{"Traceparent", traceparent},
                                          {"TRACEPARENT", traceparent},
                                          {"traceparent", traceparent},
                                          {"Baggage", "x=1"},
                                          {"BAGGAGE", "braintrust.parent=project_id:old"},
                                          {"baggage", "y=2"},
                                          {"TraceState", "of=another"},
                                          {"X-Mine", "stays"}});
  EXPECT_EQ(headers, (Headers{{"traceparent", injected(span)["traceparent"]},
                              {"baggage", "braintrust.parent=project_name:p,x=1,y=2"},
                              {"X-Mine", "stays"}}));
}

// 19.10
TEST(Inject, OfATraceOfUuidsLeavesTheCarrierAsItIs) {
  Wire wire;
  auto span = wire.logger.start_span("child", {.parent = slug_of_uuids});
  auto child = start_span("grandchild");
  const Headers before = {{"Traceparent", "x"}, {"baggage", "y=2"}};
  EXPECT_EQ(injected(span, before), before);
  EXPECT_EQ(injected(child, before), before);
}

TEST(Inject, WithoutASpanLeavesTheCarrierAsItIs) {
  Wire wire;
  Headers headers = {{"Traceparent", "x"}};
  inject_trace_context(headers);
  Span().inject(headers);
  SpanHandle().inject(headers);
  EXPECT_EQ(headers, (Headers{{"Traceparent", "x"}}));
}

// --- extract

// 19.35
TEST(Extract, OfATraceparentAndAContainerGivesAChildThere) {
  Wire wire;
  const struct {
    const char *container, *field, *id;
  } cases[] = {{"project_name:other", "project_id", "id of other"},
               {"project_id:1234", "project_id", "1234"},
               {"experiment_id:5678", "experiment_id", "5678"},
               {"project_name:p", "project_id", "id of p"}};
  for (const auto& [container, field, id] : cases) {
    const TraceContext context = received("braintrust.parent=" + std::string(container));
    EXPECT_EQ(to_string(context.trace_id()), trace);
    EXPECT_EQ(to_string(context.span_id()), caller);
    { auto span = wire.logger.start_span(std::string("on a logger: ") + container, {.parent = context}); }
    { auto span = start_span(container, {.parent = context}); }
    const auto rows = wire.rows();
    for (const std::string& name : {std::string(container), std::string("on a logger: ") + container}) {
      Row row = only_row(rows, name);
      EXPECT_EQ(row["root_span_id"], trace);
      EXPECT_EQ(row["span_parents"], Row::array({caller}));
      EXPECT_NE(row["span_id"], caller);
      EXPECT_EQ(row[field], id) << row;
    }
  }
}

TEST(Extract, GivesDescendantsTheSameTraceAndPlace) {
  Wire wire;
  {
    auto span = wire.logger.start_span("handler", {.parent = received("braintrust.parent=experiment_id:5678")});
    auto child = start_span("child");
  }
  Row row = only_row(wire.rows(), "child");
  EXPECT_EQ(row["root_span_id"], trace);
  EXPECT_EQ(row["experiment_id"], "5678");
}

// 19.36
TEST(Extract, OfATraceparentAloneStaysWithTheActiveLogger) {
  Wire wire;
  { auto span = start_span("handler", {.parent = received()}); }
  { auto span = wire.logger.start_span("on the logger", {.parent = received()}); }
  {
    auto row = wire.logger.start_span("row", {.parent = slug_of_an_experiment});
    auto span = start_span("in an experiment", {.parent = received()});
  }
  const auto rows = wire.rows();
  for (const char* const name : {"handler", "on the logger", "in an experiment"}) {
    EXPECT_EQ(only_row(rows, name)["root_span_id"], trace);
    EXPECT_EQ(only_row(rows, name)["span_parents"], Row::array({caller}));
  }
  EXPECT_EQ(only_row(rows, "handler")["project_id"], "id of p");
  EXPECT_EQ(only_row(rows, "on the logger")["project_id"], "id of p");
  EXPECT_EQ(only_row(rows, "in an experiment")["experiment_id"], experiment);
}

// 19.37, 19.15
TEST(Extract, OfNothingBeginsATraceEvenInsideAnotherSpan) {
  Wire wire;
  const TraceContext context =
      extract_trace_context(Headers{{"baggage", "braintrust.parent=project_name:other"}, {"tracestate", "a=b"}});
  EXPECT_FALSE(context);
  EXPECT_FALSE(context.trace_id());
  {
    auto outer = wire.logger.start_span("outer");
    auto span = start_span("handler", {.parent = context});
    EXPECT_NE(span.trace_id(), outer.trace_id());
    EXPECT_EQ(injected(span).count("tracestate"), 0U);
    auto child = start_span("child");
    EXPECT_EQ(child.trace_id(), span.trace_id());
  }
  const auto rows = wire.rows();
  EXPECT_FALSE(only_row(rows, "handler").contains("span_parents"));
  EXPECT_EQ(only_row(rows, "handler")["span_attributes"]["type"], "task");
  EXPECT_EQ(only_row(rows, "handler")["project_id"], "id of p") << "a container without a trace is ignored";
}

// 19.38
TEST(Extract, OfAMalformedTraceparentBeginsATrace) {
  Wire wire;
  int number = 0;
  for (const std::string& text : {"ff-" + trace + "-" + caller + "-01", "00-" + trace + "-" + caller,
                                  "00-" + trace + "-" + caller + "-01-x", "00-" + std::string(32, '0') + "-" + caller + "-01",
                                  "00-" + trace + "-" + std::string(16, '0') + "-01", traceparent + "," + traceparent}) {
    const TraceContext context =
        extract_trace_context(Headers{{"traceparent", text}, {"baggage", "braintrust.parent=project_name:other"}});
    EXPECT_FALSE(context) << text;
    const std::string name = "handler " + std::to_string(++number);
    { auto span = wire.logger.start_span(name, {.parent = context}); }
    Row row = only_row(wire.rows(), name);
    EXPECT_FALSE(row.contains("span_parents"));
    EXPECT_NE(row["root_span_id"], trace);
    EXPECT_EQ(row["project_id"], "id of p");
  }
}

TEST(Extract, OfTwoTraceparentsIsNoParent) {
  EXPECT_FALSE(extract_trace_context(
      std::multimap<std::string, std::string>{{"traceparent", traceparent}, {"traceparent", traceparent}}));
  EXPECT_TRUE(extract_trace_context(Headers{{"Traceparent", "spoilt"}, {"traceparent", traceparent}}))
      << "lower case counts first";
}

// 19.39
TEST(Extract, FindsNamesInAnyCase) {
  Wire wire;
  for (const auto& [first, second, third] :
       {std::tuple("Traceparent", "Baggage", "Tracestate"), std::tuple("TRACEPARENT", "BAGGAGE", "TRACESTATE"),
        std::tuple("traceParent", "bAggage", "traceState")}) {
    const TraceContext context =
        extract_trace_context(Headers{{first, traceparent}, {second, "braintrust.parent=project_name:other"}, {third, "a=b"}});
    EXPECT_EQ(to_string(context.trace_id()), trace);
    EXPECT_EQ(Parent(context).container(), "project_name:other");
    auto span = wire.logger.start_span("handler", {.parent = context});
    EXPECT_EQ(injected(span)["tracestate"], "a=b");
  }
}

// 19.40
TEST(Extract, OverlooksUnrelatedMembersAndHeaders) {
  const TraceContext context =
      extract_trace_context(Headers{{"traceparent", traceparent},
                                    {"baggage", "user=7,braintrust.parent=project_name:other;p=1,x=%zz,,="},
                                    {"traceparent2", "x"},
                                    {"", ""},
                                    {"x-bt-parent", "project_id:no"}});
  EXPECT_EQ(Parent(context).container(), "project_name:other");
}

// 19.41, 19.11, 19.18
TEST(Extract, KeepsTracestateAndFlagsForEveryDescendant) {
  Wire wire;
  const std::string state = "rojo=00f067aa0ba902b7 ,congo=t61rcWkgMzE";
  const TraceContext context =
      extract_trace_context(Headers{{"traceparent", "00-" + trace + "-" + caller + "-00"}, {"tracestate", state}});
  const auto check = [&](const Span& span) {
    Headers headers = injected(span, {{"tracestate", "of=another"}});
    EXPECT_EQ(headers["tracestate"], state);
    EXPECT_EQ(headers["traceparent"], "00-" + trace + "-" + to_string(span.span_id()) + "-00");
  };
  auto span = wire.logger.start_span("handler", {.parent = context});
  check(span);
  auto child = start_span("child");
  check(child);
  auto propagating = start_span("with something of its own", {.propagated = {{"metadata", {{"k", 1}}}}});
  check(propagating);
  auto grandchild = start_span("grandchild");
  check(grandchild);
  check(start_span("of a handle", {.parent = span.handle()}));
  bind_context([&] { check(start_span("elsewhere")); })();
  EXPECT_EQ(injected(wire.logger.start_span("of a slug", {.parent = span.export_slug()})).count("tracestate"), 0U)
      << "a slug has no place for it";
}

TEST(Extract, WithoutTracestateSendsNone) {
  Wire wire;
  auto span = wire.logger.start_span("handler", {.parent = received()});
  auto child = start_span("child");
  EXPECT_EQ(injected(child).count("tracestate"), 0U);
  EXPECT_EQ(injected(child, {{"tracestate", "stale"}}).count("tracestate"), 0U);
  EXPECT_EQ(injected(child)["traceparent"], "00-" + trace + "-" + to_string(child.span_id()) + "-01");
}

TEST(Extract, NeverSendsOnWhatWouldBreakAHeader) {
  Wire wire;
  const TraceContext context =
      extract_trace_context(Headers{{"traceparent", traceparent}, {"tracestate", "a=b\r\nX-Injected: 1"}});
  auto span = wire.logger.start_span("handler", {.parent = context});
  EXPECT_EQ(to_string(span.trace_id()), trace);
  EXPECT_EQ(injected(span).count("tracestate"), 0U);
}

// 19.42, 19.33
TEST(Extract, OfWhatWasInjectedGivesTheSameBack) {
  for (const std::string project : {"p", "\"quoted\" \\ , ; = \t\n % é 🚀 a+b", "日本語"}) {
    Wire wire({.project = project});
    Headers headers;
    TraceId id;
    {
      auto span = wire.logger.start_span("caller");
      id = span.trace_id();
      span.inject(headers);
    }
    const TraceContext context = extract_trace_context(headers);
    EXPECT_EQ(context.trace_id(), id);
    EXPECT_EQ(Parent(context).container(), "project_name:" + project);
    { auto span = start_span("handler", {.parent = context}); }
    const auto rows = wire.rows();
    Row one = only_row(rows, "caller"), other = only_row(rows, "handler");
    EXPECT_EQ(other["span_parents"], Row::array({one["span_id"]}));
    EXPECT_EQ(other["root_span_id"], one["root_span_id"]);
    EXPECT_EQ(other["project_id"], one["project_id"]);
    EXPECT_EQ(other["project_id"], "id of " + project);
  }
}

// 19.43, 19.22
TEST(Extract, OfAnUnknownKindOfContainerStillRecordsTheSpan) {
  Wire wire;
  { auto span = wire.logger.start_span("handler", {.parent = received("braintrust.parent=playground_id:x")}); }
  Row row = only_row(wire.rows(), "handler");
  EXPECT_EQ(row["root_span_id"], trace);
  EXPECT_EQ(row["project_id"], "id of p");
}

// 19.44, 19.25
TEST(Extract, OfOversizedOrInvalidBaggageKeepsTheTrace) {
  for (const std::string& baggage : {std::string(100'000, ','), std::string(100'000, 'x'), std::string("\0\xFF\x80=;,%", 8),
                                     "braintrust.parent=project_name:" + std::string(9'000, 'x'),
                                     std::string("braintrust.parent=%"), std::string("braintrust.parent=project_name:%FF")}) {
    const TraceContext context = received(baggage);
    EXPECT_EQ(to_string(context.trace_id()), trace);
    EXPECT_EQ(to_string(context.span_id()), caller);
    EXPECT_EQ(Parent(context).container(), "");
  }
}

TEST(Extract, CanBeKeptAndUsedForSeveralSpans) {
  Wire wire;
  SpanOptions options;
  {
    TraceContext context = extract_trace_context(
        Headers{{"traceparent", traceparent}, {"tracestate", "a=b"}, {"baggage", "braintrust.parent=project_id:x"}});
    TraceContext copy = context;
    context = TraceContext();
    EXPECT_FALSE(context);
    options.parent = std::move(copy);
  }
  for (const char* const name : {"one", "two"}) {
    auto span = wire.logger.start_span(name, options);
    EXPECT_EQ(injected(span)["tracestate"], "a=b");
  }
  const auto rows = wire.rows();
  EXPECT_EQ(only_row(rows, "one")["span_parents"], only_row(rows, "two")["span_parents"]);
}

TEST(Extract, IsNothingToTraceToWithoutALogger) {
  const TraceContext context = received();
  EXPECT_TRUE(context);
  EXPECT_FALSE(start_span("handler", {.parent = context}));
  EXPECT_FALSE(Logger().start_span("handler", {.parent = context}));
}

TEST(Extract, GoesToTheLoggerThatIsAsked) {
  Wire first, second;  // the second is the current one
  { auto span = first.logger.start_span("on the first", {.parent = received()}); }
  {
    auto outer = first.logger.start_span("outer");
    auto span = start_span("inside the first", {.parent = received()});
  }
  { auto span = start_span("on the current", {.parent = received()}); }
  EXPECT_EQ(first.rows().size(), 3U);
  EXPECT_EQ(only_row(second.rows(), "on the current")["root_span_id"], trace);
}

// --- ids and slugs

// 19.50
TEST(Ids, AreHexAndExportedAsSuch) {
  Wire wire;
  auto span = wire.logger.start_span("root");
  EXPECT_THAT(to_string(span.span_id()), MatchesRegex("[0-9a-f]{16}"));
  EXPECT_THAT(to_string(span.trace_id()), MatchesRegex("[0-9a-f]{32}"));
  EXPECT_EQ(to_string(span.trace_id()).find(to_string(span.span_id())), std::string::npos);
  EXPECT_EQ(base64::decode(span.export_slug())->front(), 4);
}

// 19.51: the active format is always hex
TEST(Ids, OfASlugAreHonouredWhateverTheirFormat) {
  Wire wire;
  std::string hex;
  {
    auto parent = wire.logger.start_span("parent");
    hex = parent.export_slug();
  }
  { auto child = wire.logger.start_span("child of hex", {.parent = hex}); }
  { auto child = wire.logger.start_span("child of uuids", {.parent = slug_of_uuids}); }
  const auto rows = wire.rows();
  EXPECT_EQ(only_row(rows, "child of hex")["span_parents"], Row::array({only_row(rows, "parent")["span_id"]}));
  EXPECT_EQ(only_row(rows, "child of hex")["root_span_id"], only_row(rows, "parent")["root_span_id"]);
  EXPECT_EQ(only_row(rows, "child of uuids")["root_span_id"], "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee");
  EXPECT_THAT(only_row(rows, "child of uuids")["span_id"].get<std::string>(), MatchesRegex("[0-9a-f]{16}"));
}

// 19.52
TEST(Ids, OfAReceivedTraceGoOnThroughASlug) {
  Wire wire;
  std::string slug;
  {
    auto span = wire.logger.start_span("handler", {.parent = received("braintrust.parent=project_id:x")});
    slug = span.export_slug();
  }
  { auto span = wire.logger.start_span("further", {.parent = slug}); }
  const auto rows = wire.rows();
  EXPECT_EQ(only_row(rows, "further")["root_span_id"], trace);
  EXPECT_EQ(only_row(rows, "further")["project_id"], "x");
  EXPECT_EQ(only_row(rows, "further")["span_parents"], Row::array({only_row(rows, "handler")["span_id"]}));
}

// --- carriers

struct IgnoringCase {
  bool operator()(const std::string& a, const std::string& b) const { return ::strcasecmp(a.c_str(), b.c_str()) < 0; }
};

class Carrier : public testing::Test {
 protected:
  Wire wire;
  Span span = wire.logger.start_span("caller");
  const std::string parent = injected(span)["traceparent"];
  const std::string ours = "braintrust.parent=project_name:p";

  template <class C>
  void expect_round_trip(const C& carrier) {
    const TraceContext context = extract_trace_context(carrier);
    EXPECT_EQ(context.trace_id(), span.trace_id());
    EXPECT_EQ(context.span_id(), span.span_id());
    EXPECT_EQ(Parent(context).container(), "project_name:p");
  }
};

TEST_F(Carrier, MayBeAnyMapOfTexts) {
  std::unordered_map<std::string, std::string> unordered = {{"Baggage", "x=1"}};
  inject_trace_context(unordered);
  expect_round_trip(unordered);
  EXPECT_EQ(unordered, (std::unordered_map<std::string, std::string>{{"traceparent", parent}, {"baggage", ours + ",x=1"}}));

  std::multimap<std::string, std::string, IgnoringCase> multi = {
      {"Baggage", "x=1"}, {"baggage", "y=2"}, {"Accept", "*/*"}, {"accept", "a/b"}};
  inject_trace_context(multi);
  inject_trace_context(multi);
  expect_round_trip(multi);
  EXPECT_EQ(multi.size(), 4U);
  EXPECT_EQ(multi.find("baggage")->first, "baggage");
  EXPECT_EQ(multi.find("baggage")->second, ours + ",x=1,y=2");
}

TEST_F(Carrier, MayBeASequenceOfPairs) {
  std::vector<std::pair<std::string, std::string>> pairs = {{"A", "1"}, {"Traceparent", "old"}, {"BAGGAGE", "x=1"}, {"B", "2"}};
  inject_trace_context(pairs);
  expect_round_trip(pairs);
  EXPECT_EQ(pairs, (std::vector<std::pair<std::string, std::string>>{
                       {"A", "1"}, {"B", "2"}, {"traceparent", parent}, {"baggage", ours + ",x=1"}}));
}

TEST_F(Carrier, MayBeLinesOfHeaders) {
  std::vector<std::string> lines = {"Accept: */*",      "Traceparent:old", "BAGGAGE : no header",
                                    "Baggage:\tx=1 \r", "no colon",        ""};
  inject_trace_context(lines);
  expect_round_trip(lines);
  EXPECT_EQ(lines, (std::vector<std::string>{"Accept: */*", "BAGGAGE : no header", "no colon", "", "traceparent: " + parent,
                                             "baggage: " + ours + ",x=1"}));
}

TEST_F(Carrier, MayBeALibcurlListEvenAnEmptyOne) {
  const auto lines_of = [](const curl_slist* list) {
    std::vector<std::string> lines;
    for (; list != nullptr; list = list->next) lines.emplace_back(list->data);
    return lines;
  };
  curl_slist* empty = nullptr;
  inject_trace_context(empty);
  expect_round_trip(empty);
  EXPECT_EQ(lines_of(empty), (std::vector<std::string>{"traceparent: " + parent, "baggage: " + ours}));
  inject_trace_context(empty);
  EXPECT_EQ(lines_of(empty).size(), 2U);
  curl_slist_free_all(empty);

  curl_slist* list = curl_slist_append(nullptr, "Baggage: x=1");  // goes, and the list begins elsewhere
  list = curl_slist_append(list, "Accept:");
  list = curl_slist_append(list, "TRACEPARENT: old");
  span.inject(list);
  EXPECT_EQ(lines_of(list), (std::vector<std::string>{"Accept:", "traceparent: " + parent, "baggage: " + ours + ",x=1"}));
  const curl_slist* const constant = list;
  expect_round_trip(constant);
  curl_slist_free_all(list);
}

TEST_F(Carrier, MayBeTwoFunctions) {
  Headers fields = {{"baggage", "x=1"}, {"tracestate", "stale"}};
  std::vector<std::string> removed;
  const auto get = [&](std::string_view name) {
    const auto found = fields.find(std::string(name));
    return found != fields.end() ? std::optional(found->second) : std::nullopt;
  };
  const auto set = [&](const std::string& name, std::string_view value) {
    if (value.empty()) {
      removed.push_back(name);
      fields.erase(name);
    } else {
      fields[name] = value;
    }
  };
  inject_trace_context(HeaderAccess(get, set));
  EXPECT_EQ(fields, (Headers{{"traceparent", parent}, {"baggage", ours + ",x=1"}}));
  EXPECT_EQ(removed, (std::vector<std::string>{"tracestate"}));
  expect_round_trip(get);
  expect_round_trip(HeaderAccess(get, set));
}

TEST_F(Carrier, MayBeOneFunctionThatSets) {
  Headers fields;
  inject_trace_context([&](std::string_view name, const std::string& value) { fields.emplace(name, value); });
  EXPECT_EQ(fields, (Headers{{"traceparent", parent}, {"baggage", ours}}));
  expect_round_trip(fields);
}

TEST_F(Carrier, MayBeAFunctionThatGetsTextsOfAnyKindOrNone) {
  const std::string baggage = injected(span)["baggage"];
  expect_round_trip([&](std::string_view name) {
    return name == "traceparent" ? parent : name == "baggage" ? baggage : std::string();
  });
  expect_round_trip([&](std::string_view name) {
    return std::string_view(name == "traceparent" ? parent : name == "baggage" ? baggage : std::string_view());
  });
  expect_round_trip([&](const std::string& name) {
    return name == "traceparent" ? parent.c_str() : name == "baggage" ? baggage.c_str() : nullptr;
  });
  EXPECT_FALSE(extract_trace_context([](std::string_view) -> const char* { return nullptr; }));
}

// As gRPC's client metadata is: its texts are no std::string_view and do not end with a zero.
struct StringRef {
  const char* begin_;
  std::size_t size_;
  const char* data() const { return begin_; }
  std::size_t size() const { return size_; }
  bool operator<(const StringRef& other) const {
    return std::string_view(begin_, size_) < std::string_view(other.begin_, other.size_);
  }
};

TEST_F(Carrier, MayHoldTextsThatAreOnlyViews) {
  const std::string baggage = injected(span)["baggage"] + "#not part of it", longer = parent + "#not part of it";
  const std::multimap<StringRef, StringRef> metadata = {{{"traceparent#", 11}, {longer.data(), parent.size()}},
                                                        {{"baggage#", 7}, {baggage.data(), baggage.size() - 15}}};
  expect_round_trip(metadata);
  const std::map<std::string_view, std::string_view> views = {{"traceparent", parent}, {"baggage", ours}};
  expect_round_trip(views);
  static_assert(!WritableCarrier<std::map<std::string_view, std::string_view>>, "what it points to would be gone");
  static_assert(!WritableCarrier<std::map<std::string, std::string_view>>, "and so would this");
  static_assert(!WritableCarrier<const Headers> && !WritableCarrier<int> && !ReadableCarrier<std::string>);
}

TEST_F(Carrier, ThatThrowsIsToldAndHarmsNothing) {
  Told told;
  inject_trace_context([](std::string_view, std::string_view) { throw std::runtime_error("headers are sealed"); });
  EXPECT_TRUE(told.mentions("headers are sealed"));
  EXPECT_FALSE(extract_trace_context([](std::string_view) -> std::string { throw 7; }));
  EXPECT_EQ(told.count(ErrorCode::callback_failed), 2U);
}

// It would be kept for as long as the process runs.
TEST(Containers, FromOutsideOfMoreThanAKilobyteAreAsIfAbsent) {
  Wire wire;
  for (const auto& [size, is_kept] : {std::pair<std::size_t, bool>{1024, true}, {1025, false}}) {
    std::string container = "project_name:";
    container.append(size - container.size(), 'n');
    auto span = wire.logger.start_span("handler", {.parent = received("braintrust.parent=" + container)});
    EXPECT_EQ(to_string(span.trace_id()), trace) << "the trace is kept in any case";
    EXPECT_EQ(injected(span)["baggage"] == "braintrust.parent=" + container, is_kept) << size;
  }
}

// The last one: the table it fills is the process's.
TEST(Containers, FromOutsideAreBoundedAndTheirSpansAreKept) {
  Told told;
  Logger logger =
      init_logger({.project = "p", .api_key = "k", .app_url = "http://127.0.0.1:" + std::to_string(test::free_port())});
  for (int i = 0; i < 10'000; ++i) {
    detail::intern_destination(pipeline::ObjectType::experiment, "own" + std::to_string(i), {});
  }
  const auto sent_on = [&](const std::string& name) {
    auto span = logger.start_span("handler", {.parent = received("braintrust.parent=project_id:" + name)});
    EXPECT_EQ(to_string(span.trace_id()), trace);
    return injected(span)["baggage"];
  };
  EXPECT_EQ(sent_on("n0"), "braintrust.parent=project_id:n0") << "the program's own do not count";
  for (int i = 1; i < 10'001; ++i) sent_on("n" + std::to_string(i));
  EXPECT_TRUE(told.mentions("one object too many"));
  EXPECT_EQ(told.count(ErrorCode::invalid_argument), 1U) << "not with each request";
  auto span = logger.start_span("handler", {.parent = received("braintrust.parent=project_id:n1")});
  EXPECT_EQ(injected(span)["baggage"], "braintrust.parent=project_id:n1") << "what is known stays known";
  EXPECT_EQ(sent_on("new"), "braintrust.parent=project_name:p");
  EXPECT_EQ(sent_on("newer"), "braintrust.parent=project_name:p");
  EXPECT_EQ(told.count(ErrorCode::invalid_argument), 1U);
  logger.shutdown(std::chrono::milliseconds(0));
}

}  // namespace
}  // namespace braintrust
