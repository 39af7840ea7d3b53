// Cases in files: what is read, and where and how a file that is none of this is refused.

#include <braintrust/eval/case.h>

#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "local/temporary_folder.h"

namespace braintrust {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

// A case as JSON, what it does not have left out.
json told(const EvalCase& one) {
  json result{{"input", one.input}};
  if (!one.expected.is_null()) result["expected"] = one.expected;
  if (!one.metadata.is_null()) result["metadata"] = one.metadata;
  if (!one.tags.empty()) result["tags"] = one.tags;
  if (!one.id.empty()) result["id"] = one.id;
  if (one.trial_count != 0) result["trial_count"] = one.trial_count;
  return result;
}

struct Read {
  json cases = json::array();
  std::string error = {};  // "file:3: …", of whatever ended the data
  ErrorCode code = {};
  bool opened = false;
};

class CaseFilesTest : public testing::Test {
 protected:
  Read read(const EvalData& data) {
    Read result;
    auto next = data.open({});
    result.opened = next.has_value();
    const auto refused = [&](const Error& error) {
      result.code = error.code;
      result.error = error.message;
      const std::string in = folder.path().string() + "/";
      if (const auto at = result.error.find(in); at != std::string::npos) result.error.erase(at, in.size());
    };
    if (!next) return refused(next.error()), result;
    for (;;) {
      auto one = (*next)();
      if (!one) refused(one.error());
      if (!one || !*one) break;
      result.cases.push_back(told(**one));
    }
    for (int again = 0; again < 2; ++again) {
      const auto after = (*next)();
      EXPECT_TRUE(after && !*after) << "the end is the end";
    }
    return result;
  }
  std::string put(const std::string& text) {
    std::ofstream(folder / "file", std::ios::binary) << text;
    return folder / "file";
  }
  Read jsonl(const std::string& text) { return read(jsonl_file(put(text))); }
  Read csv(const std::string& text) { return read(csv_file(put(text))); }

  TemporaryFolder folder;
};

const std::string byte_order_mark = "\xEF\xBB\xBF";

TEST_F(CaseFilesTest, AJsonLineHoldsACase) {
  const struct {
    std::string text;
    json cases;
  } rows[] = {
      {"", json::array()},
      {"\n \r\n\t\n", json::array()},
      {R"({"input": 1})", json::array({{{"input", 1}}})},
      {"{\"input\": 1}\n\n{\"input\": {\"a\": [null]}}\n", json::array({{{"input", 1}}, {{"input", {{"a", {nullptr}}}}}})},
      {byte_order_mark + "{\"input\": \"x\\ny\"}\r\n  {\"input\": null} \r\n",
       json::array({{{"input", "x\ny"}}, {{"input", nullptr}}})},
      {R"({"input": "i", "expected": false, "metadata": {"m": 1}, "tags": ["a", "b"], "id": "7", "trial_count": 3})",
       json::array({{{"input", "i"},
                     {"expected", false},
                     {"metadata", {{"m", 1}}},
                     {"tags", {"a", "b"}},
                     {"id", "7"},
                     {"trial_count", 3}}})},
      {R"({"input": "i", "expected": null, "metadata": null, "tags": null, "id": null, "trial_count": null})",
       json::array({{{"input", "i"}}})},
      {"{\"input\": 1}\r{\"input\": 2}\r", json::array({{{"input", 1}}, {{"input", 2}}})},
      {R"({"\u0069nput": "escaped"})", json::array({{{"input", "escaped"}}})},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.text);
    const auto result = jsonl(row.text);
    EXPECT_EQ(result.cases, row.cases);
    EXPECT_EQ(result.error, "");
  }
}

