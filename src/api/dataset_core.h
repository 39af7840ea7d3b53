#pragma once

// `Dataset::Core`: what is behind a `Dataset`, shared by its copies.
//
// Threads: any. What waits for the network does so without holding the mutex for others longer than it must.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include <braintrust/api/dataset.h>
#include <braintrust/trace/logger.h>

#include "api/client.h"
#include "pipeline/destination.h"
#include "pipeline/per_process.h"

namespace braintrust {

namespace detail {

inline constexpr std::string_view before_all_rows = "0";  // a version

inline Error no_dataset() { return {ErrorCode::invalid_argument, "this dataset is none: make one with init_dataset"}; }

}  // namespace detail

struct Dataset::Core {
  explicit Core(DatasetOptions given);
  Core(DatasetOptions given, const Core& same);  // the same dataset with other options

  // The answer of the registration: {"project": {…}, "dataset": {…}}. Asks once.
  Result<nlohmann::json> registered();

  // The version that is read; blank while the newest is meant.
  Result<std::string> pinned_version();

  // The newest one of now, or the pinned one.
  Result<std::string> version_to_read();

  // What was written through this dataset arrives before what follows is asked; else an error.
  Result<void> deliver_own_writes();
  // Likewise what was written through others of this program.
  Result<void> deliver_all_writes();

  const DatasetOptions options;
  const Logger logger;  // by way of which records travel
  detail::LoggerCore* const core;
  const std::shared_ptr<detail::Client> client;
  pipeline::Destination* const destination;
  std::atomic<std::uint64_t> written = 0;      // rows so far
  std::chrono::milliseconds patience{60'000};  // with a delivery before reading

 private:
  struct Known {
    std::mutex mutex;
    std::optional<nlohmann::json> registered;
    std::optional<std::string> pinned;
  };

  Result<std::string> newest_row_version();

  std::atomic<std::uint64_t> delivered_ = 0;  // of `written`
  pipeline::PerProcess<Known> known_;
};

// For the rooms above: what is behind a dataset.
struct DatasetAccess {
  static Dataset::Core* core_of(const Dataset& dataset) { return dataset.core_.get(); }
};

}  // namespace braintrust
