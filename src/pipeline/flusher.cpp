#include "pipeline/flusher.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include <braintrust/core/diagnostics.h>

#include "core/quantity_text.h"
#include "pipeline/background_thread.h"
#include "pipeline/media_gate.h"

namespace braintrust::pipeline {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// How often open spans are looked at.
constexpr auto open_span_interval = milliseconds(500);
// Nobody waits longer; beyond, the clock's arithmetic would overflow.
constexpr auto longest_wait = std::chrono::hours(24 * 365);
// The queue's memory that stays when it is empty, so that ordinary traffic allocates nothing.
constexpr std::size_t kept_when_idle = 4u << 20;

std::uint64_t steady_nanoseconds() {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch()).count());
}

// Calls `f` for each record that has not been read yet. One for which it throws comes again.
template <class F>
void read_records(Block& block, F&& f) {
  while (block.read < block.used) {
    const char* const record = block.data() + block.read;
    std::uint32_t size = 0;
    std::memcpy(&size, record, sizeof size);
    f(record);
    block.read += size;
  }
}

}  // namespace

bool Flusher::delivered_until(std::uint64_t moment) const {
  for (const std::uint64_t oldest : {counters_.oldest_held.load(), counters_.oldest_upload.load()}) {
    if (oldest != 0 && oldest <= moment) return false;
  }
  return true;
}

Flusher::Flusher(Options options, RowSource& source) : options_(std::move(options)), source_(source) {
  // Zero would never let the thread rest.
  options_.interval = std::clamp<Milliseconds>(options_.interval, milliseconds(1), longest_wait);
  queue_.store(make_queue());
}

Queue* Flusher::make_queue() {
  return new Queue(
      options_.bounds, counters_.held,
      [](void* self) {
        auto* const flusher = static_cast<Flusher*>(self);
        const std::lock_guard lock(flusher->mutex_);
        if (flusher->courier_ != nullptr) flusher->courier_->wake();
      },
      this);
}

void Flusher::lose_end(RowId row) noexcept {
  try {
    const std::lock_guard lock(mutex_);
    if (state_.load(std::memory_order_relaxed) == running) lost_ends_.push_back(row);
  } catch (const std::exception&) {  // out of memory: it is waited for until the logger ends
  }
}

bool Flusher::start() noexcept {
  std::string failure;
  {
    const std::lock_guard lock(mutex_);
    const State state = state_.load(std::memory_order_relaxed);
    if (state != idle) return state == running;
    try {
      thread_ = std::make_unique<std::thread>(start_background_thread("braintrust", [this] { run_or_end(); }));
      state_.store(running, std::memory_order_release);
      return true;
    } catch (const std::exception& error) {
      failure = error.what();
    }
  }
  detail::report(Severity::error, ErrorCode::io, "no background thread, rows cannot be sent: " + failure);
  return false;
}

// An exception that nobody expected must not end the program.
void Flusher::run_or_end() noexcept {
  try {
    run();
  } catch (const std::exception& error) {
    detail::report(Severity::error, ErrorCode::io, std::string("the background thread ended, rows are lost: ") + error.what());
    const std::lock_guard lock(mutex_);
    state_.store(ended, std::memory_order_release);
    courier_ = nullptr;
    changed_.notify_all();
  }
}