TEST_F(CaseFilesTest, AJsonLineThatIsNoCaseEndsTheDataAndIsNamed) {
  const struct {
    std::string line;
    const char* problem;
  } rows[] = {
      {R"({"input": 1)", "no JSON from byte 12 on"},
      {R"({"input": 1} {"input": 2})", "no JSON from byte 14 on"},
      {"{\"input\": \"\xFF\"}", "no JSON from byte 12 on"},
      {R"({"input": NaN})", "no JSON from byte"},
      {R"({"input": 1e999})", "no JSON from byte"},
      {"{\"input\": " + std::string(100'000, '[') + std::string(100'000, ']') + "}", "no JSON from byte"},
      {std::string("\0", 1), "no JSON from byte 1 on"},
      {R"(["input"])", "must hold an object"},
      {"null", "must hold an object"},
      {R"({"expected": 1})", "no \"input\""},
      {R"({"inputs": 1})", "\"inputs\" is no part of a case"},
      {R"({"input": 1, "a\nb": 1})", "\"a\\nb\" is no part of a case"},
      {R"({"input": 1, "input": 2})", "\"input\" is there twice"},
      {R"({"input": 1, "\u0069nput": 2})", "\"input\" is there twice"},
      {R"({"input": 1, "metadata": []})", "metadata must be an object"},
      {R"({"input": 1, "tags": "a"})", "tags must be a list of texts"},
      {R"({"input": 1, "tags": ["a", 1]})", "tags must be a list of texts"},
      {R"({"input": 1, "id": 7})", "id must be a text"},
      {R"({"input": 1, "trial_count": -1})", "trial_count must be a whole number"},
      {R"({"input": 1, "trial_count": 1.5})", "trial_count must be a whole number"},
      {R"({"input": 1, "trial_count": 4294967296})", "trial_count must be a whole number"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.line.substr(0, 100));
    const auto result = jsonl("{\"input\": 1}\n\r\n" + row.line + "\n{\"input\": 4}\n");
    EXPECT_EQ(result.cases, json::array({{{"input", 1}}})) << "those before it";
    EXPECT_THAT(result.error, AllOf(StartsWith("file:3: "), HasSubstr(row.problem)));
    EXPECT_EQ(result.code, ErrorCode::invalid_argument);
  }
}

TEST_F(CaseFilesTest, AJsonLineMayHave16MiB) {
  const std::string head = "{\"input\":1";
  const std::string blanks(16 * 1024 * 1024 - head.size() - 1, ' ');
  EXPECT_EQ(jsonl(head + blanks + "}\n").cases.size(), 1);
  EXPECT_THAT(jsonl("\n" + head + blanks + " }\n").error, StartsWith("file:2: longer than 16 MiB"));
}

TEST_F(CaseFilesTest, ARowOfValuesIsACase) {
  const struct {
    std::string text;
    json cases;
  } rows[] = {
      {"input", json::array()},
      {"input\n", json::array()},
      {"input\nx", json::array({{{"input", "x"}}})},
      {"input,expected\nx,y\n1,\n", json::array({{{"input", "x"}, {"expected", "y"}}, {{"input", "1"}}})},
      {byte_order_mark + "\r\ninput,expected\r\n\r\nx,y\r\n", json::array({{{"input", "x"}, {"expected", "y"}}})},
      {"input\rx\ry\r", json::array({{{"input", "x"}}, {{"input", "y"}}})},
      {"\"input\",\"id\"\n\"a, \"\"b\"\"\r\nc\",\"\"\n", json::array({{{"input", "a, \"b\"\r\nc"}}})},
      {"input\n\"\"\n\n \n", json::array({{{"input", ""}}, {{"input", " "}}})},
      {"id,tags,input\n7,\" a,, b b ,\",x\n,,\n",
       json::array({{{"input", "x"}, {"id", "7"}, {"tags", {"a", "b b"}}}, {{"input", ""}}})},
      {"input.q,input.a.b,expected.x,expected.y,metadata.m\n1,,,2,3\n4,5,,,\n",
       json::array({{{"input", {{"q", "1"}, {"a.b", ""}}}, {"expected", {{"y", "2"}}}, {"metadata", {{"m", "3"}}}},
                    {{"input", {{"q", "4"}, {"a.b", "5"}}}, {"metadata", {{"m", ""}}}}})},
      {"topic,input,metadata,inputs,input.\na,x,\"{\"\"n\"\": 1}\",b,c\na,x, ,b,c\n",
       json::array({{{"input", "x"}, {"metadata", {{"n", 1}, {"topic", "a"}, {"inputs", "b"}, {"input.", "c"}}}},
                    {{"input", "x"}, {"metadata", {{"topic", "a"}, {"inputs", "b"}, {"input.", "c"}}}}})},
      {"input,metadata\nx,\n", json::array({{{"input", "x"}}})},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.text);
    const auto result = csv(row.text);
    EXPECT_EQ(result.cases, row.cases);
    EXPECT_EQ(result.error, "");
  }
}

