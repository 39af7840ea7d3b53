// JSON looked at where it lies, addresses and forms.

#include "llm/json_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "llm/json_text.h"
#include "llm/multipart.h"
#include "llm/url.h"

namespace braintrust::llm {
namespace {

TEST(JsonView, WhatIsMissingIsNothingAllTheWayDown) {
  const JsonView value = JsonView::parse(R"( {"a" : {"b":[1, {"c":"\u0041\n"}]}, "n":null, "d\u0065":true, "a":2} )");
  EXPECT_EQ(value["a"]["b"].element(1)["c"].string(), "A\n");
  EXPECT_EQ(value["a"]["b"].element(1)["c"].inside(), "\\u0041\\n");
  EXPECT_TRUE(value["de"].is_true());
  EXPECT_FALSE(value["n"]);
  EXPECT_TRUE(value["n"].is_null());
  EXPECT_FALSE(value["x"]["y"].element(3)["z"]);
  EXPECT_EQ(value["a"].text(), R"({"b":[1, {"c":"\u0041\n"}]})");
  EXPECT_EQ(JsonView::parse("{\"a\":").text(), "");
  EXPECT_EQ(JsonView::parse("\"\xFF\"").text(), "");
}

TEST(JsonView, CountsAreWholeAndNotNegative) {
  const auto count = [](std::string_view text) { return JsonView::parse(text).count(); };
  EXPECT_EQ(count("0"), 0U);
  EXPECT_EQ(count("18446744073709551615"), 18446744073709551615U);
  EXPECT_EQ(count("12.0"), 12U);
  EXPECT_EQ(count("1e3"), 1000U);
  for (const std::string_view text : {"-1", "1.5", "1e400", "99999999999999999999", "\"1\"", "true", "null", "[1]"}) {
    EXPECT_FALSE(count(text)) << text;
  }
}

TEST(JsonView, MembersAndElementsAreShownInOrder) {
  std::string seen;
  JsonView::parse(R"({ "b" : [ ] , "a":[1 ,2,"x,]"] })").each_member([&](std::string_view key, JsonView value) {
    seen += std::string(key) + "=" + (value.is_empty_container() ? "empty" : "");
    value.each_element([&](JsonView element) { seen += std::string(element.text()) + ";"; });
  });
  EXPECT_EQ(seen, "b=emptya=1;2;\"x,]\";");
}

TEST(JsonText, AChangeStandsWhereTheMemberStoodAndABlankOneTakesItAway) {
  EXPECT_EQ(changed(JsonView::parse(R"({"a":1,"b":2,"c":3})"), {{"b", "9"}, {"c", ""}, {"d", "4"}, {"e", ""}}),
            R"({"a":1,"b":9,"d":4})");
  EXPECT_EQ(ObjectText().text(), "{}");
  EXPECT_EQ(ArrayText().add("").text(), "[]");
  EXPECT_EQ(json_string("a\"\n\xFF"), "\"a\\\"\\n\xEF\xBF\xBD\"");
}

TEST(Url, PartsAreSlices) {
  const auto url = Url::parse("HTTP://me:pw@[::1]:8080/a/b?c=/d#e");
  ASSERT_TRUE(url);
  EXPECT_FALSE(url->https);
  EXPECT_EQ(url->host, "::1");
  EXPECT_EQ(url->port, 8080);
  EXPECT_EQ(url->path, "/a/b");
  EXPECT_EQ(Url::parse("https://h")->effective_port(), 443);
  EXPECT_EQ(Url::parse("https://h?x")->path, "");
  EXPECT_EQ(path_segment("/model/a%2Fb/converse", "/model/"), "a/b");
}

TEST(Multipart, FieldsAndFilesBecomeMembers) {
  EXPECT_EQ(multipart_boundary("multipart/form-data; charset=utf-8; boundary=a\"b"), "a\"b");
  EXPECT_EQ(multipart_boundary("application/json; boundary=a"), "");
  EXPECT_EQ(multipart_as_json("--b\r\nContent-Disposition: form-data; name=\"p\"\r\n\r\nline\r\n--b\r\n"
                              "content-disposition: form-data; name=f; filename=\"x.bin\"\r\n\r\nabc\r\n--b\r\n"
                              "content-disposition: form-data; name=cut\r\n\r\noff",
                              "b"),
            R"({"p":"line","f":{"filename":"x.bin","file_data":"data:application/octet-stream;base64,YWJj"}})");
  for (const std::string_view broken :
       {"", "--b", "--b\r\n\r\n", "--b\r\nx\r\n--b--", "--b\r\nContent-Disposition\r\n\r\n\r\n--b"}) {
    EXPECT_EQ(multipart_as_json(broken, "b"), "{}") << broken;
  }
}

}  // namespace
}  // namespace braintrust::llm
