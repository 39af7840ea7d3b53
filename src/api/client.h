#pragma once

// `Client`: Braintrust's REST API, asked and answered on the calling thread.
//
// `client_for` gives the client of a connection; equal connections share one, and its login. The first call logs in. A call
// that may be repeated without harm is repeated after failures that pass (retry.h), three times in all.
//
// Threads: any number at a time. Errors: `missing_api_key`, `unauthorized`, `not_found`, `transport`, `http_status`,
// `bad_response`; messages name the call and what the server said of it. Source: PROTO 0, 1.

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <braintrust/api/connection.h>
#include <braintrust/core/result.h>

#include "pipeline/http.h"
#include "pipeline/login.h"
#include "pipeline/settings.h"

namespace braintrust::detail {

struct LoggerCore;

// Where a connection leads, after the login.
struct Access {
  pipeline::Settings settings = {};  // complete: nothing that has a default is blank
  pipeline::Login login = {};
};

// The hosts of PROTO 0.1.
enum class Host { app, api, proxy };

struct ApiCall {
  Host host = Host::api;
  std::string method = "GET";
  std::string path = {};                                        // "v1/prompt"; parts that are data are escaped by `escape_url`
  std::vector<std::pair<std::string, std::string>> query = {};  // escaped here; blank values are left out
  nlohmann::json body = nullptr;                                // null: none
  bool repeatable = true;                                       // arriving twice does no harm
  unsigned tries = 3;                                           // in all, of a repeatable one
  std::chrono::milliseconds timeout{0};                         // zero: the connection's
  std::vector<std::pair<std::string, std::string>> headers = {};  // beside those that every call has
  std::function<bool(std::string_view bytes)> on_body = {};       // see HttpRequest
};

class Client {
 public:
  explicit Client(pipeline::Settings settings) : given_(std::move(settings)) {}

  // Logs in at first. Waits. The same pointer for as long as the login holds. On an error, `may_pass` says whether a later try
  // may go better.
  Result<std::shared_ptr<const Access>> access(unsigned tries = 3, bool* may_pass = nullptr);

  // Complete, as in `Access`, without a login. Reads a file.
  pipeline::Settings settings();

  // Waits. The answer's body, parsed; null for an empty one. Any status but 2xx is an error.
  Result<nlohmann::json> call(const ApiCall& call);

  // The same for those who look at the status themselves; errors are only those before an answer. In the body of what is no
  // success no key stands.
  Result<pipeline::HttpResponse> exchange(const ApiCall& call);

 private:
  const pipeline::Settings given_;
  std::mutex mutex_;
  std::shared_ptr<const Access> access_;
};

// The body of a success, parsed; null for an empty one. How deep it may nest is bounded: trees are copied by recursion.
Result<nlohmann::json> body_of(const ApiCall& call, const pipeline::HttpResponse& response);

// What an answer that is no success means: the server's own words in it, shortened.
Error error_of(const ApiCall& call, const pipeline::HttpResponse& response);

std::shared_ptr<Client> client_for(const ConnectionOptions& options);
std::shared_ptr<Client> client_of(const LoggerCore& core);

// Whether no field is set: the current logger's connection is meant.
bool is_blank(const ConnectionOptions& options);

}  // namespace braintrust::detail
