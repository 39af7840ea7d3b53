#pragma once

// `Container`: the name of an object that spans belong to, as other processes and OpenTelemetry know it: what stands in the
// baggage and in the attribute `braintrust.parent`.
//
//   container_of(destination, settings)   "project_name:My Project"
//
// Threads: pure functions. Errors: what is no such name reads as nothing. Source: INST 19.4.

#include <optional>
#include <string>
#include <string_view>

#include "pipeline/destination.h"
#include "pipeline/settings.h"

namespace braintrust::pipeline {

struct Container {
  enum Kind { project_id, project_name, experiment_id };
  Kind kind = project_name;
  std::string_view value = {};  // not blank
};

// "project_id:…", "project_name:…", "experiment_id:…"; nothing for any other text.
std::optional<Container> read_container(std::string_view text) noexcept;
std::string write_container(const Container& container);

// Where a logger's rows go: its project's id, else its name. Blank while only `.env.braintrust` may say it.
std::string container_of(const Settings& settings);

// Where the rows of `destination` go, which a logger of these settings carries. Blank also for an experiment whose id is not
// known, and for what has no such name: playgrounds, datasets.
std::string container_of(const Destination& destination, const Settings& settings);

}  // namespace braintrust::pipeline
