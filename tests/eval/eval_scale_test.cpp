// Evals of many cases, 16 at a time, and datasets of many rows: nothing is lost, nothing comes twice, and memory has bounds.

#include <braintrust/eval/eval.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "bench/process.h"
#include "eval/quiet.h"
#include "local/program.h"
#include "local/temporary_folder.h"
#include "support/sanitized.h"
#include "trace/backend.h"

namespace braintrust::test {
namespace {

using nlohmann::json;

// Numbers from 0, one for each case.
struct Numbers {
  int count;
  std::string text = {};  // beside the number
  int next = 0;
  std::optional<EvalCase> operator()() {
    if (next == count) return std::nullopt;
    const int number = next++;
    return EvalCase{.input = {{"number", number}, {"text", text}}, .expected = number % 2, .metadata = {{"number", number}}};
  }
};

const Scorer is_right{"right", [](const ScorerArgs& args) { return args.output == args.expected; }};
const Scorer is_small{"small", [](const ScorerArgs& args) { return args.input["number"].get<int>() < 1000; }};

EvalResult eval_of(Numbers numbers, bool keep_results) {
  return Eval("p", {.data = std::move(numbers),
                    .task =
                        [](const json& input) {
                          const auto step = start_span("step", {.input = input["number"]});
                          return 0;
                        },
                    .scores = {is_right, is_small},
                    .max_concurrency = 16,
                    .keep_results = keep_results,
                    .git = {.collect = GitOptions::Collect::none},
                    .reporter = quiet()});
}

// The rows of one case, by their names.
struct Trace {
  std::map<std::string, std::vector<Row>> rows = {};

