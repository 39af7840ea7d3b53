#pragma once

// `BraintrustOutlet`: brings rows to Braintrust's `logs3`, whatever the network does.
//
// It logs in (PROTO 1.1), asks the server's limits (4.4), resolves project names (2), forms batches, and keeps a few requests
// in flight over kept connections, with retry, splitting and overflow upload. It knows rows as bytes, not as spans.
//
// A row is one JSON object text without the ids of its destination (`project_id`, `log_id`, …): the outlet puts those first.
// Rows with one key that meet before they are sent become one row (4.3); at most one row of a key is in flight at a time, and
// later ones follow in order.
//
// Attachments follow the rows that name them (uploads.h).
//
// Threads: one. Errors: told to the diagnostics handler and counted.

#include <memory>
#include <string>

#include "pipeline/outlet.h"
#include "pipeline/uploads.h"

namespace braintrust::pipeline {

class BraintrustOutlet final : public Outlet {
 public:
  BraintrustOutlet(const Settings& settings, HttpClient& http, Counters& counters);
  ~BraintrustOutlet() override;

  // A row of this id is about to be taken: what is needed for that comes into the cache meanwhile.
  void expect(RowId id) const noexcept;
  void take(const Row& row) override;
  // What a row that was taken before refers to.
  void take_upload(Upload upload);
  void seal() override;
  void advance(Clock::time_point now) override;
  Clock::time_point next_due() const override;
  bool idle() const noexcept override;
  bool full() const noexcept override;
  bool stuck() const noexcept override;
  void try_now(Clock::time_point now) override;
  bool hopeless() const noexcept override;
  // Hopeless no longer: see Session.
  void look_for_key();
  std::uint64_t held_rows() const noexcept override;
  std::size_t held_bytes() const noexcept override;
  Clock::time_point oldest() const noexcept override;
  void give_up() override;

  // For `Logger::link()`: what the login said, or blank. Any thread.
  std::string org_name() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace braintrust::pipeline
