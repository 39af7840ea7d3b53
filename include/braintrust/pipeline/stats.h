#pragma once

// What happened to the rows: `Stats` since the logger began, `FlushResult` since the last flush.
//
// Made by `Logger::stats()` and `Logger::flush()`. A row is one span (a span that stayed open for more than a second is two: a
// partial row and its completion) or one record of feedback. Every row that was logged is in exactly one of: queued, sent,
// dropped. Where a logger's rows go to several places (`LoggerOptions::exporters`), each counts once for each of them. An
// exporter of `otlp` counts spans: what came of one while it was open is part of it, and counts when that has ended.
//
// Threads: plain values; the counters behind them are read one by one, so a snapshot taken while rows move may be off by those.
// Units: rows, bytes, seconds.

#include <cstdint>

namespace braintrust {

// Rows that will never arrive, by cause.
struct Dropped {
  std::uint64_t queue_full =
      0;                        // logged while the queue was at its bound, or one of several places they go to was at its share
  std::uint64_t refused = 0;    // the server said no (4xx) to the row itself
  std::uint64_t exhausted = 0;  // retried as often as allowed
  std::uint64_t unresolved = 0;   // its project could not be had: unknown, or not allowed
  std::uint64_t invalid = 0;      // it could not be made into JSON
  std::uint64_t closed = 0;       // logged after shutdown, or still queued when the exit deadline passed
  std::uint64_t not_carried = 0;  // an exporter has no form for it: OTLP knows no feedback, and no change of an ended span

  std::uint64_t total() const { return queue_full + refused + exhausted + unresolved + invalid + closed + not_carried; }
};

// What became of the attachments that written rows name. Those whose row never came are in none of these.
struct AttachmentStats {
  std::uint64_t queued = 0;      // neither uploaded nor given up yet
  std::uint64_t sent = 0;        // uploaded
  std::uint64_t sent_bytes = 0;  // of those
  std::uint64_t failed = 0;      // refused, repeated as often as allowed, or not readable
  std::uint64_t closed = 0;      // still queued when the logger ended
};

struct Stats {
  std::uint64_t queued_rows = 0;   // logged, neither sent nor dropped yet
  std::uint64_t queued_bytes = 0;  // memory those rows hold now
  std::uint64_t sent_rows = 0;     // acknowledged by the server
  std::uint64_t sent_bytes = 0;    // request bodies of acknowledged rows
  std::uint64_t requests = 0;      // requests made, retries included
  std::uint64_t retries = 0;       // requests that repeated an earlier one
  double oldest_age = 0;           // seconds that the oldest unsent row has waited in the background thread; 0 when none
  Dropped dropped = {};
  AttachmentStats attachments = {};
};

struct FlushResult {
  std::uint64_t sent = 0;                 // rows acknowledged since the last flush
  std::uint64_t pending = 0;              // rows that still wait: the deadline passed, or the server cannot be reached
  std::uint64_t failed = 0;               // rows given up since the last flush because the server would not have them
  std::uint64_t dropped = 0;              // rows given up since the last flush on this side
  std::uint64_t attachments_sent = 0;     // uploaded since the last flush
  std::uint64_t attachments_pending = 0;  // still to be uploaded
  std::uint64_t attachments_failed = 0;   // given up since the last flush

  // Everything logged before the flush has arrived.
  bool complete() const {
    return pending == 0 && failed == 0 && dropped == 0 && attachments_pending == 0 && attachments_failed == 0;
  }
};

}  // namespace braintrust
