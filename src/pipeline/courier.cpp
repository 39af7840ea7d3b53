#include "pipeline/courier.h"

#include <algorithm>

#include <braintrust/core/diagnostics.h>

namespace braintrust::pipeline {
namespace {

constexpr std::chrono::minutes between_reports{1};
// After all were stuck: how long those that still are are waited for. They come back one after the other.
constexpr std::chrono::seconds grace{5};

}  // namespace

Courier::Courier(const Settings& settings, Counters& counters, std::size_t most_bytes) : counters_(counters) {
  if (settings.to_braintrust) {
    auto braintrust = std::make_unique<BraintrustOutlet>(settings, http_, counters);
    braintrust_ = braintrust.get();
    outlets_.push_back(std::move(braintrust));
  }
  // One part is left for rows that none has taken yet.
  share_ = most_bytes / (outlets_.size() + settings.exporters.size() + 1);
  for (const Exporter& exporter : settings.exporters) {
    outlets_.push_back(exporter.maker()->make(settings, http_, counters, share_));
  }
}

void Courier::take(const Row& row) {
  for (const auto& outlet : outlets_) {
    // Where all are stuck, rows wait in the queue instead (`full`). The end of a span that is kept is no new row.
    const bool leave_out =
        outlet->stuck() && outlet->held_bytes() + row.text.size() > share_ && !wait_for_stuck_ && !outlet->keeps_open(row.id);
    if (leave_out) {
      if (outlet->leave_out(row)) count_left_out();
    } else {
      outlet->take(row);
    }
  }
  publish_held();
}

void Courier::count_left_out() {
  add(counters_.outlet_full, 1);
  const auto now = Outlet::Clock::now();
  if (told_at_ != Outlet::Clock::time_point{} && now - told_at_ < between_reports) return;
  told_at_ = now;
  detail::report(Severity::warning, ErrorCode::queue_full,
                 "one of several places that rows go to does not take them: its newest rows are dropped, the others get them");
}

void Courier::take_upload(Upload upload) {
  if (braintrust_ != nullptr) return braintrust_->take_upload(std::move(upload));
  if (counters_.uploads_failed.load(std::memory_order_relaxed) == 0) {
    detail::report(Severity::warning, ErrorCode::invalid_argument,
                   "attachments go to Braintrust only: this logger's exporters send what refers to them, and not their bytes");
  }
  add(counters_.uploads_failed, 1);
}

void Courier::lose_end(RowId row) {
  for (const auto& outlet : outlets_) outlet->lose_end(row);
  publish_held();
}

void Courier::take_no_more_of_open_spans() {
  for (const auto& outlet : outlets_) outlet->take_no_more_of_open_spans();
}

void Courier::seal() {
  for (const auto& outlet : outlets_) outlet->seal();
}

void Courier::step(std::chrono::milliseconds longest) {
  const auto advance = [this] {
    const auto now = Outlet::Clock::now();
    for (const auto& outlet : outlets_) outlet->advance(now);
    return now;
  };
  const auto count_stuck = [this] {
    return std::count_if(outlets_.begin(), outlets_.end(), [](const auto& outlet) { return outlet->stuck(); });
  };
  const auto now = advance();
  const auto stuck = count_stuck();
  auto next = now + std::min<std::chrono::milliseconds>(longest, std::chrono::hours(1));
  for (const auto& outlet : outlets_) next = std::min(next, outlet->next_due());
  http_.poll(std::max(std::chrono::milliseconds(0), std::chrono::ceil<std::chrono::milliseconds>(next - Outlet::Clock::now())));
  if (count_stuck() < stuck) {
    for (const auto& outlet : outlets_) {
      if (outlet->stuck()) outlet->try_now(Outlet::Clock::now());
    }
  }
  advance();
  look_who_is_stuck(Outlet::Clock::now());
  publish_held();
  publish_age();
}

bool Courier::idle() const noexcept {
  return std::all_of(outlets_.begin(), outlets_.end(), [](const auto& outlet) { return outlet->idle(); });
}

bool Courier::is_full(const Outlet& outlet) const noexcept {
  return outlet.full() || (outlets_.size() > 1 && outlet.held_bytes() >= share_);
}

void Courier::look_who_is_stuck(Outlet::Clock::time_point now) {
  const bool all = std::all_of(outlets_.begin(), outlets_.end(), [](const auto& outlet) { return outlet->stuck(); });
  if (all) all_stuck_until_ = now;
  wait_for_stuck_ = all || (all_stuck_until_ != Outlet::Clock::time_point{} && now - all_stuck_until_ < grace);
}

// One that is stuck holds the others up only when they are stuck as well.
bool Courier::full() const noexcept {
  return std::any_of(outlets_.begin(), outlets_.end(),
                     [this](const auto& outlet) { return is_full(*outlet) && (wait_for_stuck_ || !outlet->stuck()); });
}

bool Courier::hopeless() const noexcept {
  return std::any_of(outlets_.begin(), outlets_.end(), [](const auto& outlet) { return outlet->hopeless(); }) &&
         std::all_of(outlets_.begin(), outlets_.end(), [](const auto& outlet) { return outlet->hopeless() || outlet->idle(); });
}

std::uint64_t Courier::held_rows() const noexcept {
  std::uint64_t rows = 0;
  for (const auto& outlet : outlets_) rows += outlet->held_rows();
  return rows;
}

void Courier::give_up() {
  http_.cancel_all();
  for (const auto& outlet : outlets_) outlet->give_up();
  publish_held();
  publish_age();
}

void Courier::publish_held() {
  std::size_t bytes = 0;
  for (const auto& outlet : outlets_) bytes += outlet->held_bytes() + outlet->open_bytes();
  counters_.held.rows.store(held_rows(), std::memory_order_relaxed);
  counters_.held.bytes.store(bytes, std::memory_order_relaxed);
}

// Rows that nothing will ever send are not waited for, as long as others are on their way.
void Courier::publish_age() {
  const bool all_hopeless = hopeless();
  auto oldest = Outlet::Clock::time_point::max();
  for (const auto& outlet : outlets_) {
    if (all_hopeless || !outlet->hopeless()) oldest = std::min(oldest, outlet->oldest());
  }
  if (oldest == Outlet::Clock::time_point::max()) oldest = {};
  const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(oldest.time_since_epoch()).count();
  counters_.oldest_held.store(static_cast<std::uint64_t>(nanoseconds), std::memory_order_relaxed);
}

}  // namespace braintrust::pipeline
