// What it costs to take a trace along in headers, and to find it in those of a request: time, and what is asked of the
// allocator.
//
//   build/release/tests/bench/propagation_bench [--benchmark_filter=…]

#include <map>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include <braintrust/tracing.h>

#include "bench/allocations.h"
#include "bench/run.h"
#include "bench/sink.h"

namespace {

using Headers = std::map<std::string, std::string>;
using Lines = std::vector<std::string>;

bench::Sink* sink = nullptr;

// What a request has beside the trace.
const Headers usual = {{"accept", "application/json"},
                       {"accept-encoding", "gzip, br"},
                       {"authorization", "Bearer 0123456789abcdef0123456789abcdef"},
                       {"content-length", "1834"},
                       {"content-type", "application/json"},
                       {"host", "retrieval.internal:8080"},
                       {"user-agent", "assistant/1.4"},
                       {"x-forwarded-for", "10.0.0.12"},
                       {"x-request-id", "2f1c6e0a-9f0b-4d0c-8f37-1d3f6f6b8f55"}};
constexpr const char* traceparent = "00-00112233445566778899aabbccddeeff-0123456789abcdef-01";
constexpr const char* tracestate = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE";
constexpr const char* own_baggage = "braintrust.parent=project_name:My%20Project";

// As a gateway adds it.
std::string foreign_members() {
  std::string members;
  for (int i = 0; i < 10; ++i) members += ",tenant.attribute." + std::to_string(i) + "=value%20of%20some%20length";
  return members.substr(1);
}

Headers with_trace(const std::string& baggage) {
  Headers headers = usual;
  headers["traceparent"] = traceparent;
  headers["tracestate"] = tracestate;
  headers["baggage"] = baggage;
  return headers;
}
Lines lines_of(const Headers& headers) {
  Lines lines;
  for (const auto& [name, value] : headers) lines.push_back(name + ": " + value);
  return lines;
}

// Runs `call()`, and `prepare()` before each, uncounted and untimed as far as that can be.
template <class Prepare, class Call>
void measure(benchmark::State& state, Prepare&& prepare, Call&& call) {
  std::uint64_t allocations = 0;
  constexpr int batch = 1000;
  for (auto _ : state) {
    state.PauseTiming();
    auto carriers = std::vector<decltype(prepare())>();
    for (int i = 0; i < batch; ++i) carriers.push_back(prepare());
    const std::uint64_t before = bench::allocations_of_this_thread();
    state.ResumeTiming();
    for (auto& carrier : carriers) call(carrier);
    state.PauseTiming();
    allocations += bench::allocations_of_this_thread() - before;
    carriers.clear();
    state.ResumeTiming();
  }
  const double calls = static_cast<double>(state.iterations()) * batch;
  state.counters["time_each"] = benchmark::Counter(calls, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["alloc_each"] = static_cast<double>(allocations) / calls;
}

// Inside a span of a trace that came in, as a service that calls another.
template <class Carrier>
void inject(benchmark::State& state, const Carrier& carrier) {
  const auto logger = braintrust::init_logger({.project = "My Project", .api_key = "k", .app_url = sink->url()});
  auto span = logger.start_span("handler", {.parent = braintrust::extract_trace_context(with_trace(own_baggage))});
  measure(
      state, [&] { return carrier; }, [](Carrier& headers) { braintrust::inject_trace_context(headers); });
  logger.shutdown(std::chrono::seconds(10));
}
BENCHMARK_CAPTURE(inject, map, usual);
BENCHMARK_CAPTURE(inject, lines, lines_of(usual));
BENCHMARK_CAPTURE(inject, map_with_10_foreign_members, Headers{{"baggage", foreign_members()}});

template <class Carrier>
void extract(benchmark::State& state, const Carrier& headers) {
  measure(
      state, [] { return braintrust::TraceContext(); },
      [&](braintrust::TraceContext& context) { context = braintrust::extract_trace_context(headers); });
}
BENCHMARK_CAPTURE(extract, map, with_trace(own_baggage));
BENCHMARK_CAPTURE(extract, lines, lines_of(with_trace(own_baggage)));
BENCHMARK_CAPTURE(extract, map_with_10_foreign_members, with_trace(foreign_members() + "," + own_baggage));
BENCHMARK_CAPTURE(extract, map_without_a_trace, usual);

}  // namespace

int main(int argc, char** argv) { return bench::run(argc, argv, sink); }
