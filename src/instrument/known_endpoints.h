#pragma once

// Which requests of this process are model calls: the providers' own hosts, and what the environment and `auto_instrument`
// declare or switch off.
//
//   BRAINTRUST_AUTO_ENDPOINTS="openai=http://127.0.0.1:8000/v1"   BRAINTRUST_DISABLE_INSTRUMENTATION="groq,cohere"
//
// Threads: any; what was handed out stays valid for ever. Errors: bad entries are told to the diagnostics handler, once.

#include <string_view>

#include "llm/endpoint.h"

namespace braintrust::instrument {

// By the environment, as it was when this was first called, and what was added since.
const llm::Endpoints& known_endpoints();
// Adds to them. Both as in llm::Endpoints.
void declare_endpoints(std::string_view declared, std::string_view switched_off);

}  // namespace braintrust::instrument
