#pragma once

// `Experiment::Core`: what is behind an `Experiment`, shared by its copies. Never changes. Threads: any.

#include <memory>
#include <string>

#include <braintrust/eval/experiment.h>

#include "api/client.h"
#include "pipeline/destination.h"
#include "trace/logger_core.h"

namespace braintrust {

struct Experiment::Core {
  Logger logger = {};
  detail::LoggerCore* core = nullptr;
  std::shared_ptr<detail::Client> client = {};
  pipeline::Destination* destination = nullptr;
  std::string id = {};
  std::string name = {};
  std::string project_id = {};
  std::string project_name = {};
  std::string url = {};
  std::string base_id = {};  // blank: none
  std::string slug = {};
};

// For the rest of the room: what is behind an experiment; null: none.
struct ExperimentAccess {
  static const Experiment::Core* core_of(const Experiment& experiment) { return experiment.core_.get(); }
};

}  // namespace braintrust
