#pragma once

// `Outlet`: one place where finished rows go, and how they get there. Braintrust is one (braintrust_outlet.h), an OpenTelemetry
// Collector another (otlp/otlp_outlet.h).
//
// Owned and driven by the courier, whose HTTP client does all the waiting: an outlet sends requests and is called back. It
// keeps what it took until that has arrived, or cannot arrive.
//
// Threads: one. Errors: told to the diagnostics handler and counted.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <braintrust/core/id.h>

#include "pipeline/counters.h"
#include "pipeline/destination.h"
#include "pipeline/http.h"
#include "pipeline/settings.h"

namespace braintrust::pipeline {

struct Row {
  Destination* destination = nullptr;
  RowId id = {};               // for matching rows of one key without parsing them; zero: no other row has its key
  bool merge = false;          // `_is_merge`: the text says so too
  bool of_span = true;         // false: a comment, or a record of a dataset
  bool ends_span = false;      // with this row the span is complete
  std::string_view text = {};  // `{"id":"…",…}`; copied by who takes it
};

class Outlet {
 public:
  using Clock = std::chrono::steady_clock;

  Outlet() = default;
  Outlet(const Outlet&) = delete;
  Outlet& operator=(const Outlet&) = delete;
  virtual ~Outlet() = default;

  virtual void take(const Row& row) = 0;
  // This row it is not given, as it is stuck and has its share. True: that is one more loss, to be counted.
  virtual bool leave_out(const Row&) { return true; }
  // The logger is about to end: what waits for the end of its span is to go as it stands.
  virtual void take_no_more_of_open_spans() {}
  // The end of this span will not come: it found no room in the queue, or could not be written.
  virtual void lose_end(RowId) {}
  // What was taken until now need not wait for more rows.
  virtual void seal() = 0;
  // Sends what can be sent now. Never waits.
  virtual void advance(Clock::time_point now) = 0;
  // When `advance` has something to do that no answer announces; `max` when nothing.
  virtual Clock::time_point next_due() const = 0;

  // Nothing is held.
  virtual bool idle() const noexcept = 0;
  // Enough is held to keep the network busy: more may as well wait in the queue.
  virtual bool full() const noexcept = 0;
  // The server let us down at the last try: nobody knows when what is held will be sent.
  virtual bool stuck() const noexcept = 0;
  // Another place answers again: perhaps the network was the trouble, and this one does, too.
  virtual void try_now(Clock::time_point now) = 0;
  // Nothing will ever be sent, as the settings are: waiting is useless.
  virtual bool hopeless() const noexcept { return false; }

  // Of what can be sent.
  virtual std::uint64_t held_rows() const noexcept = 0;
  virtual std::size_t held_bytes() const noexcept = 0;
  // Of spans that are kept until they end: nothing that waiting for the network would make less. Bytes.
  virtual std::size_t open_bytes() const noexcept { return 0; }
  // Whether such a span is kept, of which this is the row.
  virtual bool keeps_open(RowId) const noexcept { return false; }
  // When the oldest row that is held was taken; `max` when none is.
  virtual Clock::time_point oldest() const noexcept = 0;

  // The requests were cancelled: counts all that is held as `closed`, and holds nothing any more.
  virtual void give_up() = 0;
};

// Makes the outlet of a place.
struct OutletMaker {
  virtual ~OutletMaker() = default;
  // On the background thread: once, and once more in each forked child. `share`: how many bytes of spans that have not ended it
  // may keep.
  virtual std::unique_ptr<Outlet> make(const Settings& settings, HttpClient& http, Counters& counters,
                                       std::size_t share) const = 0;
};

}  // namespace braintrust::pipeline
