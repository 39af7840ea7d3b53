#pragma once

// The semantic conventions for generative AI: what a model call or a tool call of ours is called there.
//
// Written from the fields of the row: model, parameters, token counts, and the messages in the one form that the conventions
// have for those of all providers.
//
// Threads: pure. Errors: what has no such form is left out; Braintrust's own attributes hold it anyway.
// Source: opentelemetry.io, "Semantic conventions for generative client AI spans" 1.37; INST 6, 7 for what rows hold.

#include <string>
#include <string_view>

#include "otlp/span.h"

namespace braintrust::detail::otlp {

// The fields of a row as JSON texts, or blank.
struct CallFields {
  std::string_view type = {};  // of the span: llm, tool
  std::string_view input = {};
  std::string_view output = {};
  std::string_view metadata = {};
  std::string_view metrics = {};
};

void add_gen_ai(const CallFields& call, Span& span);

// Messages of any provider as `gen_ai.input.messages` and `gen_ai.output.messages` have them, a JSON array; blank when there
// are none. `role`: of what names none.
std::string messages_of(std::string_view json, std::string_view role);

}  // namespace braintrust::detail::otlp
