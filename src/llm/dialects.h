#pragma once

// Every dialect there is. Each is defined in the file that its name begins with; registry.cpp says which paths lead to it.

#include "llm/dialect.h"
#include "llm/url.h"

namespace braintrust::llm {

extern const Dialect openai_chat;  // openai_chat.cpp

}  // namespace braintrust::llm
