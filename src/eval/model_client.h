#pragma once

// What scorers that ask a model have in common: where the request goes, with whose key, and how it is sent and traced.
//
// Threads: any. Errors: std::invalid_argument for settings, std::runtime_error for what did not come; neither holds a key.
// Source: PROTO 15.2.

#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include <braintrust/eval/judges.h>

namespace braintrust::eval {

// `given`, else that of `scorers::init`, with nothing blank that environment or default can fill. `scorer` is for messages.
scorers::ModelClient resolved(const std::optional<scorers::ModelClient>& given, std::string_view scorer);

// The model of `scorers::init`, else `fallback`.
std::string default_model(std::string_view fallback);

// POSTs to `path` ("/embeddings") below the base, and waits. The answer's body, parsed.
nlohmann::json ask_model(const scorers::ModelClient& client, std::string_view path, const nlohmann::ordered_json& request,
                         std::string_view scorer);

// The beginning of a text on one line, for messages.
std::string excerpt(std::string_view text);

}  // namespace braintrust::eval
