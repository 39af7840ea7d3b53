#pragma once

// `Logger`: a place for traces, and the door out of the process.
//
//   int main() {
//     auto logger = braintrust::init_logger({.project = "My Project"});
//     auto span = logger.start_span("work");
//     …
//   }                                      // what is queued is delivered before the process ends, within `exit_timeout`
//
// `init_logger` also makes the logger the current one, which `start_span()` and `TRACED` use. Copies name the same logger. When
// the last copy is gone and another logger is current, it delivers what it has, in the background, waits there for its open
// spans, and ends. A process may have several loggers, to several projects; each has one background thread.
//
// Delivery: spans are queued without waiting and sent by the background thread, with retry, for as long as the process runs;
// what does not fit the queue is dropped, newest first, and counted (stats.h). Login and looking up the project happen there,
// too; rows wait for them. At exit, from `exit`, from `main`'s return, and from `std::terminate`, spans still open are sent as
// they stand. A forked child begins with an empty queue and delivers its own.
//
// Threads: everything from any thread. Errors: nothing throws; trouble goes to the diagnostics handler (diagnostics.h).
// Only `flush` and `shutdown` wait. Source: PROTO 1 to 10; INST 20 for the configuration.

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <braintrust/pipeline/exporter.h>
#include <braintrust/pipeline/stats.h>
#include <braintrust/trace/span.h>

namespace braintrust {

// What bounds the memory of rows that wait. At the bound the newest rows are dropped and counted.
struct QueueOptions {
  // All memory of queued rows, those in flight included. Bytes.
  std::size_t max_bytes = 64u << 20;
  // Env: BRAINTRUST_QUEUE_SIZE, or BRAINTRUST_QUEUE_DROP_EXCEEDING_MAXSIZE. Rows; unset = 262 144.
  std::optional<std::size_t> max_rows = {};
};

// Where the process runs: `context.span_origin.environment` (INST 3.12). Both blank = found out from the environment variables
// of CI systems and hosting platforms.
struct EnvironmentOptions {
  std::string type = {};  // "ci", "server", "local", or a word of yours. Env: BRAINTRUST_ENVIRONMENT_TYPE
  std::string name = {};  // "github_actions", "kubernetes", …. Env: BRAINTRUST_ENVIRONMENT_NAME
  bool detect = true;     // false: say nothing, whatever the variables say
};

// Precedence, for each field: the value here, the environment variable, the nearest `.env.braintrust` (from the working
// directory up; only for the first six fields and the environment), the default. Blank counts as unset.
struct LoggerOptions {
  // Created if absent. Env: BRAINTRUST_PROJECT, then BRAINTRUST_DEFAULT_PROJECT. Default: "Global".
  std::string project = {};
  // Beats `project`. Env: BRAINTRUST_PROJECT_ID.
  std::string project_id = {};
  // Env: BRAINTRUST_API_KEY. Sent to `app_url` and `api_url` only; never reported.
  std::string api_key = {};
  // Env: BRAINTRUST_APP_URL. Default: https://www.braintrust.dev
  std::string app_url = {};
  // Env: BRAINTRUST_API_URL. Default: what the login says.
  std::string api_url = {};
  // The organisation, for keys that belong to several. Env: BRAINTRUST_ORG_NAME. Default: the first.
  std::string org_name = {};

  // How long a finished span may wait for company before it is sent.
  std::chrono::milliseconds flush_interval{250};
  // How long the end of the process may be delayed to deliver what is queued.
  std::chrono::milliseconds exit_timeout{5'000};
  QueueOptions queue = {};
  EnvironmentOptions environment = {};
  // Whether it becomes the current logger.
  bool set_current = true;

  // Where the spans go instead of Braintrust, or as well. See otlp.h.
  Exporter exporter = {};
  std::vector<Exporter> exporters = {};
};

// Who gave feedback. Spelled as on the wire.
enum class FeedbackSource { external, app, api };
std::string_view to_string(FeedbackSource source) noexcept;

// For `Logger::log_feedback`: at least one of scores, expected, tags and comment. (PROTO 8.1)
struct Feedback {
  std::string id = {};  // the row's id: `span.id()`
  Field scores = {};
  Field expected = {};
  Tags tags = {};
  std::string comment = {};
  Field metadata = {};  // about the feedback, an object: {{"user_id", "u1"}}; goes to the audit log, not to the row
  FeedbackSource source = FeedbackSource::external;
};

class Logger {
 public:
  Logger() = default;  // a no-op
  Logger(const Logger& other) noexcept;
  Logger(Logger&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
  Logger& operator=(Logger other) noexcept {
    std::swap(core_, other.core_);
    return *this;
  }
  ~Logger() {
    if (core_ != nullptr) release();
  }

  explicit operator bool() const noexcept { return core_ != nullptr; }

  // A span of this logger: a child of the current span if that is this logger's, else the first of a trace. See span.h.
  Span start_span(std::string_view name = {}, Site site = Site::current()) const noexcept {
    return core_ != nullptr ? detail::start_span(core_, name, nullptr, site) : Span();
  }
  Span start_span(std::string_view name, const SpanOptions& options, Site site = Site::current()) const noexcept {
    return core_ != nullptr ? detail::start_span(core_, name, &options, site) : Span();
  }

  // A trace of one row, without duration. Returns the row's id, or "" when nothing was recorded.
  std::string log(const SpanFields& fields, Site site = Site::current()) const;

  // Merges `fields` into a row of this logger's project that was sent before, by its id (`span.id()`).
  void update_span(std::string_view id, const SpanFields& fields) const;
  // A judgement about a row that was logged before. Refuses, through diagnostics, feedback without id or content.
  void log_feedback(const Feedback& feedback) const;

  // Waits until everything logged before has arrived, or cannot arrive, or `deadline` has passed.
  FlushResult flush(std::chrono::milliseconds deadline = std::chrono::seconds(10)) const;
  // `flush`, open spans included, then ends the background thread; what is logged later is dropped and counted. The result's
  // `pending` rows were given up.
  FlushResult shutdown(std::chrono::milliseconds deadline = std::chrono::seconds(10)) const;

  Stats stats() const;

 private:
  friend Logger init_logger(const LoggerOptions& options);
  friend Logger current_logger() noexcept;
  friend struct detail::LoggerCore;
  explicit Logger(detail::LoggerCore* core) noexcept : core_(core) {}
  void release() noexcept;

  detail::LoggerCore* core_ = nullptr;
};

// Starts a logger. Returns at once; a missing key or project is told by diagnostics when the first row is to be sent.
Logger init_logger(const LoggerOptions& options = {});

// The logger of the last `init_logger`, or a no-op.
Logger current_logger() noexcept;

// Merges `fields` into the row that `SpanHandle::export_slug` named, in this process or another. False, with a diagnostic, when
// the slug names no row. Sent by the current logger.
bool update_span(std::string_view exported_slug, const SpanFields& fields);

}  // namespace braintrust
