// Versions of a dataset: which one is read, their names and environments, and the way back to one.

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include <braintrust/api/dataset.h>

#include "api/btql_query.h"
#include "api/dataset_core.h"
#include "core/environment.h"
#include "core/json_member.h"
#include "pipeline/blocking_http.h"

namespace braintrust {
namespace {

using detail::Host;
using detail::member;
using detail::text_at;
using nlohmann::json;

bool is_version(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// All of the dataset, or those of this name: one or none.
Result<std::vector<DatasetSnapshot>> ask_for_snapshots(detail::Client& client, const std::string& dataset_id,
                                                       const std::string& name) {
  json body = {{"dataset_id", dataset_id}};
  if (!name.empty()) body["name"] = name;
  const auto answer =
      client.call({.host = Host::app, .method = "POST", .path = "api/dataset_snapshot/get", .body = std::move(body)});
  if (!answer) return answer.error();
  if (!answer->is_array()) return Error{ErrorCode::bad_response, "the answer about snapshots is no list"};
  std::vector<DatasetSnapshot> snapshots;
  for (const json& found : *answer) {
    DatasetSnapshot snapshot{.id = text_at(found, "id"),
                             .name = text_at(found, "name"),
                             .description = text_at(found, "description"),
                             .version = text_at(found, "xact_id"),
                             .created = text_at(found, "created")};
    if (snapshot.id.empty() || !is_version(snapshot.version)) {
      return Error{ErrorCode::bad_response, "a snapshot of the answer has no id or no version"};
    }
    snapshots.push_back(std::move(snapshot));
  }
  return snapshots;
}

Result<DatasetSnapshot> snapshot_named(Dataset::Core& core, const std::string& dataset_id, const std::string& name) {
  if (detail::is_blank(name)) return Error{ErrorCode::invalid_argument, "which snapshot? its name is blank"};
  auto found = ask_for_snapshots(*core.client, dataset_id, name);
  if (!found) return found.error();
  const auto named = std::find_if(found->begin(), found->end(), [&](const DatasetSnapshot& one) { return one.name == name; });
  if (named == found->end()) {
    return Error{ErrorCode::not_found, fmt::format("dataset \"{}\" has no snapshot \"{}\"", core.options.name, name)};
  }
  return std::move(*named);
}

Result<std::string> version_in_environment(Dataset::Core& core, const std::string& dataset_id) {
  const std::string& environment = core.options.environment;
  const auto access = core.client->access();
  if (!access) return access.error();
  const auto found =
      core.client->call({.path = fmt::format("environment-object/dataset/{}/{}", pipeline::escape_url(dataset_id),
                                             pipeline::escape_url(environment)),
                         .query = {{"org_name", (*access)->login.org_name}}});
  if (!found) {
    return Error{found.error().code, fmt::format("dataset \"{}\" has no version in environment \"{}\": {}", core.options.name,
                                                 environment, found.error().message)};
  }
  std::string version = text_at(*found, "object_version");
  if (version.empty()) return Error{ErrorCode::bad_response, "the environment's answer names no version"};
  return version;
}

Result<std::uint64_t> count_at(const json& answer, const char* key) {
  const json& count = member(answer, key);
  if (!count.is_number_unsigned()) {
    return Error{ErrorCode::bad_response, fmt::format("the answer about restoring has no `{}`", key)};
  }
  return count.get<std::uint64_t>();
}

// The way back, or a look at it, which does nothing.
Result<DatasetRestore> go_back(const Dataset& dataset, const std::string& version, bool only_look) {
  if (DatasetAccess::core_of(dataset) == nullptr) return detail::no_dataset();
  if (!is_version(version)) {
    return Error{
        ErrorCode::invalid_argument,
        fmt::format("a dataset is restored to a version, as `version()` and `snapshots()` name them; \"{}\" is none", version)};
  }
  const auto id = dataset.id();
  if (!id) return id.error();
  Dataset::Core& core = *DatasetAccess::core_of(dataset);
  // What arrived later would undo it.
  if (const auto delivered = core.deliver_all_writes(); !delivered) return delivered.error();
  // A second request would answer that there was nothing to do.
  const auto answer =
      core.client->call({.method = "POST",
                         .path = fmt::format("v1/dataset/{}/restore{}", pipeline::escape_url(*id), only_look ? "/preview" : ""),
                         .body = {{"version", version}},
                         .repeatable = only_look});
  if (!answer) return answer.error();
  const auto restored = count_at(*answer, only_look ? "rows_to_restore" : "rows_restored");
  if (!restored) return restored.error();
  const auto removed = count_at(*answer, only_look ? "rows_to_delete" : "rows_deleted");
  if (!removed) return removed.error();
  return DatasetRestore{.restored = *restored, .removed = *removed, .version = text_at(*answer, "xact_id")};
}

}  // namespace

Result<std::string> Dataset::Core::pinned_version() {
  if (!detail::is_blank(options.version)) return options.version;
  if (detail::is_blank(options.snapshot_name) && detail::is_blank(options.environment)) return std::string();
  const auto registration = registered();
  if (!registration) return registration.error();
  const std::string id = text_at(member(*registration, "dataset"), "id");
  Known& known = known_.get();
  const std::lock_guard lock(known.mutex);
  if (known.pinned) return *known.pinned;
  if (!detail::is_blank(options.snapshot_name)) {
    const auto snapshot = snapshot_named(*this, id, options.snapshot_name);
    if (!snapshot) return snapshot.error();
    known.pinned = snapshot->version;
  } else {
    const auto version = version_in_environment(*this, id);
    if (!version) return version.error();
    known.pinned = *version;
  }
  return *known.pinned;
}

Result<std::string> Dataset::Core::version_to_read() {
  if (const auto delivered = deliver_own_writes(); !delivered) return delivered.error();
  auto pinned = pinned_version();
  if (!pinned || !pinned->empty()) return pinned;
  // The server's transaction of now, not the newest among the rows: what was removed after that would be back. The protocol's
  // description does not have it; the official JavaScript SDK's createSnapshot asks for it. The answer is a text.
  const detail::ApiCall call{.path = "xact-id"};
  const auto response = client->exchange(call);
  if (!response) return response.error();
  if (response->status == 404) return newest_row_version();
  if (!response->ok()) return detail::error_of(call, *response);
  std::string version(detail::trimmed(response->body));
  std::erase(version, '"');
  if (!is_version(version)) return Error{ErrorCode::bad_response, "GET /xact-id answered with what is no transaction"};
  return version;
}

// Of a server that does not tell its transaction. Records that were removed after the newest row was written are back at this
// version, since a removal leaves no row.
Result<std::string> Dataset::Core::newest_row_version() {
  const auto registration = registered();
  if (!registration) return registration.error();
  const auto query =
      btql_text("SELECT max(_xact_id) AS version FROM dataset({})", text_at(member(*registration, "dataset"), "id"));
  if (!query) return query.error();
  const auto answer = detail::ask(*client, *query, {}, "dataset_version");
  if (!answer) return answer.error();
  const json none;
  const json& found = answer->rows.empty() ? none : member(answer->rows.front(), "version");
  if (found.is_null()) return std::string(detail::before_all_rows);
  std::string version = found.is_string() ? found.get<std::string>() : detail::to_text(found);
  if (!is_version(version)) return Error{ErrorCode::bad_response, "the newest row of the dataset has no version"};
  return version;
}

Result<std::string> Dataset::version() const {
  if (!core_) return detail::no_dataset();
  return core_->version_to_read();
}

Dataset Dataset::at_version(std::string version) const {
  if (!core_) return {};
  DatasetOptions options = core_->options;
  options.version = std::move(version);
  return Dataset(std::make_shared<Core>(std::move(options), *core_));
}

Result<void> Dataset::create_snapshot(const std::string& name, const std::string& version,
                                      const std::string& description) const {
  const auto id = this->id();
  if (!id) return id.error();
  const auto meant = version.empty() ? this->version() : Result<std::string>(version);
  if (!meant) return meant.error();
  json body = {{"dataset_id", *id}, {"dataset_snapshot_name", name}, {"xact_id", *meant}, {"update", true}};
  if (!description.empty()) body["description"] = description;
  const auto answer = core_->client->call(
      {.host = Host::app, .method = "POST", .path = "api/dataset_snapshot/register", .body = std::move(body)});
  return answer ? Result<void>() : Result<void>(answer.error());
}

Result<std::vector<DatasetSnapshot>> Dataset::snapshots() const {
  const auto id = this->id();
  if (!id) return id.error();
  return ask_for_snapshots(*core_->client, *id, {});
}

Result<void> Dataset::update_snapshot(const std::string& name, const SnapshotChange& change) const {
  const auto id = this->id();
  if (!id) return id.error();
  const auto snapshot = snapshot_named(*core_, *id, name);
  if (!snapshot) return snapshot.error();
  json body = {{"id", snapshot->id}};
  if (!change.name.empty()) body["name"] = change.name;
  if (change.description) body["description"] = *change.description;
  const auto answer = core_->client->call(
      {.host = Host::app, .method = "POST", .path = "api/dataset_snapshot/patch_id", .body = std::move(body)});
  return answer ? Result<void>() : Result<void>(answer.error());
}

Result<void> Dataset::remove_snapshot(const std::string& name) const {
  const auto id = this->id();
  if (!id) return id.error();
  const auto snapshot = snapshot_named(*core_, *id, name);
  if (!snapshot) return snapshot.error();
  // Sent once: a second request would find it gone.
  const auto answer = core_->client->call({.host = Host::app,
                                           .method = "POST",
                                           .path = "api/dataset_snapshot/delete_id",
                                           .body = {{"id", snapshot->id}},
                                           .repeatable = false});
  return answer ? Result<void>() : Result<void>(answer.error());
}

Result<void> Dataset::set_environment(const std::string& environment, const std::string& version) const {
  const auto id = this->id();
  if (!id) return id.error();
  const auto meant = version.empty() ? this->version() : Result<std::string>(version);
  if (!meant) return meant.error();
  const auto access = core_->client->access();
  if (!access) return access.error();
  const auto answer = core_->client->call(
      {.method = "PUT",
       .path = fmt::format("environment-object/dataset/{}/{}", pipeline::escape_url(*id), pipeline::escape_url(environment)),
       .body = {{"object_version", *meant}, {"org_name", (*access)->login.org_name}}});
  return answer ? Result<void>() : Result<void>(answer.error());
}

Result<DatasetRestore> Dataset::restore(const std::string& version) const { return go_back(*this, version, false); }

Result<DatasetRestore> Dataset::preview_restore(const std::string& version) const { return go_back(*this, version, true); }

}  // namespace braintrust
