#include <braintrust/eval/experiment.h>

#include <map>

#include <gtest/gtest.h>

#include <braintrust/trace/propagation.h>

#include "support/told.h"
#include "trace/backend.h"

namespace braintrust::test {
namespace {

using nlohmann::json;

constexpr const char* registered =
    R"({"project":{"id":"p1","name":"P"},"experiment":{"id":"e1","name":"first","base_exp_id":"e0"}})";

struct Registration {
  Registration() { wire.server.on("/api/experiment/register", {{.body = registered}}); }
  json sent(std::size_t which = 0) const {
    return json::parse(wire.server.requests("/api/experiment/register").at(which).body);
  }
  Wire wire;
};

ExperimentOptions without_git(ExperimentOptions options) {
  options.git.collect = GitOptions::Collect::none;
  return options;
}

TEST(Experiment, IsRegisteredWithWhatItsOptionsSay) {
  Registration registration;
  registration.wire.server.on("/api/dataset/register",
                              {{.body = R"({"project":{"id":"p1","name":"P"},"dataset":{"id":"d1","name":"D"}})"}});
  const auto experiment = init_experiment(without_git({.project = "P",
                                                       .name = "first",
                                                       .description = "why",
                                                       .metadata = {{"model", "m"}},
                                                       .tags = {"a"},
                                                       .base_experiment = "zero",
                                                       .dataset = init_dataset({.project = "P", .name = "D", .version = "17"}),
                                                       .update = true,
                                                       .is_public = true}));
  ASSERT_TRUE(experiment) << experiment.error().message;
  const json body = registration.sent();
  EXPECT_EQ(body, (json{{"org_id", body["org_id"]},
                        {"project_name", "P"},
                        {"experiment_name", "first"},
                        {"description", "why"},
                        {"metadata", {{"model", "m"}}},
                        {"tags", {"a"}},
                        {"base_experiment", "zero"},
                        {"dataset_id", "d1"},
                        {"dataset_version", "17"},
                        {"update", true},
                        {"public", true}}));
  EXPECT_EQ(experiment->id(), "e1");
  EXPECT_EQ(experiment->name(), "first");
  EXPECT_EQ(experiment->base_experiment_id(), "e0");
  EXPECT_EQ(experiment->url(), registration.wire.server.url() + "/app/acme/p/P/experiments/first");
}

TEST(Experiment, IsNotRegisteredTwiceByAnAnswerThatGotLost) {
  Registration registration;
  registration.wire.server.on("/api/experiment/register", {{.deed = Deed::drop}, {.body = registered}});
  EXPECT_FALSE(init_experiment(without_git({.project = "P", .name = "first"})));
  EXPECT_EQ(registration.wire.server.count("/api/experiment/register"), 1u);
}

TEST(Experiment, IsAskedForAgainWhereThatFindsTheSameOne) {
  Registration registration;
  registration.wire.server.on("/api/experiment/register", {{.deed = Deed::drop}, {.body = registered}});
  EXPECT_TRUE(init_experiment(without_git({.project = "P", .name = "first", .update = true})));
  EXPECT_EQ(registration.wire.server.count("/api/experiment/register"), 2u);
}

TEST(Experiment, GoesOnWithoutABaseThatDoesNotExist) {
  Registration registration;
  registration.wire.server.on("/api/experiment/register",
                              {{.status = 400, .body = R"({"error":"base experiment zero not found"})"}, {.body = registered}});
  Told told;
  EXPECT_TRUE(init_experiment(without_git({.project = "P", .base_experiment = "zero"})));
  EXPECT_TRUE(told.mentions("\"zero\" does not exist"));
  EXPECT_FALSE(registration.sent(1).contains("base_experiment"));
}

TEST(Experiment, RefusesWhatTheServerWouldMisunderstand) {
  Registration registration;
  EXPECT_EQ(init_experiment({.metadata = "text"}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(init_experiment({.tags = {"a", "a"}}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(registration.wire.server.count("/api/experiment/register"), 0u);
}

TEST(Experiment, TellsNothingOfGitUnlessTheOrganisationWantsIt) {
  Registration registration;
  ASSERT_TRUE(init_experiment({.project = "P"}));
  EXPECT_FALSE(registration.sent().contains("repo_info"));
  EXPECT_FALSE(registration.sent().contains("ancestor_commits"));
}

TEST(Experiment, HoldsWhatIsLoggedToIt) {
  Backend backend;
  const auto experiment = init_experiment({.project = "P", .name = "by hand"});
  ASSERT_TRUE(experiment) << experiment.error().message;
  const auto id = experiment->log({.input = "q", .output = "a", .expected = "b", .scores = {{"exact", 0.5}}});
  {
    auto span = experiment->start_span("case", {.input = "q2"});
    const auto child = start_span("child");
  }
  const auto rows = backend.rows();
  ASSERT_EQ(rows.size(), 3u);
  for (const Row& row : rows) EXPECT_EQ(row["experiment_id"], experiment->id());
  const Row logged = only_row(rows, "root");
  EXPECT_EQ(logged["id"], id);
  EXPECT_EQ(logged["span_attributes"]["type"], "eval");
  EXPECT_EQ(only_row(rows, "child")["span_parents"], json::array({only_row(rows, "case")["span_id"]}));

  experiment->update_row(id, {.metadata = {{"seen", true}}});
  experiment->log_feedback({.id = id, .scores = {{"user", 1}}, .comment = "good"});
  bool found = false;
  for (const Row& row : backend.rows()) {
    if (row["id"] != id) continue;
    found = true;
    EXPECT_EQ(row["metadata"]["seen"], true);
    EXPECT_EQ(row["scores"], json({{"exact", 0.5}, {"user", 1}}));
  }
  EXPECT_TRUE(found);
}

TEST(Experiment, TakesPartInTracesThatBeganElsewhere) {
  Backend backend;
  const auto experiment = init_experiment({.project = "P", .name = "by hand"});
  ASSERT_TRUE(experiment) << experiment.error().message;
  using Headers = std::map<std::string, std::string>;
  const std::string trace = "0af7651916cd43dd8448eb211c80319c", caller = "b7ad6b7169203331";
  const std::string traceparent = "00-" + trace + "-" + caller + "-01";
  const auto start = [&](std::string_view name, const Parent& parent) {
    return experiment->start_span(name, {.parent = parent});
  };

  start("no place", extract_trace_context(Headers{{"traceparent", traceparent}})).end();
  start("a place",
        extract_trace_context(Headers{{"traceparent", traceparent}, {"baggage", "braintrust.parent=project_name:other"}}))
      .end();
  start("nobody", extract_trace_context(Headers{})).end();
  auto request = backend.logger().start_span("request");
  auto case_span = start("case", {});
  start("step", case_span).end();
  start("step by slug", case_span.export_slug()).end();
  start("in a log", request).end();
  case_span.end();
  request.end();

  const auto rows = backend.rows();
  const auto parent_of = [](const Row& row) { return row.value("span_parents", json()); };
  const Row no_place = only_row(rows, "no place");
  EXPECT_EQ(no_place["experiment_id"], experiment->id());
  EXPECT_EQ(no_place["root_span_id"], trace);
  EXPECT_EQ(parent_of(no_place), json::array({caller}));
  const Row place = only_row(rows, "a place");
  EXPECT_FALSE(place.contains("experiment_id"));
  EXPECT_EQ(place["root_span_id"], trace);
  const Row nobody = only_row(rows, "nobody");
  EXPECT_EQ(nobody["experiment_id"], experiment->id());
  EXPECT_TRUE(parent_of(nobody).is_null()) << nobody;
  const Row own = only_row(rows, "case");
  EXPECT_EQ(own["experiment_id"], experiment->id());
  EXPECT_TRUE(parent_of(own).is_null()) << "what is current is no part of the experiment";
  for (const char* const name : {"step", "step by slug"}) {
    EXPECT_EQ(only_row(rows, name)["experiment_id"], experiment->id()) << name;
    EXPECT_EQ(parent_of(only_row(rows, name)), json::array({own["span_id"]})) << name;
  }
  EXPECT_FALSE(only_row(rows, "in a log").contains("experiment_id"));
  EXPECT_EQ(parent_of(only_row(rows, "in a log")), json::array({only_row(rows, "request")["span_id"]}));
}

TEST(Experiment, IsSummarisedBesideItsBase) {
  Backend backend;
  const auto run = [](const char* name, std::vector<double> scores) {
    const auto experiment =
        init_experiment({.project = "P", .name = name, .base_experiment = std::string(name) == "b" ? "a" : ""});
    for (std::size_t i = 0; i < scores.size(); ++i) experiment->log({.input = i, .scores = {{"s", scores[i]}}});
    return experiment->summarize();
  };
  ASSERT_TRUE(run("a", {0.2, 0.8, 0.5}));
  const auto summary = run("b", {0.4, 0.9, 0.2});
  ASSERT_TRUE(summary) << summary.error().message;
  EXPECT_EQ(summary->comparison_experiment_name, "a");
  ASSERT_EQ(summary->scores.size(), 1u);
  EXPECT_EQ(summary->scores[0].name, "s");
  EXPECT_NEAR(summary->scores[0].score, 0.5, 1e-9);
  EXPECT_NEAR(*summary->scores[0].diff, 0.0, 1e-9);
  EXPECT_EQ(summary->scores[0].improvements, 2u);
  EXPECT_EQ(summary->scores[0].regressions, 1u);
}

TEST(Experiment, RefusesAComparisonThatIsNone) {
  Registration registration;
  registration.wire.server.on("/api/base_experiment/get_id", {{.status = 400}});
  const auto experiment = init_experiment(without_git({.project = "P"}));
  for (const char* const nonsense : {R"({"scores":["a",3]})", R"({"metrics":"x"})", "[]", "7"}) {
    registration.wire.server.on("/experiment-comparison2", {{.body = nonsense}});
    const auto summary = experiment->summarize();
    if (nonsense[0] == '{') {
      ASSERT_FALSE(summary) << nonsense;
      EXPECT_EQ(summary.error().code, ErrorCode::bad_response);
    } else {
      EXPECT_TRUE(!summary || summary->scores.empty()) << nonsense;
    }
  }
  registration.wire.server.on(
      "/experiment-comparison2",
      {{.body = R"({"scores":{"a":{"score":null},"b":{"score":0.5,"regressions":3.0,"improvements":-1}}})"}});
  const auto summary = experiment->summarize();
  ASSERT_TRUE(summary);
  ASSERT_EQ(summary->scores.size(), 1u);
  EXPECT_EQ(summary->scores[0].regressions, 3u);
  EXPECT_EQ(summary->scores[0].improvements, 0u);
}

TEST(OpenExperiment, ReadsWhatAnEarlierRunLogged) {
  Backend backend;
  const auto experiment = init_experiment({.project = "P", .name = "old"});
  for (int i = 0; i < 3; ++i) {
    auto span = experiment->start_span("case", {.input = i});
    const auto child = start_span("child");
  }
  experiment->flush(long_enough);
  const auto opened = open_experiment({.project = "P", .name = "old"});
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->id(), experiment->id());
  int cases = 0, rows = 0;
  for (auto& row : opened->cases()) {
    ASSERT_TRUE(row) << row.error().message;
    EXPECT_TRUE((*row)["input"].is_number());
    ++cases;
  }
  for (auto& row : opened->rows()) rows += row ? 1 : 0;
  EXPECT_EQ(cases, 3);
  EXPECT_EQ(rows, 6);
  EXPECT_EQ(open_experiment({.id = opened->id()})->name(), "old");
}

TEST(OpenExperiment, NamesTheOneThatDoesNotExist) {
  Backend backend;
  const auto opened = open_experiment({.project = "P", .name = "never"});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::not_found);
  EXPECT_NE(opened.error().message.find("never"), std::string::npos);
}

}  // namespace
}  // namespace braintrust::test
