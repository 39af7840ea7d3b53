#include "local/experiment_print.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include <fmt/format.h>

#include "core/json_scan.h"
#include "local/json_text.h"
#include "local/paint.h"
#include "local/tree_print.h"

namespace braintrust::local {
namespace {

using Tone = TableCell::Tone;
using Cells = std::vector<TableCell>;

constexpr std::size_t name_columns = 40;

std::string percent(double score) { return fmt::format("{:.2f}%", score * 100); }

// A metric with its unit.
std::string amount(const std::string& metric, double value) {
  const std::string_view unit = unit_of(metric);
  if (unit == "$") return fmt::format("${:.6f}", value);
  if (unit == "s") return detail::seconds_text(value);
  return unit.empty() ? fmt::format("{:.4g}", value) : fmt::format("{:.1f} {}", value, unit);
}

TableCell count_cell(std::size_t count, Tone tone) {
  return count > 0 ? TableCell{std::to_string(count), tone} : TableCell{"-", Tone::plain};
}

// Scores, where higher is better, or metrics, where it is not.
void add_changes(std::vector<Cells>& rows, const std::vector<Change>& changes, bool scores, bool compared) {
  const auto text_of = [&](const Change& change, double value) { return scores ? percent(value) : amount(change.name, value); };
  for (const auto& change : changes) {
    Cells row{{one_line(change.name, name_columns), Tone::name}, {text_of(change, change.value), Tone::plain}};
    if (compared) {
      const bool moved = change.diff && std::abs(*change.diff) > 1e-9;
      const bool better = moved && (*change.diff > 0) == scores;
      row.push_back({change.diff ? detail::signed_text(*change.diff, text_of(change, std::abs(*change.diff))) : "-",
                     !moved   ? Tone::plain
                     : better ? Tone::good
                              : Tone::bad});
      row.push_back(count_cell(change.improvements, Tone::good));
      row.push_back(count_cell(change.regressions, Tone::bad));
    }
    rows.push_back(std::move(row));
  }
}

std::string print_cases(const std::vector<CaseScore>& cases, const char* title, std::size_t limit, const Style& style) {
  const auto shown = limit == 0 ? cases.size() : std::min(limit, cases.size());
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < shown; ++i) ids.push_back(cases[i].root_span_id);
  // One trace may have several of these scores.
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  const auto length = short_id_length(ids);
  const char* arrow = style.unicode ? " → " : " -> ";
  std::vector<Cells> rows;
  for (std::size_t i = 0; i < shown; ++i) {
    const auto& one = cases[i];
    rows.push_back({{short_id(one.root_span_id, length), Tone::id},
                    {one_line(one.score, name_columns), Tone::plain},
                    {(one.before ? percent(*one.before) + arrow : std::string()) + percent(one.value), Tone::bad},
                    {one_line(text_of(one.input), style.width), Tone::name}});
  }
  auto text = "\n" + print_table({{"TRACE"}, {title}, {"SCORE", true}, {"INPUT"}}, rows, style);
  if (shown < cases.size()) text += counted(cases.size() - shown, "more is", "more are") + " not shown (--limit 0 shows all)\n";
  return text;
}

}  // namespace

std::string print_experiments(const std::vector<ExperimentSummary>& experiments, const Style& style) {
  std::vector<Cells> rows;
  for (const auto& experiment : experiments) {
    std::string scores;
    for (const auto& [name, score] : experiment.scores) {
      scores += fmt::format("{}{} {}", scores.empty() ? "" : "  ", name, percent(score));
    }
    rows.push_back({{one_line(experiment.name, name_columns), Tone::name},
                    {one_line(experiment.project, name_columns), Tone::plain},
                    {time_text(experiment.created), Tone::plain},
                    {std::to_string(experiment.cases), Tone::plain},
                    count_cell(experiment.errors, Tone::bad),
                    {scores.empty() ? "-" : one_line(scores, style.width), Tone::plain}});
  }
  return print_table({{"EXPERIMENT"}, {"PROJECT"}, {"WHEN"}, {"CASES", true}, {"ERRORS", true}, {"SCORES"}}, rows, style);
}

std::string print_datasets(const std::vector<DatasetSummary>& datasets, const Style& style) {
  std::vector<Cells> rows;
  for (const auto& dataset : datasets) {
    rows.push_back({{one_line(dataset.name, name_columns), Tone::name},
                    {one_line(dataset.project, name_columns), Tone::plain},
                    {std::to_string(dataset.rows), Tone::plain},
                    {dataset.version.empty() ? "-" : dataset.version, Tone::plain},
                    {one_line(dataset.id, name_columns), Tone::id}});
  }
  return print_table({{"DATASET"}, {"PROJECT"}, {"ROWS", true}, {"VERSION"}, {"ID"}}, rows, style);
}

std::string print_comparison(const ExperimentSummary& experiment, const std::optional<std::string>& base,
                             const Comparison& comparison, std::size_t limit, const Style& style) {
  const Painter paint(style);
  const std::string dot = style.unicode ? " · " : " - ";
  auto text = paint.bold("experiment " + one_line(experiment.name, name_columns)) +
              paint.dim(dot + one_line(experiment.project, name_columns) + dot + time_text(experiment.created) + dot +
                        counted(experiment.cases, "case", "cases"));
  if (experiment.errors > 0) text += dot + paint.red(counted(experiment.errors, "error", "errors"));
  text += '\n';
  text += base ? "compared to " + paint.bold(one_line(*base, name_columns)) + "\n" : paint.dim("compared to nothing") + "\n";
  std::vector<TableColumn> columns{{""}, {"AVERAGE", true}};
  if (base) columns.insert(columns.end(), {{"CHANGE", true}, {"BETTER", true}, {"WORSE", true}});
  std::vector<Cells> rows;
  add_changes(rows, comparison.scores, true, base.has_value());
  add_changes(rows, comparison.metrics, false, base.has_value());
  if (!rows.empty()) text += "\n" + print_table(columns, rows, style);
  if (!comparison.worse.empty()) {
    text += print_cases(comparison.worse, "GOT WORSE", limit, style);
  } else if (!comparison.low.empty()) {
    text += print_cases(comparison.low, "LOWEST", limit, style);
  }
  return text;
}

}  // namespace braintrust::local
