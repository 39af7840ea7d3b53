#include <braintrust/eval/eval.h>
#include <braintrust/eval/reporter.h>

#include <fmt/format.h>

#include <braintrust/core/diagnostics.h>

#include "core/environment.h"
#include "eval/eval_run.h"
#include "eval/experiment_core.h"
#include "trace/exception_text.h"

namespace braintrust {

std::map<std::string, double> zero_scores(const EvalCaseResult&, const std::vector<std::string>& missing) {
  std::map<std::string, double> scores;
  for (const std::string& name : missing) scores[name] = 0;
  return scores;
}

namespace detail {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds flush_deadline{60};

std::optional<Error> check(std::string_view name, const EvalPlan& plan) {
  const auto refused = [&](std::string_view why) {
    return Error{ErrorCode::invalid_argument, fmt::format("Eval \"{}\": {}", name, why)};
  };
  if (is_blank(name)) return refused("an eval needs a name");
  if (!plan.data) return refused("there is no `data`");
  if (!plan.task) return refused("there is no `task`");
  if (plan.scores.empty() && plan.classifiers.empty()) return refused("give at least one of `scores` and `classifiers`");
  if (plan.options.trial_count == 0) return refused("`trial_count` must be at least 1");
  for (std::size_t i = 0; i < plan.scores.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (plan.scores[i].name().empty() || plan.scores[i].name() != plan.scores[j].name()) continue;
      return refused(fmt::format("two scorers are called \"{}\": give one of them another name, as in {{\"name\", scorer}}",
                                 plan.scores[i].name()));
    }
  }
  return {};
}

ExperimentOptions experiment_options(std::string_view name, const EvalPlan& plan, const std::string& dataset_version) {
  const EvalOptions<>& options = plan.options;
  ExperimentOptions experiment{.project = options.project,
                               .name = options.experiment_name,
                               .project_id = options.project_id,
                               .description = options.description,
                               .metadata = options.metadata,
                               .tags = options.tags,
                               .base_experiment = options.base_experiment,
                               .base_experiment_id = options.base_experiment_id,
                               .update = options.update,
                               .is_public = options.is_public,
                               .git = options.git,
                               .connection = options.connection};
  if (is_blank(experiment.project) && is_blank(experiment.project_id)) experiment.project = name;
  if (const auto& dataset = plan.data.dataset()) experiment.dataset = dataset->at_version(dataset_version);
  return experiment;
}

// A reporter's own faults are not the eval's.
template <class F>
void tell(F&& f) {
  try {
    f();
  } catch (...) {
    report(Severity::warning, ErrorCode::callback_failed,
           "an eval's reporter threw: " + exception_text(std::current_exception()));
  }
}

std::uint64_t lost_rows(const Logger& logger) { return logger.stats().dropped.total(); }

// Brings the rows home, and the averages back.
void summarize(EvalResult& result, const Experiment& experiment, const Averages& averages, std::uint64_t lost_before) {
  result.summary = {.project_name = experiment.project_name(),
                    .project_id = experiment.project_id(),
                    .experiment_name = experiment.name(),
                    .experiment_id = experiment.id(),
                    .experiment_url = experiment.url()};
  if (!experiment) return averages.fill(result.summary);
  const FlushResult flushed = experiment.flush(flush_deadline);
  const Logger& logger = ExperimentAccess::core_of(experiment)->logger;
  const std::uint64_t lost = lost_rows(logger) - lost_before;
  if (!result.error && (flushed.pending > 0 || lost > 0)) {
    result.error = Error{ErrorCode::deadline_exceeded,
                         fmt::format("the experiment is not complete: {} of its rows did not arrive", flushed.pending + lost)};
  }
  // That would wait for the same rows again.
  auto summary = flushed.pending > 0 ? Result<ExperimentSummary>(*result.error) : experiment.summarize();
  if (summary) {
    result.summary = *std::move(summary);
  } else {
    report(Severity::warning, summary.error().code,
           "the experiment's summary could not be had, so averages were made here: " + summary.error().message);
    result.summary_error = summary.error();
    averages.fill(result.summary);
  }
}

EvalResult evaluate(std::string_view name, EvalPlan plan, const std::shared_ptr<EvalReporter>& reporter) {
  EvalResult result{.name = std::string(name)};
  if (auto error = check(name, plan)) {
    result.error = std::move(error);
    return result;
  }
  const unsigned interruptions_before = interruptions();  // registering takes its time, and may be interrupted
  std::string version;  // of the dataset, for all: what the experiment says it was made of is what it reads
  if (plan.data.dataset()) {
    auto found = plan.data.dataset()->version();
    if (!found) {
      result.error = found.error();
      return result;
    }
    version = *std::move(found);
  }
  Experiment experiment;
  if (!plan.options.no_send_logs) {
    auto registered = init_experiment(experiment_options(name, plan, version));
    if (!registered) {
      result.error = registered.error();
      if (result.error->code == ErrorCode::missing_api_key) {
        result.error->message +=
            "; or do without: in a backend of its own (braintrust-local run PROGRAM), or with no_send_logs";
      }
      return result;
    }
    experiment = *std::move(registered);
  }
  const Logger logger = experiment ? ExperimentAccess::core_of(experiment)->logger : Logger();
  const std::uint64_t lost_before = lost_rows(logger);
  auto next = plan.data.open({.project = plan.options.project.empty() ? std::string(name) : plan.options.project,
                              .project_id = experiment ? experiment.project_id() : plan.options.project_id,
                              .base_experiment_id = experiment.base_experiment_id(),
                              .connection = plan.options.connection,
                              .dataset_version = version});
  if (!next) {
    result.error = next.error();
    return result;
  }
  std::optional<std::size_t> cases = plan.data.size();
  if (cases) *cases *= plan.options.trial_count;
  tell([&] {
    reporter->on_start(
        {.eval_name = result.name, .experiment_name = experiment.name(), .experiment_url = experiment.url(), .cases = cases});
  });
  const bool keep = plan.options.keep_results;
  auto outcome =
      std::make_shared<EvalRun>(std::move(plan), experiment, logger, *std::move(next), reporter)->run(interruptions_before);
  if (keep) result.results = std::move(outcome.results);
  result.cases = outcome.cases;
  result.failed_cases = outcome.failed_cases;
  result.error = std::move(outcome.error);
  result.interrupted = outcome.interrupted;
  summarize(result, experiment, outcome.averages, lost_before);
  return result;
}

}  // namespace

EvalResult run_eval(std::string_view name, EvalPlan plan) noexcept {
  auto reporter = plan.options.reporter ? plan.options.reporter : terminal_reporter();
  EvalResult result;
  try {
    result = evaluate(name, std::move(plan), reporter);
  } catch (...) {
    result = {.name = std::string(name)};
    result.error = Error{ErrorCode::callback_failed, exception_text(std::current_exception())};
  }
  tell([&] { reporter->on_end(result); });
  return result;
}

}  // namespace detail
}  // namespace braintrust
