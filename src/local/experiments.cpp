#include "local/experiments.h"

#include <fmt/format.h>

#include "local/json_fields.h"
#include "local/projects.h"
#include "local/random_id.h"

namespace braintrust::local {

using nlohmann::json;

const char* const experiments_schema = R"(
  CREATE TABLE IF NOT EXISTS experiments (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    project_id TEXT NOT NULL,
    name TEXT NOT NULL,
    commit_id TEXT,
    body TEXT NOT NULL,
    UNIQUE (project_id, name));
  CREATE INDEX IF NOT EXISTS experiments_by_commit ON experiments (project_id, commit_id);
)";

namespace {

json experiment_named(Database& database, const std::string& project_id, const std::string& name) {
  Statement find(database, "SELECT body FROM experiments WHERE project_id = ? AND name = ?");
  return find.bind(1, project_id).bind(2, name).step() ? json::parse(find.text(0)) : json();
}

// The newest experiment of a project, of those that ran on one of `commits` if there are such. Its id, or null.
json newest(Database& database, const std::string& project_id, const json& commits) {
  json found;
  std::int64_t found_key = -1;
  Statement of_commit(database,
                      "SELECT id, key FROM experiments WHERE project_id = ? AND commit_id = ? ORDER BY key DESC LIMIT 1");
  if (commits.is_array()) {
    for (const auto& commit : commits) {
      if (!commit.is_string()) continue;
      Use use(of_commit);
      if (!use->bind(1, project_id).bind(2, commit.get_ref<const std::string&>()).step() || use->number(1) <= found_key)
        continue;
      found = std::string(use->text(0));
      found_key = use->number(1);
    }
  }
  if (!found.is_null()) return found;
  Statement any(database, "SELECT id FROM experiments WHERE project_id = ? ORDER BY key DESC LIMIT 1");
  if (any.bind(1, project_id).step()) found = std::string(any.text(0));
  return found;
}

// "base experiment" in the refusal is what clients look for, to try again without one.
json base_for(Store::State& state, const std::string& project_id, const json& request) {
  auto& database = state.database();
  if (const auto id = text_field(request, "base_exp_id"); !id.empty()) {
    Statement find(database, "SELECT 1 FROM experiments WHERE id = ?");
    if (!find.bind(1, id).step()) refuse_request(fmt::format("the base experiment {} does not exist", id));
    return id;
  }
  if (const auto name = text_field(request, "base_experiment"); !name.empty()) {
    const auto base = experiment_named(database, project_id, name);
    if (base.is_null()) refuse_request(fmt::format("the base experiment \"{}\" does not exist in this project", name));
    return base.at("id");
  }
  return newest(database, project_id, field(request, "ancestor_commits"));
}

json added(Store::State& state, const Project& project, const std::string& wanted, const json& request) {
  auto& database = state.database();
  const auto base = base_for(state, project.id, request);
  const auto name =
      free_name(wanted, [&](const auto& taken) { return !experiment_named(database, project.id, taken).is_null(); });
  const auto& repo_info = field(request, "repo_info");
  json experiment = {{"id", random_uuid()},        {"project_id", project.id}, {"name", name},
                     {"created", time_of_birth()}, {"base_exp_id", base},      {"commit", field(repo_info, "commit")},
                     {"deleted_at", nullptr},      {"user_id", nullptr},       {"public", field(request, "public") == true}};
  for (const char* key : {"description", "repo_info", "dataset_id", "dataset_version", "metadata", "tags", "parameters_id",
                          "parameters_version", "internal_metadata"}) {
    experiment[key] = field(request, key);
  }
  const auto id = experiment.at("id").get<std::string>(), body = compact(experiment), commit = text_field(repo_info, "commit");
  Statement add(database, "INSERT INTO experiments (id, project_id, name, commit_id, body) VALUES (?, ?, ?, ?, ?)");
  add.bind(1, id).bind(2, project.id).bind(3, name).bind(5, body);
  if (!commit.empty()) add.bind(4, commit);
  add.run();
  return experiment;
}

}  // namespace

json register_experiment(Store::State& state, const json& request) {
  auto& database = state.database();
  Transaction transaction(database);
  const auto project = project_of(database, request);
  auto name = text_field(request, "experiment_name");
  json experiment;
  if (!name.empty() && field(request, "update") == true) experiment = experiment_named(database, project.id, name);
  if (name.empty()) name = text_field(field(request, "repo_info"), "branch");
  if (name.empty()) name = project.name;
  if (experiment.is_null()) experiment = added(state, project, name, request);
  transaction.commit();
  return {{"project", to_json(project)}, {"experiment", experiment}};
}

json get_experiments(Store::State& state, const json& request) {
  auto project_id = text_field(request, "project_id");
  const auto name = text_field(request, "experiment_name");
  if (project_id.empty()) {
    const auto project_name = text_field(request, "project_name");
    Statement find(state.database(), "SELECT id FROM projects WHERE name = ?");
    // To ask for an experiment must not make a project.
    if (!find.bind(1, project_name.empty() ? "Global" : project_name).step()) return json::array();
    project_id = find.text(0);
  }
  auto found = json::array();
  Statement find(state.database(),
                 "SELECT body FROM experiments WHERE project_id = ?1 AND (?2 = '' OR name = ?2) ORDER BY key DESC");
  find.bind(1, project_id).bind(2, name);
  while (find.step()) found.push_back(json::parse(find.text(0)));
  return found;
}

json find_experiment(Store::State& state, std::string_view id) {
  Statement find(state.database(), "SELECT body FROM experiments WHERE id = ?");
  if (!find.bind(1, id).step()) refuse_unknown(fmt::format("no experiment has the id {}", id));
  return json::parse(find.text(0));
}

json base_of(Store::State& state, std::string_view id) {
  const auto base = text_field(find_experiment(state, id), "base_exp_id");
  if (base.empty()) refuse_request("the experiment has no base experiment");
  return {{"base_exp_id", base}, {"base_exp_name", find_experiment(state, base).at("name")}};
}

namespace {

ExperimentEntry entry_of(const Statement& row) {
  const auto body = json::parse(row.text(2));
  return {text_field(body, "id"), std::string(row.text(0)), std::string(row.text(1)), text_field(body, "created"),
          text_field(body, "base_exp_id")};
}

}  // namespace

ExperimentEntry entry_called(Store::State& state, std::string_view name_or_id) {
  Statement find(state.database(),
                 "SELECT e.name, p.name, e.body FROM experiments e JOIN projects p ON p.id = e.project_id "
                 "WHERE e.id = ?1 OR e.name = ?1 ORDER BY e.id = ?1 DESC, e.key DESC LIMIT 1");
  if (!find.bind(1, name_or_id).step()) refuse_unknown(fmt::format("no experiment is called {}", name_or_id));
  return entry_of(find);
}

std::vector<ExperimentEntry> list_experiments(Store::State& state, std::size_t limit) {
  Statement find(state.database(),
                 "SELECT e.name, p.name, e.body FROM experiments e JOIN projects p ON p.id = e.project_id "
                 "ORDER BY e.key DESC LIMIT ?");
  find.bind(1, limit == 0 ? std::int64_t{-1} : static_cast<std::int64_t>(limit));
  std::vector<ExperimentEntry> list;
  while (find.step()) list.push_back(entry_of(find));
  return list;
}

}  // namespace braintrust::local
