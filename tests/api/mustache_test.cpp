// Templates of prompts: what mustache(5) and mustache.js 4 make of them, without HTML escaping and with JSON for values.

#include "api/mustache.h"

#include <gmock/gmock.h>

namespace braintrust::detail {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

std::string rendered(std::string_view tmpl, const json& variables = json::object()) {
  const auto text = render_mustache(tmpl, variables);
  return text ? *text : "ERROR " + text.error().message;
}

std::string strictly(std::string_view tmpl, const json& variables = json::object()) {
  const auto text = render_mustache(tmpl, variables, {.strict = true});
  return text ? *text : "ERROR " + text.error().message;
}

struct Case {
  std::string tmpl;
  json variables;
  std::string text;
};

void expect_all(const std::vector<Case>& cases) {
  for (const Case& c : cases) EXPECT_EQ(rendered(c.tmpl, c.variables), c.text) << c.tmpl << "\n" << c.variables;
}

TEST(MustacheVariables, AreInsertedWithoutHtmlEscapingInAllThreeSpellings) {
  expect_all({
      {"plain { text } }}", {}, "plain { text } }}"},
      {"{{x}}", {{"x", R"(<b>"&'</b>)"}}, R"(<b>"&'</b>)"},
      {"{{{x}}}{{& x }}{{&x}}", {{"x", "&"}}, "&&&"},
      {"{{ x }}|{{\nx\n}}", {{"x", 1}}, "1|1"},
      {"{{#a}}{{{x}}}{{/a}}", {{"a", true}, {"x", "}}"}}, "}}"},
  });
}

TEST(MustacheVariables, BecomeJsonTextWhenTheyAreNoTexts) {
  expect_all({
      {"{{x}}", {{"x", {1, "two", nullptr}}}, R"([1,"two",null])"},
      {"{{x}}", {{"x", {{"k", "é"}}}}, "{\"k\":\"é\"}"},
      {"{{x}} {{y}} {{z}}", {{"x", true}, {"y", 1.5}, {"z", false}}, "true 1.5 false"},
      {"[{{x}}]", {{"x", nullptr}}, "[]"},
      {"{{x}}", {{"x", 0}}, "0"},
      {"{{x}}", {{"x", json::array()}}, "[]"},
      {"{{x}}", {{"x", ""}}, ""},
  });
}

TEST(MustacheVariables, ThatAreMissingAreNothing) {
  expect_all({{"[{{x}}]", {}, "[]"},
              {"[{{a.b.c}}]", {{"a", {{"b", 1}}}}, "[]"},
              {"[{{x}}]", "no object", "[]"},
              {"[{{}}]", {}, "[]"}});
}

TEST(MustacheVariables, AreFoundByDottedNamesAndByIndex) {
  expect_all({
      {"{{a.b.c}}", {{"a", {{"b", {{"c", "deep"}}}}}}, "deep"},
      {"{{items.1.name}}", {{"items", {{{"name", "a"}}, {{"name", "b"}}}}}, "b"},
      {"{{items.length}}", {{"items", {1, 2, 3}}}, "3"},
      {"{{text.length}} {{text.length.x}}{{none.length}}", {{"text", "größe 😀"}}, "8 "},
      {"[{{items.7}}{{items.-1}}{{items.1x}}]", {{"items", {1, 2}}}, "[]"},
      {"{{#a}}{{b.c}}{{/a}}", {{"a", {{"b", {{"d", 1}}}}}, {"b", {{"c", "outer"}}}}, "outer"},
      {"{{a.b}}", {{"a.b", 1}}, ""},
  });
}

TEST(MustacheVariables, OfAnInnerContextHideOuterOnesEvenWhenNull) {
  expect_all({
      {"{{#in}}{{x}}{{y}}{{/in}}", {{"x", 1}, {"y", 2}, {"in", {{"x", 3}}}}, "32"},
      {"{{#in}}[{{x}}]{{/in}}", {{"x", 1}, {"in", {{"x", nullptr}}}}, "[]"},
  });
}

TEST(MustacheSections, AreKeptForWhatIsTrueAndRepeatedForLists) {
  expect_all({
      {"{{#x}}yes{{/x}}", {{"x", true}}, "yes"},
      {"{{#x}}{{y}}{{/x}}", {{"x", true}, {"y", 1}}, "1"},
      {"{{#list}}{{n}},{{/list}}", {{"list", {{{"n", 1}}, {{"n", 2}}}}}, "1,2,"},
      {"{{#list}}({{.}}){{/list}}", {{"list", {"a", 1, true, {{"k", 1}}}}}, R"((a)(1)(true)({"k":1}))"},
      {"{{#list}}{{#.}}{{.}};{{/.}}|{{/list}}", {{"list", {{1, 2}, {3}}}}, "1;2;|3;|"},
      {"{{#x}}({{.}}){{/x}}", {{"x", "text"}}, "(text)"},
      {"{{#x}}{{y}}{{/x}}", {{"x", json::object()}, {"y", 5}}, "5"},
      {"{{#x}}1{{/x}}{{#x}}2{{/x}}", {{"x", 3}}, "12"},
      {"{{#a.length}}some{{/a.length}}{{^a.length}}none{{/a.length}}", {{"a", json::array()}}, "none"},
      {"{{#list}}[{{x}}]{{/list}}", {{"x", "o"}, {"list", {nullptr, {{"x", 1}}}}}, "[o][1]"},
  });
}

TEST(MustacheSections, OfFalseThingsAreLeftOutAndInvertedOnesKept) {
  for (const json& value : {json(), json(false), json(0), json(0.0), json(""), json::array()}) {
    EXPECT_EQ(rendered("{{#x}}yes{{/x}}{{^x}}no{{/x}}", {{"x", value}}), "no") << value;
  }
  for (const json& value : {json(true), json(1), json(-0.5), json("0"), json::array({nullptr}), json::object()}) {
    EXPECT_EQ(rendered("{{^x}}no{{/x}}", {{"x", value}}), "") << value;
  }
  EXPECT_EQ(rendered("{{#x}}yes{{/x}}{{^x}}no{{/x}}"), "no");
}

TEST(MustacheTags, OnALineOfTheirOwnLeaveNoLine) {
  expect_all({
      {"a\n{{#x}}\nb\n{{/x}}\nc\n", {{"x", true}}, "a\nb\nc\n"},
      {"a\n  {{#x}}  \nb\n\t{{/x}}\nc", {{"x", {1, 2}}}, "a\nb\nb\nc"},
      {"a\r\n{{#x}}\r\nb\r\n{{/x}}\r\nc", {{"x", true}}, "a\r\nb\r\nc"},
      {"a\n{{! note }}\nb", {}, "a\nb"},
      {"a\n{{! a note\nover lines }}\nb", {}, "a\nb"},
      {"a\n {{=| |=}} \nb |x|", {{"x", 1}}, "a\nb 1"},
      {"a\n{{> part}}\nb", {}, "a\nb"},
      {"a\n  {{#x}}b{{/x}}  \n", {{"x", true}}, "a\n  b  \n"},
      {"a {{! note }} b", {}, "a  b"},
      {" {{x}} \n", {{"x", ""}}, "  \n"},
      {"{{#x}}\n{{/x}}", {{"x", true}}, ""},
      {"  {{#x}}\na{{/x}}", {{"x", true}}, "a"},
      {"\n\n{{#x}}\n\n{{/x}}\n\n", {{"x", true}}, "\n\n\n\n"},
  });
}

TEST(MustacheTags, TakeOtherDelimiters) {
  expect_all({
      {"{{=<% %>=}}<% x %> {{x}}", {{"x", 1}}, "1 {{x}}"},
      {"{{=<% %>=}}<%#x%>a<%/x%><%={{ }}=%>{{x}}", {{"x", 1}}, "a1"},
      {"{{=<% %>=}}<%{x}%><%&x%>", {{"x", "&"}}, "&&"},
      {"{{= @ @ =}}@x@", {{"x", 1}}, "1"},
  });
}

TEST(MustacheErrors, SayWhatIsWrongAndWhere) {
  const auto message = [](std::string_view tmpl) {
    const auto text = render_mustache(tmpl, json::object());
    EXPECT_FALSE(text) << tmpl;
    EXPECT_EQ(text.error().code, ErrorCode::invalid_argument);
    return text ? std::string() : text.error().message;
  };
  EXPECT_EQ(message("one\ntwo {{x"), "template, line 2, column 5: this tag is not closed");
  EXPECT_EQ(message("{{{x}}"), "template, line 1, column 1: this tag is not closed");
  EXPECT_EQ(message("{{=<% %>}}"), "template, line 1, column 1: this tag is not closed");
  EXPECT_EQ(message("a {{#s}} b"), "template, line 1, column 3: section \"s\" is not closed");
  EXPECT_EQ(message("{{/s}}"), "template, line 1, column 1: section \"s\" was not opened");
  EXPECT_EQ(message("{{#a}}{{#b}}{{/a}}{{/b}}"), "template, line 1, column 13: section \"b\" is open, not \"a\"");
  EXPECT_THAT(message("{{=<%=}}"), HasSubstr("delimiters are two words"));
  EXPECT_THAT(message("{{=a b c=}}"), HasSubstr("delimiters are two words"));
}

TEST(MustacheStrict, NamesTheVariableThatIsMissing) {
  EXPECT_EQ(strictly("a\n{{who.name}}", {{"who", json::object()}}),
            "ERROR template, line 2, column 1: variable \"who.name\" is missing");
  EXPECT_THAT(strictly("{{{x}}}"), HasSubstr("\"x\""));
  EXPECT_EQ(strictly("[{{x}}]", {{"x", nullptr}}), "[]");
  EXPECT_EQ(strictly("{{#list}}{{.}}{{/list}}", {{"list", {1, 2}}}), "12");
}

TEST(MustacheStrict, LetsSectionsAskForWhatMayBeMissing) {
  EXPECT_EQ(strictly("{{#x}}{{y}}{{/x}}{{^x}}none{{/x}}"), "none");
  EXPECT_THAT(strictly("{{^x}}{{y}}{{/x}}"), HasSubstr("\"y\""));
}

TEST(MustacheStrict, KnowsNoPartials) {
  EXPECT_EQ(rendered("[{{>part}}]"), "[]");
  EXPECT_THAT(strictly("{{>part}}"), HasSubstr("no partial \"part\""));
}

TEST(MustacheHostility, IsRefusedSoonAndSaid) {
  std::string deep;
  for (int i = 0; i < 200'000; ++i) deep += "{{#a}}";
  EXPECT_THAT(rendered(deep), HasSubstr("nest too deep"));
  EXPECT_THAT(rendered(std::string(1'000'000, '{')), HasSubstr("not closed"));

  // Ten elements in eight sections: 10^8 texts, or none at all. (Whoever made them would be stopped by the test's time limit.)
  json list = json::array();
  for (int i = 0; i < 10; ++i) list.push_back(i);
  std::string opened, closed;
  for (int i = 0; i < 8; ++i) {
    opened += "{{#list}}";
    closed += "{{/list}}";
  }
  EXPECT_THAT(rendered(opened + closed, {{"list", list}}), HasSubstr("takes too long"));
  EXPECT_THAT(rendered("{{#list}}{{#list}}{{#list}}{{x}}{{/list}}{{/list}}{{/list}}",
                       {{"list", list}, {"x", std::string(1'000'000, 'x')}}),
              HasSubstr("longer than 64 MiB"));

  std::string many;
  for (int i = 0; i < 100'000; ++i) many += "{{x}} ";
  EXPECT_EQ(rendered(many, {{"x", 1}}).size(), 200'000u);
  const std::string delimiter(100, 'x');
  EXPECT_THAT(rendered("{{=" + delimiter + " " + delimiter + "=}}"), HasSubstr("delimiters"));
}

TEST(MustacheHostility, OfBytesThatAreNoUtf8PassesThrough) {
  EXPECT_EQ(rendered("\xFF{{x}}\xFE", {{"x", "\xC3"}}), "\xFF\xC3\xFE");
  EXPECT_EQ(rendered("{{x}}", {{"x", {"\xC3"}}}), "[\"\xEF\xBF\xBD\"]");
  EXPECT_EQ(rendered(std::string_view("a\0{{x}}\0b", 9), {{"x", 1}}), std::string("a\0"
                                                                                  "1\0b",
                                                                                  5));
}

}  // namespace
}  // namespace braintrust::detail