void Flusher::run() {
  Queue& queue = *queue_.load();
  MediaGate::set_taken_by_this_thread(options_.settings.to_braintrust);
  auto courier = std::make_unique<Courier>(options_.settings, counters_, options_.bounds.max_bytes);
  {
    const std::lock_guard lock(mutex_);
    thread_id_ = std::this_thread::get_id();
    courier_ = courier.get();
  }

  Block* first = nullptr;  // collected blocks that still have to be written
  Block* last = nullptr;
  auto collected_at = Clock::time_point{};
  auto looked_at = Clock::now();
  std::uint64_t flush_begun = 0;       // the last flush whose rows were all collected …
  const Block* flush_block = nullptr;  // … the last of them in here, if any was left to be written
  std::uint64_t flush_seen = 0;        // the last flush whose rows are all with the courier
  std::uint64_t flush_cut = 0;         // when the last of them was
  std::uint64_t flush_answered = 0;
  bool last_flush = false;  // nothing was taken any more when it began
  bool stopping = false;
  std::vector<RowId> lost_ends;

  for (;;) {
    bool open_spans = false;
    std::uint64_t flush = 0;
    bool may_end = false;
    bool closing_now = false;
    {
      const std::lock_guard lock(mutex_);
      flush = flush_wanted_;
      open_spans = std::exchange(open_spans_wanted_, false);
      // Before a flush that came behind it is answered.
      if (std::exchange(key_wanted_, false)) courier->look_for_key();
      stopping = stop_wanted_;
      if (lost_ends.empty()) lost_ends.swap(lost_ends_);
      closing_now = state_.load(std::memory_order_relaxed) == closing;
      may_end = may_end_ != nullptr && may_end_(may_end_context_);
    }

    const auto now = Clock::now();
    const bool flushing = flush != flush_begun;
    const bool due = !options_.only_when_flushed && now - collected_at >= options_.interval;
    const bool sending = !options_.only_when_flushed || flushing || may_end || !delivered_until(flush_cut);
    try {
      if (Block* const list =
              !sending ? nullptr
                       : queue.collect(flushing || due || may_end ? Queue::Collect::everything : Queue::Collect::full_blocks)) {
        (first == nullptr ? first : last->next) = list;
        for (last = list; last->next != nullptr;) last = last->next;
      }
      if (flushing || due) collected_at = now;
      // Rows that come from now on are not this flush's: it must not wait for a program that never rests.
      if (flushing) {
        flush_begun = flush;
        last_flush = closing_now;
        flush_block = first != nullptr ? last : nullptr;
      }
      if (open_spans || now - looked_at >= open_span_interval) {
        if (open_spans || courier->takes_open_spans()) source_.write_open(open_spans, *courier);
        looked_at = now;
        if (first == nullptr && queue.rows() == 0) queue.trim(kept_when_idle);
      }
      // After what was written of these spans while they were open.
      for (; !lost_ends.empty(); lost_ends.pop_back()) source_.lose_end(lost_ends.back(), *courier);
      while (first != nullptr && !courier->full()) {
        read_records(*first, [&](const char* record) {
          source_.write(record, *courier);
          queue.pass_on(*first);
        });
        if (first == flush_block) flush_block = nullptr;
        queue.release(std::exchange(first, first->next));
      }
    } catch (const std::exception& error) {  // out of memory: the row is tried again
      detail::report(Severity::error, ErrorCode::io, std::string("the background thread cannot go on: ") + error.what());
    }
    if (first == nullptr) last = nullptr;

    const bool all_written = flush_block == nullptr && flush_seen != flush_begun;
    if (all_written) {
      // Nothing more comes: neither rows nor the ends of spans.
      if (last_flush) courier->take_no_more_of_open_spans();
      flush_seen = flush_begun;
      flush_cut = steady_nanoseconds();
    }
    if (due || flushing || all_written || stopping || may_end) courier->seal();

    report_drops();

    // A flush with nothing to wait for is answered at once, not when the next thing happens.
    const bool answer_due = flush_seen == flush && flush_answered != flush && delivered_until(flush_cut);
    const bool work_left = (first != nullptr && !courier->full()) || answer_due;
    queue.set_waiting(true);
    courier->step(work_left ? milliseconds(0) : options_.interval);
    queue.set_waiting(false);
    lacks_key_.store(courier->lacks_key(), std::memory_order_release);

    const bool answered = (flush_seen == flush && delivered_until(flush_cut)) || courier->hopeless();
    {
      const std::lock_guard lock(mutex_);
      if (answered) flush_answered = flush;
      if (answered && flush_done_ < flush) {
        flush_done_ = flush;
        changed_.notify_all();
      }
      if (stop_wanted_ || (may_end && first == nullptr && (courier->idle() || courier->hopeless()))) {
        state_.store(ended, std::memory_order_release);
        courier_ = nullptr;
        break;
      }
    }
  }

  // What is left was given up: by the deadline of `stop`, or because nothing can ever be sent.
  for (Block* list = queue.collect(Queue::Collect::everything); list != nullptr;) {
    Block* const next = list->next;
    list->next = first;
    first = list;
    list = next;
  }
  std::uint64_t given_up = courier->held_rows();
  while (first != nullptr) {
    read_records(*first, [&](const char* record) { source_.discard(record); });
    given_up += first->rows;
    counters_.closed.fetch_add(first->rows, std::memory_order_relaxed);
    queue.release(std::exchange(first, first->next));
  }
  queue.trim(0);
  const bool busy = !courier->idle();
  const std::uint64_t given_up_uploads = counters_.uploads_held;
  courier->give_up();
  const std::lock_guard lock(mutex_);
  given_up_ = given_up;
  given_up_uploads_ = given_up_uploads;
  // Freeing a connection that is still looking up its host would wait for the resolver; the process may be about to end.
  if (busy) left_alone_.courier = courier.release();
  changed_.notify_all();
}

