#pragma once

// Writes request bodies to a directory, for a look at what was sent or could not be sent.
//
// A file is one `logs3` body, named `payload_<unix seconds>_<8 hex digits>.json` as the Python SDK names it; it appears under
// that name only when it is complete.
//
// Threads: one. Errors: told to the diagnostics handler. Source: PROTO 4.6.

#include <string>
#include <string_view>

#include "pipeline/jitter.h"

namespace braintrust::pipeline {

// Does nothing when `directory` is blank; makes it when it is missing.
void dump_payload(const std::string& directory, std::string_view body, Jitter& jitter);

}  // namespace braintrust::pipeline
