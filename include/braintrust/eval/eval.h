#pragma once

// `Eval`: runs a task over cases, grades what comes out, and says whether it is better than before.
//
//   auto result = braintrust::Eval("Say Hi Bot", {
//       .data = {{.input = "Foo", .expected = "Hi Foo"}, {.input = "Bar", .expected = "Hi Bar"}},
//       .task = [](const nlohmann::json& input) { return "Hi " + input.get<std::string>(); },
//       .scores = {braintrust::scorers::levenshtein},
//   });
//   return result.ok() ? 0 : 1;
//
// With types of your own, that nlohmann/json can read and write: `Eval<Question, Answer>(…)`; the task then takes a `Question`
// and returns an `Answer`.
//
// It registers an experiment in the project of its name, runs cases at the same time, and prints progress, a table of the
// scores beside those of the base experiment, and a link (reporter.h). Each case is a trace: the case, the task, what the task
// does, a span for each scorer. `main.h` makes a program of evals, with flags and an exit code for CI.
//
// What goes wrong stays where it is: a task or a scorer that throws costs its case, or its score, and nothing else. What keeps
// the eval from running (no key, no data, a registration that is refused) is `EvalResult::error`, before any case runs.
//
// Threads: `Eval` returns when everything is over; the task and the scorers run on threads of its own, several at a time, and
// must bear that. Each sees its case's span as the current one. Errors: in the result; it does not throw.
// Units: scores 0 to 1; times as std::chrono. Source: PROTO 14, INST 23, 24.
//
// Cost: includes the whole of nlohmann/json.hpp.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <braintrust/eval/case.h>
#include <braintrust/eval/experiment.h>
#include <braintrust/eval/scorer.h>
#include <braintrust/trace/span.h>

namespace braintrust {

// What a task may look at and change beside its input: for tasks with a second parameter.
struct EvalHooks {
  const nlohmann::json& expected;  // null: the case has none
  nlohmann::json& metadata;        // the case's own copy: what stands here when the task is over is logged and shown to scorers
  std::vector<std::string>& tags;  // likewise
  SpanHandle span = {};            // the task's
  unsigned trial = 0;              // 0, 1, … of the same case
  const std::atomic<bool>* stop = nullptr;

  // The task's time is over, or the eval was interrupted: nobody waits for the output any more.
  bool stopped() const noexcept { return stop != nullptr && stop->load(std::memory_order_relaxed); }
};

namespace detail {
template <class T>
concept JsonReadable = requires(const nlohmann::json& json) {
  json.template get<T>();
};
template <class T>
concept JsonWritable = std::constructible_from<nlohmann::json, const T&>;

using EvalTask = std::function<nlohmann::json(const nlohmann::json& input, EvalHooks& hooks)>;
}  // namespace detail

// What is tested: a function of the input, or of the input and `EvalHooks&`. It returns the output, or a `Result` of it, whose
// error is that of the case.
template <class Input = nlohmann::json, class Output = nlohmann::json>
class EvalTaskOf {
 public:
  EvalTaskOf() = default;  // none: an error
  template <class F>
  static constexpr bool is_task = std::invocable<F&, const Input&> || std::invocable<F&, const Input&, EvalHooks&>;

  template <class F>
  requires is_task<F> EvalTaskOf(F task)
      : task_([task = std::move(task)](const nlohmann::json& input, EvalHooks& hooks) mutable -> nlohmann::json {
          if constexpr (std::same_as<Input, nlohmann::json>) {
            return call(task, input, hooks);
          } else {
            return call(task, input.template get<Input>(), hooks);
          }
        }) {}
  // For the words of the compiler.
  template <class F>
  requires(!is_task<F> && !std::derived_from<F, EvalTaskOf>) EvalTaskOf(F) {
    static_assert(
        is_task<F>,
        "an eval's task is called with its input, or with its input and `EvalHooks&`: [](const nlohmann::json& input) "
        "{ ... }, or in Eval<Input, Output> [](const Input& input) { ... }");
  }

  const detail::EvalTask& function() const noexcept { return task_; }

