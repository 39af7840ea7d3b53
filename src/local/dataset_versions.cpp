#include "local/dataset_versions.h"

#include <charconv>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "local/datasets.h"
#include "local/json_fields.h"
#include "local/projects.h"
#include "local/random_id.h"

namespace braintrust::local {

using nlohmann::json;

const char* const dataset_versions_schema = R"(
  CREATE TABLE IF NOT EXISTS dataset_snapshots (
    id TEXT PRIMARY KEY,
    dataset_id TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    xact INTEGER NOT NULL,
    created TEXT NOT NULL,
    UNIQUE (dataset_id, name));
  CREATE TABLE IF NOT EXISTS environment_objects (
    id TEXT NOT NULL,
    object_type TEXT NOT NULL,
    object_id TEXT NOT NULL,
    slug TEXT NOT NULL,
    version INTEGER NOT NULL,
    created TEXT NOT NULL,
    PRIMARY KEY (object_type, object_id, slug)) WITHOUT ROWID;
)";

std::int64_t version_number(std::string_view version) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(version.data(), version.data() + version.size(), number);
  if (error != std::errc() || end != version.data() + version.size() || number < 0) {
    refuse_request(fmt::format("a version is a transaction id in digits, not \"{}\"", version));
  }
  return number;
}

namespace {

constexpr const char* snapshot_columns = "SELECT id, dataset_id, name, description, xact, created FROM dataset_snapshots ";

json snapshot_of(const Statement& row) {
  return {{"id", row.text(0)},
          {"dataset_id", row.text(1)},
          {"name", row.text(2)},
          {"description", row.is_null(3) ? json() : json(row.text(3))},
          {"xact_id", std::to_string(row.number(4))},
          {"created", row.text(5)}};
}

json snapshot_by_id(Database& database, const std::string& id) {
  Statement find(database, (std::string(snapshot_columns) + "WHERE id = ?").c_str());
  if (!find.bind(1, id).step()) refuse_request(fmt::format("no snapshot has the id {}", id));
  return snapshot_of(find);
}

json snapshot_by_name(Database& database, const std::string& dataset, const std::string& name) {
  Statement find(database, (std::string(snapshot_columns) + "WHERE dataset_id = ? AND name = ?").c_str());
  return find.bind(1, dataset).bind(2, name).step() ? snapshot_of(find) : json();
}

constexpr const char* association_columns =
    "SELECT id, object_type, object_id, slug, version, created FROM environment_objects WHERE object_type = ? AND object_id = "
    "?";

json association_of(const Statement& row) {
  return {{"id", row.text(0)},
          {"object_type", row.text(1)},
          {"object_id", row.text(2)},
          {"environment_slug", row.text(3)},
          {"object_version", std::to_string(row.number(4))},
          {"created", row.text(5)}};
}

// What must be written to make a dataset what it was: rows to have again, and ids to be rid of.
struct Restoration {
  std::vector<std::string> bodies;
  std::vector<std::string> ids;
};

Restoration plan(Store::State& state, std::string_view id, std::int64_t version) {
  find_dataset(state, id);
  Restoration plan;
  const auto container = state.find_container("dataset:" + std::string(id));
  if (!container) return plan;
  Statement replaced(state.database(),
                     "SELECT h.id, h.body, r.body FROM history h LEFT JOIN rows r ON r.id = h.id AND r.container = h.container "
                     "WHERE h.container = ?1 AND h.xact <= ?2 AND h.superseded > ?2 ORDER BY h.row_key");
  replaced.bind(1, *container).bind(2, version);
  std::unordered_set<std::string> was_there;
  while (replaced.step()) {
    was_there.emplace(replaced.text(0));
    if (replaced.text(1) != replaced.text(2)) plan.bodies.emplace_back(replaced.text(1));
  }
  Statement newer(state.database(),
                  "SELECT id FROM rows WHERE container = ?1 AND root_span_id IS NULL AND comment_on IS NULL AND xact > ?2");
  newer.bind(1, *container).bind(2, version);
  while (newer.step()) {
    if (std::string row_id(newer.text(0)); !was_there.contains(row_id)) plan.ids.push_back(std::move(row_id));
  }
  return plan;
}

}  // namespace

json register_snapshot(Store::State& state, const json& request) {
  const auto dataset = text_field(request, "dataset_id"), name = text_field(request, "dataset_snapshot_name");
  if (name.empty()) refuse_request("dataset_snapshot_name must be a text that is not blank");
  const auto xact = version_number(text_field(request, "xact_id"));
  find_dataset(state, dataset);
  auto& database = state.database();
  Transaction transaction(database);
  const auto existing = snapshot_by_name(database, dataset, name);
  if (existing.is_null()) {
    const auto id = random_uuid(), created = time_of_birth(), description = text_field(request, "description");
    Statement add(database,
                  "INSERT INTO dataset_snapshots (id, dataset_id, name, description, xact, created) VALUES (?, ?, ?, ?, ?, ?)");
    add.bind(1, id).bind(2, dataset).bind(3, name).bind(5, xact).bind(6, created);
    if (field(request, "description").is_string()) add.bind(4, description);
    add.run();
  } else if (field(request, "update") == true) {
    const auto description = text_field(request, "description");
    Statement move(database,
                   "UPDATE dataset_snapshots SET xact = ?1, description = coalesce(?2, description) "
                   "WHERE dataset_id = ?3 AND name = ?4");
    move.bind(1, xact).bind(3, dataset).bind(4, name);
    if (field(request, "description").is_string()) move.bind(2, description);
    move.run();
  }
  auto snapshot = snapshot_by_name(database, dataset, name);
  transaction.commit();
  return {{"dataset_snapshot", std::move(snapshot)}, {"found_existing", !existing.is_null()}};
}