TEST_F(CaseFilesTest, ARowThatIsNoCaseEndsTheDataAndIsNamed) {
  const std::string before = "input,metadata,topic\r\n\"a\r\nb\",,\r\n\n";  // lines 1 to 4
  const struct {
    std::string row;
    const char* error;
  } rows[] = {
      {"x", "file:5: 1 value for 3 columns"},
      {"x,,,", "file:5: 4 values for 3 columns"},
      {"x" + std::string(1'000'000, ','), "file:5: 1000001 values for 3 columns"},
      {"x\"y,,", "file:5: a quote within a value"},
      {"\"a\nb\"c,,", "file:6: text after a closing quote"},
      {"\"a\" ,,", "file:5: text after a closing quote"},
      {"x,\"\n\",\"y\n\n", "file:6: a quote is opened and never closed"},
      {"\xFF,,", "file:5: a value is not UTF-8"},
      {"x,[],", "file:5: metadata must be"},
      {"x,{,", "file:5: metadata must be"},
      {"x,\"{\"\"topic\"\": 1}\",y", "file:5: the metadata has \"topic\""},
      {"x,\"" + std::string(100'000, '[') + "\",", "file:5: metadata must be"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.row.substr(0, 100));
    const auto result = csv(before + row.row + "\nx,,\n");
    EXPECT_EQ(result.cases, json::array({{{"input", "a\r\nb"}, {"metadata", {{"topic", ""}}}}})) << "those before it";
    EXPECT_THAT(result.error, StartsWith(row.error));
    EXPECT_EQ(result.code, ErrorCode::invalid_argument);
  }
}

TEST_F(CaseFilesTest, LinesAreCountedByWhateverEndsThem) {
  EXPECT_THAT(csv("input\rx\nx\r\nx\"\n").error, StartsWith("file:4: "));
  EXPECT_THAT(csv("input\n\r\r\n\n\"\r\n\n\r\"x").error, StartsWith("file:8: "));
  EXPECT_THAT(jsonl("{\"input\": 1}\r{\"input\": 1}\n{\"input\": 1}\r\n{}").error, StartsWith("file:4: "));
}

TEST_F(CaseFilesTest, ColumnsThatCannotBeAreRefusedAtOnce) {
  const struct {
    std::string text;
    const char* error;
  } rows[] = {
      {"", "file:1: the first line must name the columns"},
      {"\n\r\n", "file:1: the first line must name the columns"},
      {"question,answer\nx,y\n", "file:1: no column is named input"},
      {"Input\n", "file:1: no column is named input"},
      {"\n\ninput,id,id\n", "file:3: column \"id\" is there twice"},
      {"input,topic,metadata.topic\n", "file:1: column \"metadata.topic\" is there twice"},
      {"input,,id\n", "file:1: column 2 has no name"},
      {"input,input.a\n", "file:1: columns input and input.… exclude each other"},
      {"input,expected.a,expected\n", "file:1: columns expected and expected.… exclude each other"},
      {"input,\xC3\n", "file:1: the columns are not named in UTF-8"},
      {std::string("\xFF\xFEi\0n\0", 6), "file:1: the columns are not named in UTF-8"},
      {"input,\"id\n", "file:1: a quote is opened and never closed"},
      {"input" + std::string(5000, ','), "file:1: more than 4096 columns"},
      {"input," + std::string(100, 'x') + "," + std::string(100, 'x'), "file:1: column \"xxxxxxxx"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.text.substr(0, 100));
    const auto result = csv(row.text);
    EXPECT_FALSE(result.opened);
    EXPECT_THAT(result.error, StartsWith(row.error));
    EXPECT_LT(result.error.size(), 200);
    EXPECT_EQ(result.code, ErrorCode::invalid_argument);
  }
}

TEST_F(CaseFilesTest, ARowMayHave16MiB) {
  const std::string text(16 * 1024 * 1024, 'x');
  EXPECT_EQ(csv("input\n" + text + "\n").cases.size(), 1);
  EXPECT_THAT(csv("input\n" + text + "x\n").error, StartsWith("file:2: longer than 16 MiB"));
  EXPECT_THAT(csv("input\nx\n\"" + text + "\"\n").error,
              AllOf(StartsWith("file:3: "), HasSubstr("is a closing quote missing")));
}

TEST_F(CaseFilesTest, AFileThatCannotBeReadIsRefusedAtOnce) {
  for (const auto& data : {jsonl_file(folder / "missing"), csv_file(folder / "missing"), jsonl_file(folder.path().string()),
                           csv_file(folder.path().string())}) {
    const auto next = data.open({});
    ASSERT_FALSE(next);
    EXPECT_EQ(next.error().code, ErrorCode::io);
    EXPECT_THAT(next.error().message, HasSubstr(folder.path().string()));
  }
  EXPECT_THAT(read(csv_file(folder / "missing")).error, StartsWith("cannot open missing: No such file"));
}

TEST_F(CaseFilesTest, AFileIsReadAsItIsAskedFor) {
  const auto path = put("{\"input\": 1}\n");
  const auto data = jsonl_file(path);
  EXPECT_FALSE(data.size());
  EXPECT_EQ(read(data).cases.size(), 1);
  EXPECT_EQ(read(data).cases.size(), 1) << "each eval begins anew";
  // What stands behind a buffer's worth is not looked at before.
  std::string text;
  while (text.size() < 1'000'000) text += "{\"input\": 1}\n";
  auto next = jsonl_file(put(text)).open({});
  ASSERT_TRUE(next);
  ASSERT_TRUE((*next)());
  std::ofstream(path, std::ios::in | std::ios::binary).seekp(900'000) << "!";
  int cases = 1;
  for (;; ++cases) {
    const auto one = (*next)();
    if (!one) break;
    ASSERT_TRUE(*one) << "the file was read before it was asked for";
  }
  EXPECT_GT(cases, 10'000);
}

}  // namespace
}  // namespace braintrust
