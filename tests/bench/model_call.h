#pragma once

// The span that all benchmarks measure: a model call with 512 bytes of input, 512 of output, model, provider, two token counts.

#include <string>

#include <braintrust/trace/logger.h>

namespace bench {

// JSON of 512 bytes, as a provider's body would be.
inline std::string body_of(char filler) {
  std::string text = R"({"messages":[{"role":"user","content":")";
  text.append(512 - text.size() - 4, filler);
  return text + "\"}]}";
}
inline const std::string input = body_of('i');
inline const std::string output = body_of('o');

// Six attributes.
inline void model_call(const braintrust::Logger& logger) {
  braintrust::Span span = logger.start_span("chat", {.type = braintrust::SpanType::llm});
  span.log({.input = braintrust::Json::raw(input),
            .output = braintrust::Json::raw(output),
            .metadata = {{"model", "gpt-5-mini"}, {"provider", "openai"}},
            .metrics = {{"prompt_tokens", 2100}, {"completion_tokens", 42}}});
}

}  // namespace bench
