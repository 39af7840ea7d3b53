#pragma once

// What the model may ask for.

#include <string>

#include <nlohmann/json.hpp>

#include "documents.h"

// Their definitions, as the chat completions API takes them.
nlohmann::json tool_definitions();

// Runs one, as a span of its name. `arguments` is JSON text as the model wrote it. What cannot be done is said in the result:
// the model reads it and may ask better.
std::string run_tool(const std::string& name, const std::string& arguments, const Documents& documents);
