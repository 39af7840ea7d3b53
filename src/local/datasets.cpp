#include "local/datasets.h"

#include <fmt/format.h>

#include "local/json_fields.h"
#include "local/projects.h"
#include "local/random_id.h"

namespace braintrust::local {

using nlohmann::json;

const char* const datasets_schema = R"(
  CREATE TABLE IF NOT EXISTS datasets (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    project_id TEXT NOT NULL,
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (project_id, name));
)";

namespace {

json dataset_named(Database& database, const std::string& project_id, const std::string& name) {
  Statement find(database, "SELECT body FROM datasets WHERE project_id = ? AND name = ?");
  return find.bind(1, project_id).bind(2, name).step() ? json::parse(find.text(0)) : json();
}

}  // namespace

json register_dataset(Store::State& state, const json& request) {
  auto& database = state.database();
  Transaction transaction(database);
  const auto project = project_of(database, request);
  auto name = text_field(request, "dataset_name");
  auto dataset = name.empty() ? json() : dataset_named(database, project.id, name);
  if (name.empty()) {
    name = free_name("dataset", [&](const auto& taken) { return !dataset_named(database, project.id, taken).is_null(); });
  }
  if (dataset.is_null()) {
    dataset = {{"id", random_uuid()},
               {"project_id", project.id},
               {"name", name},
               {"description", field(request, "description")},
               {"created", time_of_birth()},
               {"deleted_at", nullptr},
               {"user_id", nullptr},
               {"metadata", field(request, "metadata")}};
    const auto id = dataset.at("id").get<std::string>(), body = compact(dataset);
    Statement add(database, "INSERT INTO datasets (id, project_id, name, body) VALUES (?, ?, ?, ?)");
    add.bind(1, id).bind(2, project.id).bind(3, name).bind(4, body).run();
  }
  transaction.commit();
  return {{"project", to_json(project)}, {"dataset", dataset}};
}

std::optional<json> dataset_with_id(Store::State& state, std::string_view id) {
  Statement find(state.database(), "SELECT body FROM datasets WHERE id = ?");
  if (!find.bind(1, id).step()) return std::nullopt;
  auto dataset = json::parse(find.text(0));
  const auto project = find_project(state.database(), dataset.at("project_id").get<std::string>());
  return json{{"project", to_json(project)}, {"dataset", std::move(dataset)}};
}

json find_dataset(Store::State& state, std::string_view id) {
  auto found = dataset_with_id(state, id);
  if (!found) refuse_unknown(fmt::format("no dataset has the id {}", id));
  return *std::move(found);
}

std::size_t dataset_size(Store::State& state, std::string_view id) {
  Statement count(state.database(),
                  "SELECT count(*) FROM rows JOIN containers ON containers.key = rows.container "
                  "WHERE containers.name = 'dataset:' || ? AND rows.root_span_id IS NULL AND rows.comment_on IS NULL");
  count.bind(1, id).step();
  return static_cast<std::size_t>(count.number(0));
}

std::vector<DatasetSummary> list_datasets(Store::State& state, std::size_t limit) {
  std::vector<DatasetSummary> list;
  Statement find(state.database(),
                 "SELECT d.id, d.name, p.name, (SELECT key FROM containers WHERE name = 'dataset:' || d.id) "
                 "FROM datasets d JOIN projects p ON p.id = d.project_id ORDER BY d.key DESC LIMIT ?");
  find.bind(1, limit == 0 ? std::int64_t{-1} : static_cast<std::int64_t>(limit));
  // A deletion is a change too, and all that is left of it is in the history.
  Statement last(state.database(),
                 "SELECT max(coalesce((SELECT max(xact) FROM rows WHERE container = ?1), 0), "
                 "coalesce((SELECT max(superseded) FROM history WHERE container = ?1), 0))");
  while (find.step()) {
    auto& dataset = list.emplace_back();
    dataset.id = find.text(0);
    dataset.name = find.text(1);
    dataset.project = find.text(2);
    dataset.rows = dataset_size(state, dataset.id);
    if (find.is_null(3)) continue;
    Use use(last);
    use->bind(1, find.number(3)).step();
    if (const auto version = use->number(0); version > 0) dataset.version = std::to_string(version);
  }
  return list;
}

}  // namespace braintrust::local
