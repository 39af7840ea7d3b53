// What a span costs, beside the primitives that bound it from below, in one run (docs/design.md, "What a span costs").
//
// App-thread costs are measured in bursts that fit the queue, while the background thread delivers to a sink in another
// process; between bursts the queue is flushed, untimed. Nothing may be dropped: a burst that loses a row fails the benchmark.
//
//   build/release/tests/bench/span_bench [--benchmark_filter=…]

#include <time.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>

#include <braintrust/tracing.h>

#include "bench/allocations.h"
#include "bench/model_call.h"
#include "bench/process.h"
#include "bench/run.h"
#include "bench/sink.h"

namespace {

using braintrust::Json;
using braintrust::Logger;
using braintrust::Span;
using Clock = std::chrono::steady_clock;

bench::Sink* sink = nullptr;

constexpr int burst = 8'000;

const std::string question(420, 'q');
const std::string system_prompt(80, 's');
const std::string answer(430, 'a');

Logger new_logger(bool set_current = true) {
  const std::string url = sink->url();
  return braintrust::init_logger({.project = "p", .api_key = "k", .app_url = url, .api_url = url, .set_current = set_current});
}

void start_end(const Logger& logger) { Span span = logger.start_span("step"); }

// The event of model_call.h from C++ values.
void six_attributes_from_values(const Logger& logger) {
  Span span = logger.start_span("chat", {.type = braintrust::SpanType::llm});
  span.log({.input = Json::array({{{"role", "system"}, {"content", system_prompt}}, {{"role", "user"}, {"content", question}}}),
            .output = Json::array(
                {{{"index", 0}, {"message", {{"role", "assistant"}, {"content", answer}}}, {"finish_reason", "stop"}}}),
            .metadata = {{"model", "gpt-5-mini"}, {"provider", "openai"}},
            .metrics = {{"prompt_tokens", 2100}, {"completion_tokens", 42}}});
}

void three_nested(const Logger& logger) {
  Span outer = logger.start_span("request");
  Span middle = logger.start_span("retrieve");
  Span inner = logger.start_span("embed");
}

double thread_cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

benchmark::Counter seconds_each(double seconds, double spans) { return {seconds / spans}; }

// Runs `Spans(logger)` in bursts and reports the time of one span on the app thread: by the wall clock, and by the thread's own
// (the same on a quiet machine).
template <void (*Spans)(const Logger&), int SpansPerCall>
void app_thread(benchmark::State& state) {
  const Logger logger = new_logger(false);
  std::uint64_t calls = 0;
  std::uint64_t allocations = 0;
  double cpu = 0;
  double wall_sum = 0;
  double best = 1;
  for (int i = 0; i < 500; ++i) Spans(logger);  // buffers, lanes and slots have their size
  logger.flush(std::chrono::seconds(60));
  for (auto _ : state) {
    const std::uint64_t allocated_before = bench::allocations_of_this_thread();
    const double cpu_before = thread_cpu_seconds();
    const auto begin = Clock::now();
    for (int i = 0; i < burst; ++i) Spans(logger);
    const double wall = std::chrono::duration<double>(Clock::now() - begin).count();
    cpu += thread_cpu_seconds() - cpu_before;
    best = std::min(best, wall / burst / SpansPerCall);
    allocations += bench::allocations_of_this_thread() - allocated_before;
    state.SetIterationTime(wall);
    wall_sum += wall;
    calls += burst;
    if (!logger.flush(std::chrono::seconds(60)).complete()) return state.SkipWithError("rows were lost");
  }
  const double spans = static_cast<double>(calls) * SpansPerCall;
  state.counters["wall_s_per_span"] = seconds_each(wall_sum, spans);
  state.counters["best_burst"] = seconds_each(best, 1);
  state.counters["cpu_s_per_span"] = seconds_each(cpu, spans);
  state.counters["alloc_per_span"] = static_cast<double>(allocations) / spans;
  logger.shutdown(std::chrono::seconds(60));
}
BENCHMARK(app_thread<start_end, 1>)->Name("span/start_end")->UseManualTime();
BENCHMARK(app_thread<bench::model_call, 1>)->Name("span/six_attributes_2x512B")->UseManualTime();
BENCHMARK(app_thread<six_attributes_from_values, 1>)->Name("span/six_attributes_from_values")->UseManualTime();
BENCHMARK(app_thread<three_nested, 3>)->Name("span/three_nested")->UseManualTime();

// `threads` app threads at once: their CPU time for a span, because they share the cores with each other and the background
// thread.
void many_threads(benchmark::State& state) {
  const auto threads = static_cast<int>(state.range(0));
  const int share = burst / threads;
  const Logger logger = new_logger(false);
  for (auto _ : state) {
    std::atomic<int> ready = 0;
    std::vector<std::thread> running;
    std::vector<double> seconds(static_cast<std::size_t>(threads));
    for (int thread = 0; thread < threads; ++thread) {
      running.emplace_back([&, thread] {
        for (int i = 0; i < 50; ++i) bench::model_call(logger);
        ready.fetch_add(1);
        while (ready.load() < threads) std::this_thread::yield();
        const double before = thread_cpu_seconds();
        for (int i = 0; i < share; ++i) bench::model_call(logger);
        seconds[static_cast<std::size_t>(thread)] = thread_cpu_seconds() - before;
      });
    }
    for (std::thread& thread : running) thread.join();
    double sum = 0;
    for (const double one : seconds) sum += one;
    state.SetIterationTime(sum);
    if (!logger.flush(std::chrono::seconds(60)).complete()) return state.SkipWithError("rows were lost");
  }
  state.counters["cpu_s_per_span"] = benchmark::Counter(static_cast<double>(state.iterations()) * share * threads,
                                                        benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  logger.shutdown(std::chrono::seconds(60));
}
BENCHMARK(many_threads)->Name("span/six_attributes_threads")->Arg(1)->Arg(2)->Arg(8)->UseManualTime();

void no_logger(benchmark::State& state) {
  for (auto _ : state) {
    Span span = braintrust::start_span("step");
    benchmark::DoNotOptimize(span);
  }
}
BENCHMARK(no_logger)->Name("no_logger/start_end");

int traced_function(int value) {
  TRACED(value);
  return value + 1;
}
void no_logger_traced(benchmark::State& state) {
  int value = 0;
  for (auto _ : state) benchmark::DoNotOptimize(value = traced_function(value));
}
BENCHMARK(no_logger_traced)->Name("no_logger/TRACED");

void json_event(benchmark::State& state) {
  for (auto _ : state) {
    const Json written = {
        {"input", Json::array({{{"role", "system"}, {"content", system_prompt}}, {{"role", "user"}, {"content", question}}})},
        {"metadata", {{"model", "gpt-5-mini"}, {"provider", "openai"}}},
        {"output", answer},
        {"metrics", {{"prompt_tokens", 2100}, {"completion_tokens", 42}}}};
    benchmark::DoNotOptimize(written.text().data());
  }
}
BENCHMARK(json_event)->Name("json/event_from_values");

void primitive_clocks(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(Clock::now());
    benchmark::DoNotOptimize(Clock::now());
  }
}
BENCHMARK(primitive_clocks)->Name("primitive/two_clock_reads");

void primitive_copy(benchmark::State& state) {
  std::vector<char> to(1024);
  for (auto _ : state) {
    std::memcpy(to.data(), bench::input.data(), 512);
    std::memcpy(to.data() + 512, bench::output.data(), 512);
    benchmark::DoNotOptimize(to.data());
    benchmark::ClobberMemory();
  }
}
BENCHMARK(primitive_copy)->Name("primitive/copy_2x512B");

void primitive_allocate(benchmark::State& state) {
  for (auto _ : state) {
    void* memory = std::malloc(1024);
    benchmark::DoNotOptimize(memory);
    std::free(memory);
  }
}
BENCHMARK(primitive_allocate)->Name("primitive/malloc_free_same_thread");

// A record handed to another core through a ring of preallocated slots, one slot a record, no waiting: the floor of a
// hand-over.
void primitive_ring(benchmark::State& state) {
  constexpr std::size_t slots = 4096, size = 1280;
  struct Ring {
    alignas(64) std::atomic<std::uint64_t> head = 0;
    alignas(64) std::atomic<std::uint64_t> tail = 0;
    std::vector<char> bytes = std::vector<char>(slots * size);
  };
  auto ring = std::make_unique<Ring>();
  std::atomic<bool> over = false;
  std::uint64_t sum = 0;
  std::thread reader([&] {
    std::vector<char> copy(size);
    while (!over.load(std::memory_order_relaxed)) {
      const std::uint64_t tail = ring->tail.load(std::memory_order_relaxed);
      if (ring->head.load(std::memory_order_acquire) == tail) continue;
      std::memcpy(copy.data(), ring->bytes.data() + tail % slots * size, size);
      sum += static_cast<unsigned char>(copy[tail % size]);
      ring->tail.store(tail + 1, std::memory_order_release);
    }
  });
  std::uint64_t head = 0;
  for (auto _ : state) {
    while (head - ring->tail.load(std::memory_order_acquire) >= slots) {
    }
    char* const slot = ring->bytes.data() + head % slots * size;
    std::memcpy(slot, bench::input.data(), 512);
    std::memcpy(slot + 512, bench::output.data(), 512);
    ring->head.store(++head, std::memory_order_release);
  }
  over = true;
  reader.join();
  benchmark::DoNotOptimize(sum);
}
BENCHMARK(primitive_ring)->Name("primitive/ring_to_other_core_1KB");

// 200 000 spans with six attributes at default settings, as fast as they are delivered: the app waits (yields) while the queue
// is half full. Time from the first span to the last acknowledgement.
void delivery(benchmark::State& state) {
  constexpr int spans = 200'000;
  const Logger logger = new_logger(false);
  bench::model_call(logger);
  logger.flush(std::chrono::seconds(60));
  double cpu = 0;
  for (auto _ : state) {
    bench::forget_peak();
    const double cpu_before = bench::cpu_seconds();
    const auto begin = Clock::now();
    for (int i = 0; i < spans; ++i) {
      bench::model_call(logger);
      if (i % 64 == 0) {
        while (logger.stats().queued_bytes > (32u << 20)) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    }
    const auto flushed = logger.flush(std::chrono::seconds(120));
    state.SetIterationTime(std::chrono::duration<double>(Clock::now() - begin).count());
    cpu += bench::cpu_seconds() - cpu_before;
    if (!flushed.complete()) return state.SkipWithError("rows were lost");
  }
  const double total = static_cast<double>(state.iterations()) * spans;
  state.counters["spans_per_s"] = benchmark::Counter(total, benchmark::Counter::kIsRate);
  state.counters["cpu_s_per_10k"] = cpu / total * 10'000;
  state.counters["peak_MB"] = bench::peak_megabytes();
  state.counters["dropped"] = static_cast<double>(logger.stats().dropped.total());
  logger.shutdown(std::chrono::seconds(60));
}
BENCHMARK(delivery)->Name("delivery/200k_spans")->UseManualTime()->Iterations(3)->Unit(benchmark::kMillisecond);

}  // namespace

int main(int argc, char** argv) { return bench::run(argc, argv, sink); }