  const Row& only(const std::string& name) const {
    const auto found = rows.find(name);
    if (found == rows.end() || found->second.size() != 1) throw std::runtime_error("not one row is named " + name);
    return found->second.front();
  }
};

TEST(EvalScale, LosesNoRowOfTenThousandCasesAndSendsNoneTwice) {
  constexpr int count = 10'000;
  Backend backend;
  const EvalResult result = eval_of({.count = count}, true);
  ASSERT_TRUE(result.ok()) << (result.error ? result.error->message : "");
  ASSERT_EQ(result.cases, std::size_t{count});
  ASSERT_EQ(result.summary.scores.size(), 2u);
  EXPECT_DOUBLE_EQ(result.summary.scores[0].score, 0.5);
  EXPECT_DOUBLE_EQ(result.summary.scores[1].score, 0.1);

  std::map<std::string, Trace> traces;
  std::size_t rows = 0;
  for (Row& row : backend.rows()) {
    ++rows;
    const auto trace = row.at("root_span_id").get<std::string>();
    traces[trace].rows[name_of(row)].push_back(std::move(row));
  }
  EXPECT_EQ(rows, std::size_t{count} * 5);
  ASSERT_EQ(traces.size(), std::size_t{count});

  std::vector<int> seen(count);
  for (const auto& [id, trace] : traces) {
    const Row& root = trace.only("eval");
    const int number = root.at("input").at("number");
    ++seen.at(static_cast<std::size_t>(number));
    EXPECT_EQ(root.at("id"), result.results.at(static_cast<std::size_t>(number)).row_id);
    EXPECT_EQ(result.results.at(static_cast<std::size_t>(number)).trace_id, id);
    EXPECT_EQ(root.at("expected"), number % 2);
    EXPECT_EQ(root.at("output"), 0);
    EXPECT_TRUE(root.value("span_parents", json()).empty());
    for (const char* const name : {"task", "right", "small"}) {
      EXPECT_EQ(trace.only(name).at("span_parents"), json::array({root.at("span_id")}));
    }
    EXPECT_EQ(trace.only("task").at("input"), root.at("input"));
    EXPECT_EQ(trace.only("step").at("input"), number);
    EXPECT_EQ(trace.only("step").at("span_parents"), json::array({trace.only("task").at("span_id")}));
    EXPECT_EQ(trace.only("right").at("scores").at("right"), number % 2 == 0 ? 1 : 0);
    EXPECT_EQ(trace.only("small").at("scores").at("small"), number < 1000 ? 1 : 0);
    for (const auto& [name, found] : trace.rows) {
      const json& metrics = trace.only(name).at("metrics");
      EXPECT_LE(metrics.at("start"), metrics.at("end"));
      EXPECT_EQ(trace.only(name).at("experiment_id"), result.summary.experiment_id);
    }
    if (HasFailure()) FAIL() << "in the trace of case " << number;
  }
  for (const int times : seen) ASSERT_EQ(times, 1);
}

// Sanitizers keep what was freed.
#if defined(__linux__) && !BRAINTRUST_ADDRESS_SANITIZED && !BRAINTRUST_THREAD_SANITIZED
TEST(EvalScale, TakesNoMoreMemoryForMoreCases) {
  const TemporaryFolder folder;
  Program server({BRAINTRUST_LOCAL_PROGRAM, "serve", "--port", "0", "--db", folder / "rows.db"});
  const std::string line = server.line();
  ASSERT_TRUE(line.starts_with("listening on ")) << line;
  const Logger logger = init_logger({.project = "p", .api_key = "local", .app_url = line.substr(13)});

  // 4 KB five times over: what waits to be sent reaches its bound in the first eval already. Were results kept, or rows, it
  // would be 60 MB more, or 160.
  const auto peak_of = [&](int count) {
    bench::forget_peak();
    const EvalResult result = eval_of({.count = count, .text = std::string(4096, 'x')}, false);
    EXPECT_TRUE(result.ok()) << (result.error ? result.error->message : "");
    EXPECT_EQ(result.cases, static_cast<std::size_t>(count));
    EXPECT_TRUE(result.results.empty());
    return bench::peak_megabytes();
  };
  const double few = peak_of(2'000);
  const double many = peak_of(10'000);
  RecordProperty("growth_megabytes", std::to_string(many - few));
  EXPECT_LT(many - few, 32) << "2 000 cases: " << few << " MB, 10 000: " << many << " MB";
  logger.shutdown(long_enough);
}
#endif

// What waits has reached its bound after two cases or three; waiting for room ten seconds and more before each of the others
// would take longer than the eval has.
TEST(EvalScale, WaitsForALostServerOnceAndNotBeforeEachCase) {
  Wire wire;
  wire.server.on("/api/experiment/register",
                 {{.body = R"({"project":{"id":"p1","name":"p"},"experiment":{"id":"e1","name":"e"}})"}});
  wire.server.on("/logs3", {{.status = 503}});
  const auto result = Eval("p", {.data = Numbers{.count = 40, .text = std::string(1 << 20, 'x')},
                                 .task = [](const json&) { return 0; },
                                 .scores = {is_right},
                                 .max_concurrency = 2,
                                 .timeout = std::chrono::seconds(120),
                                 .git = {.collect = GitOptions::Collect::none},
                                 .reporter = quiet()});
  EXPECT_EQ(result.cases, 40u);
  EXPECT_FALSE(result.interrupted);
  ASSERT_TRUE(result.error);
  EXPECT_NE(result.error->message.find("did not arrive"), std::string::npos) << result.error->message;
}

TEST(DatasetScale, AHundredThousandRowsAreReadAsTheyWereWrittenInTheMemoryOfFew) {
  constexpr int count = 100'000;
  Backend backend;
  const Dataset dataset = init_dataset({.project = "p", .name = "large"});
  for (int i = 0; i < count; ++i) {
    dataset.insert({.input = {{"number", i}}, .expected = i % 10, .id = "row-" + std::to_string(i)});
    if (i % 5000 == 4999) {
      ASSERT_TRUE(dataset.flush(long_enough).complete());
    }
  }
  ASSERT_EQ(backend.logger().stats().dropped.total(), 0u);

  std::vector<int> seen(count);
  bench::forget_peak();
  const double before = bench::peak_megabytes();
  for (const auto& row : dataset) {
    ASSERT_TRUE(row) << row.error().message;
    const int number = row->input.at("number");
    ASSERT_EQ(row->id, "row-" + std::to_string(number));
    ASSERT_EQ(row->expected, number % 10);
    ++seen.at(static_cast<std::size_t>(number));
  }
  const double growth = bench::peak_megabytes() - before;
  RecordProperty("growth_megabytes", std::to_string(growth));
  // Were all rows kept, it would be 100 MB. Sanitizers keep what was freed.
  constexpr bool sanitized = BRAINTRUST_ADDRESS_SANITIZED || BRAINTRUST_THREAD_SANITIZED;
  EXPECT_TRUE(sanitized || growth < 16) << growth << " MB";
  for (const int times : seen) ASSERT_EQ(times, 1);
  const auto summary = dataset.summarize();
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->total_records, std::uint64_t{count});
}

}  // namespace
}  // namespace braintrust::test
