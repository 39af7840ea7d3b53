#include "llm/metrics.h"

#include <braintrust/core/json.h>

#include "llm/json_text.h"

namespace braintrust::llm {

void Metrics::complete_total() {
  if (!tokens && prompt_tokens && completion_tokens) tokens = *prompt_tokens + *completion_tokens;
}

std::string Metrics::text() const {
  ObjectText out;
  const auto add = [&](std::string_view key, Count count) {
    if (count) out.add(key, std::to_string(*count));
  };
  add("prompt_tokens", prompt_tokens);
  add("completion_tokens", completion_tokens);
  add("tokens", tokens);
  add("prompt_cached_tokens", prompt_cached_tokens);
  add("prompt_cache_creation_tokens", prompt_cache_creation_tokens);
  add("prompt_cache_creation_5m_tokens", prompt_cache_creation_5m_tokens);
  add("prompt_cache_creation_1h_tokens", prompt_cache_creation_1h_tokens);
  add("completion_reasoning_tokens", completion_reasoning_tokens);
  add("prompt_audio_tokens", prompt_audio_tokens);
  add("completion_audio_tokens", completion_audio_tokens);
  add("completion_image_tokens", completion_image_tokens);
  if (estimated_cost) out.add("estimated_cost", Json(*estimated_cost).text());
  return out.empty() ? std::string() : out.text();
}

Metrics::Count first_count(std::initializer_list<JsonView> values) {
  for (const JsonView value : values) {
    if (const auto count = value.count()) return count;
  }
  return {};
}

}  // namespace braintrust::llm
