// A program that ends while spans wait: by itself (`static`, `exit`; `flush`: some were sent before), or in a forked child
// (`fork`).
//   otel_program static|exit|flush|fork url

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <string_view>

#include <braintrust/otel.h>
#include <opentelemetry/sdk/trace/tracer_provider.h>
#include <opentelemetry/trace/provider.h>

#include "support/sanitized.h"

#if BRAINTRUST_ADDRESS_SANITIZED
// In a forked child, only the parent's thread knew of one thing that it holds.
extern "C" const char* __lsan_default_suppressions() { return "leak:BatchSpanProcessor::BatchSpanProcessor\n"; }
#endif

namespace {

namespace trace = opentelemetry::trace;

void work(const char* name) { trace::Provider::GetTracerProvider()->GetTracer("program")->StartSpan(name)->End(); }

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) return 2;
  const std::string_view way = arguments[1];
  auto provider = std::make_shared<opentelemetry::sdk::trace::TracerProvider>(
      std::vector<std::unique_ptr<opentelemetry::sdk::trace::SpanProcessor>>{});
  // A delay that no test waits for: what comes was sent because of the end.
  braintrust::otel::SpanProcessorOptions options{.parent = "project_name:p", .api_key = "key", .api_url = arguments[2]};
  options.batch.schedule_delay_millis = std::chrono::hours(1);
  braintrust::otel::add_braintrust_span_processor(*provider, options);
  trace::Provider::SetTracerProvider(std::shared_ptr<trace::TracerProvider>(provider));

  work("before");
  if (way == "flush") {
    if (!provider->ForceFlush(std::chrono::seconds(20))) return 4;
    work("at the end");
  }
  provider = nullptr;
  if (way == "exit") std::exit(0);
  if (way == "fork") {
    const pid_t child = ::fork();
    if (child == 0) {
      work("of the child");
      std::exit(0);
    }
    int status = 0;
    if (::waitpid(child, &status, 0) != child || status != 0) return 3;
    work("of the parent");
  }
  return 0;
}
