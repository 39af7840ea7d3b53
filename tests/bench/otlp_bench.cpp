// One span to an OTLP server: ours, and opentelemetry-cpp's where it was found, in one run. What it costs on the app thread;
// how many arrive in a second, at what expense; and how many are lost when nobody waits for them.
//
//   build/release/tests/bench/otlp_bench [--benchmark_filter=…]

#include <time.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <thread>

#include <benchmark/benchmark.h>

#include <braintrust/otlp/otlp.h>
#include <braintrust/trace/logger.h>

#include "bench/model_call.h"
#include "bench/process.h"
#include "bench/run.h"
#include "bench/sink.h"
#if BRAINTRUST_BENCH_OPENTELEMETRY
#include "bench/opentelemetry_spans.h"
#endif

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds long_enough{120};

bench::Sink* sink = nullptr;

// What both are asked for.
class Ours {
 public:
  explicit Ours(std::size_t)
      : logger_(braintrust::init_logger({.set_current = false, .exporter = braintrust::otlp({.endpoint = sink->url()})})) {}
  ~Ours() { logger_.shutdown(long_enough); }
  void model_call() { bench::model_call(logger_); }
  void flush() { logger_.flush(long_enough); }
  std::size_t exported() const { return logger_.stats().sent_rows; }
  // Whether half of the queue is full: more than that may be dropped.
  bool crowded() const { return logger_.stats().queued_bytes > (32u << 20); }

 private:
  braintrust::Logger logger_;
};

#if BRAINTRUST_BENCH_OPENTELEMETRY
class Theirs {
 public:
  explicit Theirs(std::size_t queue) : telemetry_(sink->url(), queue) {}
  void model_call() { telemetry_.model_call(); }
  void flush() { telemetry_.flush(long_enough); }
  std::size_t exported() const { return telemetry_.exported(); }
  bool crowded() const { return false; }  // it does not tell

 private:
  bench::OpenTelemetry telemetry_;
};
#endif

double thread_cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// One span on the app thread, in bursts that any queue holds.
template <class Sender>
void app_thread(benchmark::State& state) {
  constexpr int burst = 1000;
  Sender sender(0);
  for (int i = 0; i < 500; ++i) sender.model_call();
  sender.flush();
  double cpu = 0;
  std::size_t spans = 0;
  const std::size_t before = sender.exported();
  for (auto _ : state) {
    const double cpu_before = thread_cpu_seconds();
    const auto begin = Clock::now();
    for (int i = 0; i < burst; ++i) sender.model_call();
    state.SetIterationTime(std::chrono::duration<double>(Clock::now() - begin).count());
    cpu += thread_cpu_seconds() - cpu_before;
    spans += burst;
    sender.flush();
  }
  state.counters["s_per_span"] = {static_cast<double>(spans),
                                  benchmark::Counter::Flags(benchmark::Counter::kIsRate | benchmark::Counter::kInvert)};
  state.counters["cpu_s_per_span"] = cpu / static_cast<double>(spans);
  state.counters["lost"] = static_cast<double>(spans - (sender.exported() - before));
}

// Many spans at once. `queue`: as the library comes (0), or large enough for all. `Paced`: the app thread waits while the queue
// is crowded, where the library tells.
template <class Sender, std::size_t Queue, bool Paced>
void delivery(benchmark::State& state) {
  constexpr std::size_t spans = 200'000;
  Sender sender(Queue);
  sender.model_call();
  sender.flush();
  double cpu = 0;
  const std::size_t before = sender.exported();
  for (auto _ : state) {
    bench::forget_peak();
    const double cpu_before = bench::cpu_seconds();
    const auto begin = Clock::now();
    for (std::size_t i = 0; i < spans; ++i) {
      sender.model_call();
      if (Paced && i % 64 == 0) {
        while (sender.crowded()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    }
    sender.flush();
    state.SetIterationTime(std::chrono::duration<double>(Clock::now() - begin).count());
    cpu += bench::cpu_seconds() - cpu_before;
  }
  const auto arrived = static_cast<double>(sender.exported() - before);
  const double logged = static_cast<double>(state.iterations()) * spans;
  state.counters["arrived_per_s"] = benchmark::Counter(arrived, benchmark::Counter::kIsRate);
  state.counters["cpu_s_per_10k"] = arrived > 0 ? cpu / arrived * 10'000 : 0;
  state.counters["peak_MB"] = bench::peak_megabytes();
  state.counters["lost_percent"] = (logged - arrived) / logged * 100;
}

BENCHMARK(app_thread<Ours>)->Name("braintrust/app_thread")->UseManualTime();
BENCHMARK(delivery<Ours, 0, true>)->Name("braintrust/delivery")->UseManualTime()->Iterations(3);
BENCHMARK(delivery<Ours, 0, false>)->Name("braintrust/delivery_without_waiting")->UseManualTime()->Iterations(3);
#if BRAINTRUST_BENCH_OPENTELEMETRY
constexpr std::size_t roomy = 1u << 18;
BENCHMARK(app_thread<Theirs>)->Name("opentelemetry/app_thread")->UseManualTime();
BENCHMARK(delivery<Theirs, 0, false>)->Name("opentelemetry/delivery")->UseManualTime()->Iterations(3);
BENCHMARK(delivery<Theirs, roomy, false>)->Name("opentelemetry/delivery_with_room_for_all")->UseManualTime()->Iterations(3);
#endif

}  // namespace

int main(int argc, char** argv) { return bench::run(argc, argv, sink); }
