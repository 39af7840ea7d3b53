#pragma once

// `start_call` for front-ends that found out themselves where a request goes.
//
// Threads, errors: as call.h.

#include <braintrust/instrument/call.h>

#include "llm/endpoint.h"

namespace braintrust::llm {

// `options.provider` is not looked at: the endpoint has it.
Call start_call(const Endpoint& endpoint, const CallOptions& options, const Site& site) noexcept;

// Whether something above on this thread traces what happens here, so that a call must not be traced once more (INST 17.11).
bool calls_are_traced_above() noexcept;
// Begins (true) and ends (false) such a time; they nest.
void leave_calls_untraced(bool begin) noexcept;

}  // namespace braintrust::llm
