#include "local/tree_print.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <sstream>
#include <string>

#include <nlohmann/json.hpp>

#include "core/text_width.h"
#include "local/trace_tree.h"

namespace braintrust::local {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

json span(const std::string& id, const json& parents, double start, double end, const json& more = json::object()) {
  json made = {{"id", "row-" + id},
               {"span_id", id},
               {"root_span_id", "0123456789abcdef"},
               {"span_parents", parents},
               {"span_attributes", {{"name", id}}},
               {"metrics", {{"start", start}}}};
  if (end > 0) made["metrics"]["end"] = end;
  made.merge_patch(more);
  return made;
}

class TreePrint : public testing::Test {
 protected:
  void SetUp() override {
    ::setenv("TZ", "UTC", 1);
    ::tzset();
  }

  std::string print(const std::vector<json>& rows, const detail::Style& style = {}) {
    const auto tree = build_tree(json(rows).dump());
    return print_tree(tree, summarize(tree, "0123456789abcdef"), style);
  }

  // Without the header, and for spans that show nothing but their names: one line each.
  std::string names(const std::vector<json>& rows) {
    std::istringstream lines(print(rows));
    std::string line, all;
    std::getline(lines, line);
    while (std::getline(lines, line)) all += line.substr(0, line.find("  ", line.find_first_not_of("│├─└ "))) + "\n";
    return all;
  }
};

TEST_F(TreePrint, DrawsATrace) {
  const auto text =
      print({span("answer", nullptr, 1700000000, 1700000002.41,
                  {{"span_attributes", {{"type", "task"}}}, {"input", "Where?"}, {"output", {{"a", 1}}}, {"tags", {"x", "y"}}}),
             span("chat", {"answer"}, 1700000000.2, 1700000002.1,
                  {{"span_attributes", {{"type", "llm"}}}, {"metrics", {{"tokens", 2142}}}, {"scores", {{"good", 0.5}}}}),
             span("tool", {"chat"}, 1700000001, 1700000001.0125, {{"error", "TimeoutError: slow\n  at line 3"}}),
             span("rerank", {"answer"}, 1700000002.2, 0),
             {{"id", "c"}, {"comment", {{"text", "fine"}}}, {"origin", {{"id", "row-rerank"}}}}});
  EXPECT_EQ(text,
            "trace 01234567 · 2023-11-14 22:13:20 · 4 spans · 2.41 s · 2142 tokens · 1 error · not finished\n"
            "answer      task   2.41 s\n"
            "│  in     Where?\n"
            "│  out    {\"a\":1}\n"
            "│  tags   x, y\n"
            "├─ chat     llm    1.90 s  2142 tok\n"
            "│  │  score  good 0.5\n"
            "│  └─ tool        12.5 ms\n"
            "│        ✗ TimeoutError: slow\n"
            "└─ rerank           …open\n"
            "      note   fine\n");
}

TEST_F(TreePrint, ShowsWhatWasExpectedBelowWhatCame) {
  EXPECT_THAT(print({span("eval", nullptr, 1, 2,
                          {{"input", "Foo"}, {"output", "Hi"}, {"expected", "Hi Foo"}, {"scores", {{"a", 0.5}}}})}),
              HasSubstr("   in     Foo\n"
                        "   out    Hi\n"
                        "   expect Hi Foo\n"
                        "   score  a 0.5\n"));
}

TEST_F(TreePrint, UsesPlainLinesWhereTheTerminalIsDumb) {
  EXPECT_THAT(
      print({span("a", nullptr, 1, 2), span("b", {"a"}, 1, 2), span("c", {"a"}, 1, 2, {{"error", "x"}})}, {.unicode = false}),
      HasSubstr("\n|- b  1.00 s\n`- c  1.00 s\n      ! x\n"));
}

TEST_F(TreePrint, OrdersByStartThenByCounter) {
  const auto counter = [](int value) { return json{{"span_attributes", {{"exec_counter", value}}}}; };
  EXPECT_EQ(names({span("late", {"root"}, 3, 4), span("second", {"root"}, 2, 4, counter(8)),
                   span("first", {"root"}, 2, 4, counter(7)), span("root", nullptr, 1, 5)}),
            "root\n├─ first\n├─ second\n└─ late\n");
}

TEST_F(TreePrint, ShowsASpanWhoseParentIsNotThereAsAMarkedRoot) {
  EXPECT_EQ(names({span("root", nullptr, 1, 5), span("lost", {"nobody"}, 2, 3), span("below", {"lost"}, 2, 3)}),
            "root\nlost (parent missing)\n└─ below\n");
}

TEST_F(TreePrint, ShowsEverySpanOfACircleOnce) {
  EXPECT_EQ(names({span("a", {"c"}, 1, 5), span("b", {"a"}, 2, 3), span("c", {"b"}, 3, 4), span("self", {"self"}, 4, 5)}),
            "self (parent missing)\na (parent missing)\n└─ b\n   └─ c\n");
}

TEST_F(TreePrint, StaysInItsWidthHoweverDeepOrLongThingsAre) {
  std::vector<json> rows;
  for (int i = 0; i < 3000; ++i) {
    rows.push_back(span("span-" + std::to_string(i) + std::string(200, 'n'), i == 0 ? json() : json{rows.back().at("span_id")},
                        1, 2, {{"input", std::string(500, 'x')}, {"error", std::string(500, 'e')}}));
  }
  std::istringstream lines(print(rows, {.width = 120}));
  std::string line;
  int count = 0;
  for (; std::getline(lines, line); ++count) ASSERT_LE(detail::display_width(line), 120U) << line;
  EXPECT_EQ(count, 1 + 3 * 3000);
}

TEST_F(TreePrint, MakesWhatWasLoggedHarmless) {
  const auto evil = "\x1b]0;title\x07\x1b[31mred\r\nnext\u202eetad\u0085\u200b";
  const auto text = print({span("a", nullptr, 1, 2,
                                {{"span_attributes", {{"name", evil}, {"type", evil}}},
                                 {"input", evil},
                                 {"output", {{evil, evil}}},
                                 {"expected", evil},
                                 {"error", evil},
                                 {"scores", {{evil, evil}}},
                                 {"tags", {evil}}}),
                           {{"id", "c"}, {"comment", {{"text", evil}}}, {"origin", {{"id", "row-a"}}}}});
  for (const char* sign : {"\x1b", "\x07", "\r", "\u202e", "\u0085", "\u200b"}) EXPECT_THAT(text, Not(HasSubstr(sign)));
  EXPECT_THAT(text, HasSubstr("␛[31mred⏎next�etad��"));
}

TEST_F(TreePrint, ColoursOnlyWhenItMay) {
  const std::vector<json> rows{span("a", nullptr, 1, 2, {{"error", "x"}})};
  EXPECT_THAT(print(rows, {.color = true}), HasSubstr("\x1b[31m"));
  EXPECT_THAT(print(rows, {.color = false}), Not(HasSubstr("\x1b")));
}

TEST_F(TreePrint, KeepsTheFieldsOfAValueInTheirOrder) {
  auto text = json::array({span("a", nullptr, 1, 2)}).dump();
  text.insert(text.rfind('}'), R"(,"input":{"role":"user","content":"hi"})");
  const auto tree = build_tree(text);
  EXPECT_EQ(tree.spans.at(0).input, R"({"role":"user","content":"hi"})");
}

TEST_F(TreePrint, TakesRowsOfAnyShape) {
  const std::vector<json> odd{5,
                              nullptr,
                              json::object(),
                              {{"id", 5}, {"span_parents", "x"}, {"metrics", {{"start", "x"}, {"tokens", -1e300}}}},
                              {{"id", "x"},
                               {"span_id", "x"},
                               {"error", json::object()},
                               {"tags", 5},
                               {"scores", {1}},
                               {"metrics", {{"start", 1e300}, {"end", -1e300}}}}};
  const auto text = print(odd);
  EXPECT_THAT(text, HasSubstr("5 spans"));
  EXPECT_THAT(text, HasSubstr("✗ {}"));
}

TEST_F(TreePrint, ListsTracesWithIdsLongEnoughToTellThemApart) {
  const auto trace = [](const char* id, const char* name) {
    return TraceSummary{.root_span_id = id,
                        .name = name,
                        .start = std::chrono::system_clock::time_point(std::chrono::seconds(1700000000)),
                        .duration = std::chrono::milliseconds(1500),
                        .spans = 3};
  };
  auto failed = trace("0123456789bb", "other\x1b");
  failed.errors = 2;
  failed.tokens = 77;
  failed.open = true;
  EXPECT_EQ(print_list({trace("0123456789aa", "answer"), failed}, {}),
            "TRACE        WHEN                 SPANS  DURATION  TOKENS  ERRORS  NAME\n"
            "0123456789a  2023-11-14 22:13:20      3    1.50 s       -       -  answer\n"
            "0123456789b  2023-11-14 22:13:20      3    1.50 s      77       2  other␛ …open\n");
}

TEST_F(TreePrint, TellsTracesOfOneNameApartByTheirInputs) {
  const auto summary_of = [](const char* id, const json& input) {
    return summarize(build_tree(json::array({span("eval", nullptr, 1700000000, 1700000001, {{"input", input}})}).dump()), id);
  };
  EXPECT_EQ(print_list({summary_of("0123456789aa", {{"q", "a\nb"}}), summary_of("a123456789bb", std::string(100, 'x'))},
                       {.width = 80}),
            "TRACE     WHEN                 SPANS  DURATION  TOKENS  ERRORS  NAME\n"
            "01234567  2023-11-14 22:13:20      1    1.00 s       -       -  eval  {\"q\":\"a\\nb\"}\n"
            "a1234567  2023-11-14 22:13:20      1    1.00 s       -       -  eval  xxxxxxxxxxxxx…\n");
}

}  // namespace
}  // namespace braintrust::local
