// Queries to the local backend: each operator in both ways to write it, pages, and what cannot be done.

#include <set>

#include "local/api_fixture.h"

namespace braintrust::local {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class LocalQueries : public LocalApi {
 protected:
  void SetUp() override {
    log({{{"id", "a"},
          {"dataset_id", "d"},
          {"input", "one"},
          {"metadata", {{"k", 1}, {"odd key", true}}},
          {"tags", {"x", "y"}}},
         {{"id", "b"}, {"dataset_id", "d"}, {"input", "it's two"}, {"metadata", {{"k", 2.5}}}, {"tags", {"y"}}},
         {{"id", "c"}, {"dataset_id", "d"}, {"input", "Grüße"}, {"metadata", {{"k", "text"}}}, {"expected", nullptr}},
         {{"id", "d"}, {"dataset_id", "d"}, {"input", {{"q", "deep"}}}, {"expected", "yes"}}});
  }

  std::vector<std::string> where(const std::string& condition) { return ids_where("dataset('d')", condition); }

  static json ident(const std::vector<std::string>& path) { return {{"op", "ident"}, {"name", path}}; }
  static json literal(const json& value) { return {{"op", "literal"}, {"value", value}}; }
  static json tree(const json& filter) {
    json made = {{"select", {{{"op", "star"}}}},
                 {"from", {{"op", "function"}, {"name", ident({"dataset"})}, {"args", {literal("d")}}}}};
    if (!filter.is_null()) made["filter"] = filter;
    return made;
  }
  std::vector<std::string> matching(const json& filter) { return ids(post("/btql", {{"query", tree(filter)}})); }
  std::vector<std::string> matching(const char* op, const json& left, const json& right) {
    return matching({{"op", op}, {"left", left}, {"right", right}});
  }
};

TEST_F(LocalQueries, CompareFieldsInText) {
  EXPECT_THAT(where("id = 'a'"), ElementsAre("a"));
  EXPECT_THAT(where("id != 'a'"), ElementsAre("b", "c", "d"));
  EXPECT_THAT(where("id <> 'a'"), ElementsAre("b", "c", "d"));
  EXPECT_THAT(where("metadata.k = 1"), ElementsAre("a"));
  EXPECT_THAT(where("metadata.k < 2.5"), ElementsAre("a"));
  EXPECT_THAT(where("metadata.k <= 2.5"), ElementsAre("a", "b"));
  EXPECT_THAT(where("metadata.k > 1"), ElementsAre("b"));
  EXPECT_THAT(where("metadata.k >= 1e0"), ElementsAre("a", "b"));
  EXPECT_THAT(where("metadata.k > -1"), ElementsAre("a", "b"));
  EXPECT_THAT(where("metadata.\"odd key\" = true"), ElementsAre("a"));
  EXPECT_THAT(where("metadata['odd key']"), ElementsAre("a"));
  EXPECT_THAT(where("input.q = 'deep'"), ElementsAre("d"));
  EXPECT_THAT(where("_xact_id > 1000"), ElementsAre("a", "b", "c", "d"));
  EXPECT_THAT(where("id IN ('a', 'd')"), ElementsAre("a", "d"));
  EXPECT_THAT(where("id NOT IN ('a', 'd')"), ElementsAre("b", "c"));
  EXPECT_THAT(where("metadata.k in [1, 'text']"), ElementsAre("a", "c"));
}

TEST_F(LocalQueries, KnowWhatIsNotThere) {
  EXPECT_THAT(where("expected IS NULL"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(where("expected IS NOT NULL"), ElementsAre("d"));
  // As in SQL, what is not there is neither equal nor unequal to anything.
  EXPECT_THAT(where("expected != 'no'"), ElementsAre("d"));
  EXPECT_THAT(where("NOT (expected = 'no')"), ElementsAre("d"));
  EXPECT_THAT(where("expected = null"), IsEmpty());
}

TEST_F(LocalQueries, CombineConditions) {
  EXPECT_THAT(where("id = 'a' OR id = 'b' AND metadata.k = 1"), ElementsAre("a"));
  EXPECT_THAT(where("(id = 'a' OR id = 'b') AND metadata.k = 2.5"), ElementsAre("b"));
  EXPECT_THAT(where("NOT id = 'a' AND NOT id = 'b'"), ElementsAre("c", "d"));
  EXPECT_THAT(where("expected = 'x' OR id = 'a'"), ElementsAre("a"));
}

TEST_F(LocalQueries, MatchTexts) {
  EXPECT_THAT(where("input LIKE 'o%'"), ElementsAre("a"));
  EXPECT_THAT(where("input LIKE 'O%'"), IsEmpty());
  EXPECT_THAT(where("input ILIKE 'O_E'"), ElementsAre("a"));
  EXPECT_THAT(where("input LIKE 'Gr__e'"), ElementsAre("c"));
  EXPECT_THAT(where("input NOT LIKE '%o%'"), ElementsAre("c", "d"));
  EXPECT_THAT(where("input LIKE '%t%t%'"), ElementsAre("b"));
  EXPECT_THAT(where("input MATCH 'TWO'"), ElementsAre("b"));
  EXPECT_THAT(where("tags INCLUDES 'x'"), ElementsAre("a"));
  EXPECT_THAT(where("tags INCLUDES 'y' AND NOT tags INCLUDES 'x'"), ElementsAre("b"));
}

TEST_F(LocalQueries, ALikeWithManyPercentSignsEndsSoon) {
  log({{{"id", "long"}, {"dataset_id", "long"}, {"input", std::string(5000, 'a')}}});
  std::string pattern;
  for (int i = 0; i < 100; ++i) pattern += "%a";
  EXPECT_THAT(ids_where("dataset('long')", "input LIKE '" + pattern + "b'"), IsEmpty());
  EXPECT_THAT(ids_where("dataset('long')", "input LIKE '" + pattern + "'"), ElementsAre("long"));
}

TEST_F(LocalQueries, CompareFieldsInATree) {
  EXPECT_THAT(matching("eq", ident({"id"}), literal("a")), ElementsAre("a"));
  EXPECT_THAT(matching("ne", ident({"id"}), literal("a")), ElementsAre("b", "c", "d"));
  EXPECT_THAT(matching("lt", ident({"metadata", "k"}), literal(2)), ElementsAre("a"));
  EXPECT_THAT(matching("le", ident({"metadata", "k"}), literal(2.5)), ElementsAre("a", "b"));
  EXPECT_THAT(matching("gt", ident({"metadata", "k"}), literal(1)), ElementsAre("b"));
  EXPECT_THAT(matching("ge", ident({"metadata", "k"}), literal(1)), ElementsAre("a", "b"));
  EXPECT_THAT(matching("in", ident({"id"}), literal({"a", "d"})), ElementsAre("a", "d"));
  EXPECT_THAT(matching("in", ident({"id"}), {"b"}), ElementsAre("b"));
  EXPECT_THAT(matching("like", ident({"input"}), literal("o%")), ElementsAre("a"));
  EXPECT_THAT(matching("ilike", ident({"input"}), literal("O%")), ElementsAre("a"));
  EXPECT_THAT(matching("match", ident({"input"}), literal("two")), ElementsAre("b"));
  EXPECT_THAT(matching("includes", ident({"tags"}), literal("x")), ElementsAre("a"));
  EXPECT_THAT(matching({{"op", "includes"}, {"haystack", ident({"tags"})}, {"needle", literal("x")}}), ElementsAre("a"));
  EXPECT_THAT(matching({{"op", "isnull"}, {"expr", ident({"expected"})}}), ElementsAre("a", "b", "c"));
  EXPECT_THAT(matching({{"op", "isnotnull"}, {"expr", ident({"expected"})}}), ElementsAre("d"));
  const json a = {{"op", "eq"}, {"left", ident({"id"})}, {"right", literal("a")}};
  const json b = {{"op", "eq"}, {"left", ident({"id"})}, {"right", literal("b")}};
  EXPECT_THAT(matching({{"op", "not"}, {"expr", a}}), ElementsAre("b", "c", "d"));
  EXPECT_THAT(matching({{"op", "or"}, {"children", {a, b}}}), ElementsAre("a", "b"));
  EXPECT_THAT(matching("and", a, b), IsEmpty());
  EXPECT_THAT(matching({{"btql", "id = 'c'"}}), ElementsAre("c"));
  EXPECT_THAT(matching(json()), ElementsAre("a", "b", "c", "d"));
}

TEST_F(LocalQueries, SelectFieldsUnderTheirNames) {
  EXPECT_EQ(query("SELECT id, metadata.k AS x, input.q FROM dataset('d') WHERE id IN ('b','d')").at("data"),
            json::parse(R"([{"id":"b","x":2.5,"q":null},{"id":"d","x":null,"q":"deep"}])"));
  auto made = tree({{"op", "eq"}, {"left", ident({"id"})}, {"right", literal("a")}});
  made["select"] = {{{"alias", "n"}, {"expr", ident({"metadata", "k"})}}, ident({"id"})};
  EXPECT_EQ(post("/btql", {{"query", made}}).at("data"), json::parse(R"([{"n":1,"id":"a"}])"));
}

TEST_F(LocalQueries, CountAndAverage) {
  EXPECT_EQ(query("SELECT count(*) AS n, count(metadata.k) AS k, avg(metadata.k) AS a, sum(metadata.k) AS s, min(id) AS f, "
                  "max(id) AS l FROM dataset('d')")
                .at("data"),
            json::parse(R"([{"n":4,"k":3,"a":1.75,"s":3.5,"f":"a","l":"d"}])"));
  EXPECT_EQ(query("SELECT count(*) AS n, max(_xact_id) AS v, avg(metadata.k) AS a FROM dataset('d') WHERE id = 'z'").at("data"),
            json::parse(R"([{"n":0,"v":null,"a":null}])"));
}

TEST_F(LocalQueries, ReadTheClausesOfBtql) {
  EXPECT_THAT(ids(query("select: * | from: dataset('d') | filter: metadata.k >= 1 | sort: id desc | limit: 1")),
              ElementsAre("b"));
  EXPECT_THAT(ids(query("from: dataset('d') spans\nselect: *\nfilter: id = 'a' -- the first\n")), ElementsAre("a"));
}

TEST_F(LocalQueries, SortAndGoOnFromAPage) {
  EXPECT_THAT(ids(query("SELECT * FROM dataset('d') ORDER BY id DESC")), ElementsAre("d", "c", "b", "a"));
  // What is missing comes first, then numbers, then texts.
  EXPECT_THAT(ids(query("SELECT * FROM dataset('d') ORDER BY metadata.k ASC, id")), ElementsAre("d", "a", "b", "c"));
  std::vector<std::string> found;
  json cursor;
  do {
    auto made = tree(json());
    made["sort"] = {{{"expr", ident({"tags"})}, {"dir", "desc"}}, {{"expr", ident({"id"})}, {"dir", "desc"}}};
    made["limit"] = 1;
    made["cursor"] = cursor;
    const auto answer = post("/btql", {{"query", made}});
    for (const auto& id : ids(answer)) found.push_back(id);
    cursor = answer.at("cursor");
  } while (!cursor.is_null());
  EXPECT_THAT(found, ElementsAre("b", "a", "d", "c"));
}

TEST_F(LocalQueries, HostileTextsAreTextsAndNothingElse) {
  const std::string hostile = "x'; DROP TABLE rows; --\\\" %_ \x01";
  log({{{"id", hostile}, {"dataset_id", "d"}, {"input", hostile}}});
  std::string quoted;
  for (const char c : hostile) quoted += c == '\'' ? "''" : std::string(1, c);
  EXPECT_THAT(where("id = '" + quoted + "'"), ElementsAre(hostile));
  EXPECT_THAT(where("input = '" + quoted + "'"), ElementsAre(hostile));
  EXPECT_THAT(matching("eq", ident({"id"}), literal(hostile)), ElementsAre(hostile));
  EXPECT_THAT(matching("eq", ident({"input"}), literal(hostile)), ElementsAre(hostile));
  EXPECT_THAT(where("input = 'it''s two'"), ElementsAre("b"));
  EXPECT_THAT(where("id = ''' OR ''1'' = ''1'"), IsEmpty());
  EXPECT_THAT(matching("eq", ident({"id' OR '1'='1"}), literal("a")), IsEmpty());
  EXPECT_EQ(client_.post("/btql", json{{"query", "SELECT * FROM dataset('d'' OR ''1''=''1')"}}.dump()).status, 404);
  EXPECT_EQ(must(server_.store().row_count()), 5U);
}

TEST_F(LocalQueries, SayWhichPartCannotBeDone) {
  EXPECT_THAT(query_refusal("SELECT * FROM dataset('d') GROUP BY id"), HasSubstr("GROUP BY"));
  EXPECT_THAT(query_refusal("SELECT id, count(*) AS n FROM dataset('d')"), HasSubstr("GROUP BY"));
  EXPECT_THAT(query_refusal("SELECT * FROM users('d')"), HasSubstr("project_logs('id')"));
  EXPECT_THAT(query_refusal("SELECT upper(id) AS x FROM dataset('d')"), HasSubstr("upper"));
  EXPECT_THAT(query_refusal("SELECT * FROM dataset('d') WHERE count(*) > 1"), HasSubstr("whole columns"));
  EXPECT_THAT(query_refusal("DELETE FROM dataset('d')"), HasSubstr("SELECT"));
  EXPECT_THAT(query_refusal("SELECT * FROM dataset('d') WHERE id = 'a"), HasSubstr("quote"));
  EXPECT_THAT(query_refusal("SELECT * FROM dataset('d') WHERE id ="), HasSubstr("ends"));
  EXPECT_THAT(query_refusal("SELECT * FROM dataset('d'); DROP TABLE rows"), HasSubstr("DROP"));
  EXPECT_THAT(query_refusal("SELECT * FROM dataset('d') LIMIT 'x'"), HasSubstr("LIMIT"));
  EXPECT_THAT(query_refusal("SELECT * FROM dataset('d','e')"), HasSubstr("one dataset"));
  EXPECT_THAT(query_refusal("select: * | from: dataset('d') | dimensions: id"), HasSubstr("dimensions"));
  EXPECT_THAT(query_refusal("select: * | from: project_logs('d') summary"), HasSubstr("shape"));
  EXPECT_THAT(query_refusal(7), HasSubstr("query"));

  EXPECT_THAT(query_refusal(tree({{"op", "add"}, {"left", 1}, {"right", 2}})), HasSubstr("add"));
  auto made = tree(json());
  made["pivot"] = json::array();
  EXPECT_THAT(query_refusal(made), HasSubstr("pivot"));
  made = tree(json());
  made["cursor"] = "nonsense";
  EXPECT_THAT(query_refusal(made), HasSubstr("cursor"));
  made.erase("select");
  EXPECT_THAT(query_refusal(made), HasSubstr("select"));
  EXPECT_THAT(refusal(client_.post("/btql", json{{"query", tree(json())}, {"audit_log", true}}.dump())),
              HasSubstr("audit_log"));
  EXPECT_EQ(client_.post("/btql", "{").status, 400);
}

TEST_F(LocalQueries, DeepAndLongOnesAreRefused) {
  const std::string before = "SELECT * FROM dataset('d') WHERE ";
  EXPECT_THAT(query_refusal(before + std::string(100'000, '(') + "1"), HasSubstr("deep"));
  std::string negations, functions;
  for (int i = 0; i < 20'000; ++i) negations += "NOT ";
  for (int i = 0; i < 20'000; ++i) functions += "max(";
  EXPECT_THAT(query_refusal(before + negations + "true"), HasSubstr("deep"));
  EXPECT_EQ(client_.post("/btql", json{{"query", before + functions}}.dump()).status, 400);
  EXPECT_THAT(query_refusal(before + "id = '" + std::string(300'000, 'x') + "'"), HasSubstr("larger"));
  json deep = literal(true);
  for (int i = 0; i < 200; ++i) deep = {{"op", "not"}, {"expr", deep}};
  EXPECT_THAT(query_refusal(tree(deep)), HasSubstr("deep"));
}

TEST_F(LocalQueries, OfLogsComeNewestFirstAndKnowTheirRoots) {
  const std::string project = post("/api/project/register", {{"project_name", "P"}}).at("project").at("id");
  const auto other = post("/api/project/register", {{"project_name", "Q"}}).at("project").at("id").get<std::string>();
  const auto span = [&](const std::string& id, const std::string& trace, const json& parents) -> json {
    return {{"id", id},
            {"project_id", project},
            {"log_id", "g"},
            {"span_id", id},
            {"root_span_id", trace},
            {"span_parents", parents},
            {"scores", {{"s", 0.5}}},
            {"span_attributes", {{"type", "llm"}}}};
  };
  log({span("1", "t1", nullptr)});
  log({span("2", "t1", {"1"})});
  log({span("3", "t2", json::array())});
  log({{{"id", "note"}, {"project_id", project}, {"log_id", "g"}, {"origin", {{"id", "1"}}}, {"comment", {{"text", "hm"}}}}});
  log({{{"id", "4"}, {"project_id", other}, {"log_id", "g"}, {"span_id", "4"}, {"root_span_id", "t4"}, {"error", "broken"}}});
  const auto logs = "project_logs('" + project + "')";
  EXPECT_THAT(ids(query("SELECT * FROM " + logs)), ElementsAre("3", "2", "1"));
  EXPECT_THAT(ids_where(logs, "is_root"), ElementsAre("3", "1"));
  EXPECT_THAT(ids_where(logs, "is_root = false"), ElementsAre("2"));
  EXPECT_THAT(ids_where(logs, "root_span_id = 't1'"), ElementsAre("2", "1"));
  EXPECT_THAT(ids_where(logs, "id = '2' AND root_span_id = 't2'"), IsEmpty());
  EXPECT_THAT(ids_where(logs, "scores.s > 0.4 AND span_attributes.type = 'llm'"), ElementsAre("3", "2", "1"));
  EXPECT_THAT(ids_where("project_logs('" + project + "', '" + other + "')", "true"), ElementsAre("4", "3", "2", "1"));
  EXPECT_THAT(ids_where("project_logs('" + project + "', '" + other + "')", "error IS NOT NULL"), ElementsAre("4"));
  EXPECT_EQ(query("SELECT * FROM " + logs).at("data").at(0).at("is_root"), true);
  EXPECT_EQ(query("SELECT * FROM " + logs).at("data").at(1).at("is_root"), false);
  // A row that changes becomes the newest.
  log({{{"id", "1"}, {"project_id", project}, {"log_id", "g"}, {"_is_merge", true}, {"output", 1}}});
  EXPECT_THAT(ids(query("SELECT * FROM " + logs + " LIMIT 2")), ElementsAre("1", "3"));
}

TEST_F(LocalQueries, PagesOfLogsOfSeveralProjectsHoldEachRowOnceNewestFirst) {
  std::vector<std::string> projects;
  for (const char* name : {"P", "Q"}) {
    projects.push_back(post("/api/project/register", {{"project_name", name}}).at("project").at("id"));
  }
  for (std::size_t batch = 0; batch < 5; ++batch) {
    std::vector<json> rows;
    for (int i = 0; i < 500; ++i) {
      const auto& project = projects[batch == 0 ? 0 : static_cast<std::size_t>(i) % 2];
      rows.push_back({{"id", std::to_string(batch) + "-" + std::to_string(i)}, {"project_id", project}, {"log_id", "g"}});
    }
    log(rows);
  }
  std::string last = "9";
  std::set<std::string> found;
  std::size_t pages = 0, rows = 0;
  json cursor;
  do {
    const auto object = "project_logs('" + projects[0] + "', '" + projects[1] + "')";
    const json made = {{"select", {{{"op", "star"}}}}, {"from", object}, {"limit", 700}, {"cursor", cursor}};
    const auto answer = post("/btql", {{"query", made}});
    for (const auto& row : answer.at("data")) {
      found.insert(row.at("id"));
      EXPECT_LE(row.at("_xact_id").get<std::string>(), last);
      last = row.at("_xact_id");
    }
    rows += answer.at("data").size();
    cursor = answer.at("cursor");
    ++pages;
  } while (!cursor.is_null());
  EXPECT_EQ(pages, 4U);
  EXPECT_EQ(rows, 2500U);
  EXPECT_EQ(found.size(), 2500U);
}

TEST_F(LocalQueries, AnObjectThatDoesNotExistIsSaid) {
  for (const char* object : {"dataset", "experiment", "project_logs", "playground_logs", "project_prompts"}) {
    const json request = {{"query", std::string("SELECT * FROM ") + object + "('typo')"}};
    const auto answer = client_.post("/btql", request.dump());
    EXPECT_EQ(answer.status, 404) << object;
    EXPECT_THAT(answer.body, HasSubstr("typo"));
  }
  EXPECT_THAT(ids(query("SELECT * FROM dataset('" + new_dataset() + "')")), IsEmpty());
}

}  // namespace
}  // namespace braintrust::local
