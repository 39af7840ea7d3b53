#pragma once

// `Dataset::Core`: what is behind a `Dataset`, shared by its copies.
//
// Threads: any. What waits for the network does so without holding the mutex for others longer than it must.

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include <braintrust/api/dataset.h>
#include <braintrust/trace/logger.h>

#include "api/client.h"
#include "pipeline/destination.h"

namespace braintrust {

struct Dataset::Core {
  explicit Core(DatasetOptions given);
  Core(DatasetOptions given, const Core& same);  // the same dataset with other options

  // The answer of the registration: {"project": {…}, "dataset": {…}}. Asks once.
  Result<nlohmann::json> registered();

  // The version that is read; blank while the newest is meant.
  Result<std::string> pinned_version();

  // The newest one of now, or the pinned one.
  Result<std::string> version_to_read();

  // What was written through this dataset arrives before what follows is asked.
  void deliver_own_writes();

  const DatasetOptions options;
  const Logger logger;  // by way of which records travel
  detail::LoggerCore* const core;
  const std::shared_ptr<detail::Client> client;
  pipeline::Destination* const destination;
  std::atomic<bool> written = false;

 private:
  std::mutex mutex_;
  std::optional<nlohmann::json> registered_;
  std::optional<std::string> pinned_;
};

// For the rooms above: what is behind a dataset.
struct DatasetAccess {
  static Dataset::Core* core_of(const Dataset& dataset) { return dataset.core_.get(); }
};

}  // namespace braintrust
