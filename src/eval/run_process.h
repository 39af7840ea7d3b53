#pragma once

// Runs a program, without a shell, and takes what it prints. One .cpp file per system.
//
// What goes wrong with it is not told: whoever asks can do without the answer. The program reads nothing, its complaints go
// nowhere, and neither it nor what it started is left behind when its time is over.
//
// Threads: from any. Waits. Units: bytes. Source: POSIX posix_spawn, waitpid.

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace braintrust::detail {

struct ProcessOptions {
  std::vector<std::string> program = {};                              // found along PATH, with its arguments
  std::vector<std::pair<std::string, std::string>> environment = {};  // set over ours
  std::size_t most_bytes = 0;                                         // it is ended once it has printed as many
  std::chrono::steady_clock::time_point deadline = {};                // it is ended then
};

// What it printed, the first `most_bytes` of it. Nothing when there is no such program, it failed, or its time was over.
std::optional<std::string> run_process(const ProcessOptions& options);

}  // namespace braintrust::detail
