#pragma once

// `Client`: Braintrust's REST API, asked and answered on the calling thread.
//
// `client_for` gives the client of a connection; equal connections share one, and its login. The first call logs in. A call
// that may be repeated without harm is repeated after failures that pass (retry.h), three times in all.
//
// Threads: any number at a time. A forked child logs in by itself, whatever its parent was doing. Errors: `missing_api_key`,
// `unauthorized`, `not_found`, `transport`, `http_status`, `bad_response`; messages name the call and what the server said of
// it. Source: PROTO 0, 1.

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <braintrust/api/connection.h>
#include <braintrust/core/result.h>

#include "pipeline/http.h"
#include "pipeline/login.h"
#include "pipeline/per_process.h"
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

  // Logs in at first, in so many tries. Waits. The same pointer for as long as the login holds. On an error, `may_pass` says
  // whether a later try may go better. Who comes while another thread logs in waits for that, but for no more tries than its
  // own.
  Result<std::shared_ptr<const Access>> access(unsigned tries = 3, bool* may_pass = nullptr);

  // Complete, as in `Access`, without a login. Reads a file.
  pipeline::Settings settings();

  // Waits. The answer's body, parsed; null for an empty one. Any status but 2xx is an error.
  Result<nlohmann::json> call(const ApiCall& call);

  // The same for those who look at the status themselves; errors are only those before an answer. In the body of what is no
  // success no key stands.
  Result<pipeline::HttpResponse> exchange(const ApiCall& call);

 private:
  struct Failure {
    Error error;
    bool may_pass = false;
  };
  // One thread's login. Guarded by the mutex of its `State`.
  struct Attempt {
    unsigned failed_tries = 0;
    bool is_over = false;
    std::shared_ptr<const Access> access = {};
    std::optional<Failure> failure = {};  // of the last try
  };
  struct State {
    std::mutex mutex;  // never held while waiting for the network
    std::condition_variable changed;
    std::shared_ptr<Attempt> attempt = {};  // under way
    std::shared_ptr<const Access> access = {};
  };

  void log_in(State& state, Attempt& attempt, unsigned tries);
  static Failure failure_of(const pipeline::HttpResponse& response, const pipeline::LoginError& failed,
                            const pipeline::Settings& settings);

  const pipeline::Settings given_;
  pipeline::PerProcess<State> state_;
};

// The body of a success, parsed; null for an empty one. How deep it may nest is bounded: trees are copied by recursion.
Result<nlohmann::json> body_of(const ApiCall& call, const pipeline::HttpResponse& response);

// What an answer that is no success means: the server's own words in it, shortened.
Error error_of(const ApiCall& call, const pipeline::HttpResponse& response);

std::shared_ptr<Client> client_for(const ConnectionOptions& options);
std::shared_ptr<Client> client_of(const LoggerCore& core);

// What makes two connections different ones.
inline auto connection_key(const pipeline::Settings& settings) {
  return std::tuple(settings.api_key, settings.app_url, settings.api_url, settings.org_name, settings.project,
                    settings.project_id, settings.app_public_url, settings.proxy_url, settings.working_directory,
                    settings.request_timeout, settings.retry_wait);
}

// Whether no field is set: the current logger's connection is meant.
bool is_blank(const ConnectionOptions& options);

}  // namespace braintrust::detail
