#pragma once

// `Experiment`: one run of an eval at Braintrust: a row for each case, its scores, and the comparison with an earlier run.
//
//   auto experiment = braintrust::init_experiment({.project = "My App", .name = "shorter prompt"});
//   if (!experiment) return fail(experiment.error());
//   experiment->log({.input = question, .output = answer, .expected = right, .scores = {{"exact", answer == right}}});
//   auto summary = experiment->summarize();      // averages, and what is better and worse than before
//
// `Eval` (eval.h) does all of this for a task and its scorers; this is for programs that run their cases themselves.
//
// Rows travel like spans (logger.h): by the current logger if the options name no other connection, else by one
// that all datasets and experiments of that connection share. Copies name the same experiment.
//
// Threads: everything from any thread. Errors: `Result`s; rows that cannot be delivered are told as for spans.
// Source: PROTO 3, 14.
//
// Cost: includes the whole of nlohmann/json.hpp.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <braintrust/api/connection.h>
#include <braintrust/api/dataset.h>
#include <braintrust/core/result.h>
#include <braintrust/trace/logger.h>

namespace braintrust {

// What of the state of the sources is told with an experiment. The organisation's settings can only narrow it.
struct GitOptions {
  enum class Collect { all, none, some };
  Collect collect = Collect::all;
  // For `some`: commit, branch, tag, dirty, author_name, author_email, commit_message, commit_time, git_diff.
  std::vector<std::string> fields = {};
};

struct ExperimentOptions {
  std::string project = {};     // created if absent. Blank: as for `init_logger`
  std::string name = {};        // one that exists gets a suffix, unless `update`. Blank: the server finds one
  std::string project_id = {};  // beats `project`
  std::string description = {};
  nlohmann::json metadata = nullptr;  // an object
  std::vector<std::string> tags = {};
  std::string base_experiment = {};     // what it is compared with. Blank: the server chooses, by the commits before this one
  std::string base_experiment_id = {};  // beats the name
  std::optional<Dataset> dataset = {};  // whose cases are used
  bool update = false;                  // goes on with the experiment of that name
  bool is_public = false;
  GitOptions git = {};
  ConnectionOptions connection = {};
};

// An average over cases, beside that of the experiment it is compared with.
struct ScoreSummary {
  std::string name = {};
  double score = 0;
  std::optional<double> diff = {};  // to the other experiment's. None: it has no such score, or there is no other
  std::uint64_t improvements = 0;   // cases
  std::uint64_t regressions = 0;
};
struct MetricSummary {
  std::string name = {};
  double metric = 0;
  std::string unit = {};
  std::optional<double> diff = {};
  std::uint64_t improvements = 0;
  std::uint64_t regressions = 0;
};

struct ExperimentSummary {
  std::string project_name = {};
  std::string project_id = {};
  std::string experiment_name = {};
  std::string experiment_id = {};
  std::string experiment_url = {};              // where a browser shows it; blank when nothing was sent
  std::string comparison_experiment_name = {};  // blank: there is none
  std::vector<ScoreSummary> scores = {};        // in the order of their names
  std::vector<MetricSummary> metrics = {};
};

class Experiment {
 public:
  struct Core;

  Experiment() = default;  // none: writes go nowhere

  explicit operator bool() const noexcept { return core_ != nullptr; }

  const std::string& id() const noexcept;
  const std::string& name() const noexcept;
  const std::string& project_id() const noexcept;
  const std::string& project_name() const noexcept;
  const std::string& url() const noexcept;
  const std::string& base_experiment_id() const noexcept;  // as the server chose it; blank: none

  // A case in one row, without duration. Returns the row's id.
  std::string log(const SpanFields& fields, Site site = Site::current()) const;

  // The first span of a case. Its descendants belong to the experiment, too. A given `parent` counts as for a logger: what came
  // from another process without saying where it goes becomes part of the experiment, the rest goes where its parent is.
  Span start_span(std::string_view name, const SpanOptions& options = {}, Site site = Site::current()) const;

  // Merges fields into a row that was sent before, by its id.
  void update_row(std::string_view id, const SpanFields& fields) const;
  // A judgement about a row of the experiment (logger.h).
  void log_feedback(const Feedback& feedback) const;

  // For `SpanOptions::parent`, here or in another process: a span that belongs to the experiment, and begins a trace.
  const std::string& export_slug() const noexcept;

  FlushResult flush(std::chrono::milliseconds deadline = std::chrono::seconds(10)) const;

  // Flushes, then waits for the averages and for the comparison with `base_experiment_id` (blank: the experiment's base).
  Result<ExperimentSummary> summarize(const std::string& base_experiment_id = {}) const;

 private:
  friend Result<Experiment> init_experiment(const ExperimentOptions& options);
  friend struct ExperimentAccess;
  explicit Experiment(std::shared_ptr<const Core> core) : core_(std::move(core)) {}
  std::shared_ptr<const Core> core_;
};

// Registers an experiment. Waits for the network, and for `git`. A base experiment that does not exist is told, and left out.
Result<Experiment> init_experiment(const ExperimentOptions& options = {});

// An experiment of the past, to be read. Blank `name` with an `id`: the one of that id.
struct OpenExperimentOptions {
  std::string project = {};
  std::string name = {};
  std::string project_id = {};
  std::string id = {};
  ConnectionOptions connection = {};
};

class ReadonlyExperiment {
 public:
  const std::string& id() const noexcept { return id_; }
  const std::string& name() const noexcept { return name_; }

  // Its rows as they were logged, page after page (btql.h). Waits as they are gone through.
  BtqlRows rows() const;
  // The rows that stand for its cases: the first spans of its traces.
  BtqlRows cases() const;

 private:
  friend Result<ReadonlyExperiment> open_experiment(const OpenExperimentOptions& options);
  std::string id_;
  std::string name_;
  ConnectionOptions connection_;
};

// Waits. `not_found` if there is none of this name.
Result<ReadonlyExperiment> open_experiment(const OpenExperimentOptions& options);

}  // namespace braintrust
