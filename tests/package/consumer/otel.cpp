// A program that uses opentelemetry-cpp.
#include <braintrust/otel.h>
#include <opentelemetry/sdk/trace/tracer_provider.h>

#include <memory>
#include <vector>

int main() {
  using opentelemetry::sdk::trace::SpanProcessor;
  opentelemetry::sdk::trace::TracerProvider provider(std::vector<std::unique_ptr<SpanProcessor>>{});
  braintrust::otel::bridge_contexts();
  // Nobody listens there: what counts is that it links, and ends.
  const bool added = braintrust::otel::add_braintrust_span_processor(
      provider, {.parent = "project_name:p", .api_key = "key", .api_url = "http://127.0.0.1:1", .filter_ai_spans = true});
  provider.GetTracer("consumer")->StartSpan("work")->End();
  return added ? 0 : 1;
}
