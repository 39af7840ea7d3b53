#pragma once

// Messages of model calls as OpenTelemetry's conventions write them, turned into chat messages, the form in which Braintrust
// and `braintrust-local show` read conversations.
//
// Messages that are no objects, and members nobody knows, are kept as they are.
//
// Threads: pure functions. Errors: none. All texts are JSON.
// Source: opentelemetry semantic conventions, gen-ai-input-messages.json, gen-ai-output-messages.json; INST 10.2.

#include <string>
#include <string_view>

#include "llm/json_view.h"

namespace braintrust::local {

// `messages`: [{"role", "parts": [{"type", …}]}]. `system`: parts, or a text; a message of its own in front, unless blank.
std::string otlp_input_messages(llm::JsonView messages, llm::JsonView system);

// The same for answers: [{"index", "message", "finish_reason"}].
std::string otlp_output_messages(llm::JsonView messages);

}  // namespace braintrust::local
