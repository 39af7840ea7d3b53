#pragma once

// Prompts: every save is a version of its own, and old ones stay readable.
//
// Threads: under the store's lock. Errors: thrown, `SqliteError` and `Refused`. Source: PROTO 16.

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "local/store_state.h"

namespace braintrust::local {

extern const char* const prompts_schema;

// Saves the prompt of that project and slug. The row, with its `_xact_id`.
nlohmann::json save_prompt(Store::State& state, const nlohmann::json& request);

// Which prompt, and which of its versions; a version goes before an environment.
struct PromptSelector {
  std::string id = {};
  std::string project_id = {};
  std::string project_name = {};
  std::string slug = {};
  std::string version = {};
  std::string environment = {};
};

// An array: of one row where the id, or project and slug, are of one; of the newest version of each where no slug is named.
nlohmann::json find_prompts(Store::State& state, const PromptSelector& selector);

}  // namespace braintrust::local
