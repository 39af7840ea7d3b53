#pragma once

// The `main` of benchmarks that send to a sink.

#include <benchmark/benchmark.h>

#include "bench/sink.h"

namespace bench {

// `sink` is where the benchmarks find it; it is started before there is any thread.
inline int run(int argc, char** argv, Sink*& sink) {
  Sink started;
  sink = &started;
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

}  // namespace bench
