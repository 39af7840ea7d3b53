#pragma once

// Datasets: their names and what describes them. Their rows are in `rows` and `history`, as "dataset:ID".
//
// Threads: under the store's lock. Errors: thrown, `SqliteError` and `Refused`. Source: PROTO 2, 12.

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "local/store_state.h"

namespace braintrust::local {

extern const char* const datasets_schema;

// The dataset of that name in that project, made if absent; one without a name is always new. {project, dataset}
nlohmann::json register_dataset(Store::State& state, const nlohmann::json& request);

// What register answered; nothing, or refused as `not_found`, if there is none.
std::optional<nlohmann::json> dataset_with_id(Store::State& state, std::string_view id);
nlohmann::json find_dataset(Store::State& state, std::string_view id);

// How many rows it has now.
std::size_t dataset_size(Store::State& state, std::string_view id);

// The newest first; at most `limit` of them (0: all).
std::vector<DatasetSummary> list_datasets(Store::State& state, std::size_t limit);

}  // namespace braintrust::local
