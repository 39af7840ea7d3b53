#include "bench/opentelemetry_spans.h"

#include <atomic>
#include <utility>

#include <opentelemetry/exporters/otlp/otlp_http_exporter_factory.h>
#include <opentelemetry/exporters/otlp/otlp_http_exporter_options.h>
#include <opentelemetry/sdk/common/global_log_handler.h>
#include <opentelemetry/sdk/trace/batch_span_processor_factory.h>
#include <opentelemetry/sdk/trace/batch_span_processor_options.h>
#include <opentelemetry/sdk/trace/exporter.h>
#include <opentelemetry/sdk/trace/tracer_provider.h>
#include <opentelemetry/sdk/trace/tracer_provider_factory.h>
#include <opentelemetry/trace/span_startoptions.h>
#include <opentelemetry/trace/tracer.h>

#include "bench/model_call.h"

namespace bench {
namespace {

namespace sdk = opentelemetry::sdk::trace;

// Counts what its own exporter brought home.
class Counting final : public sdk::SpanExporter {
 public:
  Counting(std::unique_ptr<sdk::SpanExporter> inner, std::atomic<std::size_t>& exported)
      : inner_(std::move(inner)), exported_(exported) {}
  std::unique_ptr<sdk::Recordable> MakeRecordable() noexcept override { return inner_->MakeRecordable(); }
  opentelemetry::sdk::common::ExportResult Export(
      const opentelemetry::nostd::span<std::unique_ptr<sdk::Recordable>>& spans) noexcept override {
    const std::size_t count = spans.size();
    const auto result = inner_->Export(spans);
    if (result == opentelemetry::sdk::common::ExportResult::kSuccess) exported_ += count;
    return result;
  }
  bool ForceFlush(std::chrono::microseconds timeout) noexcept override { return inner_->ForceFlush(timeout); }
  bool Shutdown(std::chrono::microseconds timeout) noexcept override { return inner_->Shutdown(timeout); }

 private:
  std::unique_ptr<sdk::SpanExporter> inner_;
  std::atomic<std::size_t>& exported_;
};

}  // namespace

struct OpenTelemetry::State {
  std::atomic<std::size_t> exported = 0;
  std::unique_ptr<sdk::TracerProvider> provider = {};
  opentelemetry::nostd::shared_ptr<opentelemetry::trace::Tracer> tracer = {};
};

OpenTelemetry::OpenTelemetry(const std::string& url, std::size_t queue) : state_(std::make_unique<State>()) {
  // It would write a line for each span that it drops, and that would be measured.
  namespace log = opentelemetry::sdk::common::internal_log;
  log::GlobalLogHandler::SetLogLevel(log::LogLevel::Error);
  opentelemetry::exporter::otlp::OtlpHttpExporterOptions exporter;
  exporter.url = url + "/v1/traces";
  exporter.content_type = opentelemetry::exporter::otlp::HttpRequestContentType::kBinary;
  sdk::BatchSpanProcessorOptions batch;
  if (queue > 0) batch.max_queue_size = queue;
  auto counting =
      std::make_unique<Counting>(opentelemetry::exporter::otlp::OtlpHttpExporterFactory::Create(exporter), state_->exported);
  state_->provider = sdk::TracerProviderFactory::Create(sdk::BatchSpanProcessorFactory::Create(std::move(counting), batch));
  state_->tracer = state_->provider->GetTracer("bench");
}
OpenTelemetry::~OpenTelemetry() = default;

void OpenTelemetry::model_call() {
  opentelemetry::trace::StartSpanOptions options;
  options.kind = opentelemetry::trace::SpanKind::kClient;
  auto span = state_->tracer->StartSpan("chat", options);
  const opentelemetry::trace::Scope scope(span);
  span->SetAttribute("gen_ai.input.messages", input);
  span->SetAttribute("gen_ai.output.messages", output);
  span->SetAttribute("gen_ai.request.model", "gpt-5-mini");
  span->SetAttribute("gen_ai.provider.name", "openai");
  span->SetAttribute("gen_ai.usage.input_tokens", 2100);
  span->SetAttribute("gen_ai.usage.output_tokens", 42);
  span->End();
}

bool OpenTelemetry::flush(std::chrono::seconds deadline) { return state_->provider->ForceFlush(deadline); }
std::size_t OpenTelemetry::exported() const { return state_->exported; }

}  // namespace bench
