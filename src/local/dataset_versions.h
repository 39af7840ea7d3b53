#pragma once

// Names for versions of datasets: snapshots, and the environments that point to one; and the way back to an old version.
//
// A version is the number of a transaction, as text. Environments need not be registered: the first association makes one.
//
// Threads: under the store's lock. Errors: thrown, `SqliteError` and `Refused`. Source: INST 25.

#include <cstdint>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "local/store_state.h"

namespace braintrust::local {

extern const char* const dataset_versions_schema;

// "1000197…" as a number; refused where it is none.
std::int64_t version_number(std::string_view version);

nlohmann::json register_snapshot(Store::State& state, const nlohmann::json& request);  // {dataset_snapshot, found_existing}
nlohmann::json get_snapshots(Store::State& state, const nlohmann::json& request);      // an array
nlohmann::json patch_snapshot(Store::State& state, const nlohmann::json& request);
nlohmann::json delete_snapshot(Store::State& state, const nlohmann::json& request);

// `type` is "dataset" or "prompt". What is missing is refused as `invalid_argument`: 400 it is on the wire.
nlohmann::json find_association(Store::State& state, std::string_view type, std::string_view id, std::string_view slug);
nlohmann::json list_associations(Store::State& state, std::string_view type, std::string_view id);  // {objects}
nlohmann::json set_association(Store::State& state, std::string_view type, std::string_view id, std::string_view slug,
                               std::string_view version, bool replace);
nlohmann::json delete_association(Store::State& state, std::string_view type, std::string_view id, std::string_view slug);

// Rows that make the dataset what it was at the version, and what they would be.
nlohmann::json restore_dataset(Store::State& state, std::string_view id, std::string_view version);
nlohmann::json preview_restore(Store::State& state, std::string_view id, std::string_view version);

}  // namespace braintrust::local
