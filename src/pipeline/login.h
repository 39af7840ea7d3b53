#pragma once

// Logging in: the request, what its answer means, and the settings that it needs. No network in here: the courier's session
// sends the request and goes on, a blocking client (api/client.h) sends it and waits.
//
// Threads: pure functions, but `with_env_file`, which reads a file. Errors: `missing_api_key`; `transport`, `http_status` and
// `bad_response` when a later try may go better (see `is_final`); else `unauthorized`, `not_found` or `http_status`.
// Source: PROTO 1.1, 20 (20, 21, 22).

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <braintrust/core/result.h>

#include "pipeline/http.h"
#include "pipeline/settings.h"

namespace braintrust::pipeline {

// Blanks filled from the nearest `.env.braintrust` and then from the defaults. All but `api_key`, `api_url` and `project_id`
// are not blank afterwards.
Settings with_env_file(const Settings& given);

struct Login {
  std::string api_url = {};
  std::string proxy_url = {};  // for functions; the API's where the answer names none
  std::string org_id = {};
  std::string org_name = {};
  std::string git_metadata = {};  // what of git the organisation wants collected, JSON text. Blank: it does not say
};

HttpRequest login_request(const Settings& settings);

struct LoginError {
  Error error;
  bool is_final = false;  // no other try will go better
};
using LoginAnswer = std::variant<Login, LoginError>;
LoginAnswer read_login(const HttpResponse& response, const Settings& settings);

// Why there is nothing to log in with; and that `origin` did not take it.
Error missing_key();
Error key_refused_error(std::string_view origin, int status);

// The headers of requests to `api_url` and `app_url` with a JSON body.
std::vector<std::pair<std::string, std::string>> headers_of(const Settings& settings, const Login& login);

}  // namespace braintrust::pipeline
