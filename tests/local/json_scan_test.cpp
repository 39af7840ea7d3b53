#include "local/json_scan.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace braintrust::local {
namespace {

bool accepts(std::string_view text) { return !check_json(text).problem; }

TEST(JsonScan, AgreesWithAFullParserOnWhatIsJson) {
  const std::vector<std::string> texts = {"{}",
                                          " [ ] ",
                                          "null",
                                          "true",
                                          "-0.5e+10",
                                          "\"\\u00e9\\n\\\"\"",
                                          R"({"a":[1,{"b":null}],"c":"ü😀"})",
                                          "[1,2]\n",  // is
                                          "",
                                          "{",
                                          "[1,]",
                                          "{\"a\":1,}",
                                          "{a:1}",
                                          "{\"a\" 1}",
                                          "01",
                                          "1.",
                                          ".5",
                                          "1e",
                                          "+1",
                                          "-",
                                          "tru",
                                          "truex",
                                          "[1] 2",  // is not
                                          "\"",
                                          "\"\n\"",
                                          "\"\\x\"",
                                          "\"\\u12g4\"",
                                          "\"\xff\"",
                                          "\"\xc0\xaf\"",
                                          "\"\xed\xa0\x80\"",
                                          "\"\xf4\x90\x80\x80\"",  //
                                          "\"\xe2\x82\"",
                                          "NaN",
                                          "Infinity",
                                          "1e999",
                                          "-1e999",
                                          "1e-999",
                                          "'a'",
                                          "{\"a\":1 \"b\":2}",
                                          "[1 2]",
                                          "\x01",
                                          "/**/1"};
  for (const auto& text : texts) EXPECT_EQ(accepts(text), nlohmann::json::accept(text)) << text;
}

TEST(JsonScan, AgreesWithAFullParserOnDamagedText) {
  const std::string whole =
      R"({"id":"r-1","tags":["a","b\n\u00e9"],"metrics":{"start":1.5e3,"end":-0.25},"x":[null,true,false,{"ü":"日本"}]})";
  std::mt19937 random(7);  // NOLINT: the same texts each time
  int refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    auto text = whole;
    for (auto damage = random() % 3; damage < 3; ++damage) {
      const auto at = random() % text.size();
      if (random() % 2 == 0) {
        text.erase(at, 1);
      } else {
        text[at] = "{}[]\",:\\u0123e-.x\xc3\x01 "[random() % 21];
      }
    }
    const auto check = check_json(text);
    if (check.lone_surrogates) continue;  // the one thing it is meant to judge more kindly
    ASSERT_EQ(!check.problem, nlohmann::json::accept(text)) << text;
    refused += check.problem.has_value();
  }
  EXPECT_GT(refused, 10'000);
}

TEST(JsonScan, SaysWhatIsWrongAndWhere) { EXPECT_EQ(check_json("{\"a\":1,]").problem, "expected a field name at byte 7"); }

TEST(JsonScan, RefusesNestingThatWouldExhaustTheStackOfAReader) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(accepts(nested(max_json_depth)));
  EXPECT_FALSE(accepts(nested(max_json_depth + 1)));
  EXPECT_FALSE(accepts(std::string(10'000'000, '[')));
}

TEST(JsonScan, ReplacesHalfSurrogatePairsAndLeavesWholeOnes) {
  const std::string text = R"(["\ud83d","\ud83d\ude00","\ude00\ud83d x","\\ud83d","\ud83d\ud83d\ude00"])";
  EXPECT_TRUE(check_json(text).lone_surrogates);
  const auto fixed = without_lone_surrogates(text);
  EXPECT_EQ(fixed, R"(["\ufffd","\ud83d\ude00","\ufffd\ufffd x","\\ud83d","\ufffd\ud83d\ude00"])");
  EXPECT_TRUE(nlohmann::json::accept(fixed));
  EXPECT_FALSE(check_json(R"(["\ud83d\ude00","\\ud83d"])").lone_surrogates);
}

TEST(JsonScan, HandsOutTheFieldsOfAnObjectAsTheyWereWritten) {
  std::vector<std::string> found;
  for_each_field(R"({ "a" : [1, "]}"] , "b\"\\":"x\\", "c":{"d":{}} ,"e":-1.50})",
                 [&](auto key, auto value) { found.push_back(std::string(key) + "=" + std::string(value)); });
  EXPECT_EQ(found, (std::vector<std::string>{R"(a=[1, "]}"])", R"(b\"\\="x\\")", R"(c={"d":{}})", "e=-1.50"}));
}

TEST(JsonScan, HandsOutTheElementsOfAnArray) {
  std::vector<std::string> found;
  for_each_element(R"([ 1 ,"a,b",[2, 3],{} ,null])", [&](auto value) { found.emplace_back(value); });
  EXPECT_EQ(found, (std::vector<std::string>{"1", "\"a,b\"", "[2, 3]", "{}", "null"}));
}

}  // namespace
}  // namespace braintrust::local
