#pragma once

// Masking: your function sees every value of a user before it leaves the process, and returns what may leave.
//
//   braintrust::set_masking_function([](const nlohmann::json& value) { return redact_emails(value); });
//
// Called once for each present field of a row: input, output, expected, error, scores, metadata, metrics (those you logged),
// tags, context, classifications, origin, comment, and the metadata of feedback. Names and types of spans are not masked.
//
// When the function throws, the field never leaves: in its place goes "ERROR: Failed to mask field 'input' -
// std::runtime_error" (for metadata and context an object with that text as "error"; scores, metrics, tags, classifications and
// origin are left out and the text is added to the row's error). The exception's message is not sent.
//
// Threads: set it before logging, or at any time; it is called on the background threads of loggers, one row at a time each.
// Source: PROTO 10, promise 17.

#include <functional>

#include <nlohmann/json_fwd.hpp>

namespace braintrust {

using MaskingFunction = std::function<nlohmann::json(const nlohmann::json& value)>;

// For all loggers of the process. An empty function ends masking.
void set_masking_function(MaskingFunction mask);

}  // namespace braintrust
