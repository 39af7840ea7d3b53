#pragma once

// What an experiment came to, and what became better or worse than in another.
//
// A case is a trace of the experiment. Its scores are those of its root span and of all spans below (scorers log theirs on
// spans of their own); its tokens and costs are those of its model calls, but for those that scorers made. Cases of two
// experiments are the same if their inputs are equal as JSON; of several with one input (trials) the averages are compared.
//
// Threads: `read_cases` takes the store's lock for a chunk at a time; all else is pure.
// Errors:  `not_found` for an experiment that is neither registered nor has rows.
// Units:   durations in seconds. A lower metric is the better one, a higher score.
// Source:  PROTO 3.2; INST 7.4 to 7.20.

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <braintrust/core/result.h>
#include <braintrust/local/store.h>

#include "local/experiments.h"
#include "local/store_state.h"

namespace braintrust::local {

// The average of what was added.
struct Mean {
  double sum = 0;
  std::size_t count = 0;

  void add(double value) {
    sum += value;
    ++count;
  }
  double value() const { return sum / static_cast<double>(count); }
};
using Means = std::map<std::string, Mean>;

struct Case {
  std::string root_span_id = {};
  std::optional<std::string> input = {};  // compact JSON, with keys in order; nothing while its root span is not known
  Means scores = {};
  std::map<std::string, double> metrics = {};
  bool error = false;
};

// The cases of an experiment, in no order.
Result<std::vector<Case>> read_cases(Store::State& state, const std::string& experiment_id);

ExperimentSummary summary_of(const ExperimentEntry& entry, const std::vector<Case>& cases);

// One score or metric of an experiment.
struct Change {
  std::string name = {};
  double value = 0;                 // the average over its cases
  std::optional<double> diff = {};  // to that of the base; nothing where the base has none
  std::size_t improvements = 0;     // cases that are better than in the base
  std::size_t regressions = 0;
};

// One score of one case.
struct CaseScore {
  std::string input = {};
  std::string score = {};
  std::optional<double> before = {};  // in the base, where that is compared
  double value = 0;
  std::string root_span_id = {};  // of the trial with the lowest such score
};

struct Comparison {
  std::vector<Change> scores = {};  // by name
  std::vector<Change> metrics = {};
  std::vector<CaseScore> worse = {};  // than in the base; that which fell most first
  std::vector<CaseScore> low = {};    // all below 1, the lowest first
};
Comparison compare(const std::vector<Case>& cases, const std::vector<Case>& base);

// "s", "tok", "$", or "" for a metric of the user's own.
const char* unit_of(const std::string& metric);

// The answer of GET /experiment-comparison2.
nlohmann::json to_json(const Comparison& comparison);

}  // namespace braintrust::local
