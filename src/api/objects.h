#pragma once

// Ids of projects and datasets, for those who can wait for them. Errors: those of Client::call. Source: PROTO 2.

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "api/client.h"
#include "pipeline/destination.h"

namespace braintrust::detail {

// The answer of a registration: {"project": …, "dataset": …}. Publishes the id to the destination.
Result<nlohmann::json> register_object(Client& client, pipeline::Destination& destination);

// The id that was given, else of the project of that name, else of the connection's.
Result<std::string> project_id_of(Client& client, std::string_view id, std::string_view name);

// Where a browser shows an object of a project: kind is "datasets" or "experiments".
std::string object_url(const Access& access, std::string_view project, std::string_view kind, std::string_view name);

}  // namespace braintrust::detail
