#pragma once

// Finding the id of a project or a dataset by its name: the request, and what its answer says. Both are made when absent, so
// that asking again does no harm. Threads: pure functions. Source: PROTO 2.

#include <string>
#include <string_view>

#include "pipeline/destination.h"
#include "pipeline/settings.h"

namespace braintrust::pipeline {

struct Registration {
  const char* path = "";  // below app_url, for a POST
  std::string body = {};
  const char* member = "";  // of the answer, with the object
};

// `settings` say what a destination without a project means (see `with_env_file`).
Registration registration_of(const Destination& destination, const Settings& settings, std::string_view org_id);

// The object's id in the answer's body; blank: there is none.
std::string registered_id(const Registration& registration, std::string_view body);

// "project \"P\"", "dataset \"D\" of project \"P\"": for messages.
std::string name_for_people(const Destination& destination, const Settings& settings);

}  // namespace braintrust::pipeline
