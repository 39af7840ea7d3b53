#include <braintrust/eval/main.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <mutex>

#include <braintrust/eval/reporter.h>
#include <braintrust/eval/threshold.h>
#include <fmt/format.h>

#include "core/quantity_text.h"
#include "core/text_width.h"
#include "eval/main_arguments.h"
#include "eval/stop_signals.h"
#include "trace/exception_text.h"

namespace braintrust {
namespace detail {
namespace {

struct RegisteredEval {
  std::string name = {};
  std::function<EvalDefinition()> define = {};
};

struct Registry {
  std::mutex mutex = {};
  std::vector<RegisteredEval> evals = {};
};

Registry& registry() {
  static Registry registry;  // evals are registered before main begins, from any file
  return registry;
}

enum ExitCode { good = 0, not_good = 1, wrong_usage = 2, signalled = 128 };

// On standard error, behind whatever stands on standard output.
void say(const std::string& text) {
  std::fflush(stdout);
  std::fprintf(stderr, "%s\n", one_line(text, std::string::npos).c_str());
}

void apply(const MainArguments& arguments, const std::shared_ptr<EvalReporter>& reporter, EvalPlan& plan) {
  auto& options = plan.options;
  if (arguments.no_send_logs) options.no_send_logs = true;
  if (arguments.experiment) options.experiment_name = *arguments.experiment;
  if (arguments.base) {
    options.base_experiment = *arguments.base;
    options.base_experiment_id.clear();
  }
  if (arguments.max_concurrency) options.max_concurrency = *arguments.max_concurrency;
  if (arguments.trial_count) options.trial_count = *arguments.trial_count;
  if (arguments.timeout) options.timeout = *arguments.timeout;
  if (!options.reporter) options.reporter = reporter;
  if (!arguments.cases.empty() && plan.data) {
    plan.data = plan.data.only([filters = arguments.cases](const EvalCase& one) {
      return std::all_of(filters.begin(), filters.end(), [&](const auto& filter) { return filter.matches(one); });
    });
  }
}

EvalResult run(const RegisteredEval& eval, const MainArguments& arguments, const std::shared_ptr<EvalReporter>& reporter) {
  std::optional<EvalDefinition> definition;
  try {
    definition.emplace(eval.define());
  } catch (...) {
    EvalResult result{.name = eval.name};
    result.error = Error{ErrorCode::callback_failed, exception_text(std::current_exception())};
    reporter->on_end(result);
    return result;
  }
  if (StopSignals::caught() != 0) {  // what defines an eval may have read its cases from a network
    EvalResult result{.name = eval.name, .interrupted = true};
    result.error = Error{ErrorCode::deadline_exceeded, "the eval was interrupted: no case ran"};
    reporter->on_end(result);
    return result;
  }
  apply(arguments, reporter, definition->plan());
  auto result = run_eval(eval.name, std::move(definition->plan()));
  result.results.clear();  // reported; only the summary is looked at from here on
  return result;
}

// Whether it did what it should, its scores aside.
bool went_well(const EvalResult& result, const MainArguments& arguments) {
  return result.ok() && (result.cases > 0 || !arguments.cases.empty());
}

ExitCode judge(const std::vector<EvalResult>& results, const MainArguments& arguments) {
  auto code = good;
  std::string failed;
  std::uint64_t failed_count = 0;
  for (const auto& result : results) {
    if (went_well(result, arguments)) continue;
    ++failed_count;
    failed += (failed.empty() ? "" : ", ") + result.name + (result.ok() ? " (no cases)" : "");
  }
  if (failed_count > 0) {
    say(fmt::format("{} of {} failed: {}", failed_count, counted(results.size(), "eval", "evals"), failed));
    code = not_good;
  }
  for (const auto& why : missed_thresholds(results, arguments.thresholds)) {
    say("threshold missed: " + why);
    code = not_good;
  }
  if (arguments.thresholds.max_regressions) {
    for (const auto& result : results) {
      if (result.summary_error || result.cases == 0) continue;
      const auto& base = result.summary.comparison_experiment_name;
      if (arguments.base && base != *arguments.base) {
        say(fmt::format("threshold missed: {}: regressions are to be counted against \"{}\", and there is no such experiment",
                        result.name, *arguments.base));
        code = not_good;
      } else if (base.empty()) {
        say(result.name + ": there is no base experiment to count regressions against");
      }
    }
  }
  if (code != good) return code;
  const bool any = std::any_of(results.begin(), results.end(), [](const auto& result) { return result.cases > 0; });
  if (any) return good;
  say("no case matches --filter");
  return wrong_usage;
}

int run_all(const std::vector<RegisteredEval>& evals, const MainArguments& arguments) {
  using Color = ReporterOptions::Color;
  const auto reporter =
      terminal_reporter({.jsonl = arguments.jsonl, .color = arguments.no_color ? Color::no : Color::automatic});
  std::vector<EvalResult> results;
  const StopSignals signals;
  for (const auto& eval : evals) {
    results.push_back(run(eval, arguments, reporter));
    if (const int number = StopSignals::caught(); number != 0) return signalled + number;
  }
  return judge(results, arguments);
}

int main_of(int argc, char** argv) {
  auto parsed = parse_main_arguments(argc, argv);
  if (const int* code = std::get_if<int>(&parsed)) return *code;
  const auto& arguments = std::get<MainArguments>(parsed);

  std::vector<RegisteredEval> evals;
  {
    const std::lock_guard lock(registry().mutex);
    evals = registry().evals;
  }
  if (evals.empty()) {
    say("this program has no evals: write one with BRAINTRUST_EVAL");
    return wrong_usage;
  }
  const auto& names = arguments.names;
  std::erase_if(evals, [&](const RegisteredEval& eval) {
    return !names.empty() &&
           std::none_of(names.begin(), names.end(), [&](const auto& filter) { return filter.matches(eval.name); });
  });
  if (evals.empty()) {
    say("no eval matches --filter; --list shows what there is");
    return wrong_usage;
  }
  if (arguments.list) {
    for (const auto& eval : evals) std::printf("%s\n", one_line(eval.name, std::string::npos).c_str());
    return good;
  }
  return run_all(evals, arguments);
}

}  // namespace
}  // namespace detail

bool register_eval(std::string name, std::function<EvalDefinition()> define) {
  auto& registry = detail::registry();
  const std::lock_guard lock(registry.mutex);
  registry.evals.push_back({std::move(name), std::move(define)});
  return true;
}

int eval_main(int argc, char** argv) noexcept {
  try {
    return detail::main_of(argc, argv);
  } catch (...) {
    detail::say("the evals ended: " + detail::exception_text(std::current_exception()));
    return detail::not_good;
  }
}

}  // namespace braintrust
