#pragma once

// `Courier`: takes finished rows and brings them to Braintrust, whatever the network does.
//
// Owned and driven by the one background thread (flusher.h): `take` rows, then `step` again and again. In a step it logs in
// (PROTO 1.1), asks the server's limits (4.4), resolves project names (2), forms batches, and keeps a few requests in flight
// over kept connections, with retry, splitting and overflow upload. It knows rows as bytes, not as spans.
//
// A row is one JSON object text without the ids of its destination (`project_id`, `log_id`, …): the courier puts those first.
// Rows with one key that meet before they are sent become one row (4.3); at most one row of a key is in flight at a time, and
// later ones follow in order.
//
// Attachments follow the rows that name them (uploads.h).
//
// Threads: everything from the background thread, except `wake`. Errors: told to the diagnostics handler and counted.

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include <braintrust/core/id.h>

#include "pipeline/counters.h"
#include "pipeline/destination.h"
#include "pipeline/settings.h"
#include "pipeline/uploads.h"

namespace braintrust::pipeline {

struct Row {
  Destination* destination = nullptr;
  RowId id = {};               // for matching rows of one key without parsing them; zero: no other row has its key
  bool merge = false;          // `_is_merge`: the text says so too
  std::string_view text = {};  // `{"id":"…",…}`; copied by `take`
};

class Courier {
 public:
  Courier(Settings settings, Counters& counters);
  ~Courier();
  Courier(const Courier&) = delete;
  Courier& operator=(const Courier&) = delete;

  // A row of this id is about to be taken: what is needed for that comes into the cache meanwhile.
  void expect(RowId id) const noexcept;
  void take(const Row& row);
  // What a row that was taken before refers to.
  void take_upload(Upload upload);

  // Ends the batch that is being formed, so that the next `step` sends it though it is not full.
  void seal();

  // Does what can be done now, then waits for the network, a retry's time or `wake`, at most `longest`.
  void step(std::chrono::milliseconds longest);

  // Makes a waiting `step` return. Any thread.
  void wake() noexcept;

  // Nothing is held: every row and upload taken was sent or given up.
  bool idle() const noexcept;

  // Enough is held that taking more would only move memory from the queue to here.
  bool full() const noexcept;

  // Nothing will ever be sent with these settings (no key, or the server refused it): waiting is useless. Until somebody has
  // reason to think that there is another key, or that this one is good by now.
  bool hopeless() const noexcept;
  void look_for_key();

  // Rows sent or finally given up until now, of all taken until now: a flush waits for done() to reach taken().
  std::uint64_t taken() const noexcept;
  std::uint64_t done() const noexcept;

  // Cancels what is in flight and counts all that is held as `closed`, rows and uploads.
  void give_up();

  // For `Logger::link()`: what the login said, or blank. Any thread.
  std::string org_name() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace braintrust::pipeline
