#include "local/comparison.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "local/json_fields.h"
#include "local/json_text.h"
#include "local/object_rows.h"
#include "local/trace_tree.h"

namespace braintrust::local {
namespace {

using nlohmann::json;

// What model calls used, summed over a case.
constexpr std::array call_metrics = {std::string_view("prompt_tokens"),
                                     std::string_view("completion_tokens"),
                                     std::string_view("tokens"),
                                     std::string_view("prompt_cached_tokens"),
                                     std::string_view("estimated_cost"),
                                     std::string_view("prompt_cache_creation_tokens"),
                                     std::string_view("completion_reasoning_tokens")};

bool is_call_metric(std::string_view name) {
  return std::find(call_metrics.begin(), call_metrics.end(), name) != call_metrics.end();
}

// Averages of the same numbers in another order may differ in their last digits; that is no change.
constexpr double tolerance = 1e-9;

// 1 and 1.0 are equal as JSON, so they must be written alike.
void write_whole_numbers(json& value) {
  if (value.is_number_float()) {
    const auto number = value.get<double>();
    if (number == std::floor(number) && std::abs(number) < 9e15) value = static_cast<std::int64_t>(number);
  }
  if (value.is_structured()) {
    for (auto& inner : value) write_whole_numbers(inner);
  }
}

bool is_root_span(const json& row) {
  const auto& parents = field(row, "span_parents");
  return !parents.is_array() || parents.empty();
}

void add_scores(Case& found, const json& row) {
  const auto& scores = field(row, "scores");
  if (!scores.is_object()) return;
  for (const auto& [name, score] : scores.items()) {
    if (score.is_number()) found.scores[name].add(score.get<double>());
  }
}

void add_metrics(Case& found, const json& row, bool root) {
  const auto& metrics = field(row, "metrics");
  const auto& attributes = field(row, "span_attributes");
  if (!metrics.is_object()) return;
  const bool call = field(attributes, "type") == "llm" && field(attributes, "purpose") != "scorer";
  for (const auto& [name, value] : metrics.items()) {
    if (!value.is_number() || name == "start" || name == "end") continue;
    if (is_call_metric(name)) {
      if (call) found.metrics[name] += value.get<double>();
    } else if (root) {
      found.metrics[name] = value.get<double>();
    }
  }
  const auto &start = field(metrics, "start"), &end = field(metrics, "end");
  if (root && start.is_number() && end.is_number()) found.metrics["duration"] = end.get<double>() - start.get<double>();
}

void add_row(Case& found, const json& row) {
  const bool root = is_root_span(row);
  add_scores(found, row);
  add_metrics(found, row, root);
  const auto& error = field(row, "error");
  found.error |= !error.is_null() && error != false;
  if (!root) return;
  auto input = field(row, "input");
  write_whole_numbers(input);
  found.input = compact(input);
}

// The cases that share an input.
struct Trials {
  Means scores = {};
  Means metrics = {};
  std::map<std::string, std::pair<double, std::string>> lowest = {};  // of each score, and the trace that has it
};

std::unordered_map<std::string, Trials> by_input(const std::vector<Case>& cases) {
  std::unordered_map<std::string, Trials> groups;
  for (const auto& one : cases) {
    if (!one.input) continue;
    auto& trials = groups[*one.input];
    for (const auto& [name, mean] : one.scores) {
      const auto value = mean.value();
      trials.scores[name].add(value);
      const auto [lowest, first] = trials.lowest.try_emplace(name, value, one.root_span_id);
      if (!first && value < lowest->second.first) lowest->second = {value, one.root_span_id};
    }
    for (const auto& [name, value] : one.metrics) trials.metrics[name].add(value);
  }
  return groups;
}

Means averages_of_scores(const std::vector<Case>& cases) {
  Means averages;
  for (const auto& one : cases) {
    for (const auto& [name, mean] : one.scores) averages[name].add(mean.value());
  }
  return averages;
}

Means averages_of_metrics(const std::vector<Case>& cases) {
  Means averages;
  for (const auto& one : cases) {
    for (const auto& [name, value] : one.metrics) averages[name].add(value);
  }
  return averages;
}

std::map<std::string, Change> changes_between(const Means& averages, const Means& base) {
  std::map<std::string, Change> changes;
  for (const auto& [name, mean] : averages) {
    auto& change = changes[name];
    change.name = name;
    change.value = mean.value();
    if (const auto other = base.find(name); other != base.end()) change.diff = change.value - other->second.value();
  }
  return changes;
}

void count_cases(std::map<std::string, Change>& changes, const Means& after, const Means& before, bool higher_is_better) {
  for (const auto& [name, mean] : after) {
    const auto other = before.find(name);
    if (other == before.end()) continue;
    const double gain = (mean.value() - other->second.value()) * (higher_is_better ? 1 : -1);
    if (gain > tolerance) ++changes[name].improvements;
    if (gain < -tolerance) ++changes[name].regressions;
  }
}

std::vector<Change> values_of(std::map<std::string, Change> changes) {
  std::vector<Change> values;
  for (auto& [name, change] : changes) values.push_back(std::move(change));
  return values;
}

std::chrono::system_clock::time_point time_of(const std::string& created) {
  std::tm parts{};
  if (!::strptime(created.c_str(), "%Y-%m-%dT%H:%M:%S", &parts)) return {};
  return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

}  // namespace

Result<std::vector<Case>> read_cases(Store::State& state, const std::string& experiment_id) {
  const auto rows = ObjectRows::open(state, ObjectKind::experiment, {experiment_id}, std::nullopt);
  if (!rows) return rows.error();
  std::unordered_map<std::string, Case> found;
  std::optional<Position> from;
  for (;;) {
    const auto chunk = rows->after(from);
    if (!chunk) return chunk.error();
    for (const auto& stored : chunk->rows) {
      const auto row = json::parse(stored.body, nullptr, false);
      auto trace = text_field(row, "root_span_id");
      if (trace.empty()) trace = text_field(row, "id");
      auto& one = found[trace];
      one.root_span_id = trace;
      add_row(one, row);
    }
    if (!chunk->next) break;
    from = chunk->next;
  }
  std::vector<Case> cases;
  for (auto& [trace, one] : found) cases.push_back(std::move(one));
  return cases;
}

ExperimentSummary summary_of(const ExperimentEntry& entry, const std::vector<Case>& cases) {
  ExperimentSummary summary;
  summary.id = entry.id;
  summary.name = entry.name;
  summary.project = entry.project;
  summary.created = time_of(entry.created);
  summary.cases = cases.size();
  for (const auto& one : cases) summary.errors += one.error;
  for (const auto& [name, mean] : averages_of_scores(cases)) summary.scores.emplace_back(name, mean.value());
  return summary;
}

Comparison compare(const std::vector<Case>& cases, const std::vector<Case>& base) {
  auto scores = changes_between(averages_of_scores(cases), averages_of_scores(base));
  auto metrics = changes_between(averages_of_metrics(cases), averages_of_metrics(base));
  Comparison comparison;
  const auto before = by_input(base);
  for (const auto& [input, trials] : by_input(cases)) {
    for (const auto& [name, mean] : trials.scores) {
      if (mean.value() < 1 - tolerance) {
        comparison.low.push_back({input, name, std::nullopt, mean.value(), trials.lowest.at(name).second});
      }
    }
    const auto other = before.find(input);
    if (other == before.end()) continue;
    count_cases(scores, trials.scores, other->second.scores, true);
    count_cases(metrics, trials.metrics, other->second.metrics, false);
    for (const auto& [name, mean] : trials.scores) {
      const auto was = other->second.scores.find(name);
      if (was == other->second.scores.end() || was->second.value() - mean.value() <= tolerance) continue;
      comparison.worse.push_back({input, name, was->second.value(), mean.value(), trials.lowest.at(name).second});
    }
  }
  comparison.scores = values_of(std::move(scores));
  comparison.metrics = values_of(std::move(metrics));
  for (auto* const list : {&comparison.worse, &comparison.low}) {
    std::sort(list->begin(), list->end(), [](const CaseScore& a, const CaseScore& b) {
      const auto rise = [](const CaseScore& one) { return one.value - one.before.value_or(0); };
      return std::tuple(rise(a), std::string_view(a.input), std::string_view(a.score)) <
             std::tuple(rise(b), std::string_view(b.input), std::string_view(b.score));
    });
  }
  return comparison;
}

const char* unit_of(const std::string& metric) {
  if (metric == "duration" || metric == "time_to_first_token") return "s";
  if (metric == "estimated_cost") return "$";
  return metric == "tokens" || metric.ends_with("_tokens") ? "tok" : "";
}

json to_json(const Comparison& comparison) {
  const auto written = [](const Change& change, const char* value) {
    json one = {{"name", change.name},
                {value, change.value},
                {"improvements", change.improvements},
                {"regressions", change.regressions}};
    if (change.diff) one["diff"] = *change.diff;
    return one;
  };
  json scores = json::object(), metrics = json::object();
  for (const auto& change : comparison.scores) scores[change.name] = written(change, "score");
  for (const auto& change : comparison.metrics) {
    metrics[change.name] = written(change, "metric");
    metrics[change.name]["unit"] = unit_of(change.name);
  }
  return {{"scores", std::move(scores)}, {"metrics", std::move(metrics)}};
}

}  // namespace braintrust::local
