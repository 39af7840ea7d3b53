// Experiments of the local backend: registration, bases, comparison, feedback.

#include "local/api_fixture.h"

namespace braintrust::local {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

class LocalExperiments : public LocalApi {
 protected:
  json registered(json request) {
    request["project_name"] = "P";
    return post("/api/experiment/register", request).at("experiment");
  }

  // A case of one root span, `seconds` long, and a scorer's span below it with its score.
  void log_case(const std::string& experiment, const std::string& id, const json& input, double seconds, const json& scores,
                const std::vector<json>& more = {}) {
    std::vector<json> rows = {{{"id", id},
                               {"experiment_id", experiment},
                               {"span_id", id},
                               {"root_span_id", id},
                               {"input", input},
                               {"metrics", {{"start", 100.0}, {"end", 100.0 + seconds}}},
                               {"span_attributes", {{"name", "eval"}, {"type", "eval"}}}},
                              child(experiment, id, "scorer", {{"type", "score"}, {"purpose", "scorer"}})};
    rows.back()["scores"] = scores;
    rows.insert(rows.end(), more.begin(), more.end());
    log(rows);
  }

  static json child(const std::string& experiment, const std::string& trace, const std::string& name, json attributes,
                    json metrics = json::object()) {
    attributes["name"] = name;
    return {{"id", trace + "-" + name}, {"experiment_id", experiment}, {"span_id", trace + "-" + name},
            {"root_span_id", trace},    {"span_parents", {trace}},     {"span_attributes", attributes},
            {"metrics", metrics}};
  }

  json comparison(const std::string& experiment, const std::string& base = "") {
    return get("/experiment-comparison2?experiment_id=" + experiment + (base.empty() ? "" : "&base_experiment_id=" + base));
  }
};

TEST_F(LocalExperiments, AreNewEachTimeUnlessTheyAreUpdated) {
  const auto first = registered({{"experiment_name", "e"}, {"description", "d"}, {"tags", {"t"}}, {"metadata", {{"k", 1}}}});
  EXPECT_EQ(first.at("name"), "e");
  EXPECT_EQ(first.at("description"), "d");
  EXPECT_EQ(first.at("tags"), json({"t"}));
  EXPECT_EQ(first.at("metadata").at("k"), 1);
  EXPECT_THAT(first.at("created").get<std::string>(), testing::MatchesRegex("....-..-..T..:..:...*Z"));
  const auto second = registered({{"experiment_name", "e"}});
  EXPECT_NE(second.at("name"), "e");
  EXPECT_THAT(second.at("name").get<std::string>(), testing::StartsWith("e-"));
  EXPECT_NE(second.at("id"), first.at("id"));
  EXPECT_EQ(registered({{"experiment_name", "e"}, {"update", true}}), first);
  EXPECT_EQ(get("/v1/experiment/" + first.at("id").get<std::string>()), first);
  EXPECT_EQ(client_.get("/v1/experiment/other").status, 404);
}

TEST_F(LocalExperiments, WithoutANameAreCalledAfterTheirBranchOrProject) {
  EXPECT_EQ(registered({{"repo_info", {{"branch", "fix"}, {"commit", "c"}}}}).at("name"), "fix");
  EXPECT_EQ(registered(json::object()).at("name"), "P");
  EXPECT_NE(registered(json::object()).at("name"), "P");
}

TEST_F(LocalExperiments, KeepTheVersionOfTheirDataset) {
  const auto made = registered({{"experiment_name", "e"}, {"dataset_id", "d"}, {"dataset_version", "5"}});
  EXPECT_EQ(made.at("dataset_id"), "d");
  EXPECT_EQ(made.at("dataset_version"), "5");
}

TEST_F(LocalExperiments, AreComparedToTheNewestEarlierOneOfAnAncestor) {
  const auto on = [](const char* commit) { return json{{"commit", commit}}; };
  const auto first = registered({{"experiment_name", "1"}, {"repo_info", on("aaa")}});
  EXPECT_TRUE(first.at("base_exp_id").is_null());
  const auto second = registered({{"experiment_name", "2"}, {"repo_info", on("bbb")}});
  const auto third = registered({{"experiment_name", "3"}, {"repo_info", on("ccc")}});
  EXPECT_EQ(third.at("base_exp_id"), second.at("id"));
  EXPECT_EQ(registered({{"ancestor_commits", {"bbb", "aaa", "zzz"}}}).at("base_exp_id"), second.at("id"));
  EXPECT_EQ(registered({{"ancestor_commits", {"aaa"}}}).at("base_exp_id"), first.at("id"));
  const auto last = registered({{"ancestor_commits", {"zzz"}}});
  EXPECT_EQ(registered({{"ancestor_commits", {"zzz"}}}).at("base_exp_id"), last.at("id"));
  EXPECT_EQ(registered({{"base_exp_id", first.at("id")}, {"base_experiment", "2"}}).at("base_exp_id"), first.at("id"));
  EXPECT_EQ(registered({{"base_experiment", "2"}, {"ancestor_commits", {"aaa"}}}).at("base_exp_id"), second.at("id"));
  EXPECT_EQ(post("/api/base_experiment/get_id", {{"id", third.at("id")}}),
            json({{"base_exp_id", second.at("id")}, {"base_exp_name", "2"}}));
  EXPECT_EQ(client_.post("/api/base_experiment/get_id", json{{"id", first.at("id")}}.dump()).status, 400);
}

TEST_F(LocalExperiments, ABaseThatDoesNotExistIsRefusedInTheWordsThatClientsLookFor) {
  const auto answer = client_.post("/api/experiment/register", R"({"project_name":"P","base_experiment":"none"})");
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("base experiment"));
  EXPECT_EQ(post("/api/experiment/get", {{"project_name", "P"}}), json::array());  // and none was made
}