json get_snapshots(Store::State& state, const json& request) {
  const auto id = text_field(request, "id"), dataset = text_field(request, "dataset_id"), name = text_field(request, "name"),
             xact = text_field(request, "xact_id");
  Statement find(state.database(), (std::string(snapshot_columns) +
                                    "WHERE (?1 = '' OR id = ?1) AND (?2 = '' OR dataset_id = ?2) AND (?3 = '' OR name = ?3) "
                                    "AND (?4 < 0 OR xact = ?4) ORDER BY created DESC, name")
                                       .c_str());
  find.bind(1, id).bind(2, dataset).bind(3, name).bind(4, xact.empty() ? std::int64_t{-1} : version_number(xact));
  auto found = json::array();
  while (find.step()) found.push_back(snapshot_of(find));
  return found;
}

json patch_snapshot(Store::State& state, const json& request) {
  auto& database = state.database();
  const auto id = text_field(request, "id"), name = text_field(request, "name"),
             description = text_field(request, "description");
  Transaction transaction(database);
  const auto before = snapshot_by_id(database, id);
  if (const auto other = snapshot_by_name(database, before.at("dataset_id").get<std::string>(), name);
      !other.is_null() && other.at("id") != id) {
    refuse_request(fmt::format("another snapshot of the dataset is named \"{}\"", name));
  }
  Statement change(database,
                   "UPDATE dataset_snapshots SET name = coalesce(nullif(?1, ''), name), "
                   "description = coalesce(?2, description) WHERE id = ?3");
  change.bind(1, name).bind(3, id);
  if (field(request, "description").is_string()) change.bind(2, description);
  change.run();
  auto after = snapshot_by_id(database, id);
  transaction.commit();
  return after;
}

json delete_snapshot(Store::State& state, const json& request) {
  const auto id = text_field(request, "id");
  auto snapshot = snapshot_by_id(state.database(), id);
  Statement remove(state.database(), "DELETE FROM dataset_snapshots WHERE id = ?");
  remove.bind(1, id).run();
  return snapshot;
}

json find_association(Store::State& state, std::string_view type, std::string_view id, std::string_view slug) {
  Statement find(state.database(), (std::string(association_columns) + " AND slug = ?").c_str());
  if (!find.bind(1, type).bind(2, id).bind(3, slug).step()) {
    refuse_request(fmt::format("the {} {} has no version in the environment {}", type, id, slug));
  }
  return association_of(find);
}

json list_associations(Store::State& state, std::string_view type, std::string_view id) {
  Statement find(state.database(), (std::string(association_columns) + " ORDER BY slug").c_str());
  find.bind(1, type).bind(2, id);
  auto objects = json::array();
  while (find.step()) objects.push_back(association_of(find));
  return {{"objects", std::move(objects)}};
}

json set_association(Store::State& state, std::string_view type, std::string_view id, std::string_view slug,
                     std::string_view version, bool replace) {
  if (slug.empty()) refuse_request("environment_slug must be a text that is not blank");
  const auto number = version_number(version);
  const auto key = random_uuid(), created = time_of_birth();
  Statement set(state.database(),
                replace ? "INSERT INTO environment_objects (id, object_type, object_id, slug, version, created) "
                          "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET version = excluded.version"
                        : "INSERT OR IGNORE INTO environment_objects (id, object_type, object_id, slug, version, created) "
                          "VALUES (?, ?, ?, ?, ?, ?)");
  set.bind(1, key).bind(2, type).bind(3, id).bind(4, slug).bind(5, number).bind(6, created).run();
  if (state.database().changes() == 0)
    refuse_request(fmt::format("the environment {} has a version already; PUT moves it", slug));
  return find_association(state, type, id, slug);
}

json delete_association(Store::State& state, std::string_view type, std::string_view id, std::string_view slug) {
  auto association = find_association(state, type, id, slug);
  Statement remove(state.database(), "DELETE FROM environment_objects WHERE object_type = ? AND object_id = ? AND slug = ?");
  remove.bind(1, type).bind(2, id).bind(3, slug).run();
  return association;
}

json restore_dataset(Store::State& state, std::string_view id, std::string_view version) {
  Transaction transaction(state.database());
  const auto todo = plan(state, id, version_number(version));
  json xact_id;
  if (!todo.bodies.empty() || !todo.ids.empty()) {
    const auto xact = state.next_xact();
    for (const auto& body : todo.bodies) state.write(parse_row(body), xact);
    for (const auto& row_id : todo.ids) {
      Row row;
      row.id = row_id;
      row.container = "dataset:" + std::string(id);
      row.is_delete = true;
      state.write(row, xact);
    }
    xact_id = std::to_string(xact);
  }
  transaction.commit();
  return {{"xact_id", xact_id}, {"rows_restored", todo.bodies.size()}, {"rows_deleted", todo.ids.size()}};
}

json preview_restore(Store::State& state, std::string_view id, std::string_view version) {
  const auto todo = plan(state, id, version_number(version));
  return {{"rows_to_restore", todo.bodies.size()}, {"rows_to_delete", todo.ids.size()}};
}

}  // namespace braintrust::local
