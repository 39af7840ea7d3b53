#pragma once

// Prompts that are traced, and which of them a model call was marked with.

#include <string>
#include <string_view>
#include <vector>

#include <braintrust/api/prompt.h>

#include "trace/backend.h"

namespace braintrust::test {

inline PromptScope trace_prompt(const std::string& id) { return BuiltPrompt{.provenance = {{"id", id}}}.trace(); }

inline void call_model(std::string_view name) { start_span(name, {.type = SpanType::llm}).end(); }

// Its id; "" without one.
inline std::string prompt_in(const Row& row) {
  if (!row.contains("metadata") || !row["metadata"].contains("prompt")) return "";
  return row["metadata"]["prompt"]["id"];
}
inline std::string prompt_of(const std::vector<Row>& rows, std::string_view name) { return prompt_in(only_row(rows, name)); }

}  // namespace braintrust::test
