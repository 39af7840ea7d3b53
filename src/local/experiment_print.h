#pragma once

// Experiments and datasets as text for people: what there is, and what became better or worse.
//
// Threads: pure functions. Errors: none. What users named is made harmless for a terminal.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <braintrust/local/store.h>

#include "core/terminal.h"
#include "local/comparison.h"

namespace braintrust::local {

std::string print_experiments(const std::vector<ExperimentSummary>& experiments, const detail::Style& style);
std::string print_datasets(const std::vector<DatasetSummary>& datasets, const detail::Style& style);

// `base` is the name of what it is compared to, if anything; of the cases that got worse at most `limit` are shown (0: all).
std::string print_comparison(const ExperimentSummary& experiment, const std::optional<std::string>& base,
                             const Comparison& comparison, std::size_t limit, const detail::Style& style);

}  // namespace braintrust::local
