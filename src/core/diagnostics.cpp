#include <braintrust/core/diagnostics.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <new>

#include <fmt/format.h>

#include "core/quantity_text.h"

namespace braintrust {
namespace {

using Steady = std::chrono::steady_clock;
constexpr auto repeat_interval = std::chrono::seconds(10);
constexpr std::size_t remembered_texts = 64;

struct Repeats {
  Steady::time_point printed = {};
  unsigned suppressed = 0;
};

struct State {
  // Recursive: a handler that makes us report again must not deadlock.
  std::recursive_mutex mutex;
  bool calling = false;
  // Shared with the call that is going on: a handler may replace itself.
  std::shared_ptr<const std::function<void(Severity, const Error&)>> handler;
  std::map<std::string, Repeats, std::less<>> recent;
};

// Leaked: diagnostics are reported until the last instruction of the process.
State& state() {
  static State* const instance = new State;
  return *instance;
}

int least_severity() {
  static const int least = [] {
    const char* text = std::getenv("BRAINTRUST_DEBUG_LOG_LEVEL");
    const std::string_view level = text == nullptr ? "" : text;
    if (level == "silent") return 4;
    if (level == "error") return static_cast<int>(Severity::error);
    if (level == "info") return static_cast<int>(Severity::info);
    if (level == "debug") return static_cast<int>(Severity::debug);
    return static_cast<int>(Severity::warning);
  }();
  return least;
}

const char* name_of(Severity severity) {
  switch (severity) {
    case Severity::debug:
      return "debug";
    case Severity::info:
      return "info";
    case Severity::warning:
      return "warning";
    case Severity::error:
      return "error";
  }
  return "error";
}

void write_to_stderr(State& shared, Severity severity, const Error& error) {
  const auto now = Steady::now();
  if (shared.recent.size() >= remembered_texts) shared.recent.clear();
  auto& repeats = shared.recent[error.message];
  if (repeats.printed != Steady::time_point{} && now - repeats.printed < repeat_interval) {
    ++repeats.suppressed;
    return;
  }
  const std::string again =
      repeats.suppressed == 0 ? "" : fmt::format(" (and {} before)", detail::counted(repeats.suppressed, "time", "times"));
  const std::string line = fmt::format("braintrust: {}: {}{}\n", name_of(severity), error.message, again);
  std::fwrite(line.data(), 1, line.size(), stderr);
  repeats = {.printed = now, .suppressed = 0};
}

}  // namespace

void set_diagnostics_handler(std::function<void(Severity, const Error&)> handler) {
  using Handler = std::function<void(Severity, const Error&)>;
  auto replacement = handler ? std::make_shared<const Handler>(std::move(handler)) : nullptr;
  State& shared = state();
  const std::lock_guard lock(shared.mutex);
  shared.handler.swap(replacement);
}

namespace detail {

void read_log_level() noexcept { (void)least_severity(); }

void report(Severity severity, ErrorCode code, std::string message) noexcept {
  if (static_cast<int>(severity) < least_severity()) return;
  try {
    State& shared = state();
    const std::lock_guard lock(shared.mutex);
    if (shared.calling) return;  // the handler caused this report
    shared.calling = true;
    const Error error{code, std::move(message)};
    try {
      if (const auto handler = shared.handler) {
        (*handler)(severity, error);
      } else {
        write_to_stderr(shared, severity, error);
      }
    } catch (...) {  // the handler's own failure; there is nowhere left to tell it
    }
    shared.calling = false;
  } catch (...) {  // out of memory
  }
}

void diagnostics_before_fork() noexcept { state().mutex.lock(); }
void diagnostics_after_fork(bool in_child) noexcept {
  if (in_child) {
    // A recursive mutex belongs to a thread, and the thread that locked it has another number here: it cannot be unlocked.
    new (&state().mutex) std::recursive_mutex;
    state().calling = false;
  } else {
    state().mutex.unlock();
  }
}

}  // namespace detail
}  // namespace braintrust
