// Spans go to an OpenTelemetry Collector, and from there to Braintrust or anywhere: no key, no other library.
//
//   OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318 build/dev/examples/otel_collector
//
// Without a Collector, the local backend plays one: it takes OTLP, and what it prints came that way.

#include <braintrust/braintrust.h>

#include <stdexcept>
#include <string>

#include "support/offline.h"

std::string chat(const std::string& question) {
  auto create = braintrust::wrap_openai([](const nlohmann::json&) {
    return nlohmann::json::parse(R"({"model":"scripted-1","usage":{"prompt_tokens":12,"completion_tokens":5,"total_tokens":17},
      "choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"They do."}}]})");
  });
  const auto answer = create({{"model", "scripted-1"}, {"messages", {{{"role", "user"}, {"content", question}}}}});
  return answer["choices"][0]["message"]["content"];
}

void look_up(const std::string& page) {
  auto span = braintrust::start_span("look_up", {.type = braintrust::SpanType::tool, .input = page});
  span.run([] { throw std::runtime_error("no such page"); });
}

int main() {
  examples::Offline offline;
  // [collector]
  auto logger = braintrust::init_logger({.project = "My Project (C++)", .exporter = braintrust::otlp()});
  // [collector end]
  const std::string question = "Do spans nest?";
  auto span = logger.start_span("answer", {.input = question});
  span.log({.output = chat(question), .scores = {{"short", true}}});
  try {
    look_up("nesting");
  } catch (const std::runtime_error&) {  // it is in the trace
  }
}
