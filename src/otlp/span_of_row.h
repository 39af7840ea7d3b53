#pragma once

// What a row of a span means in OTLP: its ids, times and status, Braintrust's attributes (INST 22), and those of the semantic
// conventions for generative AI (gen_ai.h), so that a backend that knows nothing of Braintrust understands it too.
//
// Threads: pure. Errors: false. Source: INST 22; opentelemetry.io, "Semantic conventions for code", "Recording errors".

#include <string_view>

#include "otlp/span.h"

namespace braintrust::detail::otlp {

// `row`: a JSON object. `container`: where Braintrust would put it, "project_name:P", or blank. False, when it has no ids that
// OTLP could hold.
bool read_row(std::string_view row, std::string_view container, Span& span);

}  // namespace braintrust::detail::otlp
