#pragma once

// `ConnectionOptions`: whose Braintrust a dataset, a query, a prompt or an experiment is asked of.
//
// With all of them blank it is the current logger's; without a current logger, what the environment and `.env.braintrust` say,
// as for `init_logger`. One that is set makes it a connection of its own, whose other fields come from the environment: a
// logger's key never goes to a host that the logger was not told of.
//
// Threads: a plain value. Source: PROTO 1.

#include <string>

namespace braintrust {

struct ConnectionOptions {
  std::string api_key = {};   // Env: BRAINTRUST_API_KEY
  std::string app_url = {};   // Env: BRAINTRUST_APP_URL. Default: https://www.braintrust.dev
  std::string api_url = {};   // Env: BRAINTRUST_API_URL. Default: what the login says
  std::string org_name = {};  // Env: BRAINTRUST_ORG_NAME. Default: the key's first organisation
};

}  // namespace braintrust
