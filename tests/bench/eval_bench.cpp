// What `Eval` costs for each case, beside the task: 10 000 cases whose task gives a ready answer, and two scorers that compute.
// Without sending, and sending to a sink in another process, where the time is that until the last row has arrived.
//
//   build/release/tests/bench/eval_bench [--benchmark_filter=…]
//
// The target is 50 µs for a case, 16 at a time. `scorers alone` is the part of it that is not the eval's.

#include <chrono>
#include <optional>
#include <string>
#include <thread>

#include <benchmark/benchmark.h>

#include <braintrust/eval/eval.h>
#include <braintrust/eval/scorers.h>
#include <braintrust/trace/logger.h>

#include "bench/process.h"
#include "bench/run.h"
#include "bench/sink.h"
#include "eval/quiet.h"

namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr std::size_t cases = 10'000;

bench::Sink* sink = nullptr;

const json question = {{"question", "How do I reset my password when I no longer have the phone?"}, {"locale", "en-GB"}};
const json answer = "Open the settings, choose Security, then Recover, and follow the link in the mail.";
const json right_answer = "Open Settings, choose Security and Recover, then follow the link that was mailed.";

void scorers_alone(benchmark::State& state) {
  for (auto _ : state) {
    const braintrust::ScorerArgs args{.input = question, .output = answer, .expected = right_answer};
    benchmark::DoNotOptimize(braintrust::scorers::levenshtein(args));
    benchmark::DoNotOptimize(braintrust::scorers::exact_match(args));
  }
}
BENCHMARK(scorers_alone)->Name("eval/scorers_alone");

// Cases as they are asked for; the first 10 000.
struct Cases {
  std::size_t given = 0;
  std::optional<braintrust::EvalCase> operator()() {
    if (given++ == cases) return std::nullopt;
    return braintrust::EvalCase{
        .input = question, .expected = right_answer, .metadata = {{"number", given}}, .id = "case-" + std::to_string(given)};
  }
};

struct How {
  bool send = false;
  bool keep_results = true;
  std::chrono::microseconds task{0};  // how long it waits, as for a model
};

void run(benchmark::State& state, const How& how) {
  braintrust::Logger logger;
  if (how.send) {
    logger = braintrust::init_logger({.project = "p", .api_key = "k", .app_url = sink->url(), .api_url = sink->url()});
  }
  double wall = 0;
  double cpu = 0;
  bench::forget_peak();
  const double memory_before = bench::peak_megabytes();
  for (auto _ : state) {
    const double cpu_before = bench::cpu_seconds();
    const auto begin = Clock::now();
    const auto result = braintrust::Eval("p", {.data = Cases(),
                                               .task = [task = how.task](const json&) -> const json& {
                                                 if (task.count() > 0) std::this_thread::sleep_for(task);
                                                 return answer;
                                               },
                                               .scores = {braintrust::scorers::levenshtein, braintrust::scorers::exact_match},
                                               .max_concurrency = static_cast<unsigned>(state.range(0)),
                                               .no_send_logs = !how.send,
                                               .keep_results = how.keep_results,
                                               .git = {.collect = braintrust::GitOptions::Collect::none},
                                               .reporter = braintrust::test::quiet()});
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    cpu += bench::cpu_seconds() - cpu_before;
    wall += seconds;
    state.SetIterationTime(seconds);
    if (!result.ok() || result.cases != cases) {
      return state.SkipWithError(result.error ? result.error->message.c_str() : "cases failed");
    }
  }
  const double total = static_cast<double>(state.iterations()) * static_cast<double>(cases);
  state.counters["wall_ns_per_case"] = wall / total * 1e9;
  state.counters["cpu_ns_per_case"] = cpu / total * 1e9;
  state.counters["peak_MB"] = bench::peak_megabytes();
  state.counters["before_MB"] = memory_before;
  if (how.send) state.counters["dropped"] = static_cast<double>(logger.stats().dropped.total());
  logger.shutdown(std::chrono::seconds(60));
}

void no_send_logs(benchmark::State& state) { run(state, {}); }
void sent(benchmark::State& state) { run(state, {.send = true}); }
void sent_without_results(benchmark::State& state) { run(state, {.send = true, .keep_results = false}); }
// Of these the time is the task's; what the eval costs is the CPU's, waking threads included.
void waiting_tasks(benchmark::State& state) { run(state, {.task = std::chrono::milliseconds(1)}); }

void settings(benchmark::internal::Benchmark* of) {
  of->ArgName("at_a_time")->Arg(1)->Arg(16)->UseManualTime()->Iterations(3)->Unit(benchmark::kMillisecond);
}
BENCHMARK(no_send_logs)->Name("eval/no_send_logs")->Apply(settings);
BENCHMARK(sent)->Name("eval/sent")->Apply(settings);
BENCHMARK(sent_without_results)->Name("eval/sent_without_results")->Apply(settings);
BENCHMARK(waiting_tasks)
    ->Name("eval/tasks_of_1_ms")
    ->ArgName("at_a_time")
    ->Arg(16)
    ->Arg(64)
    ->UseManualTime()
    ->Iterations(3)
    ->Unit(benchmark::kMillisecond);

}  // namespace

int main(int argc, char** argv) { return bench::run(argc, argv, sink); }
