#pragma once

// `Metrics`: the numbers of one call under Braintrust's names.
//
// Only what a provider reported goes in, zeros included (INST 7.14); sums only of what is known.
//
// Threads: a plain value. Errors: what is no whole number that is not negative is left out. Units: tokens, dollars.
// Source: INST 7.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "llm/json_view.h"

namespace braintrust::llm {

struct Metrics {
  using Count = std::optional<std::uint64_t>;

  Count prompt_tokens = {};
  Count completion_tokens = {};
  Count tokens = {};
  Count prompt_cached_tokens = {};
  Count prompt_cache_creation_tokens = {};
  Count prompt_cache_creation_5m_tokens = {};
  Count prompt_cache_creation_1h_tokens = {};
  Count completion_reasoning_tokens = {};
  Count prompt_audio_tokens = {};
  Count completion_audio_tokens = {};
  Count completion_image_tokens = {};
  std::optional<double> estimated_cost = {};

  // The sum of both totals, where the provider gave none (INST 7.15).
  void complete_total();
  // A JSON object; blank when nothing is known.
  std::string text() const;
};

// The first that is a count.
Metrics::Count first_count(std::initializer_list<JsonView> values);
// 0 where nothing is known: for sums with a known part.
inline std::uint64_t or_zero(Metrics::Count count) { return count.value_or(0); }

}  // namespace braintrust::llm
