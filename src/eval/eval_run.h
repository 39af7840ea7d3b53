#pragma once

// `EvalRun`: runs the cases of an eval on threads of its own, several at a time.
//
// Workers take what there is to do: graders of a case whose task is over, before the next case. So the graders of a case run at
// the same time, and no more than `max_concurrency` pieces of work do. One thread reads the data at a time, and waits there
// while the queue of rows is full, so that nothing is lost however fast the cases are.
//
// A thread that does not come back from a function of the user's in time is left to itself; it keeps the run alive, and another
// one takes its place. All others have ended when `run` returns.
//
// Threads: `run` on the caller's, which keeps the time. Errors: `Outcome::error`. Source: PROTO 14.

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <braintrust/eval/eval.h>

#include "eval/case_run.h"

namespace braintrust::detail {

// Averages over cases, as they come.
class Averages {
 public:
  void add(const EvalCaseResult& result);
  void fill(ExperimentSummary& summary) const;

 private:
  struct Average {
    double sum = 0;
    std::size_t count = 0;
  };
  std::map<std::string, Average> scores_;
  Average duration_;  // seconds
};

class EvalRun : public std::enable_shared_from_this<EvalRun> {
 public:
  struct Outcome {
    std::vector<EvalCaseResult> results = {};
    std::size_t cases = 0;
    std::size_t failed_cases = 0;
    std::optional<Error> error = {};
    bool interrupted = false;
    Averages averages = {};
  };

  EvalRun(EvalPlan plan, Experiment experiment, Logger logger, EvalData::Next next, std::shared_ptr<EvalReporter> reporter);

  // Once. Waits until all is over. An interruption beyond those before ends it early.
  Outcome run(unsigned interruptions_before);

 private:
  using Clock = CaseRun::Clock;
  using Lock = std::unique_lock<std::mutex>;
  struct Worker {
    std::thread thread = {};
    bool away = false;  // in a function of the user's
    bool left = false;  // its place was taken by another one
  };

  struct Running {
    std::shared_ptr<CaseRun> run;
    Worker* worker;              // in the task
    Clock::time_point task_due;  // `max` once the task is over
    std::size_t graders_left = 0;
  };

  void start_worker();
  void work(Worker& self);
  void read_case(Lock& lock, Worker& self);
  void run_case(Lock& lock, Worker& self, const std::shared_ptr<CaseRun>& run);
  void run_grader(Lock& lock, Worker& self);
  template <class F>
  void away(Lock& lock, Worker& self, F&& f);
  std::size_t present_workers() const;
  void end_workers(Lock& lock);
  void finish(Lock& lock, Worker& self, const std::shared_ptr<CaseRun>& run);
  void tell(const EvalCaseResult& result);
  void close(const std::shared_ptr<CaseRun>& run, std::optional<EvalCaseResult> result);
  void end_data(std::optional<Error> error);
  bool is_data_over();
  void wait_for_room();
  void abandon_late(Lock& lock, Clock::time_point now);
  void interrupt(Lock& lock, std::string why, bool abandon);
  bool all_over() const;
  Clock::time_point next_due() const;

  const EvalPlan plan_;
  const Experiment experiment_;
  const Logger logger_;  // of the rows; a no-op when nothing is sent
  const EvalData::Next next_;
  const std::shared_ptr<EvalReporter> reporter_;

  std::mutex reporter_mutex_;
  std::size_t told_ = 0;  // cases, under it

  std::mutex mutex_;
  std::condition_variable work_;   // for one worker: there is something to do
  std::condition_variable clock_;  // for `run`: all is over, or a task's time has begun
  std::list<Worker> workers_ = {};
  bool reading_ = false;                                  // a worker is at the data
  std::optional<std::uint64_t> sent_when_given_up_ = {};  // rows, when the queue stood still; of the worker at the data
  bool data_over_ = false;                                // no case follows
  bool abandoned_ = false;                                // nobody is waited for any more
  std::optional<EvalCase> repeated_ = {};                 // a case with more trials to come
  unsigned trials_begun_ = 0;                             // of it
  std::size_t cases_begun_ = 0;
  std::map<const CaseRun*, Running> running_ = {};
  std::deque<std::pair<std::shared_ptr<CaseRun>, std::size_t>> to_grade_ = {};
  std::map<std::size_t, EvalCaseResult> results_ = {};
  bool closed_ = false;  // `run` has returned
  Outcome outcome_ = {};
};

// How often `interrupt_evals` was called.
unsigned interruptions() noexcept;

}  // namespace braintrust::detail
