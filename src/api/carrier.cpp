#include "api/carrier.h"

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>

#include "api/client.h"
#include "core/environment.h"
#include "pipeline/per_process.h"
#include "trace/logger_core.h"
#include "trace/settings.h"

namespace braintrust::detail {
namespace {

// Whatever of it differs, rows would go elsewhere or in another way.
auto key_of(const pipeline::Flusher::Options& options) {
  const pipeline::Settings& settings = options.settings;
  return std::tuple_cat(
      connection_key(settings),
      std::tuple(settings.batch_rows, settings.max_request_bytes, settings.retries, settings.failed_payloads_directory,
                 settings.all_payloads_directory, options.interval, options.only_when_flushed, options.drop_report_interval,
                 options.bounds.max_bytes, options.bounds.max_rows));
}

struct Carriers {
  std::mutex mutex;
  std::map<decltype(key_of({})), Logger> loggers;
};

Logger shared_carrier(const ConnectionOptions& connection) {
  if (is_blank(connection)) {
    if (Logger current = current_logger(); current && LoggerCore::of(current)->settings.to_braintrust) return current;
  }
  const LoggerOptions options{.api_key = connection.api_key,
                              .app_url = connection.app_url,
                              .api_url = connection.api_url,
                              .org_name = connection.org_name,
                              .set_current = false};
  // Never destroyed: what is behind a logger is not freed either, and its rows are delivered when the process ends.
  static auto* const carriers_by_process = new pipeline::PerProcess<Carriers>;
  Carriers& carriers = carriers_by_process->get();
  const auto key = key_of(resolve_options(options, Environment::snapshot()));
  const std::lock_guard lock(carriers.mutex);
  Logger& logger = carriers.loggers[key];
  if (!logger || LoggerCore::of(logger)->flusher.stopped()) logger = init_logger(options);
  return logger;
}

}  // namespace

Logger carrier_of(const ConnectionOptions& connection) {
  Logger logger = shared_carrier(connection);
  LoggerCore::of(logger)->flusher.look_for_key();
  return logger;
}

}  // namespace braintrust::detail
