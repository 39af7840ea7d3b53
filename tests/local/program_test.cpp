// The program braintrust-local as its user meets it.

#include "local/program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <braintrust/local/store.h>
#include <braintrust/version.h>
#include <nlohmann/json.hpp>

#include "local/http_client.h"
#include "local/must.h"
#include "local/temporary_folder.h"

namespace braintrust::local {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const std::string program = BRAINTRUST_LOCAL_PROGRAM;
const std::string logging_program = BRAINTRUST_LOGGING_PROGRAM;

// A server process on a free port.
class Serving {
 public:
  explicit Serving(const std::string& database) : program_({program, "serve", "--port", "0", "--db", database}) {
    const auto line = program_.line();
    if (line.starts_with("listening on ")) url = line.substr(13);
  }
  std::string url = {};
  void signal(int number) const { program_.signal(number); }
  int wait() { return program_.wait(); }

 private:
  Program program_;
};

std::string body(const std::string& prefix, int number, int count) {
  json rows = json::array();
  for (int i = 0; i < count; ++i) {
    rows.push_back(
        {{"id", prefix + "-" + std::to_string(number) + "-" + std::to_string(i)}, {"project_id", "p"}, {"log_id", "g"}});
  }
  rows.push_back({{"id", "shared"},
                  {"project_id", "p"},
                  {"log_id", "g"},
                  {"_is_merge", true},
                  {"metadata", {{prefix + std::to_string(number), 1}}}});
  return json{{"rows", rows}}.dump();
}

std::set<std::string> ids_in(const Store& store) {
  std::set<std::string> ids;
  for (const auto& row : json::parse(must(store.rows_json()))) ids.insert(row.at("id"));
  return ids;
}

struct Outcome {
  int code = 0;
  std::string output = {};
};
Outcome run(std::vector<std::string> arguments, std::vector<std::string> environment = {}) {
  arguments.insert(arguments.begin(), program);
  Program running(std::move(arguments), std::move(environment));
  auto output = running.rest();
  return {running.wait(), std::move(output)};
}

TEST(LocalServer, KeepsEveryAcknowledgedRowWhenKilled) {
  const TemporaryFolder folder;
  const auto database = folder / "a.db";
  constexpr int clients = 2, rows = 5;
  std::vector<int> acknowledged(clients);
  for (int round = 0; round < 3; ++round) {
    Serving server(database);
    ASSERT_NE(server.url, "");
    std::atomic<int> answers = 0;
    std::vector<std::thread> threads;
    for (int c = 0; c < clients; ++c) {
      threads.emplace_back([&, c] {
        // Each goes on until the server is gone: it is killed in the midst of somebody's request.
        HttpClient client(server.url);
        while (client.post("/logs3", body(std::to_string(c), acknowledged[static_cast<std::size_t>(c)], rows)).status == 200) {
          ++acknowledged[static_cast<std::size_t>(c)];
          ++answers;
        }
      });
    }
    while (answers < 100) std::this_thread::yield();
    server.signal(SIGKILL);
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(server.wait(), 128 + SIGKILL);
  }
  const auto ids = ids_in(must(Store::open(database)));
  for (int c = 0; c < clients; ++c) {
    for (int number = 0; number < acknowledged[static_cast<std::size_t>(c)]; ++number) {
      for (int i = 0; i < rows; ++i) {
        ASSERT_TRUE(ids.contains(std::to_string(c) + "-" + std::to_string(number) + "-" + std::to_string(i)))
            << c << ' ' << number;
      }
    }
  }
  EXPECT_GE(acknowledged[0] + acknowledged[1], 300);
}

TEST(LocalServer, SharesItsFileWithAnotherServer) {
  const TemporaryFolder folder;
  Serving one(folder / "a.db"), other(folder / "a.db");
  ASSERT_NE(one.url, "");
  ASSERT_NE(other.url, "");
  constexpr int requests = 100;
  std::vector<std::thread> threads;
  for (const auto* server : {&one, &other}) {
    threads.emplace_back([server, name = server == &one ? "one" : "other"] {
      HttpClient client(server->url);
      for (int i = 0; i < requests; ++i) {
        const auto answer = client.post("/logs3", body(name, i, 10));
        ASSERT_EQ(answer.status, 200) << answer.body;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (auto* server : {&one, &other}) {
    server->signal(SIGTERM);
    EXPECT_EQ(server->wait(), 0);
  }
  const auto store = must(Store::open(folder / "a.db"));
  EXPECT_EQ(must(store.row_count()), 2U * requests * 10 + 1);
  for (const auto& row : json::parse(must(store.rows_json()))) {
    if (row.at("id") == "shared") {
      EXPECT_EQ(row.at("metadata").size(), 2U * requests) << "no merge of either was lost";
    }
  }
}

TEST(LocalRun, ShowsWhatTheProgramLoggedAndReturnsItsCode) {
  const TemporaryFolder folder;
  const auto outcome = run({"run", "--db", folder / "a.db", "--", logging_program, "hello", "exit", "7"});
  EXPECT_EQ(outcome.code, 7);
  EXPECT_THAT(outcome.output, HasSubstr("\ntrace trace-he · "));
  EXPECT_THAT(outcome.output, HasSubstr("\nhello  1.00 s\n"));
  EXPECT_THAT(outcome.output, Not(HasSubstr("\x1b"))) << "colours are for terminals";
}

TEST(LocalRun, ShowsOnlyThisRun) {
  const TemporaryFolder folder;
  ASSERT_EQ(run({"run", "--db", folder / "a.db", "--", logging_program, "first"}).code, 0);
  const auto outcome = run({"run", "--db", folder / "a.db", "--", logging_program, "second"});
  EXPECT_THAT(outcome.output, HasSubstr("second"));
  EXPECT_THAT(outcome.output, Not(HasSubstr("first")));
  EXPECT_THAT(run({"show", "--db", folder / "a.db"}).output, HasSubstr("first"));
}

TEST(LocalRun, KeepsTracesWhereShowLooksForThem) {
  const TemporaryFolder folder;
  const std::vector<std::string> environment{"XDG_DATA_HOME=" + (folder / "data")};
  ASSERT_EQ(run({"run", "--", logging_program, "hello"}, environment).code, 0);
  EXPECT_TRUE(std::filesystem::exists(folder / "data/braintrust/local.db"));
  EXPECT_EQ(std::filesystem::status(folder / "data/braintrust").permissions(), std::filesystem::perms::owner_all);
  EXPECT_THAT(run({"show"}, environment).output, HasSubstr("hello"));
  const std::vector<std::string> home{"XDG_DATA_HOME=", "HOME=" + (folder / "home")};
  ASSERT_EQ(run({"run", "--", logging_program, "hello"}, home).code, 0);
  EXPECT_TRUE(std::filesystem::exists(folder / "home/.local/share/braintrust/local.db"));
}

// Standard output alone.
Outcome run_for_output(const std::string& arguments) {
  Program running({"sh", "-c", program + " " + arguments + " 2>/dev/null"});
  auto output = running.rest();
  return {running.wait(), std::move(output)};
}

TEST(LocalRun, LeavesStandardOutputToAProgramOfExperiments) {
  const TemporaryFolder folder;
  for (const char* follow : {"", "--follow "}) {
    const auto outcome =
        run_for_output("run --db " + folder / "a.db" + " " + follow + "-- " + logging_program + " good experiment");
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.output, "its own line\n");
  }
}

TEST(LocalRun, SaysHowToSeeEachExperiment) {
  const TemporaryFolder folder;
  const auto database = folder / "a.db";
  const auto command = "braintrust-local show --db " + database + " --experiment ";
  const auto outcome = run({"run", "--db", database, "--", logging_program, "good", "experiment"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.output, "its own line\nSee the experiment: " + command + "good\n");
  EXPECT_THAT(run({"run", "--db", database, "--", logging_program, "very good", "experiment"}).output,
              HasSubstr(command + "'very good'\n"));
  // What a shell would read otherwise, or a terminal, is named by its id.
  EXPECT_THAT(run({"run", "--db", database, "--", logging_program, "it's", "experiment"}).output,
              testing::ContainsRegex("--experiment [0-9a-f-]+\n"));
}

TEST(LocalRun, NamesAnExperimentByItsIdWhereThatOfAnotherProjectWouldBeShown) {
  const TemporaryFolder folder;
  const auto outcome = run({"run", "--db", folder / "a.db", "--", "sh", "-c",
                            logging_program + " good experiment One; " + logging_program + " good experiment Two"});
  EXPECT_THAT(outcome.output, testing::ContainsRegex("--experiment [0-9a-f-]+\n.*--experiment good\n"));
}

TEST(LocalRun, ShowsTheTracesOfAProgramBesideItsExperiments) {
  const TemporaryFolder folder;
  const auto outcome = run(
      {"run", "--db", folder / "a.db", "--", "sh", "-c", logging_program + " hello; " + logging_program + " good experiment"});
  EXPECT_THAT(outcome.output, HasSubstr("hello  1.00 s\n"));
  EXPECT_THAT(outcome.output, Not(HasSubstr("good  1.00 s")));
  EXPECT_THAT(outcome.output, HasSubstr("--experiment good\n"));
}

TEST(LocalRun, FollowsTheSpansOfExperimentsOnStandardError) {
  const TemporaryFolder folder;
  const auto outcome = run({"run", "--db", folder / "a.db", "--follow", "--", logging_program, "good", "experiment"});
  EXPECT_THAT(outcome.output, HasSubstr("  good  1.00 s\n"));
}

TEST(LocalRun, SaysSoIfNothingWasLogged) {
  const TemporaryFolder folder;
  const auto outcome = run({"run", "--db", folder / "a.db", "--", "true"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.output, HasSubstr("Nothing was logged. Did the program call"));
  EXPECT_EQ(run_for_output("run --db " + folder / "a.db" + " -- true").output, "") << "standard output is the program's";
}

TEST(LocalRun, DoesNotAskForALoggerWhereTheProgramFailedByItself) {
  const TemporaryFolder folder;
  const auto outcome = run({"run", "--db", folder / "a.db", "--", "sh", "-c", "exit 4"});
  EXPECT_EQ(outcome.code, 4);
  EXPECT_EQ(outcome.output, "\nNothing was logged: the program ended with exit code 4.\n");
}

TEST(LocalRun, CountsTheRecordsOfDatasetsAsLogged) {
  const TemporaryFolder folder;
  const auto outcome = run({"run", "--db", folder / "a.db", "--", logging_program, "record", "dataset"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.output, "") << "nor is there a trace to show";
}

TEST(LocalRun, SaysThatTheProgramWasKilledBeforeAnythingArrived) {
  const TemporaryFolder folder;
  const auto outcome = run({"run", "--db", folder / "a.db", "--", "sh", "-c", "kill -9 $$"});
  EXPECT_EQ(outcome.code, 128 + SIGKILL);
  EXPECT_THAT(outcome.output, HasSubstr("signal 9 (Killed) killed the program before anything arrived"));
  EXPECT_THAT(outcome.output, Not(HasSubstr("init_logger")));
}

TEST(LocalRun, ReturnsTheSignalThatKilledTheProgramAndShowsWhatItLoggedBefore) {
  const TemporaryFolder folder;
  const auto outcome = run({"run", "--db", folder / "a.db", "--", logging_program, "hello", "abort"});
  EXPECT_EQ(outcome.code, 128 + SIGABRT);
  EXPECT_THAT(outcome.output, HasSubstr("hello"));
}

TEST(LocalRun, PassesSignalsOnAndStillTakesWhatTheProgramLogsThen) {
  const TemporaryFolder folder;
  Program running({program, "run", "--db", folder / "a.db", "--", logging_program, "hello", "wait"});
  ASSERT_EQ(running.line(), "ready");
  running.signal(SIGTERM);
  EXPECT_THAT(running.rest(), HasSubstr("after the signal"));
  EXPECT_EQ(running.wait(), 3);
}

TEST(LocalRun, PointsTheProgramAtItselfAndLeavesTheProjectAlone) {
  const TemporaryFolder folder;
  const auto outcome = run({"run", "--db", folder / "a.db", "--", "sh", "-c",
                            "echo key=$BRAINTRUST_API_KEY app=$BRAINTRUST_APP_URL api=$BRAINTRUST_API_URL "
                            "project=$BRAINTRUST_PROJECT org=$BRAINTRUST_ORG_NAME"},
                           {"BRAINTRUST_API_KEY=secret", "BRAINTRUST_PROJECT=mine", "BRAINTRUST_ORG_NAME=acme"});
  EXPECT_THAT(outcome.output, testing::ContainsRegex(
                                  "key=local app=http://127.0.0.1:[0-9]+ api=http://127.0.0.1:[0-9]+ project=mine org=local"));
}

TEST(LocalRun, SendsOpenTelemetrysSpansToItselfUnlessTheyGoElsewhere) {
  const TemporaryFolder folder;
  const auto echoed = [&](std::vector<std::string> environment) {
    environment.push_back("OTEL_METRICS_EXPORTER=prometheus");
    return run({"run", "--db", folder / "a.db", "--", "sh", "-c",
                "echo to=$OTEL_EXPORTER_OTLP_ENDPOINT by=$OTEL_EXPORTER_OTLP_PROTOCOL with=$OTEL_EXPORTER_OTLP_HEADERS "
                "metrics=$OTEL_METRICS_EXPORTER logs=$OTEL_LOGS_EXPORTER"},
               std::move(environment))
        .output;
  };
  EXPECT_THAT(echoed({"BRAINTRUST_PROJECT=My P"}),
              testing::ContainsRegex("to=http://127.0.0.1:[0-9]+/otel by=http/protobuf "
                                     "with=Authorization=Bearer%20local,x-bt-parent=project_name:My%20P "
                                     "metrics=prometheus logs=none\n"));
  EXPECT_THAT(echoed({"BRAINTRUST_PROJECT=", "BRAINTRUST_PARENT="}), HasSubstr("x-bt-parent=project_name:Global"));
  EXPECT_THAT(echoed({"BRAINTRUST_PROJECT=P", "BRAINTRUST_PROJECT_ID=p1"}), HasSubstr("x-bt-parent=project_id:p1"));
  EXPECT_THAT(echoed({"BRAINTRUST_PROJECT=P", "BRAINTRUST_PARENT=experiment_id:e"}), HasSubstr("x-bt-parent=experiment_id:e"));
  EXPECT_THAT(echoed({"OTEL_EXPORTER_OTLP_ENDPOINT=http://collector"}),
              HasSubstr("to=http://collector by= with= metrics=prometheus logs=\n"));
}

TEST(LocalRun, SaysThatThereIsNoSuchProgram) {
  const TemporaryFolder folder;
  const auto outcome = run({"run", "--db", folder / "a.db", "--", "no-such-program"});
  EXPECT_EQ(outcome.code, 127);
  EXPECT_THAT(outcome.output, HasSubstr("cannot run no-such-program"));
}

TEST(LocalRun, LeavesTheProgramAloneWithItsOwnOptions) {
  const TemporaryFolder folder;
  EXPECT_THAT(run({"run", "--db", folder / "a.db", "--", "echo", "--json", "--", "--db", "-x"}).output,
              StartsWith("--json -- --db -x\n"));
}

class LocalShow : public testing::Test {
 protected:
  void SetUp() override {
    auto store = must(Store::open(database_));
    ASSERT_TRUE(store.write(
        R"({"rows":[{"id":"1","span_id":"1","root_span_id":"abcdef01","project_id":"p","span_attributes":{"name":"one"},)"
        R"("metrics":{"start":1,"end":2}},{"id":"2","span_id":"2","root_span_id":"abcdef02","project_id":"p",)"
        R"("span_attributes":{"name":"two"},"metrics":{"start":3,"end":4}}]})"));
  }
  TemporaryFolder folder_;
  std::string database_ = folder_ / "a.db";
};

TEST_F(LocalShow, ListsTheNewestFirst) {
  const auto outcome = run({"show", "--db", database_});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_LT(outcome.output.find("two"), outcome.output.find("one"));
  const auto limited = run({"show", "--db", database_, "--limit", "1"});
  EXPECT_THAT(limited.output, Not(HasSubstr("one")));
  EXPECT_THAT(limited.output, HasSubstr("1 older trace is not shown"));
}

TEST_F(LocalShow, FindsATraceByTheBeginningOfItsId) {
  EXPECT_THAT(run({"show", "--db", database_, "abcdef02"}).output, HasSubstr("\ntwo  1.00 s\n"));
  const auto several = run({"show", "--db", database_, "abc"});
  EXPECT_EQ(several.code, 1);
  EXPECT_THAT(several.output, HasSubstr("several traces begin with abc"));
  EXPECT_EQ(run({"show", "--db", database_, "x"}).code, 1);
}

TEST_F(LocalShow, PrintsRowsAsJson) {
  EXPECT_EQ(json::parse(run({"show", "--db", database_, "--json"}).output).size(), 2U);
  const auto one = json::parse(run({"show", "--db", database_, "--json", "abcdef01"}).output);
  ASSERT_EQ(one.size(), 1U);
  EXPECT_EQ(one.at(0).at("id"), "1");
}

TEST_F(LocalShow, SaysWhatAnExperimentCameToAndWhatGotWorse) {
  Serving server(database_);
  HttpClient client(server.url);
  std::vector<std::string> ids;
  for (const char* name : {"before", "after"}) {
    const json request = {{"project_name", "P"}, {"experiment_name", name}};
    const std::string id = json::parse(client.post("/api/experiment/register", request.dump()).body).at("experiment").at("id");
    const json row = {{"id", id},      {"experiment_id", id},
                      {"span_id", id}, {"root_span_id", std::string(name) + "-trace"},
                      {"input", "hi"}, {"scores", {{"exact", ids.empty() ? 1.0 : 0.5}}}};
    EXPECT_EQ(client.post("/logs3", json{{"rows", {row}}}.dump()).status, 200);
    ids.push_back(id);
  }
  const auto listed = run({"show", "--db", database_, "--experiments"}).output;
  EXPECT_LT(listed.find("after"), listed.find("before"));
  EXPECT_THAT(listed, HasSubstr("exact 50.00%"));
  for (const auto& wanted : {std::string("after"), ids.back()}) {
    const auto shown = run({"show", "--db", database_, "--experiment", wanted}).output;
    EXPECT_THAT(shown, HasSubstr("compared to before\n"));
    EXPECT_THAT(shown, HasSubstr("exact   50.00%  -50.00%       -      1\n"));
    EXPECT_THAT(shown, HasSubstr("after-tr  exact      100.00% → 50.00%  hi\n"));
  }
  EXPECT_THAT(run({"show", "--db", database_, "--experiment", "before"}).output,
              testing::AllOf(HasSubstr("compared to nothing"), testing::Not(HasSubstr("LOWEST"))));
  EXPECT_THAT(run({"show", "--db", database_, "--experiment", "after", "--base", "after"}).output,
              HasSubstr("TRACE     LOWEST   SCORE  INPUT\nafter-tr  exact   50.00%  hi\n"));
  EXPECT_THAT(run({"show", "--db", database_, "--experiment", "before", "--base", "after"}).output, HasSubstr("+50.00%"));
  EXPECT_THAT(run({"show", "--db", database_, "after-tr"}).output, HasSubstr("exact 0.5"));
  const auto unknown = run({"show", "--db", database_, "--experiment", "nothing"});
  EXPECT_EQ(unknown.code, 1);
  EXPECT_THAT(unknown.output, HasSubstr("no experiment is called nothing"));
  EXPECT_EQ(run({"show", "--db", database_, "--experiment", "after", "--json"}).code, 2);
  EXPECT_EQ(run({"show", "--db", database_, "--base", "after"}).code, 2);
}

TEST_F(LocalShow, ListsDatasets) {
  EXPECT_THAT(run({"show", "--db", database_, "--datasets"}).output, HasSubstr("No datasets yet"));
  EXPECT_THAT(run({"show", "--db", database_, "--experiments"}).output, HasSubstr("No experiments yet"));
  Serving server(database_);
  HttpClient client(server.url);
  EXPECT_EQ(client.post("/api/dataset/register", R"({"project_name":"P","dataset_name":"cases"})").status, 200);
  EXPECT_THAT(run({"show", "--db", database_, "--datasets"}).output, HasSubstr("cases    P           0  -"));
}

TEST(LocalShowStart, MakesNoDatabaseWhereThereIsNone) {
  const TemporaryFolder folder;
  const auto outcome = run({"show", "--db", folder / "a.db"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.output, HasSubstr("there is no database"));
  EXPECT_FALSE(std::filesystem::exists(folder / "a.db"));
}

TEST(LocalProgram, ExplainsItselfAndRefusesWhatItDoesNotKnow) {
  EXPECT_THAT(run({"--version"}).output, HasSubstr("braintrust-local " BRAINTRUST_VERSION));
  for (const std::vector<std::string>& help :
       {std::vector<std::string>{"--help"}, {"serve", "--help"}, {"run", "--help"}, {"show", "--help"}}) {
    const auto outcome = run(help);
    EXPECT_EQ(outcome.code, 0);
    EXPECT_THAT(outcome.output, HasSubstr("Usage: braintrust-local"));
  }
  for (const std::vector<std::string>& mistake : {std::vector<std::string>{},
                                                  {"what"},
                                                  {"--what"},
                                                  {"serve", "--what"},
                                                  {"serve", "--port", "x"},
                                                  {"serve", "--port", "70000"},
                                                  {"show", "--what"},
                                                  {"run"},
                                                  {"run", "--"},
                                                  {"run", "--what", "--", "true"}}) {
    const auto outcome = run(mistake);
    EXPECT_EQ(outcome.code, 2) << outcome.output;
    EXPECT_THAT(outcome.output, HasSubstr("--help"));
  }
}

TEST(LocalServe, PrintsWhatToSetForOurSdksAndForOpenTelemetry) {
  const TemporaryFolder folder;
  Program serving({program, "serve", "--port", "0", "--db", folder / "a.db"});
  const auto url = serving.line().substr(13);
  serving.line();
  EXPECT_THAT(serving.line(), HasSubstr("BRAINTRUST_API_URL=" + url));
  const auto line = serving.line();
  EXPECT_THAT(line, HasSubstr("export OTEL_EXPORTER_OTLP_ENDPOINT=" + url + "/otel "));
  EXPECT_THAT(line, HasSubstr("OTEL_EXPORTER_OTLP_HEADERS=Authorization=Bearer%20local,x-bt-parent=project_name:Global"));
  serving.signal(SIGTERM);
  EXPECT_EQ(serving.wait(), 0);
}

TEST(LocalProgram, NamesTheFlagThatAMisspeltOneComesNearestTo) {
  EXPECT_THAT(run({"show", "--experimnt", "x"}).output, HasSubstr("\nDid you mean --experiment?\n"));
  EXPECT_THAT(run({"run", "--folow", "--", "true"}).output, HasSubstr("\nDid you mean --follow?\n"));
  EXPECT_THAT(run({"serve", "--what"}).output, Not(HasSubstr("Did you mean")));
}

TEST(LocalProgram, NamesTheCommandThatAMisspeltOneComesNearestTo) {
  EXPECT_THAT(run({"shwo", "--experiments"}).output, HasSubstr("\nDid you mean show?\n"));
  EXPECT_THAT(run({"server"}).output, HasSubstr("\nDid you mean serve?\n"));
  EXPECT_EQ(run({"server"}).code, 2);
  EXPECT_THAT(run({"delete"}).output, Not(HasSubstr("Did you mean")));
  EXPECT_THAT(run({"show", "3f2a", "serv"}).output, Not(HasSubstr("Did you mean"))) << "it is no command there";
}

TEST(LocalServe, RefusesAnAddressThatOthersReach) {
  const TemporaryFolder folder;
  const auto outcome = run({"serve", "--host", "0.0.0.0", "--db", folder / "a.db"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.output, HasSubstr("--allow-remote"));
}

}  // namespace
}  // namespace braintrust::local