void Flusher::report_drops() {
  const std::uint64_t refused = queue_.load()->refused();
  const auto now = Clock::now();
  if (refused == drops_told_ || now - drops_told_at_ < options_.drop_report_interval) return;
  detail::report(Severity::warning, ErrorCode::queue_full,
                 "the queue is full: " + detail::counted(refused - drops_told_, "row was", "rows were") +
                     " dropped; the backend is slower than the program, or away (LoggerOptions::queue sets the bound)");
  drops_told_ = refused;
  drops_told_at_ = now;
}

FlushResult Flusher::finish(Milliseconds deadline, bool stop) {
  const auto until = Clock::now() + std::clamp<Milliseconds>(deadline, milliseconds(0), longest_wait);
  std::unique_lock lock(mutex_);
  // Called back by a function of the user's, on the very thread it would wait for.
  if (thread_id_ == std::this_thread::get_id()) return result_since_last_flush();
  if (state_.load() == idle && stop) state_.store(ended);
  if (stop) open_spans_wanted_ = true;
  wait_for_flush(lock, until);
  if (stop && state_.load() == running) {
    // What comes from now on is turned away; what came during the wait above still gets the time that is left, because a
    // request that is cut off may have been heard.
    state_.store(closing);
    wait_for_flush(lock, until);
  }
  if (stop && state_.load() == closing) {
    stop_wanted_ = true;  // delivered or not
    if (courier_ != nullptr) courier_->wake();
  }
  if (stop) join(lock);
  FlushResult result = result_since_last_flush();
  if (stop) {
    const std::uint64_t given_up = std::min(std::exchange(given_up_, 0), result.dropped);
    result.pending += given_up;
    result.dropped -= given_up;
    const std::uint64_t uploads = std::min(std::exchange(given_up_uploads_, 0), result.attachments_failed);
    result.attachments_pending += uploads;
    result.attachments_failed -= uploads;
  }
  return result;
}

void Flusher::wait_for_flush(std::unique_lock<std::mutex>& lock, std::chrono::steady_clock::time_point until) {
  const auto working = [this] { return state_.load() == running || state_.load() == closing; };
  if (!working()) return;
  const std::uint64_t ticket = ++flush_wanted_;
  if (courier_ != nullptr) courier_->wake();
  changed_.wait_until(lock, until, [&] { return flush_done_ >= ticket || !working(); });
}

// One caller joins the thread, the others wait for that.
void Flusher::join(std::unique_lock<std::mutex>& lock) {
  changed_.wait(lock, [this] { return !joining_; });
  if (thread_ == nullptr || !thread_->joinable()) return;
  joining_ = true;
  lock.unlock();
  thread_->join();
  lock.lock();
  joining_ = false;
  thread_id_ = {};
  changed_.notify_all();
}

void Flusher::prepare_stop() {
  const std::lock_guard lock(mutex_);
  if (state_.load() != running) return;
  ++flush_wanted_;
  open_spans_wanted_ = true;
  if (courier_ != nullptr) courier_->wake();
}

