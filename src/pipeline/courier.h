#pragma once

// `Courier`: takes finished rows to every place they go to: to Braintrust, and to what exporters were given (outlet.h).
//
// Owned and driven by the one background thread (flusher.h): `take` rows, then `step` again and again. All outlets share one
// HTTP client, so that one wait is a wait for all of them.
//
// Several outlets do not hold each other up for long: one that is only slow is waited for, but while one is stuck and another
// is not, rows go on to both, and the stuck one keeps as many as its share of the queue's bound allows. Beyond that its newest
// are dropped and counted.
//
// Threads: everything from the background thread, except `wake`. Errors: told to the diagnostics handler and counted.

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <braintrust/core/id.h>

#include "pipeline/braintrust_outlet.h"
#include "pipeline/counters.h"
#include "pipeline/http.h"
#include "pipeline/outlet.h"
#include "pipeline/settings.h"

namespace braintrust::pipeline {

class Courier {
 public:
  // `most_bytes`: the queue's bound.
  Courier(const Settings& settings, Counters& counters, std::size_t most_bytes);
  Courier(const Courier&) = delete;
  Courier& operator=(const Courier&) = delete;

  // Whether an outlet has a use for a row of a span that has not ended.
  bool takes_open_spans() const noexcept { return braintrust_ != nullptr; }

  // A row of this id is about to be taken: what is needed for that comes into the cache meanwhile.
  void expect(RowId id) const noexcept {
    if (braintrust_ != nullptr) braintrust_->expect(id);
  }
  void take(const Row& row);
  // What a row that was taken before refers to.
  void take_upload(Upload upload);

  // A span of which rows were taken has ended, and the row that says so is lost.
  void lose_end(RowId row);

  // The logger is about to end: open spans are sent as they stand.
  void take_no_more_of_open_spans();

  // What was taken until now need not wait for more rows.
  void seal();

  // Does what can be done now, then waits for the network, a retry's time or `wake`, at most `longest`.
  void step(std::chrono::milliseconds longest);

  // Makes a waiting `step` return. Any thread.
  void wake() noexcept { http_.wakeup(); }

  // Nothing is held: every row and upload taken was sent or given up.
  bool idle() const noexcept;

  // Enough is held that taking more would only move memory from the queue to here.
  bool full() const noexcept;

  // Nothing that is held will be sent, as the settings are: waiting is useless.
  bool hopeless() const noexcept;

  // Braintrust gets nothing for want of a good key, until somebody has reason to think that there is one by now.
  bool lacks_key() const noexcept { return braintrust_ != nullptr && braintrust_->hopeless(); }
  void look_for_key() {
    if (braintrust_ != nullptr) braintrust_->look_for_key();
  }

  std::uint64_t held_rows() const noexcept;

  // Cancels what is in flight and counts all that is held as `closed`, rows and uploads.
  void give_up();

  // For `Logger::link()`: what the login said, or blank. Any thread.
  std::string org_name() const { return braintrust_ != nullptr ? braintrust_->org_name() : std::string(); }

 private:
  bool is_full(const Outlet& outlet) const noexcept;
  void look_who_is_stuck(Outlet::Clock::time_point now);
  void count_left_out();
  void publish_held();
  void publish_age();

  Counters& counters_;
  HttpClient http_;
  std::vector<std::unique_ptr<Outlet>> outlets_;
  BraintrustOutlet* braintrust_ = nullptr;  // among them, or null
  std::size_t share_ = 0;                   // of the queue's bound, for each outlet; bytes
  bool wait_for_stuck_ = false;             // as for others: rows are not dropped, but stay in the queue
  Outlet::Clock::time_point all_stuck_until_ = {};
  Outlet::Clock::time_point told_at_ = {};  // of rows beyond a share
};

}  // namespace braintrust::pipeline
