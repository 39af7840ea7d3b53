#pragma once

// OpenTelemetry: spans of a program that uses opentelemetry-cpp go to Braintrust as well.
//
//   auto provider = std::make_shared<opentelemetry::sdk::trace::TracerProvider>(…);          // as it is today
//   braintrust::otel::add_braintrust_span_processor(*provider, {.parent = "project_name:my-project"});
//
// or, the same in the words of opentelemetry-cpp:
//
//   provider->AddProcessor(std::make_unique<braintrust::otel::BraintrustSpanProcessor>(
//       braintrust::otel::SpanProcessorOptions{.parent = "project_name:my-project", .filter_ai_spans = true}));
//
// `BraintrustSpanProcessor` is opentelemetry-cpp's own batch processor and encoding of OTLP, sent to
// `{api_url}/otel/v1/traces`, with what Braintrust needs around them: where each span goes, which spans go, and media as
// attachments. Other processors of the provider see nothing of it.
//
// Where a span goes (its attribute `braintrust.parent`), the first that is there: the attribute that it was started with; the
// value of `with_parent` in the current context; the member `braintrust.parent` of the current context's baggage; what its
// parent span got; `SpanProcessorOptions::parent`. All that is looked at when it starts, on its thread; opentelemetry-cpp shows
// a processor the current context, not one that was passed in `StartSpanOptions`.
//
// What may be lost is what opentelemetry-cpp's batch processor loses: spans beyond `batch.max_queue_size` (2048 at first) while
// the server is slow or away, and batches that three tries did not deliver. `stats` shows both. In a forked child the processor
// begins anew, with an empty queue.
//
// `bridge_contexts` joins both worlds: a span of either is the parent of the other's next one.
//
// Threads: all of it from any thread; processors are added, and contexts bridged, before the program starts spans. Spans are
// filtered on the thread that ends them; everything else is done on the batch processor's thread.
// Errors: nothing throws; trouble goes to the diagnostics handler (core/diagnostics.h). Only `ForceFlush` and `Shutdown` wait.
// Needs: opentelemetry-cpp 1.19 or later with its OTLP/HTTP exporter; link braintrust::otel. Source: PROTO 19.1, INST 18, 20
// to 22.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <opentelemetry/context/context.h>
#include <opentelemetry/sdk/trace/batch_span_processor_options.h>
#include <opentelemetry/sdk/trace/processor.h>
#include <opentelemetry/sdk/trace/recordable.h>
#include <opentelemetry/trace/span_context.h>
#include <opentelemetry/trace/span_metadata.h>
#include <opentelemetry/trace/tracer_provider.h>

namespace braintrust::otel {

namespace detail {
class KeepRule;
class SpanRecord;
}  // namespace detail

// A span that has just ended, as a filter sees it. Valid during the call.
class EndedSpan {
 public:
  // Absent, or the value. Lists are there as far as they are of texts.
  using Value = std::variant<std::monostate, bool, std::int64_t, double, std::string_view, std::vector<std::string_view>>;

  std::string_view name() const noexcept;
  std::string_view instrumentation() const noexcept;  // the name that its tracer was asked for by
  bool has_parent() const noexcept;
  opentelemetry::trace::SpanKind kind() const noexcept;
  opentelemetry::trace::StatusCode status() const noexcept;
  std::chrono::nanoseconds duration() const noexcept;
  // Of an attribute that was set more than once, the last.
  Value attribute(std::string_view key) const;
  // Whether `test` holds for the key of some attribute.
  bool any_key(const std::function<bool(std::string_view key)>& test) const;

