#include "pipeline/session.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <braintrust/core/diagnostics.h>

#include "core/env_file.h"
#include "core/environment.h"

namespace braintrust::pipeline {
namespace {

using Json = nlohmann::json;

constexpr const char* key_sources = "option `api_key`, variable BRAINTRUST_API_KEY, or a line in `.env.braintrust`";
constexpr const char* nameless_project = "Global";  // what the server's other clients say when nobody named a project
constexpr std::size_t most_names_in_message = 20;
constexpr unsigned most_projects_asked = 4;  // at a time

// `object[key]` when it is a string, else "".
std::string text_at(const Json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string names_of(const Json& organisations) {
  std::string names;
  std::size_t count = 0;
  for (const Json& organisation : organisations) {
    if (++count > most_names_in_message) return names + ", …";
    names += fmt::format("{}\"{}\"", names.empty() ? "" : ", ", text_at(organisation, "name"));
  }
  return names;
}

}  // namespace

Session::Session(Settings settings, HttpClient& http)
    : settings_(settings), given_(std::move(settings)), http_(http), backoff_{.first = given_.retry_wait} {}

void Session::step(Clock::time_point now) {
  if (stage_ == Stage::begin) read_settings();
  if (waiting_ || now < due_) return;
  if (stage_ == Stage::log_in) send_login();
  if (stage_ == Stage::ask_limits) send_limits();
}

Session::Clock::time_point Session::next_due() const {
  if (stage_ == Stage::ready) {
    auto next = Clock::time_point::max();
    if (asking_ >= most_projects_asked) return next;
    for (const auto& [name, project] : projects_) {
      if (project.state == Project::State::waiting && !project.asking) next = std::min(next, project.due);
    }
    return next;
  }
  return waiting_ || stage_ == Stage::hopeless ? Clock::time_point::max() : due_;
}

// Fills blanks from the nearest `.env.braintrust`, and then from the defaults.
void Session::read_settings() {
  settings_ = given_;
  const detail::EnvFile file = detail::find_env_file(given_.working_directory);
  const auto fill = [&](std::string& value, std::string_view name) {
    if (!detail::is_blank(value)) return;
    const auto found = file.find(name);
    value = found == file.end() ? std::string() : found->second;
  };
  // A project named by the caller must not lose to an id from a file.
  if (detail::is_blank(settings_.project)) fill(settings_.project_id, "BRAINTRUST_PROJECT_ID");
  fill(settings_.project, "BRAINTRUST_PROJECT");
  fill(settings_.api_key, "BRAINTRUST_API_KEY");
  fill(settings_.app_url, "BRAINTRUST_APP_URL");
  fill(settings_.api_url, "BRAINTRUST_API_URL");
  fill(settings_.org_name, "BRAINTRUST_ORG_NAME");
  settings_.api_key = std::string(detail::trimmed(settings_.api_key));
  settings_.app_url = std::string(detail::trimmed(settings_.app_url));
  settings_.api_url = std::string(detail::trimmed(settings_.api_url));
  settings_.project_id = std::string(detail::trimmed(settings_.project_id));
  if (settings_.app_url.empty()) settings_.app_url = default_app_url;
  if (detail::is_blank(settings_.project)) settings_.project = nameless_project;
  if (settings_.api_key.empty()) {
    return give_up(ErrorCode::missing_api_key,
                   fmt::format("there is no API key, so nothing is sent and rows wait: give one by {}", key_sources));
  }
  stage_ = Stage::log_in;
}

void Session::send(HttpRequest request, void (Session::*on_answer)(const HttpResponse&)) {
  waiting_ = true;
  request.timeout = settings_.request_timeout;
  http_.submit(std::move(request), [this, on_answer](const HttpResponse& response) {
    waiting_ = false;
    (this->*on_answer)(response);
  });
}

void Session::send_login() {
  send({.method = "POST",
        .url = join_url(settings_.app_url, "api/apikey/login"),
        .headers = {{"Authorization", fmt::format("Bearer {}", settings_.api_key)}, {"Content-Type", "application/json"}}},
       &Session::on_login);
}

void Session::on_login(const HttpResponse& response) {
  if (response.ok()) return accept_login(response.body);
  if (may_retry(response.status)) return try_again(response, "log in");
  if (response.status == 401 || response.status == 403) {
    return give_up(ErrorCode::unauthorized,
                   fmt::format("{} refused the API key (status {}), so nothing is sent and rows wait: check {}",
                               origin_of(settings_.app_url), response.status, key_sources));
  }
  give_up(ErrorCode::http_status, fmt::format("the login at {} failed ({}), so nothing is sent and rows wait: check app_url",
                                              origin_of(settings_.app_url), reason_of(response)));
}

void Session::accept_login(std::string_view body) {
  const HttpResponse unclear{.error = "the answer is not what the protocol says"};
  const Json answer = Json::parse(body, nullptr, false);
  const auto list = answer.is_object() ? answer.find("org_info") : answer.end();
  if (list == answer.end() || !list->is_array()) return try_again(unclear, "log in");
  if (list->empty()) return give_up(ErrorCode::unauthorized, "the API key belongs to no organisation, so nothing is sent");
  const auto chosen = std::find_if(list->begin(), list->end(), [&](const Json& organisation) {
    return detail::is_blank(settings_.org_name) || text_at(organisation, "name") == settings_.org_name;
  });
  if (chosen == list->end()) {
    return give_up(ErrorCode::not_found,
                   fmt::format("the API key does not belong to organisation \"{}\", so nothing is sent; it belongs to {}",
                               settings_.org_name, names_of(*list)));
  }
  const std::string their_url = text_at(*chosen, "api_url");
  api_url_ = !settings_.api_url.empty() ? settings_.api_url : !their_url.empty() ? their_url : default_api_url;
  if (origin_of(api_url_).empty()) return try_again({.error = "the API's URL is neither http nor https"}, "log in");
  org_id_ = text_at(*chosen, "id");
  const std::string name = text_at(*chosen, "name");
  {
    const std::lock_guard lock(name_mutex_);
    org_name_ = name;
  }
  headers_ = {{"Authorization", fmt::format("Bearer {}", settings_.api_key)}, {"Content-Type", "application/json"}};
  if (!name.empty()) headers_.emplace_back("x-bt-org-name", name);
  ++login_;
  failures_ = 0;
  due_ = {};
  stage_ = Stage::ask_limits;
}

void Session::send_limits() { send({.url = join_url(api_url_, "version"), .headers = headers_}, &Session::on_limits); }

// Asked once: a server that does not say has the default limit and no overflow (PROTO 4.4).
void Session::on_limits(const HttpResponse& response) {
  const Json answer = response.ok() ? Json::parse(response.body, nullptr, false) : Json();
  const auto found = answer.is_object() ? answer.find("logs3_payload_max_bytes") : answer.end();
  const bool given = found != answer.end() && found->is_number() && found->get<double>() >= 1;
  overflow_allowed_ = given;
  max_request_bytes_ = settings_.max_request_bytes.value_or(default_max_request_bytes);
  if (given) {
    const auto theirs = static_cast<std::size_t>(std::min(found->get<double>(), 1e15));
    max_request_bytes_ = settings_.max_request_bytes ? std::min(max_request_bytes_, theirs) : theirs;
  }
  stage_ = Stage::ready;
}

const Session::Project& Session::project(const std::string& name, Clock::time_point now) {
  Project& project = projects_[name];
  if (project.state != Project::State::waiting || project.asking || now < project.due || !ready()) return project;
  if (asking_ >= most_projects_asked) return project;
  project.asking = true;
  ++asking_;
  const Json body = {{"project_name", name}, {"org_id", org_id_}};
  http_.submit({.method = "POST",
                .url = join_url(settings_.app_url, "api/project/register"),
                .headers = headers_,
                .body = body.dump(-1, ' ', false, Json::error_handler_t::replace),
                .timeout = settings_.request_timeout},
               [this, name, login = login_](const HttpResponse& response) {
                 if (response.status == 401) key_refused(login);
                 on_project(name, response);
               });
  return project;
}

void Session::on_project(const std::string& name, const HttpResponse& response) {
  --asking_;
  const auto found = projects_.find(name);
  if (found == projects_.end()) return;  // forgotten meanwhile
  Project& project = found->second;
  project.asking = false;
  std::string reason = reason_of(response);
  if (response.ok()) {
    const Json answer = Json::parse(response.body, nullptr, false);
    project.id = answer.is_object() && answer.contains("project") ? text_at(answer["project"], "id") : std::string();
    if (!project.id.empty()) {
      project.state = Project::State::known;
      return;
    }
    reason = "the answer names no project";
  } else if (!may_retry(response.status) && response.status != 401) {
    project.state = Project::State::refused;
    const ErrorCode code = response.status == 403 ? ErrorCode::unauthorized : ErrorCode::not_found;
    return detail::report(Severity::error, code,
                          fmt::format("project \"{}\" cannot be had ({}): rows for it are dropped", name, reason));
  }
  ++project.failures;
  const auto asked = parse_retry_after(response.retry_after, std::chrono::system_clock::now());
  project.due =
      Clock::now() + std::max(backoff_.wait(project.failures, jitter_.fraction()), asked.value_or(backoff_.first / 2));
  if (project.failures == 1) {
    detail::report(Severity::warning, ErrorCode::transport,
                   fmt::format("project \"{}\" could not be resolved yet ({}): its rows wait", name, reason));
  }
}

void Session::try_again(const HttpResponse& response, std::string_view what) {
  ++failures_;
  const auto asked = parse_retry_after(response.retry_after, std::chrono::system_clock::now());
  due_ = Clock::now() + std::max(backoff_.wait(failures_, jitter_.fraction()), asked.value_or(backoff_.first / 2));
  if (failures_ == 1) {
    detail::report(Severity::warning, response.status == 0 ? ErrorCode::transport : ErrorCode::http_status,
                   fmt::format("cannot {} at {} yet ({}): rows wait, and it is tried again", what, origin_of(settings_.app_url),
                               reason_of(response)));
  }
}

void Session::key_refused(std::uint64_t login) {
  if (login != login_ || stage_ != Stage::ready) return;  // news from before the present login
  if (!second_chance_) {
    return give_up(ErrorCode::unauthorized,
                   fmt::format("{} refused the API key (status 401), so nothing is sent and rows wait: check {}",
                               origin_of(api_url_), key_sources));
  }
  // The file may hold another key by now, and a login tells whether the old one is still good.
  second_chance_ = false;
  failures_ = 0;
  due_ = {};
  stage_ = Stage::begin;
}

void Session::give_up(ErrorCode code, std::string message) {
  stage_ = Stage::hopeless;
  detail::report(Severity::error, code, std::move(message));
}

std::string Session::org_name() const {
  const std::lock_guard lock(name_mutex_);
  return org_name_;
}

}  // namespace braintrust::pipeline
