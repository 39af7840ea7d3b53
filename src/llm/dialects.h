#pragma once

// Every dialect there is. Each is defined in the file that its name begins with; registry.cpp says which paths lead to it.

#include "llm/dialect.h"
#include "llm/url.h"

namespace braintrust::llm {

extern const Dialect openai_chat;
extern const Dialect openai_completions;
extern const Dialect openai_responses;
extern const Dialect openai_embeddings;  // openai_other.cpp, as the next two
extern const Dialect openai_moderations;
extern const Dialect openai_images;
extern const Dialect anthropic_messages;
extern const Dialect google_generate_content;
extern const Dialect bedrock_converse;
extern const Dialect bedrock_invoke_anthropic;
extern const Dialect cohere_chat;
extern const Dialect ollama_chat;
extern const Dialect ollama_generate;

}  // namespace braintrust::llm