TEST_F(LocalExperiments, AreFoundByName) {
  const auto made = registered({{"experiment_name", "e"}});
  EXPECT_EQ(post("/api/experiment/get", {{"project_name", "P"}, {"experiment_name", "e"}}), json::array({made}));
  EXPECT_EQ(post("/api/experiment/get", {{"project_name", "P"}, {"experiment_name", "x"}}), json::array());
  EXPECT_EQ(post("/api/experiment/get", {{"project_name", "nobody"}, {"experiment_name", "e"}}), json::array());
}

TEST_F(LocalExperiments, AveragesAreThoseOfTheirCases) {
  const auto id = new_experiment("e");
  log_case(id, "1", "a", 2, {{"exact", 1}, {"near", 0.5}});
  log_case(id, "2", "b", 4, {{"exact", 0}, {"near", nullptr}});
  const auto answer = comparison(id);
  EXPECT_EQ(answer.at("scores"), json::parse(R"({"exact":{"name":"exact","score":0.5,"improvements":0,"regressions":0},
                                                 "near":{"name":"near","score":0.5,"improvements":0,"regressions":0}})"));
  EXPECT_EQ(answer.at("metrics"),
            json::parse(R"({"duration":{"name":"duration","metric":3.0,"unit":"s","improvements":0,"regressions":0}})"));
  EXPECT_EQ(client_.get("/experiment-comparison2?experiment_id=none").status, 404);
}

TEST_F(LocalExperiments, ChangesAreCountedByCaseWithTrialsAveraged) {
  const auto base = new_experiment("base"), now = new_experiment("now");
  log_case(base, "b1", {{"q", 1}, {"r", 2}}, 2, {{"s", 0.5}});
  log_case(base, "b2", "same", 2, {{"s", 0.5}});
  log_case(base, "b3", "worse", 2, {{"s", 1.0}});
  log_case(base, "b4", "trials", 2, {{"s", 0.2}});
  log_case(base, "b5", "trials", 4, {{"s", 0.6}});
  log_case(base, "b6", "gone", 2, {{"s", 0.0}, {"old", 1}});
  // Equal as JSON, whatever the order of keys and the way a number is written.
  log_case(now, "n1", {{"r", 2.0}, {"q", 1}}, 1, {{"s", 1.0}});
  log_case(now, "n2", "same", 2, {{"s", 0.5}});
  log_case(now, "n3", "worse", 5, {{"s", 0.25}});
  log_case(now, "n4", "trials", 3, {{"s", 0.0}});
  log_case(now, "n5", "trials", 3, {{"s", 0.9}});
  log_case(now, "n6", "new", 2, {{"s", 0.35}});
  const auto answer = comparison(now, base);
  const auto s = answer.at("scores").at("s");
  // now: (1 + .5 + .25 + 0 + .9 + .35) / 6 = 3 / 6; base: (.5 + .5 + 1 + .2 + .6 + 0) / 6 = 2.8 / 6.
  EXPECT_DOUBLE_EQ(s.at("score").get<double>(), 0.5);
  EXPECT_NEAR(s.at("diff").get<double>(), 0.2 / 6, 1e-12);
  EXPECT_EQ(s.at("improvements"), 2);  // {q, r} and, on average, trials
  EXPECT_EQ(s.at("regressions"), 1);
  EXPECT_FALSE(answer.at("scores").contains("old"));
  const auto duration = answer.at("metrics").at("duration");
  EXPECT_NEAR(duration.at("diff").get<double>(), 16.0 / 6 - 14.0 / 6, 1e-12);
  EXPECT_EQ(duration.at("improvements"), 1);  // a shorter one is the better one
  EXPECT_EQ(duration.at("regressions"), 1);
  // A score that only one side has cannot differ.
  EXPECT_FALSE(comparison(base, now).at("scores").at("old").contains("diff"));
}

