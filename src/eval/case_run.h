#pragma once

// `CaseRun`: one case while it runs: its spans, the task, and each grader, in pieces that may run on different threads.
//
//   run.start(experiment);              // the case's span and the task
//   run.grade(0), run.grade(1), …       // one for each scorer and classifier, in any order, also at the same time
//   run.finish();                       // what came of it
//
// `abandon` takes the place of what did not happen in time: from then on nothing of the run is recorded, but that the spans of
// what was left behind end when it returns.
//
// Threads: `start` before `grade`, each grader on one thread, `finish` after all of them. `abandon` at any time, from any
// thread. Errors: what the user's functions throw is kept as text. Source: PROTO 14, INST 23, 24.

#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <braintrust/eval/eval.h>

namespace braintrust::detail {

class CaseRun {
 public:
  using Clock = std::chrono::steady_clock;

  CaseRun(const EvalPlan& plan, EvalCase data, unsigned trial, std::size_t index);

  std::size_t index() const noexcept { return index_; }
  std::size_t graders() const noexcept { return plan_.scores.size() + plan_.classifiers.size(); }

  // False: the task failed or was abandoned, and there is nothing to grade.
  bool start(const Experiment& experiment);
  void grade(std::size_t which);
  // Nothing: it was abandoned before.
  std::optional<EvalCaseResult> finish();

  // Why the case failed without having come to its end. Nothing: it had finished.
  std::optional<EvalCaseResult> abandon(const std::string& why);
  // The task may stop early: nobody waits for it any more.
  void ask_to_stop() noexcept { stop_ = true; }

 private:
  struct Graded {
    std::string name = {};  // of the grader
    SpanHandle span = {};
    std::vector<Score> scores = {};
    nlohmann::json classifications = nullptr;
    std::string error = {};
  };

  void run_task();
  void log_case(const nlohmann::json& metadata, const std::vector<std::string>& tags);
  template <class Item, class Record>
  void run_grader(Graded& graded, const Grader<Item>& grader, SpanType type, Record&& record);
  void record_scores(Graded& graded, Span& span, std::vector<Score> scores);
  void record_classifications(Graded& graded, Span& span, std::vector<Classification> found);
  bool left_behind() const noexcept { return left_behind_.load(std::memory_order_relaxed); }
  static void take_grades(EvalCaseResult& result, Graded& graded, bool scorer);
  void add_error_scores(EvalCaseResult& result, const std::vector<std::string>& missing);
  EvalCaseResult result_of_task() const;

  const EvalPlan& plan_;
  const EvalCase data_;
  const unsigned trial_;
  const std::size_t index_;

  std::mutex mutex_;  // between those who run the case and `abandon`: who is first decides. Never held for user's functions
  bool over_ = false;
  std::atomic<bool> stop_ = false;         // nobody wants the output any more
  std::atomic<bool> left_behind_ = false;  // `abandon` was first
  Span root_ = {};                         // under the mutex
  SpanHandle task_span_ = {};              // likewise

  SpanHandle case_span_ = {};  // of the root; false when nothing is recorded
  // The task's, then the graders' to read.
  nlohmann::json output_ = nullptr;
  nlohmann::json metadata_;
  std::vector<std::string> tags_;
  std::string error_ = {};
  Clock::duration duration_ = {};
  Json grader_input_ = {};
  std::vector<Graded> graded_;
};

}  // namespace braintrust::detail
