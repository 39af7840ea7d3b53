#include "local/projects.h"

#include <chrono>

#include <fmt/format.h>

#include "core/clock.h"
#include "local/json_fields.h"
#include "local/random_id.h"
#include "local/refused.h"

namespace braintrust::local {

Project register_project(Database& database, std::string_view name) {
  const auto id = random_uuid();
  Statement add(database, "INSERT OR IGNORE INTO projects (id, name) VALUES (?, ?)");
  add.bind(1, id).bind(2, name).run();
  Statement find(database, "SELECT id FROM projects WHERE name = ?");
  find.bind(1, name).step();
  return {std::string(find.text(0)), std::string(name)};
}

Project find_project(Database& database, std::string_view id) {
  Statement find(database, "SELECT name FROM projects WHERE id = ?");
  if (!find.bind(1, id).step()) refuse_unknown(fmt::format("no project has the id {}", id));
  return {std::string(id), std::string(find.text(0))};
}

Project project_of(Database& database, const nlohmann::json& request) {
  if (const auto id = text_field(request, "project_id"); !id.empty()) return find_project(database, id);
  const auto name = text_field(request, "project_name");
  return register_project(database, name.empty() ? default_project : name);
}

nlohmann::json to_json(const Project& project) { return {{"id", project.id}, {"name", project.name}, {"org_id", org_id}}; }

std::string time_of_birth() {
  char text[64];
  const auto now = std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch());
  return {text, detail::write_iso8601(static_cast<long long>(now.count()), text)};
}

}  // namespace braintrust::local
