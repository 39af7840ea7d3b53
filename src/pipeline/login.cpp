#include "pipeline/login.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/env_file.h"
#include "core/environment.h"
#include "core/json_member.h"
#include "pipeline/retry.h"

namespace braintrust::pipeline {
namespace {

using Json = nlohmann::json;
using detail::text_at;

constexpr const char* key_sources = "option `api_key`, variable BRAINTRUST_API_KEY, or a line in `.env.braintrust`";
constexpr const char* nameless_project = "Global";  // what the server's other clients say when nobody named a project
constexpr std::size_t most_names_in_message = 20;

std::string names_of(const Json& organisations) {
  std::string names;
  std::size_t count = 0;
  for (const Json& organisation : organisations) {
    if (++count > most_names_in_message) return names + ", …";
    names += fmt::format("{}\"{}\"", names.empty() ? "" : ", ", text_at(organisation, "name"));
  }
  return names;
}

LoginError final_error(ErrorCode code, std::string message) { return {{code, std::move(message)}, true}; }

LoginAnswer read_body(std::string_view body, const Settings& settings) {
  const LoginError unclear{{ErrorCode::bad_response, "the answer is not what the protocol says"}};
  const Json answer = detail::parse_bounded(body);
  const auto list = answer.is_object() ? answer.find("org_info") : answer.end();
  if (list == answer.end() || !list->is_array()) return unclear;
  if (list->empty()) return final_error(ErrorCode::unauthorized, "the API key belongs to no organisation");
  const auto chosen = std::find_if(list->begin(), list->end(), [&](const Json& organisation) {
    return detail::is_blank(settings.org_name) || text_at(organisation, "name") == settings.org_name;
  });
  if (chosen == list->end()) {
    return final_error(ErrorCode::not_found, fmt::format("the API key does not belong to organisation \"{}\", but to {}",
                                                         settings.org_name, names_of(*list)));
  }
  Login login;
  const std::string their_url = text_at(*chosen, "api_url");
  login.api_url = !settings.api_url.empty() ? settings.api_url : !their_url.empty() ? their_url : default_api_url;
  if (origin_of(login.api_url).empty()) {
    return LoginError{{ErrorCode::bad_response, "the API's URL is neither http nor https"}};
  }
  if (!settings.proxy_url.empty()) {
    login.proxy_url = settings.proxy_url;
  } else {
    // The API's URL that is configured is meant for functions, too: the login may name a proxy that this machine cannot reach.
    const std::string theirs = settings.api_url.empty() ? text_at(*chosen, "proxy_url") : std::string();
    login.proxy_url = origin_of(theirs).empty() ? login.api_url : theirs;
  }
  login.org_id = text_at(*chosen, "id");
  login.org_name = text_at(*chosen, "name");
  if (chosen->contains("git_metadata")) {
    login.git_metadata = (*chosen)["git_metadata"].dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  return login;
}

}  // namespace

Settings with_env_file(const Settings& given) {
  Settings settings = given;
  const detail::EnvFile file = detail::find_env_file(given.working_directory);
  const auto fill = [&](std::string& value, std::string_view name) {
    if (!detail::is_blank(value)) return;
    const auto found = file.find(name);
    value = found == file.end() ? std::string() : found->second;
  };
  // A project named by the caller must not lose to an id from a file.
  if (detail::is_blank(settings.project)) fill(settings.project_id, "BRAINTRUST_PROJECT_ID");
  fill(settings.project, "BRAINTRUST_PROJECT");
  fill(settings.api_key, "BRAINTRUST_API_KEY");
  fill(settings.app_url, "BRAINTRUST_APP_URL");
  fill(settings.api_url, "BRAINTRUST_API_URL");
  fill(settings.org_name, "BRAINTRUST_ORG_NAME");
  for (std::string* const text : {&settings.api_key, &settings.app_url, &settings.api_url, &settings.project_id}) {
    *text = std::string(detail::trimmed(*text));
  }
  if (settings.app_url.empty()) settings.app_url = default_app_url;
  if (detail::is_blank(settings.project)) settings.project = nameless_project;
  return settings;
}

HttpRequest login_request(const Settings& settings) {
  return {.method = "POST",
          .url = join_url(settings.app_url, "api/apikey/login"),
          .headers = {{"Authorization", fmt::format("Bearer {}", settings.api_key)}, {"Content-Type", "application/json"}},
          .timeout = settings.request_timeout};
}

LoginAnswer read_login(const HttpResponse& response, const Settings& settings) {
  if (response.ok()) return read_body(response.body, settings);
  if (may_retry(response.status)) {
    const ErrorCode code = response.status == 0 ? ErrorCode::transport : ErrorCode::http_status;
    return LoginError{{code, reason_of(response)}};
  }
  const std::string origin = origin_of(settings.app_url);
  if (response.status == 401 || response.status == 403) {
    return LoginError{key_refused_error(origin, response.status), true};
  }
  return final_error(ErrorCode::http_status,
                     fmt::format("the login at {} failed ({}): check app_url", origin, reason_of(response)));
}

Error missing_key() { return {ErrorCode::missing_api_key, fmt::format("there is no API key: give one by {}", key_sources)}; }

Error key_refused_error(std::string_view origin, int status) {
  return {ErrorCode::unauthorized, fmt::format("{} refused the API key (status {}): check {}", origin, status, key_sources)};
}

std::vector<std::pair<std::string, std::string>> headers_of(const Settings& settings, const Login& login) {
  std::vector<std::pair<std::string, std::string>> headers = {{"Authorization", fmt::format("Bearer {}", settings.api_key)},
                                                              {"Content-Type", "application/json"}};
  if (!login.org_name.empty()) headers.emplace_back("x-bt-org-name", login.org_name);
  return headers;
}

}  // namespace braintrust::pipeline
