#pragma once

// `PendingAttachments`: attachments that were made into references, until a row that is sent holds the reference.
//
//   Attachment → Json: add() ┐                     ┌ take(): to the uploads of that row's logger
//                            ├▶ table ─ row text ─▶┤
//   media of model calls:    ┘                     └ nothing: masked, or never logged; forgotten when its room is needed
//
// One for the process, because a value is made before anybody knows to which logger it goes. Bounded by the memory of all that
// was added and not yet uploaded, in flight too. At the bound, what is older than a minute is forgotten, the oldest first; then
// nothing more is taken.
//
// Threads: any. `take` and `end_row` are the background threads'. Errors: none; `add` says no. Units: bytes. Source:
// INST 18.17.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include <braintrust/core/json.h>

#include "pipeline/uploads.h"

namespace braintrust::detail {

class PendingAttachments {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t bytes_of_entry = 512;  // what one costs beside its bytes, about

  explicit PendingAttachments(std::size_t most_bytes = pipeline::most_attachment_bytes,
                              std::chrono::milliseconds kept_at_least = std::chrono::minutes(1))
      : most_bytes_(most_bytes), kept_at_least_(kept_at_least) {}
  PendingAttachments(const PendingAttachments&) = delete;
  PendingAttachments& operator=(const PendingAttachments&) = delete;

  enum class From {
    value,  // some row will hold it, some time
    row,    // the row that this thread is writing will, or none
  };
  // All of them, or none and false. One that is there already stays, and counts as new. `handed_over`, where given, is set when
  // a row takes it, and says then that there is nothing to add any more.
  bool add(std::vector<pipeline::Upload> uploads, From from);
  bool add(pipeline::Upload upload, std::shared_ptr<std::atomic<bool>> handed_over);

  bool any() const noexcept { return count_.load(std::memory_order_relaxed) > 0; }

  // Those whose references `row` holds, a row's final text.
  std::vector<pipeline::Upload> take(std::string_view row);
  // The row is done: what was added for it and not taken was masked.
  void end_row();

  // Memory of all that was added and is not uploaded.
  std::size_t held_bytes() const noexcept { return held_->load(std::memory_order_relaxed); }

  // Around fork. The child keeps what no row has taken: a value made before may be logged there.
  void before_fork() { mutex_.lock(); }
  void after_fork(bool in_child);

 private:
  struct Entry {
    pipeline::Upload upload;
    std::shared_ptr<std::atomic<bool>> handed_over;
    Clock::time_point added;
    std::thread::id writer;  // for From::row
    std::list<RowId>::iterator place;
  };
  struct Hash {
    std::size_t operator()(RowId id) const noexcept { return static_cast<std::size_t>(id.high ^ id.low); }  // random bits
  };
  using Entries = std::unordered_map<RowId, Entry, Hash>;

  bool make_room(std::size_t bytes);
  void insert(pipeline::Upload upload, std::shared_ptr<std::atomic<bool>> handed_over, From from);
  std::shared_ptr<const void> charge_for(const pipeline::Upload& upload);
  void erase(Entries::iterator entry);

  const std::size_t most_bytes_;
  const std::chrono::milliseconds kept_at_least_;
  std::atomic<std::size_t> count_ = 0;
  std::atomic<std::size_t> of_rows_ = 0;  // entries from From::row
  std::mutex mutex_;
  Entries entries_;
  std::list<RowId> order_;  // the oldest first
  // Shared with the charges, which outlive a fork in a child that must not count them.
  std::shared_ptr<std::atomic<std::size_t>> held_ = std::make_shared<std::atomic<std::size_t>>(0);
};

// The process's; never destroyed.
PendingAttachments& pending_attachments();

// The object that stands for it in a row (INST 18.1).
Json reference_to(const pipeline::Upload& upload);

}  // namespace braintrust::detail
