// The library for LD_PRELOAD: begins when the program does, and is silent. Until the first model call it has redirected calls
// and nothing else: no thread, no file, no connection.

#include <cstdlib>
#include <exception>

#include <braintrust/core/diagnostics.h>
#include <braintrust/trace/logger.h>

#include "auto/redirect.h"
#include "instrument/curl_hooks.h"

namespace braintrust::automatic {
namespace {

void start_logger() {
  // Where to, the environment and .env.braintrust say.
  static const Logger& logger = *new Logger(init_logger());
  static_cast<void>(logger);
}

__attribute__((constructor)) void begin() {
  try {
    // The output is the program's own.
    if (std::getenv("BRAINTRUST_DEBUG_LOG_LEVEL") == nullptr) set_diagnostics_handler([](Severity, const Error&) {});
    instrument::set_before_model_call(start_logger);
    instrument::trace_curl(true);
    redirect_curl();
  } catch (const std::exception&) {  // out of memory: the program runs untraced
  }
}

}  // namespace
}  // namespace braintrust::automatic

// See preloaded.h. The only symbol of this library that others see.
extern "C" __attribute__((visibility("default"))) void braintrust_auto_step_back() {
  braintrust::instrument::trace_curl(false);
}
