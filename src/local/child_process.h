#pragma once

// Runs a program to its end, as a shell would.
//
// Threads: call from the thread that holds `signals`. Errors: `not_found` if there is no such program, `io` if it cannot be
// run. Source: POSIX posix_spawn, waitpid.

#include <string>
#include <utility>
#include <vector>

#include <braintrust/core/result.h>

#include "local/signals.h"

namespace braintrust::local {

struct ProgramEnd {
  int code = 0;       // as a shell tells it: the exit code, or 128 + n if signal n killed it
  int killed_by = 0;  // that signal; 0: it exited
};

// Starts the program (found along PATH) with `environment` set over ours, passes on the signals that are sent to us, and waits.
// `signals` must hold SIGCHLD beside those to pass on.
Result<ProgramEnd> run_program(const std::vector<std::string>& program,
                               const std::vector<std::pair<std::string, std::string>>& environment,
                               const BlockedSignals& signals);

}  // namespace braintrust::local
