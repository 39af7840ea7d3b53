#include "pipeline/uploads.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <braintrust/core/diagnostics.h>

#include "core/json_member.h"
#include "pipeline/media_gate.h"
#include "pipeline/object_store.h"

namespace braintrust::pipeline {
namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;

constexpr std::size_t most_running = 4;
constexpr unsigned most_retries = 8;
constexpr std::size_t slowest_bytes_per_ms = 256;  // a large body gets so much more time

std::string to_text(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

// Unlike for rows, no 4xx is: a signed URL that is refused stays refused.
bool may_repeat(int status) { return status == 0 || status >= 500; }

}  // namespace

struct Uploads::Job {
  enum class Stage { ask_place, put, report };

  Upload upload;
  Clock::time_point since = Clock::now();
  Stage stage = Stage::ask_place;
  Upload::Bytes bytes = {};
  std::size_t size = 0;
  std::string url = {};  // signed
  Session::Headers headers = {};
  std::string failure = {};  // blank: it goes well
  unsigned failures = 0;     // of the present request
  Clock::time_point due = {};
  bool in_flight = false;
  std::uint64_t login = 0;

  const std::string& name() const { return upload.filename; }
};

Uploads::Uploads(const Settings& settings, HttpClient& http, Session& session, Counters& counters)
    : settings_(settings),
      http_(http),
      session_(session),
      counters_(counters),
      backoff_{.first = settings.retry_wait, .most = settings.retry_wait * (1 << most_retries)} {}
Uploads::~Uploads() = default;

void Uploads::take(Upload upload) {
  auto job = std::make_unique<Job>();
  job->upload = std::move(upload);
  waiting_.push_back(std::move(job));
  publish();
}

void Uploads::step(Clock::time_point now, Clock::time_point oldest_row) {
  for (std::size_t i = 0; i < running_.size(); ++i) {
    if (!running_[i]->in_flight && now >= running_[i]->due) send(*running_[i]);
  }
  while (running_.size() < most_running && !waiting_.empty() && waiting_.front()->since < oldest_row) {
    const std::size_t more = waiting_.front()->upload.loaded_bytes;
    if (!running_.empty() && loaded_bytes_ + more > most_attachment_bytes) break;
    JobPointer job = std::move(waiting_.front());
    waiting_.pop_front();
    loaded_bytes_ += more;
    running_.push_back(std::move(job));
    Job& started = *running_.back();
    try {
      auto content = started.upload.content();
      if (content) {
        started.bytes = *std::move(content);
        started.size = started.bytes->size();
      } else {
        fail(started, content.error().message, false);
      }
    } catch (const std::exception& error) {
      fail(started, error.what(), false);
    }
    started.upload.content = nullptr;  // it may hold the bytes as well
    send(started);
  }
}

Uploads::Clock::time_point Uploads::next_due() const {
  auto next = Clock::time_point::max();
  for (const JobPointer& job : running_) {
    if (!job->in_flight) next = std::min(next, job->due);
  }
  return next;
}

void Uploads::send(Job& job) {
  job.in_flight = true;
  job.login = session_.login();
  http_.submit(request_of(job), [this, &job](const HttpResponse& response) {
    job.in_flight = false;
    on_answer(job, response);
  });
}

HttpRequest Uploads::request_of(const Job& job) const {
  const std::string key = to_string(job.upload.key);
  if (job.stage == Job::Stage::put) {
    HttpRequest request = put_to_store(job.url, job.headers);
    request.borrowed_body = *job.bytes;
    request.timeout = settings_.request_timeout + milliseconds(job.size / slowest_bytes_per_ms);
    return request;
  }
  HttpRequest request{.method = "POST", .headers = session_.headers(), .timeout = settings_.request_timeout};
  if (job.stage == Job::Stage::ask_place) {
    request.url = join_url(session_.api_url(), "attachment");
    request.body = to_text({{"key", key},
                            {"filename", job.upload.filename},
                            {"content_type", job.upload.content_type},
                            {"org_id", session_.org_id()}});
  } else {
    Json status = {{"upload_status", "done"}};
    if (!job.failure.empty()) status = {{"upload_status", "error"}, {"error_message", job.failure}};
    request.url = join_url(session_.api_url(), "attachment/status");
    request.body = to_text({{"key", key}, {"org_id", session_.org_id()}, {"status", std::move(status)}});
  }
  return request;
}

void Uploads::on_answer(Job& job, const HttpResponse& response) {
  if (response.ok()) return advance(job, response);
  const bool ours = job.stage != Job::Stage::put;
  // Another key may be in `.env.braintrust` by now. That is asked for once: the second 401 is about attachments, not the key.
  if (response.status == 401 && ours && (refused_login_ == 0 || refused_login_ == job.login)) {
    refused_login_ = job.login;
    session_.key_refused(job.login);
    return;
  }
  repeat_or_fail(job, response);
}

void Uploads::advance(Job& job, const HttpResponse& response) {
  job.failures = 0;
  if (job.stage == Job::Stage::ask_place) refused_login_ = 0;
  switch (job.stage) {
    case Job::Stage::ask_place: {
      const Json answer = detail::parse_bounded(response.body);
      const auto url = answer.is_object() ? answer.find("signedUrl") : answer.end();
      if (url == answer.end() || !url->is_string() || origin_of(url->get_ref<const std::string&>()).empty()) {
        return fail(job, "the answer names no place for the upload", true);
      }
      job.url = url->get<std::string>();
      job.headers = text_pairs(answer, "headers");
      const bool typed = std::any_of(job.headers.begin(), job.headers.end(),
                                     [](const auto& header) { return is_header(header.first, "content-type"); });
      if (!typed) job.headers.emplace_back("Content-Type", job.upload.content_type);
      job.stage = Job::Stage::put;
      return;
    }
    case Job::Stage::put:
      job.bytes.reset();
      job.stage = Job::Stage::report;
      return;
    case Job::Stage::report:
      return finish(job);
  }
}

void Uploads::repeat_or_fail(Job& job, const HttpResponse& response) {
  if (may_repeat(response.status) && job.failures < most_retries) {
    ++job.failures;
    const auto asked = parse_retry_after(response.retry_after, std::chrono::system_clock::now()).value_or(milliseconds(0));
    job.due = Clock::now() + std::max(backoff_.wait(job.failures, jitter_.fraction()), asked);
    return;
  }
  const std::string host = origin_of(job.stage == Job::Stage::put ? job.url : session_.api_url());
  fail(job, fmt::format("{}: {}", host, reason_of(response)), true);
}

// The next request of the job, if there is one, reports the failure.
void Uploads::fail(Job& job, std::string reason, bool of_pipeline) {
  if (job.stage == Job::Stage::report) {
    if (job.failure.empty()) {
      detail::report(
          Severity::warning, ErrorCode::http_status,
          fmt::format("attachment {} was uploaded, but not reported so ({}): it may not be shown", job.name(), reason));
    }
    job.failure = std::move(reason);
    return finish(job);
  }
  if (!of_pipeline) {
    detail::report(Severity::warning, ErrorCode::io, fmt::format("attachment {} cannot be uploaded: {}", job.name(), reason));
  } else if (media_gate.close()) {
    detail::report(
        Severity::warning, ErrorCode::http_status,
        fmt::format("attachment {} could not be uploaded ({}): its reference leads nowhere, and for {} minutes media of "
                    "model calls stay in their rows",
                    job.name(), reason, MediaGate::pause.count()));
  }
  job.failure = std::move(reason);
  job.bytes.reset();
  job.failures = 0;
  job.due = {};
  job.stage = Job::Stage::report;
}

void Uploads::finish(Job& job) {
  const auto count = [](Counters::Count& counter, std::uint64_t more) {
    counter.store(counter.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
  };
  if (job.failure.empty()) {
    count(counters_.uploads_sent, 1);
    count(counters_.uploads_sent_bytes, job.size);
  } else {
    count(counters_.uploads_failed, 1);
  }
  loaded_bytes_ -= job.upload.loaded_bytes;
  running_.erase(std::find_if(running_.begin(), running_.end(), [&](const JobPointer& one) { return one.get() == &job; }));
  publish();
}

void Uploads::give_up() {
  counters_.uploads_closed.fetch_add(waiting_.size() + running_.size(), std::memory_order_relaxed);
  waiting_.clear();
  running_.clear();
  loaded_bytes_ = 0;
  publish();
}

void Uploads::publish() {
  auto oldest = Clock::time_point{};
  for (const JobPointer& job : running_) {
    if (oldest == Clock::time_point{} || job->since < oldest) oldest = job->since;
  }
  if (oldest == Clock::time_point{} && !waiting_.empty()) oldest = waiting_.front()->since;
  const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(oldest.time_since_epoch()).count();
  counters_.oldest_upload.store(static_cast<std::uint64_t>(nanoseconds), std::memory_order_relaxed);
  counters_.uploads_held.store(waiting_.size() + running_.size(), std::memory_order_relaxed);
}

}  // namespace braintrust::pipeline
