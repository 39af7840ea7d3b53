#pragma once

// Projects, and what objects within them have in common: a name that is free, a time of birth.
//
// Threads: under the store's lock. Errors: thrown, `SqliteError` and `Refused`. Source: PROTO 2.

#include <string>
#include <string_view>

#include <braintrust/local/store.h>
#include <nlohmann/json_fwd.hpp>

#include "local/sqlite.h"

namespace braintrust::local {

inline constexpr const char* org_id = "00000000-0000-4000-8000-000000000001";
inline constexpr const char* org_name = "local";
inline constexpr const char* default_project = "Global";  // of what names none

// The project of that name, made if absent.
Project register_project(Database& database, std::string_view name);

// Refused as `not_found` if there is none.
Project find_project(Database& database, std::string_view id);

// The project that a request names: by `project_id`, else by `project_name`, which is made if absent, else the default.
Project project_of(Database& database, const nlohmann::json& request);

nlohmann::json to_json(const Project& project);

// `wanted`, or with the first number behind it that makes it free among the names of a project. `is_taken` asks for one name.
template <class IsTaken>
std::string free_name(const std::string& wanted, IsTaken&& is_taken) {
  auto name = wanted;
  for (int number = 2; is_taken(name); ++number) name = wanted + "-" + std::to_string(number);
  return name;
}

// Now, as the service writes times: "2026-11-22T06:47:04.123456Z".
std::string time_of_birth();

}  // namespace braintrust::local
