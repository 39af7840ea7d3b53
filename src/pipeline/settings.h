#pragma once

// `Settings`: every option of a logger after options, environment and defaults were put together (trace/settings.cpp), before
// `.env.braintrust` was looked for. The six fields marked "file" may be blank here; the background thread fills them from the
// nearest `.env.braintrust` at first need, because that is disk I/O (INST 20.21).

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <braintrust/pipeline/exporter.h>

namespace braintrust::pipeline {

inline constexpr const char* default_app_url = "https://www.braintrust.dev";
inline constexpr const char* default_api_url = "https://api.braintrust.dev";

struct Settings {
  std::string api_key = {};            // file
  std::string app_url = {};            // file; blank in the end = default_app_url
  std::string api_url = {};            // file; blank in the end = what the login says, else default_api_url
  std::string org_name = {};           // file; blank = the key's first organisation
  std::string project = {};            // file
  std::string project_id = {};         // file; beats `project`
  std::string app_public_url = {};     // blank = app_url
  std::string proxy_url = {};          // where functions are called; blank = `api_url` if that is set, else what the login says
  std::string working_directory = {};  // where the search for `.env.braintrust` begins, as it was at init; blank = no search

  // Rows in one request. Other SDKs send 100, which caps delivery at 4 000 rows a second where a round trip takes 100 ms.
  std::size_t batch_rows = 1000;
  std::optional<std::size_t> max_request_bytes = {};  // unset = what the server says, else 6 MiB (PROTO 4.4)
  std::optional<unsigned> retries = {};               // unset = for as long as the process runs
  std::chrono::milliseconds request_timeout{60'000};
  std::chrono::milliseconds retry_wait{500};  // the first wait is up to this, each later one up to twice the last, 30 s at most
  std::string failed_payloads_directory = {};  // BRAINTRUST_FAILED_PUBLISH_PAYLOADS_DIR
  std::string all_payloads_directory = {};     // BRAINTRUST_ALL_PUBLISH_PAYLOADS_DIR

  bool to_braintrust = true;
  std::vector<Exporter> exporters = {};  // where rows go as well, or instead
};

}  // namespace braintrust::pipeline
