#pragma once

// Experiments: their names, what describes them, and which earlier one each is compared to. Their rows are "experiment:ID".
//
// Threads: under the store's lock. Errors: thrown, `SqliteError` and `Refused`. Source: PROTO 3.

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "local/store_state.h"

namespace braintrust::local {

extern const char* const experiments_schema;

// A new experiment, or with `update` that of this name. Without a base of its own it is compared to the newest earlier one of
// its project that ran on one of `ancestor_commits`, else to the newest earlier one. {project, experiment}
nlohmann::json register_experiment(Store::State& state, const nlohmann::json& request);

// Those that a request names: {project_id or project_name, experiment_name}; an array, the newest first.
nlohmann::json get_experiments(Store::State& state, const nlohmann::json& request);

// What register answered as `experiment`, or refused as `not_found`.
nlohmann::json find_experiment(Store::State& state, std::string_view id);

// {base_exp_id, base_exp_name}, refused where it has none.
nlohmann::json base_of(Store::State& state, std::string_view id);

struct ExperimentEntry {
  std::string id = {};
  std::string name = {};
  std::string project = {};  // its name
  std::string created = {};
  std::string base_id = {};  // blank if it has none
};

// The newest experiment of that name in any project, or that of this id; refused as `not_found`.
ExperimentEntry entry_called(Store::State& state, std::string_view name_or_id);

// The newest first; at most `limit` of them (0: all).
std::vector<ExperimentEntry> list_experiments(Store::State& state, std::size_t limit);

}  // namespace braintrust::local
