#include "eval/eval_run.h"

#include <algorithm>
#include <system_error>
#include <thread>

#include <fmt/format.h>

#include <braintrust/core/diagnostics.h>

#include "trace/exception_text.h"
#include "trace/logger_core.h"

namespace braintrust::detail {
namespace {

constexpr std::size_t most_queued_bytes = 10u << 20;   // of rows that wait, before the next case begins (PROTO 14.9)
constexpr std::size_t most_left_behind = 256;          // tasks that do not come back: more threads would be too many
constexpr std::chrono::milliseconds look_around{100};  // a signal handler can wake nobody

std::atomic<unsigned> interruption_count = 0;
static_assert(std::atomic<unsigned>::is_always_lock_free, "interrupt_evals is called from signal handlers");

}  // namespace

unsigned interruptions() noexcept { return interruption_count.load(std::memory_order_relaxed); }

void Averages::add(const EvalCaseResult& result) {
  for (const auto& [name, score] : result.scores) {
    if (!score) continue;
    Average& average = scores_[name];
    average.sum += *score;
    ++average.count;
  }
  if (!result.error.empty()) return;
  duration_.sum += std::chrono::duration<double>(result.duration).count();
  ++duration_.count;
}

void Averages::fill(ExperimentSummary& summary) const {
  for (const auto& [name, average] : scores_) {
    summary.scores.push_back({.name = name, .score = average.sum / static_cast<double>(average.count)});
  }
  if (duration_.count == 0) return;
  summary.metrics.push_back({.name = "duration", .metric = duration_.sum / static_cast<double>(duration_.count), .unit = "s"});
}

EvalRun::EvalRun(EvalPlan plan, Experiment experiment, Logger logger, EvalData::Next next,
                 std::shared_ptr<EvalReporter> reporter)
    : plan_(std::move(plan)),
      experiment_(std::move(experiment)),
      logger_(std::move(logger)),
      next_(std::move(next)),
      reporter_(std::move(reporter)) {}

EvalRun::Outcome EvalRun::run(unsigned interruptions_before) {
  const auto& options = plan_.options;
  const auto end = options.timeout.count() > 0 ? Clock::now() + options.timeout : Clock::time_point::max();
  const unsigned workers =
      options.max_concurrency > 0 ? options.max_concurrency : std::max(1u, std::thread::hardware_concurrency());
  Lock lock(mutex_);
  for (unsigned i = 0; i < workers; ++i) start_worker();
  while (!all_over()) {
    const auto now = Clock::now();
    clock_.wait_until(lock, std::min({now + look_around, next_due(), end}));
    if (interruptions() != interruptions_before && !outcome_.interrupted && !all_over()) {
      interrupt(lock, "the eval was interrupted", false);
    }
    abandon_late(lock, Clock::now());
    if (Clock::now() >= end && !all_over()) {
      interrupt(lock, fmt::format("the eval's time of {} s was over", std::chrono::duration<double>(options.timeout).count()),
                true);
    }
  }
  end_workers(lock);
  for (auto& [index, result] : results_) outcome_.results.push_back(std::move(result));
  results_.clear();
  return std::move(outcome_);
}

// Under the lock. Without threads there is no eval; with some of them there is a slower one.
void EvalRun::start_worker() {
  Worker& worker = workers_.emplace_back();
  try {
    worker.thread = std::thread([self = shared_from_this(), &worker] { self->work(worker); });
  } catch (const std::system_error& error) {
    workers_.pop_back();
    if (present_workers() == 0) end_data(Error{ErrorCode::io, fmt::format("no thread could be started: {}", error.what())});
  }
}

// Those that are not left behind.
std::size_t EvalRun::present_workers() const {
  return static_cast<std::size_t>(std::count_if(workers_.begin(), workers_.end(), [](const Worker& w) { return !w.left; }));
}

void EvalRun::end_workers(Lock& lock) {
  closed_ = true;
  work_.notify_all();
  std::vector<std::thread> present;
  for (Worker& worker : workers_) {
    if (!worker.thread.joinable()) continue;
    if (worker.away) {
      worker.thread.detach();
    } else {
      present.push_back(std::move(worker.thread));
    }
  }
  lock.unlock();
  for (std::thread& thread : present) thread.join();
  lock.lock();
}

void EvalRun::work(Worker& self) {
  Lock lock(mutex_);
  while (!closed_ && !self.left) {
    if (!to_grade_.empty()) {
      run_grader(lock, self);
    } else if (!data_over_ && !reading_) {
      read_case(lock, self);
    } else {
      work_.wait(lock);
    }
  }
}

// Runs `f` without the lock.
template <class F>
void EvalRun::away(Lock& lock, Worker& self, F&& f) {
  self.away = true;
  lock.unlock();
  f();
  lock.lock();
  self.away = false;
}

// Takes the next case, or the next trial of the last one, and runs it.
void EvalRun::read_case(Lock& lock, Worker& self) {
  reading_ = true;
  Result<std::optional<EvalCase>> next = std::move(repeated_);
  away(lock, self, [&] {
    wait_for_room();
    if (*next || is_data_over()) return;
    try {
      next = next_();
    } catch (...) {
      next = Error{ErrorCode::callback_failed, "the data could not be read: " + exception_text(std::current_exception())};
    }
  });
  reading_ = false;
  if (data_over_) return clock_.notify_one();  // interrupted meanwhile
  if (!next) return end_data(next.error());
  if (!*next) return end_data({});
  EvalCase data = **std::move(next);
  const unsigned trials = std::max(1u, data.trial_count > 0 ? data.trial_count : plan_.options.trial_count);
  const unsigned trial = trials_begun_++;
  repeated_.reset();
  if (trials_begun_ < trials) {
    repeated_ = data;
  } else {
    trials_begun_ = 0;
  }
  run_case(lock, self, std::make_shared<CaseRun>(plan_, std::move(data), trial, cases_begun_++));
}

void EvalRun::run_case(Lock& lock, Worker& self, const std::shared_ptr<CaseRun>& run) {
  const auto limit = plan_.options.task_timeout;
  running_[run.get()] = {.run = run,
                         .worker = &self,
                         .task_due = limit.count() > 0 ? Clock::now() + limit : Clock::time_point::max(),
                         .graders_left = run->graders()};
  if (!data_over_) work_.notify_one();  // for the next case
  if (limit.count() > 0) clock_.notify_one();
  bool to_be_graded = false;
  away(lock, self, [&] { to_be_graded = run->start(experiment_); });
  const auto found = running_.find(run.get());
  if (found == running_.end()) return;  // abandoned
  found->second.task_due = Clock::time_point::max();
  if (!to_be_graded) return finish(lock, self, run);
  for (std::size_t i = 0; i < run->graders(); ++i) to_grade_.emplace_back(run, i);
  for (std::size_t i = 1; i < run->graders(); ++i) work_.notify_one();  // the first is for this thread
}

void EvalRun::run_grader(Lock& lock, Worker& self) {
  const std::shared_ptr<CaseRun> run = std::move(to_grade_.front().first);
  const std::size_t which = to_grade_.front().second;
  to_grade_.pop_front();
  away(lock, self, [&] { run->grade(which); });
  const auto found = running_.find(run.get());
  if (found == running_.end() || --found->second.graders_left > 0) return;
  finish(lock, self, run);
}

// The case is over. Neither its error scores nor a reporter keep other cases waiting.
void EvalRun::finish(Lock& lock, Worker& self, const std::shared_ptr<CaseRun>& run) {
  std::optional<EvalCaseResult> result;
  away(lock, self, [&] {
    result = run->finish();
    if (result) tell(*result);
  });
  close(run, std::move(result));
}

void EvalRun::tell(const EvalCaseResult& result) {
  const std::lock_guard lock(reporter_mutex_);
  try {
    reporter_->on_case(result, ++told_);
  } catch (...) {
    report(Severity::warning, ErrorCode::callback_failed,
           "an eval's reporter threw: " + exception_text(std::current_exception()));
  }
}

// Under the lock.
void EvalRun::close(const std::shared_ptr<CaseRun>& run, std::optional<EvalCaseResult> result) {
  if (running_.erase(run.get()) == 0) return;
  if (result) {
    ++outcome_.cases;
    if (!result->ok()) ++outcome_.failed_cases;
    outcome_.averages.add(*result);
    if (plan_.options.keep_results) results_.emplace(run->index(), *std::move(result));
  }
  if (all_over()) clock_.notify_one();
}

void EvalRun::end_data(std::optional<Error> error) {
  data_over_ = true;
  if (error && !outcome_.error) outcome_.error = std::move(error);
  clock_.notify_one();
}

bool EvalRun::is_data_over() {
  const std::lock_guard lock(mutex_);
  return data_over_;
}

// Rows are sent by one thread, and cases may be made by many: what has no room in the queue would be lost. A server that takes
// nothing at all is not waited for without end, and then no more until it takes something: the queue tells what it had to drop.
void EvalRun::wait_for_room() {
  if (!logger_) return;
  // The other half is for the cases that run.
  const std::size_t room = std::min(most_queued_bytes, LoggerCore::of(logger_)->queue_bytes / 2);
  unsigned vain = 0;
  while (logger_.stats().queued_bytes > room && logger_.stats().sent_rows != sent_when_given_up_ && !is_data_over()) {
    if (logger_.flush(std::chrono::seconds(10)).sent == 0 && ++vain == 3) sent_when_given_up_ = logger_.stats().sent_rows;
  }
}

void EvalRun::abandon_late(Lock& lock, Clock::time_point now) {
  std::vector<Running> late;
  for (const auto& [key, running] : running_) {
    if (running.task_due <= now) late.push_back(running);
  }
  for (const Running& running : late) {
    // While the one before was told, its task may have come back.
    const auto now_there = running_.find(running.run.get());
    if (now_there == running_.end() || now_there->second.task_due > now) continue;
    const double seconds = std::chrono::duration<double>(plan_.options.task_timeout).count();
    auto result =
        running.run->abandon(fmt::format("the task took longer than {} s (task_timeout), and was left behind", seconds));
    if (!result) continue;
    running.worker->left = true;
    running.worker->thread.detach();
    lock.unlock();
    tell(*result);
    lock.lock();
    close(running.run, std::move(result));
    start_worker();
  }
  const std::size_t left_behind = static_cast<std::size_t>(
      std::count_if(workers_.begin(), workers_.end(), [](const Worker& w) { return w.left && w.away; }));
  if (left_behind >= most_left_behind) {
    interrupt(lock, fmt::format("{} tasks were left behind and did not come back", left_behind), true);
  } else if (present_workers() == 0) {
    interrupt(lock, "no thread is left to run cases", true);
  }
}

void EvalRun::interrupt(Lock& lock, std::string why, bool abandon) {
  if (!outcome_.interrupted) {
    outcome_.interrupted = true;
    end_data(Error{ErrorCode::deadline_exceeded, why + ": not every case ran"});
  }
  data_over_ = true;
  if (abandon) {
    to_grade_.clear();
    abandoned_ = true;
  }
  std::vector<std::shared_ptr<CaseRun>> left;
  for (const auto& [key, running] : running_) left.push_back(running.run);
  for (const auto& run : left) {
    if (!abandon) {
      run->ask_to_stop();
    } else if (auto result = run->abandon(why)) {
      lock.unlock();
      tell(*result);
      lock.lock();
      close(run, std::move(result));
    }
  }
}

// Whoever reads the data is waited for: what it refers to may go when `run` has returned.
bool EvalRun::all_over() const { return data_over_ && running_.empty() && (!reading_ || abandoned_); }

EvalRun::Clock::time_point EvalRun::next_due() const {
  auto due = Clock::time_point::max();
  for (const auto& [key, running] : running_) due = std::min(due, running.task_due);
  return due;
}

}  // namespace braintrust::detail

namespace braintrust {

void interrupt_evals() noexcept { detail::interruption_count.fetch_add(1, std::memory_order_relaxed); }

}  // namespace braintrust