 private:
  friend class detail::KeepRule;
  explicit EndedSpan(const detail::SpanRecord& record) noexcept : record_(record) {}
  const detail::SpanRecord& record_;
};

// True: send the span. False: do not. No value: no opinion.
using SpanFilter = std::function<std::optional<bool>(const EndedSpan& span)>;

// Precedence, for each field that has a variable: the value here, the variable, the nearest `.env.braintrust` (for the key and
// the URLs, looked for when the first spans are sent), the default. Blank counts as unset.
struct SpanProcessorOptions {
  // Where spans go that nothing else sends elsewhere: "project_name:…", "project_id:…" or "experiment_id:…".
  // Env: BRAINTRUST_PARENT. Default: the project that `init_logger` would take (BRAINTRUST_PROJECT_ID, BRAINTRUST_PROJECT, …).
  std::string parent = {};
  // Env: BRAINTRUST_API_KEY. Sent to Braintrust only; never reported. Without one, spans are counted as failed.
  std::string api_key = {};
  // Env: BRAINTRUST_API_URL. Default: what the login says.
  std::string api_url = {};
  // Further headers of each request; one of a name that is set anyway takes its place.
  std::vector<std::pair<std::string, std::string>> headers = {};
  // Send only spans that have to do with AI: some attribute's key begins with "gen_ai.", "braintrust.", "llm.", "ai." or
  // "traceloop." (those that say where a span goes do not count). Env: BRAINTRUST_FILTER_AI_SPANS. Default: false.
  std::optional<bool> filter_ai_spans = {};
  // Asked first for each span, on the thread that ends it. Without opinion, `filter_ai_spans` decides. What it throws is told,
  // and counts as no opinion.
  SpanFilter custom_filter = {};
  // `filter_ai_spans` keeps spans without a parent, so that no trace loses its root.
  bool keep_root_spans = false;
  // opentelemetry-cpp's: length of the queue, size of batches, and how long a span waits for company.
  opentelemetry::sdk::trace::BatchSpanProcessorOptions batch = {};
  // How long a request may take.
  std::chrono::milliseconds request_timeout{10'000};
  // Env: BRAINTRUST_APP_URL. Default: https://www.braintrust.dev. Where the login is that names `api_url`.
  std::string app_url = {};
  // For keys of several organisations. Env: BRAINTRUST_ORG_NAME. Default: the first.
  std::string org_name = {};
};

// Counts since the processor was made, in this process.
struct SpanProcessorStats {
  std::uint64_t ended = 0;     // spans that were given to the processor
  std::uint64_t filtered = 0;  // not wanted
  std::uint64_t sent = 0;      // taken by the server
  std::uint64_t failed = 0;    // not taken by it (some or all of a batch), or could not be sent
  std::uint64_t dropped = 0;   // ended after `Shutdown`, or given up by it
  // What is missing waits in the batch processor's queue; or, after a flush, found no room there.
};

class BraintrustSpanProcessor final : public opentelemetry::sdk::trace::SpanProcessor {
 public:
  // Never fails and never waits.
  explicit BraintrustSpanProcessor(SpanProcessorOptions options = {});
  // `Shutdown`.
  ~BraintrustSpanProcessor() override;
  BraintrustSpanProcessor(const BraintrustSpanProcessor&) = delete;
  BraintrustSpanProcessor& operator=(const BraintrustSpanProcessor&) = delete;

  std::unique_ptr<opentelemetry::sdk::trace::Recordable> MakeRecordable() noexcept override;
  void OnStart(opentelemetry::sdk::trace::Recordable& span, const opentelemetry::trace::SpanContext& parent) noexcept override;
  void OnEnd(std::unique_ptr<opentelemetry::sdk::trace::Recordable>&& span) noexcept override;

  // Sends what has ended, and its attachments. True: all spans were taken in time, and no attachment is on its way any more
  // (one that failed is told). Without a timeout: ten seconds.
  bool ForceFlush(std::chrono::microseconds timeout = (std::chrono::microseconds::max)()) noexcept override;
  // `ForceFlush`, then the end: what could not be sent in time is given up, and what ends later is dropped. The second call
  // does nothing. Without a timeout: five seconds.
  bool Shutdown(std::chrono::microseconds timeout = (std::chrono::microseconds::max)()) noexcept override;

  SpanProcessorStats stats() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Adds a `BraintrustSpanProcessor` to a provider of the SDK, before the program starts spans. False, with a diagnostic, when it
// is a provider of another kind, such as the no-op one that is global before another is set.
bool add_braintrust_span_processor(opentelemetry::trace::TracerProvider& provider, SpanProcessorOptions options = {});

// `context` with a place for all spans that are started under it in this process: "project_name:…", "project_id:…" or
// "experiment_id:…". To tell other services as well, put it into the baggage:
//   SetBaggage(context, GetBaggage(context)->Set("braintrust.parent", "project_name:my-project"))
opentelemetry::context::Context with_parent(const opentelemetry::context::Context& context, std::string_view parent);

// From now on, both worlds share one notion of the current span, for the whole process: a span of opentelemetry-cpp that is
// current is the parent of the next `start_span` or TRACED, and the other way round; so their spans are one trace, with ids of
// one kind. What carries one along to other threads (`bind_context`, `TracedExecutor`, an attached context, …) carries both.
//
// Of two that are current, the one that became so last is the inner one. `current_span` names a span of opentelemetry-cpp then
// (what is logged to it is not recorded: it has a recorder of its own), and `RuntimeContext::GetCurrent()` holds a span that
// stands for ours, does not record, and says by `with_parent` where it goes.
//
// To be called before other threads use opentelemetry-cpp. A `BraintrustSpanProcessor` calls it when BRAINTRUST_OTEL_COMPAT
// says so (true, 1, yes, y, on). Calling it again does nothing.
void bridge_contexts();

}  // namespace braintrust::otel