TEST_F(LocalExperiments, TokensOfScorersDoNotCount) {
  const auto id = new_experiment("e");
  const json used = {{"prompt_tokens", 10}, {"completion_tokens", 5}, {"tokens", 15}, {"estimated_cost", 0.25}};
  log_case(id, "1", "a", 1, {{"s", 1}},
           {child(id, "1", "call", {{"type", "llm"}}, used), child(id, "1", "again", {{"type", "llm"}}, used),
            child(id, "1", "judge", {{"type", "llm"}, {"purpose", "scorer"}}, used),
            child(id, "1", "task", {{"type", "task"}}, used)});
  log_case(id, "2", "b", 1, {{"s", 1}}, {child(id, "2", "call", {{"type", "llm"}}, used)});
  const auto metrics = comparison(id).at("metrics");
  EXPECT_EQ(metrics.at("prompt_tokens").at("metric"), 15);  // (20 + 10) / 2
  EXPECT_EQ(metrics.at("completion_tokens").at("metric"), 7.5);
  EXPECT_EQ(metrics.at("tokens").at("metric"), 22.5);
  EXPECT_EQ(metrics.at("tokens").at("unit"), "tok");
  EXPECT_EQ(metrics.at("estimated_cost").at("metric"), 0.375);
  EXPECT_EQ(metrics.at("estimated_cost").at("unit"), "$");
}

TEST_F(LocalExperiments, TakeFeedback) {
  const auto id = new_experiment("e");
  log_case(id, "1", "a", 1, {{"s", 1}});
  log({{{"id", "1"},
        {"experiment_id", id},
        {"scores", {{"user", 0.5}}},
        {"expected", "x"},
        {"tags", {"t"}},
        {"_is_merge", true}},
       {{"id", "note"}, {"experiment_id", id}, {"origin", {{"id", "1"}}}, {"comment", {{"text", "nice"}}}}});
  const auto row = query("SELECT * FROM experiment('" + id + "') WHERE id = '1'").at("data").at(0);
  EXPECT_EQ(row.at("scores"), json({{"user", 0.5}}));
  EXPECT_EQ(row.at("expected"), "x");
  EXPECT_EQ(row.at("input"), "a");
  EXPECT_EQ(comparison(id).at("scores").at("user").at("score"), 0.5);
  // A comment is no case, and is shown with its trace.
  EXPECT_EQ(must(server_.store().experiments()).at(0).cases, 1U);
  EXPECT_THAT(must(server_.rows_json("1")), HasSubstr("nice"));
}

TEST_F(LocalExperiments, AreListedWithTheirScores) {
  const auto first = new_experiment("first"), second = new_experiment("second");
  log_case(first, "1", "a", 1, {{"s", 1}, {"t", 0}});
  log_case(first, "2", "b", 1, {{"s", 0}});
  log({{{"id", "1"}, {"experiment_id", first}, {"_is_merge", true}, {"error", "broken"}}});
  const auto list = must(server_.store().experiments());
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0].name, "second");
  EXPECT_EQ(list[0].cases, 0U);
  EXPECT_EQ(list[1].project, "P");
  EXPECT_EQ(list[1].cases, 2U);
  EXPECT_EQ(list[1].errors, 1U);
  EXPECT_THAT(list[1].scores, ElementsAre(std::pair<std::string, double>("s", 0.5), std::pair<std::string, double>("t", 0)));
  EXPECT_EQ(must(server_.store().experiments(1)).size(), 1U);
}

}  // namespace
}  // namespace braintrust::local
