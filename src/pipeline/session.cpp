#include "pipeline/session.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <braintrust/core/diagnostics.h>

#include "core/json_member.h"
#include "pipeline/login.h"

namespace braintrust::pipeline {
namespace {

using Json = nlohmann::json;

constexpr unsigned most_places_asked = 4;  // at a time

// What a final error means for rows.
std::string with_consequence(const Error& error) { return error.message + "; nothing is sent, and rows wait"; }

}  // namespace

Session::Session(Settings settings, HttpClient& http)
    : settings_(settings), given_(std::move(settings)), http_(http), backoff_{.first = given_.retry_wait} {}

void Session::step(Clock::time_point now) {
  if (waiting_ || now < due_) return;
  if (stage_ == Stage::begin) read_settings();
  if (stage_ == Stage::log_in) send_login();
  if (stage_ == Stage::ask_limits) send_limits();
}

Session::Clock::time_point Session::next_due() const {
  if (stage_ == Stage::ready) {
    auto next = Clock::time_point::max();
    if (asking_ >= most_places_asked) return next;
    for (const auto& [body, place] : places_) {
      if (place.state == Place::State::waiting && !place.asking) next = std::min(next, place.due);
    }
    return next;
  }
  return waiting_ || stage_ == Stage::hopeless ? Clock::time_point::max() : due_;
}

void Session::read_settings() {
  settings_ = with_env_file(given_);
  if (settings_.api_key.empty()) return give_up(missing_key());
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

void Session::send_login() { send(login_request(settings_), &Session::on_login); }

void Session::on_login(const HttpResponse& response) {
  LoginAnswer answer = read_login(response, settings_);
  if (auto* const failed = std::get_if<LoginError>(&answer)) {
    if (failed->is_final) return give_up(failed->error);
    return try_again(response, failed->error, "log in");
  }
  Login& login = std::get<Login>(answer);
  api_url_ = std::move(login.api_url);
  org_id_ = std::move(login.org_id);
  headers_ = headers_of(settings_, login);
  {
    const std::lock_guard lock(name_mutex_);
    org_name_ = std::move(login.org_name);
  }
  ++login_;
  failures_ = 0;
  due_ = {};
  stage_ = Stage::ask_limits;
}

void Session::send_limits() { send({.url = join_url(api_url_, "version"), .headers = headers_}, &Session::on_limits); }

// Asked once: a server that does not say has the default limit and no overflow (PROTO 4.4).
void Session::on_limits(const HttpResponse& response) {
  const Json answer = response.ok() ? detail::parse_bounded(response.body) : Json();
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

const Session::Place& Session::place(const Destination& destination, Clock::time_point now) {
  Registration registration = registration_of(destination, settings_, org_id_);
  Place& place = places_[registration.body];
  if (place.state != Place::State::waiting || place.asking || now < place.due || !ready()) return place;
  if (asking_ >= most_places_asked) return place;
  place.asking = true;
  ++asking_;
  http_.submit({.method = "POST",
                .url = join_url(settings_.app_url, registration.path),
                .headers = headers_,
                .body = registration.body,
                .timeout = settings_.request_timeout},
               [this, registration, name = name_of(destination), login = login_](const HttpResponse& response) {
                 if (response.status == 401) key_refused(login);
                 on_place(registration, name, response);
               });
  return place;
}

void Session::on_place(const Registration& registration, const std::string& name, const HttpResponse& response) {
  --asking_;
  const auto found = places_.find(registration.body);
  if (found == places_.end()) return;  // forgotten meanwhile
  Place& place = found->second;
  place.asking = false;
  std::string reason = reason_of(response);
  if (response.ok()) {
    place.id = registered_id(registration, response.body);
    if (!place.id.empty()) {
      place.state = Place::State::known;
      return;
    }
    reason = "the answer names none";
  } else if (!may_retry(response.status) && response.status != 401) {
    place.state = Place::State::refused;
    const ErrorCode code = response.status == 403 ? ErrorCode::unauthorized : ErrorCode::not_found;
    return detail::report(Severity::error, code, fmt::format("{} cannot be had ({}): rows for it are dropped", name, reason));
  }
  ++place.failures;
  const auto asked = parse_retry_after(response.retry_after, std::chrono::system_clock::now());
  place.due = Clock::now() + std::max(backoff_.wait(place.failures, jitter_.fraction()), asked.value_or(backoff_.first / 2));
  if (place.failures == 1) {
    detail::report(Severity::warning, ErrorCode::transport,
                   fmt::format("{} could not be resolved yet ({}): its rows wait", name, reason));
  }
}

void Session::forget(const Destination& destination) { places_.erase(registration_of(destination, settings_, org_id_).body); }

std::string Session::name_of(const Destination& destination) const { return name_for_people(destination, settings_); }

void Session::try_again(const HttpResponse& response, const Error& error, std::string_view what) {
  ++failures_;
  const auto asked = parse_retry_after(response.retry_after, std::chrono::system_clock::now());
  due_ = Clock::now() + std::max(backoff_.wait(failures_, jitter_.fraction()), asked.value_or(backoff_.first / 2));
  if (failures_ == 1) {
    detail::report(Severity::warning, error.code,
                   fmt::format("cannot {} at {} yet ({}): rows wait, and it is tried again", what, origin_of(settings_.app_url),
                               error.message));
  }
}

void Session::key_refused(std::uint64_t login) {
  if (login != login_ || stage_ != Stage::ready) return;  // news from before the present login
  if (!second_chance_) {
    return give_up(key_refused_error(origin_of(api_url_), 401));
  }
  // The file may hold another key by now, and a login tells whether the old one is still good.
  second_chance_ = false;
  failures_ = 0;
  due_ = {};
  stage_ = Stage::begin;
}

void Session::look_for_key() {
  if (stage_ != Stage::hopeless) return;
  second_chance_ = true;
  failures_ = 0;
  due_ = gave_up_at_ + backoff_.first;
  stage_ = Stage::begin;
}

void Session::give_up(const Error& error) {
  stage_ = Stage::hopeless;
  gave_up_at_ = Clock::now();
  detail::report(Severity::error, error.code, with_consequence(error));
}

std::string Session::org_name() const {
  const std::lock_guard lock(name_mutex_);
  return org_name_;
}

}  // namespace braintrust::pipeline
