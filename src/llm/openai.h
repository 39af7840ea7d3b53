#pragma once

// What OpenAI's APIs and those made after them have in common: usage, settings, tools, media.
//
// Threads: pure. Errors: what is missing is left out. Source: INST 5.14, 6.5, 10.5 to 10.9, 11.5, 16.4, 18.20 to 18.23.

#include <span>
#include <string_view>

#include "llm/json_text.h"
#include "llm/media.h"
#include "llm/metrics.h"

namespace braintrust::llm {

// `usage` of chat, completions, embeddings (prompt_tokens), responses and images (input_tokens). `provider` decides which extra
// fields mean dollars.
Metrics openai_usage(JsonView usage, std::string_view provider);

// What a body or an event says went wrong, {"error":…} or {"object":"error",…}; blank when nothing did (INST 9.5).
std::string openai_error(JsonView body);

// Adds a setting unless it is missing or null.
void add_setting(ObjectText& metadata, std::string_view key, JsonView value);
// The settings of INST 6.3 that chat and legacy completions share.
void add_openai_settings(ObjectText& metadata, JsonView body);
// `tools` unless there are none (INST 5.2), without what opens their servers (INST 28.12).
void add_tools(ObjectText& metadata, const ArrayText& tools);
// {"type":"function","function":{"name":name}}
std::string chosen_function(JsonView name);

// Data URLs, input_audio, the audio of an answer, generated images.
std::span<const MediaFormat> openai_media();

}  // namespace braintrust::llm