 private:
  template <class F>
  static nlohmann::json call(F& task, const Input& input, EvalHooks& hooks) {
    const auto output = [&]() -> decltype(auto) {
      if constexpr (std::invocable<F&, const Input&, EvalHooks&>) {
        return std::invoke(task, input, hooks);
      } else {
        return std::invoke(task, input);
      }
    };
    using Returned = decltype(output());
    constexpr bool is_result = detail::is_result<std::remove_cvref_t<Returned>>;
    constexpr bool is_output = requires(typename detail::ResultValue<std::remove_cvref_t<Returned>>::type(*returned)()) {
      Output(returned());
    };
    static_assert(is_output,
                  "an eval's task returns its output, or a `Result` of it: something that nlohmann/json can write, or in "
                  "Eval<Input, Output> an Output");
    if constexpr (is_output && is_result) {
      return detail::as_json(Output(detail::value_or_throw(output())));
    } else if constexpr (is_output) {
      return detail::as_json(Output(output()));
    }
  }
  detail::EvalTask task_ = {};
};

// A case that ran.
struct EvalCaseResult {
  nlohmann::json input = nullptr;
  nlohmann::json expected = nullptr;
  nlohmann::json output = nullptr;  // null when the task failed
  nlohmann::json metadata = nullptr;
  std::vector<std::string> tags = {};
  std::map<std::string, std::optional<double>> scores = {};  // none: there was no grade
  nlohmann::json classifications = nullptr;                  // name → [{id, label, metadata}]; null: none
  std::string error = {};                                    // why the task failed; blank: it did not
  std::map<std::string, std::string> scorer_errors = {};
  std::map<std::string, std::string> classifier_errors = {};
  nlohmann::json origin = nullptr;
  unsigned trial = 0;
  std::chrono::nanoseconds duration = {};  // of the task
  std::string row_id = {};                 // blank when nothing was sent
  std::string trace_id = {};               // on the wire: root_span_id

  bool ok() const noexcept { return error.empty() && scorer_errors.empty() && classifier_errors.empty(); }
};

struct EvalResult {
  std::string name = {};  // of the eval
  ExperimentSummary summary = {};
  std::vector<EvalCaseResult> results = {};  // in the order of the data, trials together; empty with `keep_results = false`
  std::size_t cases = 0;                     // that ran, each trial counted
  std::size_t failed_cases = 0;              // whose task, scorer or classifier failed
  std::optional<Error> error = {};           // why it did not run, or did not run to its end
  std::optional<Error> summary_error = {};   // why there is no comparison; `summary` then has averages that were made here
  bool interrupted = false;                  // by Ctrl-C, or because `timeout` was over; `error` says so

  // Every case ran, and nothing failed. (Whether the scores are good enough is another question: see main.h.)
  bool ok() const noexcept { return !error && failed_cases == 0; }
};

// Hears how an eval goes. Called by one thread at a time; cases wait for it no longer than they must. What it throws is told to
// diagnostics.
class EvalReporter {
 public:
  virtual ~EvalReporter() = default;

  struct Start {
    std::string eval_name = {};
    std::string experiment_name = {};  // blank: nothing is sent
    std::string experiment_url = {};
    std::optional<std::size_t> cases = {};  // trials included; none: not known yet
  };
  virtual void on_start(const Start&) {}
  // `done` cases are over, this one included.
  virtual void on_case(const EvalCaseResult&, std::size_t /*done*/) {}
  virtual void on_end(const EvalResult&) {}
};

// Scores for a case whose task or scorers failed, from 0 to 1. `missing` names the scorers without a result.
using ErrorScores =
    std::function<std::map<std::string, double>(const EvalCaseResult& result, const std::vector<std::string>& missing)>;
// 0 for each of them.
std::map<std::string, double> zero_scores(const EvalCaseResult& result, const std::vector<std::string>& missing);

// What to evaluate, and how. At least one scorer or classifier.
// The order is part of the interface: fields are only ever appended.
template <class Input = nlohmann::json, class Output = nlohmann::json>
struct EvalOptions {
  static_assert(
      detail::JsonReadable<Input> && detail::JsonWritable<Input>,
      "an eval's Input must have to_json and from_json of nlohmann/json: NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(…) beside it");
  static_assert(
      detail::JsonReadable<Output> && detail::JsonWritable<Output>,
      "an eval's Output must have to_json and from_json of nlohmann/json: NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(…) beside it");

