#pragma once

// `Session`: who we are at Braintrust, and where things are: the login, the server's limits, the ids of projects and datasets.
//
// Owned and driven by the courier. It completes the settings from `.env.braintrust`, logs in (again and again until there is an
// answer), asks the API for its limits, and resolves names one by one, so that one that cannot be had fails alone.
//
// The key goes to two hosts: `app_url`, and the `api_url` that was configured or that the login names.
//
// Threads: one, except `org_name`. Errors: told to the diagnostics handler; `hopeless` says that nothing more will come
// before `look_for_key`.
// Source: PROTO 1.1, 2, 4.4.

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <braintrust/core/error.h>

#include "pipeline/batch.h"
#include "pipeline/destination.h"
#include "pipeline/http.h"
#include "pipeline/jitter.h"
#include "pipeline/registration.h"
#include "pipeline/retry.h"
#include "pipeline/settings.h"

namespace braintrust::pipeline {

class Session {
 public:
  using Clock = std::chrono::steady_clock;
  using Headers = std::vector<std::pair<std::string, std::string>>;

  Session(Settings settings, HttpClient& http);

  // Sends what is due now.
  void step(Clock::time_point now);

  // When `step` has something to do again; `max` while it waits for an answer or for nobody.
  Clock::time_point next_due() const;

  bool ready() const noexcept { return stage_ == Stage::ready; }
  bool hopeless() const noexcept { return stage_ == Stage::hopeless; }
  // The last try to log in failed.
  bool stuck() const noexcept { return hopeless() || (!ready() && failures_ > 0); }

  // Valid when ready.
  const std::string& api_url() const noexcept { return api_url_; }
  const std::string& org_id() const noexcept { return org_id_; }
  const Headers& headers() const noexcept { return headers_; }  // for requests to `api_url` with a JSON body
  std::size_t max_request_bytes() const noexcept { return max_request_bytes_; }
  bool overflow_allowed() const noexcept { return overflow_allowed_; }

  // Counts logins. The server refused the key of login number `login` (401): looks for another key once, then is hopeless.
  std::uint64_t login() const noexcept { return login_; }
  void key_refused(std::uint64_t login);
  void key_accepted() noexcept { second_chance_ = true; }

  // No longer hopeless: the file may hold another key by now, or the server take the one it refused. Asked for again and again,
  // it is tried no sooner than after any failure.
  void look_for_key();

  // The id of a destination that is known by name, asked for when it is not known.
  struct Place {
    enum class State { waiting, known, refused };

    State state = State::waiting;
    std::string id = {};
    bool asking = false;
    unsigned failures = 0;
    Clock::time_point due = {};
  };
  const Place& place(const Destination& destination, Clock::time_point now);

  // Asks again next time for one that was refused.
  void forget(const Destination& destination);

  // "project \"P\"", for messages.
  std::string name_of(const Destination& destination) const;

  // What project logs without id and name mean. Blank: a name that `place` knows.
  const std::string& default_project_id() const noexcept { return settings_.project_id; }

  // Any thread.
  std::string org_name() const;

 private:
  enum class Stage { begin, log_in, ask_limits, ready, hopeless };

  void read_settings();
  void send(HttpRequest request, void (Session::*on_answer)(const HttpResponse&));
  void send_login();
  void on_login(const HttpResponse& response);
  void send_limits();
  void on_limits(const HttpResponse& response);
  void on_place(const Registration& registration, const std::string& name, const HttpResponse& response);
  void try_again(const HttpResponse& response, const Error& error, std::string_view what);
  void give_up(const Error& error);

  Settings settings_;
  const Settings given_;  // without what the file says
  HttpClient& http_;
  Backoff backoff_;
  Jitter jitter_;

  Stage stage_ = Stage::begin;
  bool waiting_ = false;  // for an answer
  unsigned failures_ = 0;
  Clock::time_point due_ = {};
  Clock::time_point gave_up_at_ = {};
  std::uint64_t login_ = 0;
  bool second_chance_ = true;

  std::string api_url_;
  std::string org_id_;
  Headers headers_;
  std::size_t max_request_bytes_ = default_max_request_bytes;
  bool overflow_allowed_ = false;
  std::map<std::string, Place, std::less<>> places_;  // by the body that asks for it
  unsigned asking_ = 0;

  mutable std::mutex name_mutex_;
  std::string org_name_;  // guarded by name_mutex_ where another thread may read
};

}  // namespace braintrust::pipeline
