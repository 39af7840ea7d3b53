#pragma once

// Puts a logger's options, the environment and the defaults together: the one place where configuration is resolved (design 7).
// What may also stand in `.env.braintrust` is left blank here and looked up by the background thread (pipeline/session.h).
// Source: PROTO 1.2, INST 3 and 20.

#include <string>

#include <braintrust/trace/logger.h>

#include "core/environment.h"
#include "pipeline/flusher.h"

namespace braintrust::detail {

pipeline::Flusher::Options resolve_options(const LoggerOptions& options, const Environment& environment);

// Type and name of where this process runs; both blank when nothing says so. Looks for `.env.braintrust` from
// `working_directory` up: not for an app thread.
struct RuntimeEnvironment {
  std::string type = {};
  std::string name = {};
};
RuntimeEnvironment detect_environment(const EnvironmentOptions& options, const Environment& environment,
                                      const std::string& working_directory);

}  // namespace braintrust::detail