void Flusher::look_for_key() {
  if (!lacks_key_.load(std::memory_order_acquire)) return;
  const std::lock_guard lock(mutex_);
  key_wanted_ = true;
  if (courier_ != nullptr) courier_->wake();
}

void Flusher::stop_when_done(bool (*may_end)(void*), void* context) {
  const std::lock_guard lock(mutex_);
  if (state_.load() == idle) state_.store(ended);
  may_end_ = may_end;
  may_end_context_ = context;
  if (courier_ != nullptr) courier_->wake();
}

Stats Flusher::stats() const {
  const Counters& c = counters_;
  Stats stats;
  stats.sent_rows = c.sent_rows;
  stats.sent_bytes = c.sent_bytes;
  stats.requests = c.requests;
  stats.retries = c.retries;
  stats.dropped = {.queue_full = queue_.load()->refused() + c.outlet_full,
                   .refused = c.refused,
                   .exhausted = c.exhausted,
                   .unresolved = c.unresolved,
                   .invalid = c.invalid,
                   .closed = c.closed + turned_away_.load(std::memory_order_relaxed),
                   .not_carried = c.not_carried};
  stats.queued_rows = queue_.load()->rows() + c.held.rows;
  stats.queued_bytes = queue_.load()->bytes() + c.held.bytes;
  stats.attachments = {.queued = c.uploads_held,
                       .sent = c.uploads_sent,
                       .sent_bytes = c.uploads_sent_bytes,
                       .failed = c.uploads_failed,
                       .closed = c.uploads_closed};
  if (const std::uint64_t oldest = c.oldest_held; oldest != 0) {
    stats.oldest_age = static_cast<double>(steady_nanoseconds() - oldest) * 1e-9;
  }
  return stats;
}

FlushResult Flusher::result_since_last_flush() {
  const Stats now = stats();
  const FlushResult total = {
      .sent = now.sent_rows,
      .pending = now.queued_rows,
      .failed = now.dropped.refused + now.dropped.exhausted + now.dropped.unresolved,
      .dropped = now.dropped.queue_full + now.dropped.invalid + now.dropped.closed + now.dropped.not_carried,
      .attachments_sent = now.attachments.sent,
      .attachments_pending = now.attachments.queued,
      .attachments_failed = now.attachments.failed + now.attachments.closed};
  const FlushResult before = std::exchange(reported_, total);
  return {.sent = total.sent - before.sent,
          .pending = total.pending,
          .failed = total.failed - before.failed,
          .dropped = total.dropped - before.dropped,
          .attachments_sent = total.attachments_sent - before.attachments_sent,
          .attachments_pending = total.attachments_pending,
          .attachments_failed = total.attachments_failed - before.attachments_failed};
}

std::string Flusher::org_name() const {
  const std::lock_guard lock(mutex_);
  return courier_ != nullptr ? courier_->org_name() : std::string();
}

void Flusher::after_fork_in_child() {
  // This thread held the mutex since before_fork and is the only one here. The parent's thread, courier, queue and the state of
  // the condition variable are left where they are: freeing them could wait for threads that do not exist.
  left_alone_ = {courier_, thread_.release(), queue_.load()};
  new (&changed_) std::condition_variable;
  courier_ = nullptr;
  thread_id_ = {};
  joining_ = false;
  flush_wanted_ = flush_done_ = 0;
  open_spans_wanted_ = stop_wanted_ = key_wanted_ = false;
  lost_ends_.clear();
  lacks_key_.store(false);
  drops_told_ = 0;
  drops_told_at_ = {};
  reported_ = {};
  given_up_ = given_up_uploads_ = 0;
  counters_.reset();
  turned_away_.store(0, std::memory_order_relaxed);
  source_.begin_anew();
  queue_.store(make_queue());
  if (state_.load() == running) state_.store(idle);
  if (state_.load() == closing) state_.store(ended);
  mutex_.unlock();
}

}  // namespace braintrust::pipeline
