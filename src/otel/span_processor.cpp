#include <algorithm>
#include <atomic>
#include <mutex>

#include <braintrust/core/diagnostics.h>
#include <braintrust/otel.h>
#include <opentelemetry/sdk/trace/batch_span_processor.h>
#include <opentelemetry/sdk/trace/tracer_provider.h>

#include "otel/bounded_call.h"
#include "otel/exporter.h"
#include "otel/keep_rule.h"
#include "otel/parents.h"
#include "otel/settings.h"
#include "pipeline/http.h"
#include "pipeline/per_process.h"

namespace braintrust::otel {
namespace {

using braintrust::detail::report;
using opentelemetry::sdk::trace::BatchSpanProcessor;
using opentelemetry::sdk::trace::BatchSpanProcessorOptions;
using opentelemetry::sdk::trace::Recordable;
using opentelemetry::trace::SpanContext;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds longest_flush{10};
constexpr std::chrono::seconds longest_shutdown{5};

// Without a timeout, opentelemetry-cpp says the greatest that there is.
Clock::time_point deadline_of(std::chrono::microseconds timeout, std::chrono::microseconds otherwise) {
  constexpr std::chrono::hours for_ever{24 * 365};
  if (timeout == std::chrono::microseconds::max()) timeout = otherwise;
  return Clock::now() + std::clamp<std::chrono::microseconds>(timeout, std::chrono::microseconds(0), for_ever);
}

// opentelemetry-cpp neither checks them nor survives all of them.
BatchSpanProcessorOptions usable(BatchSpanProcessorOptions batch) {
  batch.max_queue_size = std::max<std::size_t>(batch.max_queue_size, 1);
  batch.max_export_batch_size = std::clamp<std::size_t>(batch.max_export_batch_size, 1, batch.max_queue_size);
  batch.schedule_delay_millis = std::max(batch.schedule_delay_millis, std::chrono::milliseconds(1));
  return batch;
}

// opentelemetry-cpp's batch processor and our exporter, which it owns.
struct Delivery {
  Delivery(const detail::ProcessorSettings& settings, const BatchSpanProcessorOptions& batch,
           std::shared_ptr<detail::ExportCounts> counts)
      : Delivery(std::make_unique<detail::BraintrustExporter>(settings, std::move(counts)), batch) {}
  Delivery(std::unique_ptr<detail::BraintrustExporter> made, const BatchSpanProcessorOptions& batch)
      : exporter(*made), processor(std::move(made), batch) {}

  detail::BraintrustExporter& exporter;
  BatchSpanProcessor processor;
};

// What a forked child has anew: the thread of the batch processor is not there.
struct OfProcess {
  std::mutex mutex;
  std::shared_ptr<Delivery> made;             // guarded by mutex; from the first span that ends
  std::atomic<Delivery*> delivery = nullptr;  // the same, once it is there
  std::atomic<bool> is_shut = false;
  std::atomic<std::uint64_t> ended = 0;
  std::atomic<std::uint64_t> filtered = 0;
  std::atomic<std::uint64_t> dropped = 0;
  std::shared_ptr<detail::ExportCounts> exports = std::make_shared<detail::ExportCounts>();
};

// Spans first, then their attachments: rows may refer to what is not there yet (INST 18.53).
bool flush(const OfProcess& process, const std::shared_ptr<Delivery>& delivery, Clock::time_point deadline) {
  const std::uint64_t failed_before = process.exports->failed;
  const auto flush_spans = [delivery, deadline] {  // with a deadline of its own: it is to end when nobody waits any more
    const auto left = std::chrono::duration_cast<std::chrono::microseconds>(deadline - Clock::now());
    return delivery->processor.ForceFlush(std::max(left, std::chrono::microseconds(1)));
  };
  return detail::within(deadline, flush_spans) && process.exports->failed == failed_before &&
         delivery->exporter.uploader().flush(deadline);
}

}  // namespace

struct BraintrustSpanProcessor::State {
  State(const SpanProcessorOptions& options, detail::ProcessorSettings resolved)
      : settings(std::move(resolved)),
        batch(usable(options.batch)),
        rule(options.custom_filter, settings.filter_ai_spans, options.keep_root_spans) {}

  std::shared_ptr<Delivery> existing(OfProcess& process) {
    const std::lock_guard lock(process.mutex);
    return process.made;
  }

  // Null after the shutdown.
  Delivery* delivery(OfProcess& process) {
    if (Delivery* const known = process.delivery.load(std::memory_order_acquire)) return known;
    const std::lock_guard lock(process.mutex);
    if (process.is_shut) return nullptr;
    if (process.made == nullptr) process.made = std::make_shared<Delivery>(settings, batch, process.exports);
    process.delivery.store(process.made.get(), std::memory_order_release);
    return process.made.get();
  }

