#pragma once

// `Uploads`: brings attachments to where Braintrust keeps them: asks for a place, puts the bytes there, reports.
//
// Owned and driven by the courier. An upload waits until the rows that were taken before it are delivered, so rows go first.
// A few run at a time, with at most `most_loaded_bytes` read into memory for them. A request without an answer or with a 5xx is
// repeated, eight times at most; any other failure is final: it is reported to Braintrust and counted, and told once.
//
// The API key goes to `api_url` only; the store that holds the bytes gets what the signed URL came with.
//
// Threads: one. Errors: told to the diagnostics handler; an upload that throws fails alone. Units: bytes.
// Source: PROTO 11, INST 18.40 to 18.56.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <braintrust/core/id.h>
#include <braintrust/core/result.h>

#include "pipeline/counters.h"
#include "pipeline/http.h"
#include "pipeline/jitter.h"
#include "pipeline/retry.h"
#include "pipeline/session.h"
#include "pipeline/settings.h"

namespace braintrust::pipeline {

inline constexpr std::size_t most_attachment_bytes = 64u << 20;

struct Upload {
  using Bytes = std::shared_ptr<const std::string>;

  RowId key = {};  // a UUID; the reference in the row names it
  std::string content_type = {};
  std::string filename = {};
  std::size_t held_bytes = 0;                   // memory that `content` holds before it is called
  std::size_t loaded_bytes = 0;                 // memory that it allocates when it is called
  std::function<Result<Bytes>()> content = {};  // the bytes, or why there are none; called once, on the background thread
  std::shared_ptr<const void> charge = {};      // goes when the memory does
};

class Uploads {
 public:
  using Clock = std::chrono::steady_clock;

  Uploads(const Settings& settings, HttpClient& http, Session& session, Counters& counters);
  ~Uploads();
  Uploads(const Uploads&) = delete;
  Uploads& operator=(const Uploads&) = delete;

  void take(Upload upload);

  // Sends what is due. The session is ready; `oldest_row` is when the oldest row still held was taken, `max` when none is.
  void step(Clock::time_point now, Clock::time_point oldest_row);

  // When `step` has something to do again that no answer announces.
  Clock::time_point next_due() const;

  bool idle() const noexcept { return waiting_.empty() && running_.empty(); }
  // Whether some wait for rows or for others.
  bool any_waiting() const noexcept { return !waiting_.empty(); }

  // Forgets and counts all that is left. The client has cancelled its requests.
  void give_up();

 private:
  struct Job;
  using JobPointer = std::unique_ptr<Job>;

  void send(Job& job);
  HttpRequest request_of(const Job& job) const;
  void on_answer(Job& job, const HttpResponse& response);
  void advance(Job& job, const HttpResponse& response);
  void repeat_or_fail(Job& job, const HttpResponse& response);
  void fail(Job& job, std::string reason, bool of_pipeline);
  void finish(Job& job);
  void publish();

  const Settings& settings_;
  HttpClient& http_;
  Session& session_;
  Counters& counters_;
  const Backoff backoff_;
  Jitter jitter_;
  std::deque<JobPointer> waiting_;
  std::vector<JobPointer> running_;
  std::size_t loaded_bytes_ = 0;
  std::uint64_t refused_login_ = 0;  // the login that was given up for another because an upload was answered 401
};

}  // namespace braintrust::pipeline
