#pragma once

// `Batch`: the body of one `logs3` request while it grows, and what is known of each row in it.
//
//   {"rows":[{"project_id":"…","log_id":"g","id":"…",…},{…}],"api_version":2}
//
// Made and recycled by the assembler (assembler.h), sent by the courier. The body is one buffer that is written once: a row
// costs one copy. A row that was merged into another is only marked dead and cut out when the batch is finished.
//
// Threads: one. Units: bytes of UTF-8. Source: PROTO 4.1, 4.4.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <braintrust/core/id.h>

#include "pipeline/destination.h"

namespace braintrust::pipeline {

inline constexpr std::size_t default_max_request_bytes = 6 << 20;

// How large a batch may become, and a request.
struct BatchLimits {
  std::size_t rows = 100;
  std::size_t request_bytes = default_max_request_bytes;  // a batch ends at half of it (PROTO 4.4)
};

struct HeldRow {
  RowId id = {};
  Destination* destination = nullptr;
  std::size_t offset = 0, size = 0;  // in the body
  std::uint32_t count = 1;           // rows taken that are in this one
  std::int32_t follower = -1;        // the row of the same key that waits for this one (assembler.h)
  bool merge = false;
  bool dead = false;
};

class Batch {
 public:
  using Clock = std::chrono::steady_clock;

  // Is there room for a row of `size` bytes, or must a new batch begin?
  bool has_room(std::size_t size, const BatchLimits& limits) const noexcept;

  // Adds `text`, an object, with `prefix` (members that end with a comma, or "") put first. Returns the row's number.
  std::size_t append(std::string_view prefix, std::string_view text, const HeldRow& about);

  // What `append` will add for it, the comma between rows left out.
  static std::size_t size_of(std::string_view prefix, std::string_view text) noexcept { return prefix.size() + text.size(); }

  // Marks a row as merged into another.
  void kill(std::size_t row) noexcept;

  // Cuts out dead rows; those behind them get another number.
  void compact();

  // Ends the body. There must be no dead rows.
  void finish();

  // As new; the memory stays.
  void clear();

  bool empty() const noexcept { return live_rows_ == 0; }
  const std::vector<HeldRow>& rows() const noexcept { return rows_; }
  std::vector<HeldRow>& rows() noexcept { return rows_; }
  std::string_view text_of(const HeldRow& row) const noexcept { return {body_.data() + row.offset, row.size}; }
  const std::string& body() const noexcept { return body_; }
  std::size_t live_rows() const noexcept { return live_rows_; }
  std::size_t row_bytes() const noexcept { return row_bytes_; }  // of live rows
  std::size_t dead_bytes() const noexcept { return dead_bytes_; }
  std::size_t capacity() const noexcept { return body_.capacity() + rows_.capacity() * sizeof(HeldRow); }
  std::uint64_t count() const noexcept;  // rows taken that are in this batch
  bool several_destinations() const noexcept { return several_destinations_; }

  // The courier's notes.
  struct Progress {
    Clock::time_point since = {};  // when its first row was taken
    Clock::time_point sent_at = {};
    Clock::time_point due = {};  // not to be sent again before
    unsigned failures = 0;
    unsigned strikes = 0;                 // failures while other batches succeeded
    std::uint64_t successes_seen = 0;     // of the courier, when the last strike was counted
    std::uint64_t successes_at_send = 0;  // likewise, when it was sent last
    std::uint64_t login = 0;              // which login its request used
    bool sent_before = false;
    bool overflow = false;                          // goes by way of the object store (PROTO 4.5)
    std::string overflow_key = {};                  // not blank: it is there already
    std::shared_ptr<unsigned> spare_requests = {};  // what the search for a refused row may still cost
  };
  Progress progress = {};

  // When rows were last asked to go without waiting for more (assembler.h).
  std::uint64_t seal_epoch = 0;

 private:
  std::string body_;
  std::vector<HeldRow> rows_;
  std::size_t live_rows_ = 0;
  std::size_t row_bytes_ = 0;
  std::size_t dead_bytes_ = 0;
  bool several_destinations_ = false;
};

}  // namespace braintrust::pipeline
