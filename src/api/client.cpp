#include "api/client.h"

#include <map>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include <braintrust/trace/logger.h>

#include "core/environment.h"
#include "core/json_member.h"
#include "core/json_scan.h"
#include "core/secrets.h"
#include "pipeline/blocking_http.h"
#include "pipeline/retry.h"
#include "trace/logger_core.h"
#include "trace/settings.h"

namespace braintrust::detail {
namespace {

using pipeline::HttpRequest;
using pipeline::HttpResponse;
using pipeline::Settings;

constexpr std::size_t most_answer_bytes = 256u << 20;           // a page of a thousand large rows
constexpr std::size_t most_answer_depth = max_json_depth + 16;  // around what a row may hold
constexpr std::size_t most_words = 400;                         // of the server's, in a message

// Functions are asked of the host behind the proxy for models, which is what a login names (PROTO 0.1).
std::string without_model_proxy(std::string_view url) {
  constexpr std::string_view model_proxy = "/v1/proxy";
  while (url.ends_with('/')) url.remove_suffix(1);
  if (url.ends_with(model_proxy)) url.remove_suffix(model_proxy.size());
  return std::string(url);
}

std::string url_of(Host host, const Access& access) {
  switch (host) {
    case Host::app:
      return access.settings.app_url;
    case Host::api:
      return access.login.api_url;
    case Host::proxy:
      return without_model_proxy(access.login.proxy_url);
  }
  return access.login.api_url;
}

std::string target_of(const ApiCall& call, const Access& access) {
  std::string url = pipeline::join_url(url_of(call.host, access), call.path);
  char separator = '?';
  for (const auto& [name, value] : call.query) {
    if (value.empty()) continue;
    url += separator;
    url += name;
    url += '=';
    url += pipeline::escape_url(value);
    separator = '&';
  }
  return url;
}

HttpRequest request_of(const ApiCall& call, const Access& access) {
  HttpRequest request{.method = call.method,
                      .url = target_of(call, access),
                      .headers = pipeline::headers_of(access.settings, access.login),
                      .timeout = call.timeout.count() > 0 ? call.timeout : access.settings.request_timeout,
                      .most_body = most_answer_bytes,
                      .accept_gzip = !call.on_body,
                      .only_once = !call.repeatable,
                      .on_body = call.on_body};
  if (!call.body.is_null()) request.body = to_text(call.body);
  request.headers.insert(request.headers.end(), call.headers.begin(), call.headers.end());
  return request;
}

// What the server says went wrong, on one line: of `{"error": "…"}` the text, else the body as it is.
std::string words_of(const HttpResponse& response) {
  const auto body = parse_bounded(response.body);
  std::string words;
  for (const char* const key : {"error", "message", "Message"}) {
    if (words.empty()) words = text_at(body, key);
  }
  if (words.empty()) words = text_at(member(body, "error"), "message");
  if (words.empty() && response.body.find('<') != 0) words = response.body;
  if (words.size() > most_words) {
    std::size_t end = most_words;
    while (end > 0 && (static_cast<unsigned char>(words[end]) & 0xC0) == 0x80) --end;
    words = words.substr(0, end) + "…";
  }
  for (char& c : words) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return std::string(trimmed(words));
}

}  // namespace

Error error_of(const ApiCall& call, const HttpResponse& response) {
  const std::string what = fmt::format("{} /{}", call.method, call.path);
  if (response.status == 0) return {ErrorCode::transport, fmt::format("{} failed: {}", what, response.error)};
  const std::string words = words_of(response);
  const std::string reason = fmt::format("{}{}{}", pipeline::reason_of(response), words.empty() ? "" : ": ", words);
  ErrorCode code = ErrorCode::http_status;
  if (response.status == 401 || response.status == 403) code = ErrorCode::unauthorized;
  if (response.status == 404) code = ErrorCode::not_found;
  return {code, fmt::format("{} failed ({})", what, reason)};
}

Result<nlohmann::json> body_of(const ApiCall& call, const HttpResponse& response) {
  if (response.body.empty()) return nlohmann::json();
  if (nests_deeper(response.body, most_answer_depth)) {
    return Error{ErrorCode::bad_response, fmt::format("{} /{} answered with JSON that nests deeper than {} levels", call.method,
                                                      call.path, most_answer_depth)};
  }
  auto body = nlohmann::json::parse(response.body, nullptr, false);
  if (body.is_discarded()) {
    return Error{ErrorCode::bad_response, fmt::format("{} /{} answered with what is no JSON", call.method, call.path)};
  }
  return body;
}

pipeline::Settings Client::settings() {
  State& state = state_.get();
  {
    const std::lock_guard lock(state.mutex);
    if (state.access) return state.access->settings;
  }
  return pipeline::with_env_file(given_);
}

Result<std::shared_ptr<const Access>> Client::access(unsigned tries, bool* may_pass) {
  if (may_pass != nullptr) *may_pass = false;
  State& state = state_.get();
  std::unique_lock lock(state.mutex);
  for (;;) {
    if (state.access) return state.access;
    std::shared_ptr<Attempt> attempt = state.attempt;
    const bool is_ours = !attempt;
    if (is_ours) {
      attempt = state.attempt = std::make_shared<Attempt>();
      lock.unlock();
      log_in(state, *attempt, tries);
      lock.lock();
    } else {
      state.changed.wait(lock, [&] { return attempt->is_over || attempt->failed_tries >= tries; });
    }
    if (attempt->access) return attempt->access;
    const Failure& failure = *attempt->failure;
    if (is_ours || !failure.may_pass || attempt->failed_tries >= tries) {
      if (may_pass != nullptr) *may_pass = failure.may_pass;
      return failure.error;
    }
    tries -= attempt->failed_tries;  // the other thread had less patience
  }
}

Client::Failure Client::failure_of(const HttpResponse& response, const pipeline::LoginError& failed, const Settings& settings) {
  if (failed.is_final) return {failed.error};
  return {
      {failed.error.code, fmt::format("cannot log in at {}: {}", pipeline::origin_of(settings.app_url), failed.error.message)},
      pipeline::may_retry(response.status)};
}

void Client::log_in(State& state, Attempt& attempt, unsigned tries) {
  const auto end = [&](std::shared_ptr<const Access> access, std::optional<Failure> failure) {
    const std::lock_guard lock(state.mutex);
    attempt.access = state.access = std::move(access);
    if (failure) attempt.failure = std::move(failure);
    attempt.is_over = true;
    state.attempt = nullptr;
    state.changed.notify_all();
  };
  try {
    auto access = std::make_shared<Access>();
    access->settings = pipeline::with_env_file(given_);
    if (access->settings.api_key.empty()) return end(nullptr, Failure{pipeline::missing_key()});
    const auto send = [&] {
      HttpResponse response = pipeline::send_and_wait(pipeline::login_request(access->settings));
      const auto answer = pipeline::read_login(response, access->settings);
      if (const auto* const failed = std::get_if<pipeline::LoginError>(&answer)) {
        const std::lock_guard lock(state.mutex);
        attempt.failure = failure_of(response, *failed, access->settings);
        ++attempt.failed_tries;
        state.changed.notify_all();
      }
      return response;
    };
    const HttpResponse response = pipeline::with_retries(tries, send, {.first_wait = given_.retry_wait});
    auto answer = pipeline::read_login(response, access->settings);
    if (auto* const login = std::get_if<pipeline::Login>(&answer)) {
      access->login = std::move(*login);
      return end(std::move(access), {});
    }
    end(nullptr, {});
  } catch (...) {  // nobody may wait for it for ever
    end(nullptr, Failure{{ErrorCode::transport, "the login was broken off"}});
    throw;
  }
}

Result<HttpResponse> Client::exchange(const ApiCall& call) {
  const auto access = this->access();
  if (!access) return access.error();
  // The one address that no login has checked: libcurl would take it for http, and the key would go over the wire as it is.
  if (call.host == Host::proxy && pipeline::origin_of((*access)->login.proxy_url).empty()) {
    return Error{ErrorCode::invalid_argument, "BRAINTRUST_PROXY_URL is neither http:// nor https://"};
  }
  const auto send = [&] { return pipeline::send_and_wait(request_of(call, **access)); };
  HttpResponse response =
      call.repeatable ? pipeline::with_retries(call.tries, send, {.first_wait = given_.retry_wait}) : send();
  if (response.status == 401) {  // the next call asks for a key anew: the file may hold another one by then
    State& state = state_.get();
    const std::lock_guard lock(state.mutex);
    if (state.access == *access) state.access = nullptr;
  }
  if (!response.ok()) {  // what it says goes into messages
    for (std::string* const text : {&response.body, &response.error}) {
      hide_secret(*text, (*access)->settings.api_key);
      hide_bearers(*text);
    }
  }
  return response;
}

Result<nlohmann::json> Client::call(const ApiCall& call) {
  const auto response = exchange(call);
  if (!response) return response.error();
  if (!response->ok()) return error_of(call, *response);
  return body_of(call, *response);
}

bool is_blank(const ConnectionOptions& options) {
  return is_blank(options.api_key) && is_blank(options.app_url) && is_blank(options.api_url) && is_blank(options.org_name);
}

namespace {

// One client for all that has the same settings. Never destroyed.
std::shared_ptr<Client> shared_client(const Settings& settings) {
  struct Known {
    std::mutex mutex;
    std::map<decltype(connection_key(settings)), std::shared_ptr<Client>> clients;
  };
  static auto* const known_by_process = new pipeline::PerProcess<Known>;
  Known& known = known_by_process->get();
  const std::lock_guard lock(known.mutex);
  auto& client = known.clients[connection_key(settings)];
  if (!client) client = std::make_shared<Client>(settings);
  return client;
}

}  // namespace

std::shared_ptr<Client> client_of(const LoggerCore& core) { return shared_client(core.settings); }

std::shared_ptr<Client> client_for(const ConnectionOptions& options) {
  if (is_blank(options)) {
    if (const LoggerCore* const core = current_core()) return client_of(*core);
  }
  const LoggerOptions logger{
      .api_key = options.api_key, .app_url = options.app_url, .api_url = options.api_url, .org_name = options.org_name};
  return shared_client(resolve_options(logger, Environment::snapshot()).settings);
}

}  // namespace braintrust::detail
