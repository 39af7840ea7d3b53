#pragma once

// `Flusher`: the one background thread of a logger, between its queue and its courier.
//
// Made with the logger; the thread starts with the first span (one that stays open must be seen). It empties the queue, has
// each record written as a row by the `RowSource`, hands the rows to the courier, and keeps the courier going. It never dies of
// an exception.
//
// What must hold:
//  1. Only this thread touches the courier. App threads touch the queue, and the small state under `mutex_`, for flush and
//  stop.
//  2. A flush covers every record whose push had ended before `flush` was called, and the attachments it names: the queue is
//  collected after the flush is seen. (Not what lies behind a push that a stopped thread is in for 100 ms; see queue.h.)
//  3. The courier is full before memory is: records stay in the queue, which is bounded, while the courier cannot take more.
//  4. After `stop`, the thread ends within the deadline, whatever the network does; what is left is counted as `closed`.
//  5. In a forked child nothing of the parent's thread is touched or freed: queue, courier and thread are forgotten as they
//  are.
//
// Threads: everything from any thread, unless said otherwise. Errors: counted, and told to the diagnostics handler.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <braintrust/core/id.h>
#include <braintrust/pipeline/queue.h>
#include <braintrust/pipeline/stats.h>

#include "pipeline/counters.h"
#include "pipeline/courier.h"
#include "pipeline/settings.h"

namespace braintrust::pipeline {

// Writes records as rows. Called by the background thread only.
class RowSource {
 public:
  virtual ~RowSource() = default;
  // `record` begins with its size (std::uint32_t).
  virtual void write(const char* record, Courier& courier) = 0;
  // A record that will not be written: gives back what it refers to.
  virtual void discard(const char* record) noexcept = 0;
  // Rows for spans that are open: for all, or for those that have been open long enough and were not told of lately.
  virtual void write_open(bool all, Courier& courier) = 0;
  // The end of a span that was open in `write_open` is lost.
  virtual void lose_end(RowId row, Courier& courier) = 0;
  // In a forked child: what the parent's thread was in the middle of writing must not be touched.
  virtual void begin_anew() = 0;
};

class Flusher {
 public:
  using Milliseconds = std::chrono::milliseconds;

  struct Options {
    Settings settings = {};
    Queue::Bounds bounds = {};
    Milliseconds interval{250};
    bool only_when_flushed = false;  // BRAINTRUST_SYNC_FLUSH: send nothing before `flush` is called
    Milliseconds drop_report_interval{60'000};
  };

  Flusher(Options options, RowSource& source);
  Flusher(const Flusher&) = delete;
  Flusher& operator=(const Flusher&) = delete;

  // Queues one record. False when it was dropped (and counted).
  template <class Write>
  bool push(std::size_t bytes, Write&& write) {
    return can_push() && queue_.load(std::memory_order_relaxed)->push(bytes, std::forward<Write>(write));
  }
  // Likewise, behind everything that was queued before by any thread.
  template <class Write>
  bool push_behind(std::size_t bytes, Write&& write) {
    return can_push() && queue_.load(std::memory_order_relaxed)->push_behind(bytes, std::forward<Write>(write));
  }

  // What was not queued is the end of a span of which rows may have been written: who waits for it is told.
  void lose_end(RowId row) noexcept;

  // A span begins.
  void expect_rows() noexcept {
    if (state_.load(std::memory_order_acquire) == idle) [[unlikely]] {
      start();
    }
  }

  FlushResult flush(Milliseconds deadline) { return finish(deadline, false); }
  // `flush` with open spans, then the end of the thread. `pending` are the rows that were given up.
  FlushResult stop(Milliseconds deadline) { return finish(deadline, true); }
  // Begins the work of a `stop` that follows: for several loggers that stop together.
  void prepare_stop();
  // The same without waiting: the thread goes on until everything is delivered and `may_end()` agrees, then ends by itself.
  void stop_when_done(bool (*may_end)(void*), void* context);

  // Where nothing can be sent for want of a good key, looks for one anew. Costs nothing where there is no such trouble.
  void look_for_key();

  bool stopped() const noexcept { return state_.load(std::memory_order_acquire) == ended; }

  Stats stats() const;
  std::string org_name() const;

  // Around fork. `before_fork` and `after_fork_in_parent` on the forking thread; in the child everything begins anew.
  void before_fork() { mutex_.lock(); }
  void after_fork_in_parent() { mutex_.unlock(); }
  void after_fork_in_child();

  Counters& counters() noexcept { return counters_; }

 private:
  enum State { idle, running, closing, ended };  // closing: no rows are taken any more, those that are here are sent

  bool can_push() noexcept {
    if (state_.load(std::memory_order_acquire) == running) [[likely]] {
      return true;
    }
    if (start()) return true;
    turned_away_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  bool start() noexcept;
  void run();
  void run_or_end() noexcept;
  void wait_for_flush(std::unique_lock<std::mutex>& lock, std::chrono::steady_clock::time_point until);
  void join(std::unique_lock<std::mutex>& lock);
  FlushResult finish(Milliseconds deadline, bool stop);
  FlushResult result_since_last_flush();
  Queue* make_queue();
  void report_drops();
  bool delivered_until(std::uint64_t moment) const;  // nothing taken before it is held; steady nanoseconds

  Options options_;
  RowSource& source_;
  Counters counters_;
  std::atomic<std::uint64_t> turned_away_ = 0;  // rows that came after the end; part of Dropped::closed
  // What every push reads, on a cache line that no counter shares.
  alignas(64) std::atomic<Queue*> queue_;
  std::atomic<State> state_ = idle;
  std::atomic<bool> lacks_key_ = false;  // the courier, after its last step

  alignas(64) mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::unique_ptr<std::thread> thread_;
  std::thread::id thread_id_ = {};
  bool joining_ = false;
  Courier* courier_ = nullptr;  // the thread's; here for `wake` and `org_name`
  std::uint64_t flush_wanted_ = 0;
  std::uint64_t flush_done_ = 0;
  bool open_spans_wanted_ = false;
  bool stop_wanted_ = false;
  bool key_wanted_ = false;
  std::vector<RowId> lost_ends_;
  bool (*may_end_)(void*) = nullptr;
  void* may_end_context_ = nullptr;
  std::uint64_t drops_told_ = 0;  // the thread's
  std::chrono::steady_clock::time_point drops_told_at_ = {};
  FlushResult reported_ = {};  // totals at the last flush
  // By the end of the thread: rows, attachments.
  std::uint64_t given_up_ = 0;
  std::uint64_t given_up_uploads_ = 0;

  // What must not be freed, kept in sight of leak checkers.
  struct LeftAlone {
    Courier* courier = nullptr;
    std::thread* thread = nullptr;
    Queue* queue = nullptr;
  } left_alone_ = {};
};

}  // namespace braintrust::pipeline
