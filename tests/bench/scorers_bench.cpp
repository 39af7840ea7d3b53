// What scorers cost that look at every letter: the distance of two texts, beside a plain matrix in the same run, and pairing.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "eval/assignment.h"
#include "eval/code_points.h"
#include "eval/edit_distance.h"
#include "eval/plain_edit_distance.h"

namespace braintrust::eval {
namespace {

struct Pair {
  std::string left, right;
};

// An answer, and the same with each tenth letter another. What both begin and end with differs, so nothing is trimmed.
Pair texts(std::int64_t length, bool wide) {
  std::mt19937 random(1);
  const auto letter = [&] { return std::string(wide ? "\xc3" : "") + static_cast<char>((wide ? 0xa0 : 'a') + random() % 26); };
  Pair pair{"<", ">"};
  for (std::int64_t i = 0; i < length - 2; ++i) {
    const std::string same = letter();
    pair.left += same;
    pair.right += random() % 10 == 0 ? letter() : same;
  }
  pair.left += "<";
  pair.right += ">";
  return pair;
}

template <class Distance>
void measure(benchmark::State& state, bool wide, Distance distance) {
  const Pair pair = texts(state.range(0), wide);
  for (auto _ : state) benchmark::DoNotOptimize(distance(pair.left, pair.right));
  const auto cells = static_cast<double>(state.range(0) * state.range(0));
  state.counters["ns/cell"] =
      benchmark::Counter(cells, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void ascii_matrix(benchmark::State& state) {
  measure(state, false, [](std::string_view left, std::string_view right) { return test::plain_edit_distance(left, right); });
}
void ascii_words(benchmark::State& state) { measure(state, false, edits_between); }

void wide_matrix(benchmark::State& state) {
  measure(state, true, [](std::string_view left, std::string_view right) {
    const std::u32string left_points = code_points(left);
    const std::u32string right_points = code_points(right);
    return test::plain_edit_distance(std::u32string_view(left_points), std::u32string_view(right_points));
  });
}
void wide_words(benchmark::State& state) { measure(state, true, edits_between); }

void lengths(benchmark::internal::Benchmark* of) { of->Arg(10)->Arg(50)->Arg(200)->Arg(1000)->Arg(10000); }
BENCHMARK(ascii_matrix)->Apply(lengths);
BENCHMARK(ascii_words)->Apply(lengths);
BENCHMARK(wide_matrix)->Apply(lengths);
BENCHMARK(wide_words)->Apply(lengths);

void pairing(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  std::mt19937 random(1);
  std::vector<double> weights(size * size);
  for (double& weight : weights) weight = std::uniform_real_distribution<double>(0, 1)(random);
  for (auto _ : state) benchmark::DoNotOptimize(best_assignment(weights, size, size));
}
BENCHMARK(pairing)->Arg(10)->Arg(100)->Arg(1000);

}  // namespace
}  // namespace braintrust::eval

BENCHMARK_MAIN();
