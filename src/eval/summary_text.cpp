#include "eval/summary_text.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "core/quantity_text.h"
#include "core/text_width.h"

namespace braintrust::detail {
namespace {

// Names and links: harmless, never cut.
std::string whole(std::string_view text) { return one_line(text, std::string_view::npos); }

std::string percent_text(double share) { return fmt::format("{:.2f}%", share * 100); }

std::string metric_text(double value, const std::string& unit) {
  if (unit == "s") return seconds_text(value);
  if (unit == "$") return fmt::format("${:.4f}", value);
  auto text = fmt::format("{:.2f}", value);
  if (text.ends_with(".00")) text.resize(text.size() - 3);
  return unit.empty() ? text : text + " " + one_line(unit, 12);
}

// Of a metric we know. Others are not coloured: who knows what they count.
bool less_is_better(const MetricSummary& metric) {
  if (metric.name.find("cached") != metric.name.npos) return false;
  return metric.unit == "s" || metric.unit == "ms" || metric.unit == "$" || metric.unit == "tok";
}

// A line of the table.
struct Row {
  std::string value = {};
  std::string diff = {};  // blank: none
  int verdict = 0;        // of the difference: 1 better, -1 worse
  std::string_view name = {};
  const char* kind = "";  // what stands behind the name
  std::uint64_t improvements = 0;
  std::uint64_t regressions = 0;
};

Row score_row(const ScoreSummary& score) {
  Row row{.value = percent_text(score.score),
          .name = score.name,
          .kind = " score",
          .improvements = score.improvements,
          .regressions = score.regressions};
  if (score.diff) {
    row.diff = "(" + signed_text(*score.diff, percent_text(std::abs(*score.diff))) + ")";
    row.verdict = *score.diff > 0 ? 1 : *score.diff < 0 ? -1 : 0;
  }
  return row;
}

Row metric_row(const MetricSummary& metric) {
  Row row{.value = metric_text(metric.metric, metric.unit),
          .name = metric.name,
          .improvements = metric.improvements,
          .regressions = metric.regressions};
  if (metric.diff) {
    row.diff = "(" + signed_text(*metric.diff, metric_text(std::abs(*metric.diff), metric.unit)) + ")";
    if (less_is_better(metric)) row.verdict = *metric.diff < 0 ? 1 : *metric.diff > 0 ? -1 : 0;
  }
  return row;
}

std::string table(const ExperimentSummary& summary, const Style& style, const Painter& paint) {
  std::vector<Row> rows;
  for (const auto& score : summary.scores) rows.push_back(score_row(score));
  for (const auto& metric : summary.metrics) rows.push_back(metric_row(metric));

  const auto better = [](const Row& row) { return counted(row.improvements, "improvement", "improvements"); };
  const auto worse = [](const Row& row) { return counted(row.regressions, "regression", "regressions"); };
  std::size_t value_columns = 0, diff_columns = 0, count_columns = 0;
  for (const auto& row : rows) {
    value_columns = std::max(value_columns, display_width(row.value));
    diff_columns = std::max(diff_columns, display_width(row.diff));
    if (!row.diff.empty()) count_columns = std::max(count_columns, better(row).size() + worse(row).size() + 4);
  }
  // Names take what is left beside four gaps, quotes and the word "score".
  const auto taken = value_columns + diff_columns + count_columns + 16;
  const auto name_columns = std::max<std::size_t>(12, style.width - std::min(style.width, taken));
  const auto label_of = [&](const Row& row) { return "'" + one_line(row.name, name_columns) + "'" + row.kind; };
  std::size_t label_columns = 0;
  for (const auto& row : rows) label_columns = std::max(label_columns, display_width(label_of(row)));

  std::string text;
  for (const auto& row : rows) {
    text += "  " + paint.bold(pad_left(row.value, value_columns)) + "  ";
    if (diff_columns > 0) {
      const auto diff = pad_left(row.diff, diff_columns);
      text += (row.verdict > 0 ? paint.green(diff) : row.verdict < 0 ? paint.red(diff) : paint.dim(diff)) + "  ";
    }
    if (row.diff.empty()) {
      text += label_of(row) + "\n";
      continue;
    }
    text += pad_right(label_of(row), label_columns) + "  (" + (row.improvements > 0 ? paint.green(better(row)) : better(row)) +
            ", " + (row.regressions > 0 ? paint.red(worse(row)) : worse(row)) + ")\n";
  }
  return text;
}

// What to do about it stands at the end, so an error is not cut at the width of the terminal.
constexpr std::size_t longest_error = 500;

std::string failures_text(const EvalResult& result, const std::vector<FailedCase>& failures, const Style& style,
                          const Painter& paint) {
  if (result.failed_cases == 0) return {};
  auto text = paint.red(counted(result.failed_cases, "case", "cases") + " failed") + (failures.empty() ? "\n" : ":\n");
  for (const auto& failure : failures) {
    const auto trial = failure.trial > 0 ? fmt::format(" (trial {})", failure.trial + 1) : "";
    text += "  " + paint.red(style.unicode ? "✗ " : "! ") +
            one_line(failure.input, style.width - std::min(style.width, 4 + trial.size())) + trial + "\n";
    for (const auto& error : failure.errors) text += "    " + paint.dim(one_line(error, longest_error)) + "\n";
  }
  if (!failures.empty() && result.failed_cases > failures.size()) {
    text += fmt::format("  and {} more\n", result.failed_cases - failures.size());
  }
  return text;
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

nlohmann::ordered_json or_null(const std::string& text) {
  return text.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(text);
}
nlohmann::ordered_json or_null(const std::optional<double>& number) {
  return number ? nlohmann::ordered_json(*number) : nlohmann::ordered_json();
}

}  // namespace

FailedCase failed_case(const EvalCaseResult& result) {
  FailedCase failed{.trial = result.trial};
  failed.input = result.input.is_string() ? result.input.get<std::string>()
                                          : result.input.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  if (!result.error.empty()) failed.errors.push_back(first_line(result.error));
  for (const auto* errors : {&result.scorer_errors, &result.classifier_errors}) {
    for (const auto& [name, error] : *errors) failed.errors.push_back(name + ": " + first_line(error));
  }
  return failed;
}

std::string summary_text(const EvalResult& result, const std::vector<FailedCase>& failures,
                         std::optional<std::chrono::nanoseconds> elapsed, const Style& style) {
  const Painter paint(style);
  const auto& summary = result.summary;
  const auto name = paint.bold(whole(result.name));
  std::string text = "\n";
  if (result.error) {
    const auto* what = result.interrupted  ? " was interrupted: "
                       : result.cases == 0 ? " did not run: "
                                           : " did not run to its end: ";
    text += name + paint.red(what + whole(result.error->message)) + "\n";
    if (result.cases == 0) return text;
  }

  text += name + ": " + counted(result.cases, "case", "cases");
  if (elapsed) text += " in " + duration_text(std::chrono::round<std::chrono::microseconds>(*elapsed));
  if (result.failed_cases > 0) text += ", " + paint.red(fmt::format("{} failed", result.failed_cases));
  text += "\n";
  const auto experiment = whole(summary.experiment_name);
  if (!experiment.empty()) {
    text += paint.bold(experiment);
    if (!summary.comparison_experiment_name.empty()) text += " compared to " + whole(summary.comparison_experiment_name);
    text += ":\n";
  }
  text += summary.scores.empty() && summary.metrics.empty() ? "  no scores\n" : table(summary, style, paint);
  text += failures_text(result, failures, style, paint);
  if (!summary.experiment_url.empty()) {
    text += "See results for " + experiment + " at " + paint.cyan(whole(summary.experiment_url)) + "\n";
  }
  return text;
}

std::string summary_json(const EvalResult& result) {
  using Json = nlohmann::ordered_json;
  const auto& summary = result.summary;
  Json line = {{"eval_name", result.name},
               {"experiment_name", or_null(summary.experiment_name)},
               {"experiment_id", or_null(summary.experiment_id)},
               {"experiment_url", or_null(summary.experiment_url)},
               {"project_name", or_null(summary.project_name)},
               {"project_id", or_null(summary.project_id)},
               {"comparison_experiment_name", or_null(summary.comparison_experiment_name)},
               {"scores", Json::object()},
               {"metrics", Json::object()},
               {"cases", result.cases},
               {"failed_cases", result.failed_cases},
               {"error", nullptr},
               {"interrupted", result.interrupted}};
  for (const auto& score : summary.scores) {
    line["scores"][score.name] = {{"score", score.score},
                                  {"diff", or_null(score.diff)},
                                  {"improvements", score.improvements},
                                  {"regressions", score.regressions}};
  }
  for (const auto& metric : summary.metrics) {
    line["metrics"][metric.name] = {{"metric", metric.metric},
                                    {"unit", or_null(metric.unit)},
                                    {"diff", or_null(metric.diff)},
                                    {"improvements", metric.improvements},
                                    {"regressions", metric.regressions}};
  }
  if (result.error) {
    line["error"] = {{"code", std::string(to_string(result.error->code))}, {"message", result.error->message}};
  }
  return line.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace braintrust::detail
