#include <braintrust/api/btql.h>

#include <limits>
#include <map>

#include <gtest/gtest.h>

#include "trace/backend.h"

namespace braintrust::test {
namespace {

using nlohmann::json;

std::string text(const Result<std::string>& query) { return query ? *query : "error: " + query.error().message; }

TEST(BtqlText, QuotesEachValueByItsType) {
  EXPECT_EQ(text(btql_text("a = {}", "x")), "a = 'x'");
  EXPECT_EQ(text(btql_text("a = {}", std::string("x"))), "a = 'x'");
  EXPECT_EQ(text(btql_text("a = {}", 3)), "a = 3");
  EXPECT_EQ(text(btql_text("a = {}", -2.5)), "a = -2.5");
  EXPECT_EQ(text(btql_text("a = {}", true)), "a = true");
  EXPECT_EQ(text(btql_text("a = {}", nullptr)), "a = NULL");
  EXPECT_EQ(text(btql_text("a = {}", std::optional<int>())), "a = NULL");
  EXPECT_EQ(text(btql_text("a IN {}", std::vector<std::string>{"x", "y'z"})), "a IN ('x', 'y''z')");
  EXPECT_EQ(text(btql_text("a IN {}", std::vector<int>{})), "a IN (NULL)");
  EXPECT_EQ(text(btql_text("a = {}", json("x"))), "a = 'x'");
  EXPECT_EQ(text(btql_text("{} and {}", 1, "2")), "1 and '2'");
}

TEST(BtqlText, KeepsAHostileStringOneString) {
  const std::map<std::string, std::string> cases = {
      {"' OR 1=1 --", "''' OR 1=1 --'"},
      {"''", "''''''"},
      {"'; DROP TABLE rows; --", "'''; DROP TABLE rows; --'"},
      {"{}", "'{}'"},
      {"\" OR \"\"=\"", "'\" OR \"\"=\"'"},
      {"line\nbreak", "'line\nbreak'"},
      {"/* */", "'/* */'"},
      {"ü € 🙂", "'ü € 🙂'"},
  };
  for (const auto& [hostile, quoted] : cases) EXPECT_EQ(text(btql_text("{}", hostile)), quoted);
}

TEST(BtqlText, RefusesWhatServersDoNotReadAlike) {
  for (const std::string hostile : {"\\", "\\' OR 1=1 --", "a\\b", "\x01", "\x7f"}) {
    const auto query = btql_text("x = {}", hostile);
    ASSERT_FALSE(query) << hostile;
    EXPECT_EQ(query.error().code, ErrorCode::invalid_argument);
    EXPECT_NE(query.error().message.find("syntax tree"), std::string::npos);
  }
  EXPECT_FALSE(btql_text("x = {}", std::string("a\0b", 3)));
  EXPECT_FALSE(btql_text("x = {}", json{{"key", "value"}}));
  EXPECT_FALSE(btql_text("x IN {}", std::vector<std::vector<int>>{{1}}));
  EXPECT_FALSE(btql_text("x IN {}", std::vector<std::string>{"\\"}));
}

TEST(BtqlText, TakesDoubledBracesAsBraces) { EXPECT_EQ(text(btql_text("a = '{{}}' AND b = {}", 1)), "a = '{}' AND b = 1"); }

TEST(BtqlText, DoesNotMakeACommentOfAMinus) { EXPECT_EQ(text(btql_text("a = 1 -{}", -2)), "a = 1 - -2"); }

TEST(BtqlText, TakesValuesOutsideOfQuotesAndCommentsOnly) {
  const auto problem = [](std::string_view query, std::size_t values) {
    const char* const found = detail::problem_of_btql(query, values);
    return std::string(found == nullptr ? "" : found);
  };
  for (const char* const query :
       {"a = {}", "a = 'x' AND b = {}", "a = 'it''s' AND b = {}", R"("a" = {})", R"("a""b" = {})", "`a` = {}",
        "a = '\"' AND b = {} AND c = '\"'", "-- it's\n{}", "/* it's \" */ {}", "a - {} -- b", "a / {} /* b */", "'-- /*' = {}",
        "a = '{{}}' AND b = {}", R"(a MATCH '\d' AND b = {})", "{} -- {{}}"}) {
    EXPECT_EQ(problem(query, 1), "") << query;
  }
  for (const char* const query :
       {"a = '{}'", R"("{}" = 1)", "`{}` = 1", "a = 'x''{}'", "a = '\"' AND b = '{}'", "a = '-- {}\n'"}) {
    EXPECT_NE(problem(query, 1).find("stands in quotes"), std::string::npos) << query << ": " << problem(query, 1);
  }
  for (const char* const query : {"-- {}", "a = 1 -- '\n -- {}", "/* {} */ 1", "/*/ {} */"}) {
    EXPECT_NE(problem(query, 1).find("stands in a comment"), std::string::npos) << query << ": " << problem(query, 1);
  }
  for (const char* const query : {"a = 'x", "a = 'x''", R"(a = "x)", "a = `x", "a = 'x\"", "a = 1 /* b", "/*/"}) {
    EXPECT_NE(problem(query, 0).find("is not closed"), std::string::npos) << query << ": " << problem(query, 0);
  }
  for (const char* const query : {R"(a = '\' OR b = ')", R"(a = "\")", "/* /* */ {} */"}) {
    EXPECT_NE(problem(query, 1).find("servers do not agree"), std::string::npos) << query << ": " << problem(query, 1);
  }
  EXPECT_NE(problem("a = {}", 0), "");
  EXPECT_NE(problem("a = {", 0), "");
  EXPECT_NE(problem("a = '}'", 0), "");
}

TEST(Btql, FindsOnlyTheRowThatAHostileStringNames) {
  Backend backend;
  const std::string hostile = "x' OR '1'='1";
  for (const std::string& user : {hostile, std::string("x"), std::string("y")}) {
    backend.logger().log({.input = user, .metadata = {{"user", user}}});
  }
  ASSERT_EQ(backend.rows().size(), 3u);
  const auto project = backend.stored_rows().front()["project_id"].get<std::string>();
  const auto found = btql("SELECT * FROM project_logs({}) WHERE metadata.user = {}", project, hostile);
  ASSERT_TRUE(found) << found.error().message;
  ASSERT_EQ(found->rows.size(), 1u);
  EXPECT_EQ(found->rows[0]["input"], hostile);
}

TEST(Btql, TellsTheServersWordsAboutAQueryItDoesNotTake) {
  Backend backend;
  const auto found = btql("SELECT FROM WHERE");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::http_status);
  EXPECT_NE(found.error().message.find("status 400"), std::string::npos);
  EXPECT_GT(found.error().message.size(), std::string("POST /btql failed (status 400)").size());
}

TEST(Btql, SendsASyntaxTreeAsItIs) {
  Wire wire;
  wire.server.on("/btql", {{.body = R"({"data":[{"id":"a"}],"cursor":"next"})"}});
  const json query = {{"select", json::array({json::object({{"op", "star"}})})}, {"from", "dataset('x\\')"}};
  const auto page = run_btql_tree(query, {.version = "17"});
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_EQ(page->rows, json::parse(R"([{"id":"a"}])"));
  EXPECT_EQ(page->cursor, "next");
  const json sent = json::parse(wire.server.requests("/btql").at(0).body);
  EXPECT_EQ(sent["query"], query);
  EXPECT_EQ(sent["version"], "17");
  EXPECT_EQ(sent["brainstore_realtime"], true);
}

// Pages of a list of numbers, 0 to 24, as /btql gives them.
void serve_numbers(ScriptedServer& server, std::size_t fail_at = std::numeric_limits<std::size_t>::max()) {
  server.handle("/btql", [fail_at](const ServerRequest& request) -> Answer {
    const json query = json::parse(request.body)["query"];
    const std::size_t begin = query.contains("cursor") ? std::stoul(query["cursor"].get<std::string>()) : 0;
    if (begin >= fail_at) return {.status = 400, .body = R"({"error":"page lost"})"};
    json data = json::array();
    std::size_t at = begin;
    for (; at < 25 && at - begin < query["limit"].get<std::size_t>(); ++at) data.push_back({{"n", at}});
    json answer = {{"data", data}, {"cursor", nullptr}};
    if (at < 25) answer["cursor"] = std::to_string(at);
    return {.body = answer.dump()};
  });
}

json from_somewhere() { return {{"select", json::array({json::object({{"op", "star"}})})}, {"from", "dataset('x')"}}; }

TEST(BtqlRows, GoThroughAllPagesInOrder) {
  Wire wire;
  serve_numbers(wire.server);
  int expected = 0;
  for (auto& row : BtqlRows(from_somewhere(), {}, 10)) {
    ASSERT_TRUE(row);
    EXPECT_EQ((*row)["n"], expected++);
  }
  EXPECT_EQ(expected, 25);
  EXPECT_EQ(wire.server.count("/btql"), 3u);
}

TEST(BtqlRows, StopAtTheQuerysLimitHoweverManyPagesThatTakes) {
  Wire wire;
  serve_numbers(wire.server);
  json query = from_somewhere();
  query["limit"] = 12;
  int rows = 0;
  for (auto& row : BtqlRows(query, {}, 5)) rows += row ? 1 : 0;
  EXPECT_EQ(rows, 12);
}

TEST(BtqlRows, AreAnErrorForAQueryThatIsNoSyntaxTree) {
  Backend backend;
  for (const json& query : {json("SELECT 1"), json::array({1}), json()}) {
    std::vector<Result<json>> rows;
    for (auto& row : btql_rows(query)) rows.push_back(row);
    ASSERT_EQ(rows.size(), 1u) << query;
    ASSERT_FALSE(rows[0]) << query;
    EXPECT_EQ(rows[0].error().code, ErrorCode::invalid_argument);
  }
}

TEST(BtqlRows, EndWithTheErrorOfAPageThatFails) {
  Wire wire;
  serve_numbers(wire.server, 10);
  int rows = 0, errors = 0;
  for (auto& row : BtqlRows(from_somewhere(), {}, 10)) {
    if (row) {
      EXPECT_EQ(errors, 0);
      ++rows;
    } else {
      ++errors;
      EXPECT_NE(row.error().message.find("page lost"), std::string::npos);
    }
  }
  EXPECT_EQ(rows, 10);
  EXPECT_EQ(errors, 1);
}

TEST(BtqlRows, AreNotAskedForEverByAServerThatGivesOneCursorAgain) {
  Wire wire;
  wire.server.on("/btql", {{.body = R"({"data":[{"n":1}],"cursor":"same"})"}});
  int rows = 0, errors = 0;
  for (auto& row : BtqlRows(from_somewhere())) row ? ++rows : ++errors;
  EXPECT_EQ(rows, 1);
  EXPECT_EQ(errors, 1);
}

TEST(BtqlRows, GoOnBehindAPageWithoutRowsThatNamesTheNextOne) {
  Wire wire;
  wire.server.on("/btql", {{.body = R"({"data":[{"n":1}],"cursor":"a"})"},
                           {.body = R"({"data":[],"cursor":"b"})"},
                           {.body = R"({"data":[],"cursor":"c"})"},
                           {.body = R"({"data":[{"n":2}],"cursor":null})"}});
  std::vector<int> numbers;
  for (auto& row : BtqlRows(from_somewhere())) {
    ASSERT_TRUE(row) << row.error().message;
    numbers.push_back((*row)["n"]);
  }
  EXPECT_EQ(numbers, (std::vector<int>{1, 2}));
}

TEST(BtqlRows, AreNotAskedForEverByAServerThatGivesPagesWithoutRows) {
  Wire wire;
  int pages = 0;
  wire.server.handle("/btql", [&](const ServerRequest&) -> Answer {
    return {.body = R"({"data":[],"cursor":")" + std::to_string(++pages) + "\"}"};
  });
  std::vector<Error> errors;
  for (auto& row : BtqlRows(from_somewhere())) {
    ASSERT_FALSE(row);
    errors.push_back(row.error());
  }
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].code, ErrorCode::bad_response);
  EXPECT_EQ(pages, 1000);
}

TEST(BtqlRows, EndWithAnErrorWhereThePlaceOfTheNextPageCannotBeRead) {
  Wire wire;
  for (const char* const cursor : {"7", "false", R"({"at":7})", "[]"}) {
    wire.server.on("/btql", {{.body = std::string(R"({"data":[{"n":1}],"cursor":)") + cursor + "}"}});
    std::vector<Error> errors;
    for (auto& row : BtqlRows(from_somewhere())) {
      if (!row) errors.push_back(row.error());
    }
    ASSERT_EQ(errors.size(), 1u) << cursor;
    EXPECT_EQ(errors[0].code, ErrorCode::bad_response);
    EXPECT_NE(errors[0].message.find("cursor"), std::string::npos);
  }
}

TEST(Btql, AsksAgainAfterAFailureThatPasses) {
  const Variables quick({{"BRAINTRUST_NUM_RETRIES", std::nullopt}});
  Wire wire;
  wire.server.on("/btql", {{.status = 503, .headers = {{"Retry-After", "0"}}}, {.body = R"({"data":[]})"}});
  EXPECT_TRUE(btql("SELECT 1"));
  EXPECT_EQ(wire.server.count("/btql"), 2u);
}

TEST(FetchSpan, FindsASpanThatWasLoggedAMomentAgo) {
  Backend backend;
  std::string id;
  {
    auto span = backend.logger().start_span("asked");
    span.log({.input = "what?", .output = "that"});
    id = to_string(span.span_id());
  }
  const auto span = fetch_span(id);
  ASSERT_TRUE(span) << span.error().message;
  EXPECT_EQ((*span)["input"], "what?");
  EXPECT_EQ((*span)["output"], "that");
}

TEST(FetchSpan, SaysWhereItLookedForASpanThatIsNotThere) {
  Backend backend;
  backend.logger().log({.input = 1});
  const auto span = fetch_span("0123456789abcdef", {.experiment_id = "e1"});
  ASSERT_FALSE(span);
  EXPECT_NE(span.error().message.find("e1"), std::string::npos);
  EXPECT_FALSE(fetch_span(" "));
}

}  // namespace
}  // namespace braintrust::test
