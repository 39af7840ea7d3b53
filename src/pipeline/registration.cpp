#include "pipeline/registration.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/json_member.h"

namespace braintrust::pipeline {
namespace {

using Json = nlohmann::json;

const std::string& project_of(const Destination& destination, const Settings& settings) {
  return destination.name.empty() ? settings.project : destination.name;
}

// Of a dataset whose options name no project: the id that the settings give beats their name.
const std::string& project_id_of(const Destination& destination, const Settings& settings) {
  static const auto* const none = new std::string();
  if (!destination.dataset.project_id.empty()) return destination.dataset.project_id;
  return destination.name.empty() ? settings.project_id : *none;
}

}  // namespace

Registration registration_of(const Destination& destination, const Settings& settings, std::string_view org_id) {
  Json body = {{"org_id", org_id}};
  if (destination.type != ObjectType::dataset) {
    body["project_name"] = project_of(destination, settings);
    return {.path = "api/project/register", .body = detail::to_text(body), .member = "project"};
  }
  const DatasetName& dataset = destination.dataset;
  if (const std::string& id = project_id_of(destination, settings); !id.empty()) {
    body["project_id"] = id;
  } else {
    body["project_name"] = project_of(destination, settings);
  }
  if (!dataset.name.empty()) body["dataset_name"] = dataset.name;
  if (!dataset.description.empty()) body["description"] = dataset.description;
  if (!dataset.metadata.empty()) body["metadata"] = Json::parse(dataset.metadata, nullptr, false);
  return {.path = "api/dataset/register", .body = detail::to_text(body), .member = "dataset"};
}

std::string registered_id(const Registration& registration, std::string_view body) {
  return detail::text_at(detail::member(detail::parse_bounded(body), registration.member), "id");
}

std::string name_for_people(const Destination& destination, const Settings& settings) {
  const std::string project = fmt::format("project \"{}\"", project_of(destination, settings));
  if (destination.type != ObjectType::dataset) return project;
  return fmt::format("dataset \"{}\" of {}", destination.dataset.name, project);
}

}  // namespace braintrust::pipeline
