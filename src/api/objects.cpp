#include "api/objects.h"

#include <fmt/format.h>

#include "core/environment.h"
#include "core/json_member.h"
#include "pipeline/registration.h"

namespace braintrust::detail {

Result<nlohmann::json> register_object(Client& client, pipeline::Destination& destination) {
  const auto access = client.access();
  if (!access) return access.error();
  const auto registration = pipeline::registration_of(destination, (*access)->settings, (*access)->login.org_id);
  auto answer = client.call({.host = Host::app,
                             .method = "POST",
                             .path = registration.path,
                             .body = nlohmann::json::parse(registration.body, nullptr, false)});
  if (!answer) {
    return Error{answer.error().code,
                 fmt::format("{} cannot be had: {}", pipeline::name_for_people(destination, (*access)->settings),
                             answer.error().message)};
  }
  std::string id = text_at(member(*answer, registration.member), "id");
  if (id.empty()) {
    return Error{ErrorCode::bad_response, fmt::format("POST /{} answered without an id", registration.path)};
  }
  destination.publish_id(std::move(id));
  return answer;
}

Result<std::string> project_id_of(Client& client, std::string_view id, std::string_view name) {
  if (!is_blank(id)) return std::string(id);
  const auto access = client.access();
  if (!access) return access.error();
  if (is_blank(name) && !(*access)->settings.project_id.empty()) return (*access)->settings.project_id;
  pipeline::Destination project(pipeline::ObjectType::project_logs, {}, std::string(trimmed(name)));
  const auto answer = register_object(client, project);
  if (!answer) return answer.error();
  return *project.id();
}

std::string object_url(const Access& access, std::string_view project, std::string_view kind, std::string_view name) {
  const std::string& app = access.settings.app_public_url.empty() ? access.settings.app_url : access.settings.app_public_url;
  return pipeline::join_url(app, fmt::format("app/{}/p/{}/{}/{}", pipeline::escape_url(access.login.org_name),
                                             pipeline::escape_url(project), kind, pipeline::escape_url(name)));
}

}  // namespace braintrust::detail
