#pragma once

// Where the library says what it could not do: a rejected score, a refused key, dropped rows.
//
// Nothing of ours throws into or blocks your program, so trouble is told here and counted in `Stats`. The default handler
// writes one line to stderr, at most once in ten seconds for the same text (the next line then says how often it was repeated).
//
// Threads: `set_diagnostics_handler` from any thread; your handler is called from any thread, one call at a time. It must not
// log to Braintrust; if it throws, the exception is swallowed.
// Source: BRAINTRUST_DEBUG_LOG_LEVEL (silent, error, warn, info, debug; default warn) sets the least severity that is reported.

#include <functional>

#include <braintrust/core/error.h>

namespace braintrust {

enum class Severity { debug, info, warning, error };

// Replaces the handler; an empty function restores the default.
void set_diagnostics_handler(std::function<void(Severity, const Error&)> handler);

namespace detail {
void report(Severity severity, ErrorCode code, std::string message) noexcept;
// Reads BRAINTRUST_DEBUG_LOG_LEVEL, on the application's thread; it counts from then on.
void read_log_level() noexcept;
// Around fork: no thread may be reporting while the process is copied.
void diagnostics_before_fork() noexcept;
void diagnostics_after_fork(bool in_child) noexcept;
}  // namespace detail

}  // namespace braintrust
