#include "local/prompts.h"

#include <limits>

#include <fmt/format.h>

#include "local/dataset_versions.h"
#include "local/json_fields.h"
#include "local/projects.h"
#include "local/random_id.h"

namespace braintrust::local {

using nlohmann::json;

const char* const prompts_schema = R"(
  CREATE TABLE IF NOT EXISTS prompts (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    xact INTEGER NOT NULL,
    project_id TEXT NOT NULL,
    slug TEXT NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (id, xact));
  CREATE INDEX IF NOT EXISTS prompts_by_slug ON prompts (project_id, slug);
  CREATE INDEX IF NOT EXISTS prompts_by_project ON prompts (project_id, xact);
)";

namespace {

std::string id_of_slug(Database& database, const std::string& project_id, const std::string& slug) {
  Statement find(database, "SELECT id FROM prompts WHERE project_id = ? AND slug = ? LIMIT 1");
  return find.bind(1, project_id).bind(2, slug).step() ? std::string(find.text(0)) : std::string();
}

std::string first_created(Database& database, const std::string& id) {
  Statement find(database, "SELECT body FROM prompts WHERE id = ? ORDER BY xact LIMIT 1");
  return find.bind(1, id).step() ? text_field(json::parse(find.text(0)), "created") : std::string();
}

json row_of(const Statement& statement) {
  auto row = json::parse(statement.text(0));
  row["_xact_id"] = std::to_string(statement.number(1));
  return row;
}

std::string project_id_of(Database& database, const PromptSelector& selector) {
  if (!selector.project_id.empty()) return selector.project_id;
  Statement find(database, "SELECT id FROM projects WHERE name = ?");
  return find.bind(1, selector.project_name).step() ? std::string(find.text(0)) : std::string();
}

}  // namespace

json save_prompt(Store::State& state, const json& request) {
  auto& database = state.database();
  const auto slug = text_field(request, "slug");
  if (slug.empty()) refuse_request("slug must be a text that is not blank");
  const auto& data = field(request, "prompt_data");
  if (!data.is_null() && !data.is_object()) refuse_request("prompt_data must be an object");
  Transaction transaction(database);
  const auto project = project_of(database, request);
  auto id = id_of_slug(database, project.id, slug);
  if (id.empty()) id = random_uuid();
  const auto name = text_field(request, "name");
  auto created = first_created(database, id);
  json row = {{"id", id},
              {"project_id", project.id},
              {"org_id", org_id},
              {"log_id", "p"},
              {"name", name.empty() ? slug : name},
              {"slug", slug},
              {"created", created.empty() ? time_of_birth() : created}};
  for (const char* key : {"description", "prompt_data", "tags", "metadata"}) row[key] = field(request, key);
  const auto xact = state.next_xact();
  const auto body = compact(row);
  Statement add(database, "INSERT INTO prompts (id, xact, project_id, slug, body) VALUES (?, ?, ?, ?, ?)");
  add.bind(1, id).bind(2, xact).bind(3, project.id).bind(4, slug).bind(5, body).run();
  transaction.commit();
  row["_xact_id"] = std::to_string(xact);
  return row;
}

json find_prompts(Store::State& state, const PromptSelector& selector) {
  auto& database = state.database();
  auto found = json::array();
  auto id = selector.id;
  if (id.empty()) {
    const auto project_id = project_id_of(database, selector);
    if (selector.slug.empty()) {
      Statement all(database,
                    "SELECT body, xact FROM prompts p WHERE project_id = ?1 AND NOT EXISTS "
                    "(SELECT 1 FROM prompts n WHERE n.id = p.id AND n.xact > p.xact) ORDER BY xact DESC");
      all.bind(1, project_id);
      while (all.step()) found.push_back(row_of(all));
      return found;
    }
    id = id_of_slug(database, project_id, selector.slug);
    if (id.empty()) return found;
  }
  auto version = selector.version;
  if (version.empty() && !selector.environment.empty()) {
    version = text_field(find_association(state, "prompt", id, selector.environment), "object_version");
  }
  const auto newest = version.empty() ? std::numeric_limits<std::int64_t>::max() : version_number(version);
  // A version is one of the whole database, so the prompt's own that was the last then.
  Statement find(database, "SELECT body, xact FROM prompts WHERE id = ? AND xact <= ? ORDER BY xact DESC LIMIT 1");
  if (find.bind(1, id).bind(2, newest).step()) found.push_back(row_of(find));
  return found;
}

}  // namespace braintrust::local
