#pragma once

// Puts bytes where a signed URL says: an object store that is not Braintrust's own, so that the API key must not go there.
//
// Threads: pure functions. Source: PROTO 4.5, 11; INST 18.42.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "pipeline/http.h"

namespace braintrust::pipeline {

// The members of `answer[name]` whose values are texts; none when it is no object.
std::vector<std::pair<std::string, std::string>> text_pairs(const nlohmann::json& answer, const char* name);

// Whether a header has this name, given in lower case.
bool is_header(std::string_view name, std::string_view lower) noexcept;

// A PUT to `signed_url` with the headers that came with it, and what Azure wants besides. The body is left to the caller.
HttpRequest put_to_store(std::string signed_url, std::vector<std::pair<std::string, std::string>> headers);

}  // namespace braintrust::pipeline
