// A program that uses opentelemetry-cpp already: a few lines send its spans to Braintrust as well, and its next spans may be
// ours.

// [otel include]
#include <braintrust/otel.h>
// [otel include end]

#include <braintrust/braintrust.h>
#include <opentelemetry/sdk/trace/tracer_provider.h>
#include <opentelemetry/trace/provider.h>
#include <opentelemetry/trace/scope.h>

#include <memory>
#include <string>
#include <vector>

#include "support/offline.h"

namespace {

namespace otel_sdk = opentelemetry::sdk::trace;
namespace otel_api = opentelemetry::trace;

// As it was: a span of opentelemetry-cpp, with attributes by the conventions for generative AI.
std::string ask(const std::string& question) {
  auto tracer = otel_api::Provider::GetTracerProvider()->GetTracer("support-bot");
  auto span = tracer->StartSpan("chat", {{"gen_ai.system", "openai"}, {"gen_ai.request.model", "gpt-5-mini"}});
  const otel_api::Scope scope(span);
  span->SetAttribute("gen_ai.usage.input_tokens", 12);
  span->SetAttribute("gen_ai.usage.output_tokens", 5);
  span->SetAttribute("braintrust.input_json", R"([{"role":"user","content":")" + question + R"("}])");
  span->SetAttribute("braintrust.output_json", R"([{"role":"assistant","content":"Paris"}])");
  return "Paris";
}

// New: a function that is traced in our words.
std::string look_up(const std::string& word) {
  TRACED(word);
  return TRACED_OUTPUT(word + " is the capital of France");
}

}  // namespace

int main() {
  examples::Offline offline;

  // As it was: a provider, with whatever processors it has.
  auto provider = std::make_shared<otel_sdk::TracerProvider>(std::vector<std::unique_ptr<otel_sdk::SpanProcessor>>{});

  // [otel existing]
  braintrust::otel::add_braintrust_span_processor(*provider, {.parent = "project_name:My Project (C++)"});
  // [otel existing end]
  otel_api::Provider::SetTracerProvider(std::shared_ptr<otel_api::TracerProvider>(provider));

  // [otel mixed]
  auto logger = braintrust::init_logger({.project = "My Project (C++)"});
  braintrust::otel::bridge_contexts();  // a span of either is the parent of the other's next one

  auto request = otel_api::Provider::GetTracerProvider()->GetTracer("support-bot")->StartSpan("GET /capital");
  {
    const otel_api::Scope scope(request);
    const std::string found = look_up(ask("What is the capital of France?"));
    request->SetAttribute("http.response.body.size", static_cast<std::int64_t>(found.size()));
  }
  request->End();
  // [otel mixed end]

  provider->ForceFlush();
}
