#pragma once

// Anthropic's messages, also where others offer them: Bedrock, Vertex, Azure. Source: INST 13, 5.16, 18.25.
//
// Threads: pure. Errors: what is missing is left out.

#include <memory>
#include <span>

#include "llm/dialect.h"

namespace braintrust::llm {

// Input, settings and tools. Name and model are left to the caller where the body does not say them.
Request read_messages_request(JsonView body);
std::unique_ptr<ResponseParser> new_messages_response(const CallTarget& call);
std::span<const MediaFormat> messages_media();

}  // namespace braintrust::llm