  EvalDataOf<Input, Output> data = {};
  EvalTaskOf<Input, Output> task = {};
  std::vector<ScorerOf<Input, Output>> scores = {};
  std::vector<ClassifierOf<Input, Output>> classifiers = {};
  std::string experiment_name = {};      // blank: the server finds one
  unsigned trial_count = 1;              // how often each case runs
  unsigned max_concurrency = 0;          // cases at a time. 0: as many as there are hardware threads
  std::chrono::milliseconds timeout{0};  // of the whole eval; then no further case begins, and it ends as interrupted. 0: none
  std::chrono::milliseconds task_timeout{0};  // of one task; then the case has failed. 0: none
  nlohmann::json metadata = nullptr;          // of the experiment, an object
  std::vector<std::string> tags = {};         // of the experiment
  std::string base_experiment = {};           // what it is compared with (experiment.h)
  std::string base_experiment_id = {};
  bool no_send_logs = false;  // nothing of the eval is registered or sent (what the task traces is); scores are averaged here
  std::string description = {};
  std::string project = {};  // blank: the eval's name
  std::string project_id = {};
  bool update = false;  // goes on with the experiment of that name
  bool is_public = false;
  ErrorScores error_scores = {};  // none: a case that failed has no scores
  bool keep_results = true;       // false: only counts and averages
  GitOptions git = {};
  std::shared_ptr<EvalReporter> reporter = {};  // null: the one of reporter.h, on standard output
  ConnectionOptions connection = {};
};

namespace detail {

// An eval, whatever its types.
struct EvalPlan {
  EvalData data = {};
  EvalTask task = {};
  std::vector<Grader<Score>> scores = {};
  std::vector<Grader<Classification>> classifiers = {};
  EvalOptions<> options = {};  // without the four above
};

template <class Input, class Output>
EvalPlan plan_of(EvalOptions<Input, Output> options) {
  EvalPlan plan{.data = std::move(options.data),
                .task = options.task.function(),
                .scores = {options.scores.begin(), options.scores.end()},
                .classifiers = {options.classifiers.begin(), options.classifiers.end()}};
  plan.options.experiment_name = std::move(options.experiment_name);
  plan.options.trial_count = options.trial_count;
  plan.options.max_concurrency = options.max_concurrency;
  plan.options.timeout = options.timeout;
  plan.options.task_timeout = options.task_timeout;
  plan.options.metadata = std::move(options.metadata);
  plan.options.tags = std::move(options.tags);
  plan.options.base_experiment = std::move(options.base_experiment);
  plan.options.base_experiment_id = std::move(options.base_experiment_id);
  plan.options.no_send_logs = options.no_send_logs;
  plan.options.description = std::move(options.description);
  plan.options.project = std::move(options.project);
  plan.options.project_id = std::move(options.project_id);
  plan.options.update = options.update;
  plan.options.is_public = options.is_public;
  plan.options.error_scores = std::move(options.error_scores);
  plan.options.keep_results = options.keep_results;
  plan.options.git = std::move(options.git);
  plan.options.reporter = std::move(options.reporter);
  plan.options.connection = std::move(options.connection);
  return plan;
}

EvalResult run_eval(std::string_view name, EvalPlan plan) noexcept;

}  // namespace detail

// Runs it. Waits until every case is over, `timeout` has passed, or `interrupt_evals` was called.
//
// A task that takes longer than `task_timeout` is left behind: its case has failed, and its thread goes on until the task
// returns. So what it refers to must outlive it. When 256 tasks were left behind and none of them has come back, the eval ends.
// Scorers have no time limit of their own: `timeout` ends them, too.
template <class Input = nlohmann::json, class Output = nlohmann::json>
EvalResult Eval(std::string_view name, EvalOptions<Input, Output> options) {
  return detail::run_eval(name, detail::plan_of(std::move(options)));
}

// Ends all evals of this process early: no further case begins, cases that run are waited for, what is finished is sent and
// summarised. May be called from a signal handler; main.h does so for Ctrl-C.
void interrupt_evals() noexcept;

}  // namespace braintrust