  const detail::ProcessorSettings settings;
  const BatchSpanProcessorOptions batch;
  detail::KeepRule rule;
  pipeline::PerProcess<OfProcess> processes;
};

BraintrustSpanProcessor::BraintrustSpanProcessor(SpanProcessorOptions options) {
  braintrust::detail::read_log_level();
  pipeline::http_start();
  state_ = std::make_unique<State>(options, detail::resolve(options));
  static_cast<void>(state_->processes.get());
  detail::BraintrustExporter::prepare();
  detail::prepare_parents();
  if (state_->settings.bridges_contexts) bridge_contexts();
}

BraintrustSpanProcessor::~BraintrustSpanProcessor() { Shutdown(); }

std::unique_ptr<Recordable> BraintrustSpanProcessor::MakeRecordable() noexcept {
  return detail::BraintrustExporter::new_record();
}

void BraintrustSpanProcessor::OnStart(Recordable& span, const SpanContext& parent) noexcept {
  try {
    detail::place(detail::record_of(span), parent, state_->settings.parent);
  } catch (const std::exception& error) {
    report(Severity::error, ErrorCode::io, std::string("a span of OpenTelemetry has no place: ") + error.what());
  }
}

void BraintrustSpanProcessor::OnEnd(std::unique_ptr<Recordable>&& span) noexcept {
  if (span == nullptr) return;
  OfProcess& process = state_->processes.get();
  process.ended.fetch_add(1, std::memory_order_relaxed);
  const detail::SpanRecord& record = detail::record_of(*span);
  detail::forget_later(record);
  if (process.is_shut.load(std::memory_order_relaxed)) {
    process.dropped.fetch_add(1, std::memory_order_relaxed);
  } else if (!state_->rule.keeps(record)) {
    process.filtered.fetch_add(1, std::memory_order_relaxed);
  } else {
    try {
      if (Delivery* const delivery = state_->delivery(process)) return delivery->processor.OnEnd(std::move(span));
    } catch (const std::exception& error) {
      report(Severity::error, ErrorCode::io, std::string("a span of OpenTelemetry was lost: ") + error.what());
    }
    process.dropped.fetch_add(1, std::memory_order_relaxed);
  }
}

bool BraintrustSpanProcessor::ForceFlush(std::chrono::microseconds timeout) noexcept {
  OfProcess& process = state_->processes.get();
  const std::shared_ptr<Delivery> delivery = state_->existing(process);
  if (delivery == nullptr || process.is_shut) return true;
  return flush(process, delivery, deadline_of(timeout, longest_flush));
}

bool BraintrustSpanProcessor::Shutdown(std::chrono::microseconds timeout) noexcept {
  OfProcess& process = state_->processes.get();
  const Clock::time_point deadline = deadline_of(timeout, longest_shutdown);
  std::shared_ptr<Delivery> delivery;
  {
    const std::lock_guard lock(process.mutex);
    if (process.is_shut.exchange(true)) return true;
    delivery = process.made;  // which stays: other threads may be in the middle of `OnEnd`
  }
  if (delivery == nullptr) return true;
  const bool flushed = flush(process, delivery, deadline);
  delivery->exporter.give_up();  // from here on, the provider may go
  // Its thread ends at once, unless it waits for a name server, a login or between two tries. Then it is left behind.
  return detail::within(std::max(deadline, Clock::now() + std::chrono::milliseconds(200)),
                        [delivery] { return delivery->processor.Shutdown(); }) &&
         flushed;
}

SpanProcessorStats BraintrustSpanProcessor::stats() const noexcept {
  const OfProcess& process = state_->processes.get();
  return {.ended = process.ended,
          .filtered = process.filtered,
          .sent = process.exports->sent,
          .failed = process.exports->failed,
          .dropped = process.dropped + process.exports->given_up};
}

bool add_braintrust_span_processor(opentelemetry::trace::TracerProvider& provider, SpanProcessorOptions options) {
  auto* const sdk = dynamic_cast<opentelemetry::sdk::trace::TracerProvider*>(&provider);
  if (sdk == nullptr) {
    report(
        Severity::error, ErrorCode::invalid_argument,
        "add_braintrust_span_processor: this provider is none of opentelemetry-cpp's SDK; its spans do not go to Braintrust");
    return false;
  }
  sdk->AddProcessor(std::make_unique<BraintrustSpanProcessor>(std::move(options)));
  return true;
}

}  // namespace braintrust::otel
