#include "eval/case_run.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include <braintrust/trace/context.h>

#include "core/json_member.h"
#include "trace/exception_text.h"

namespace braintrust::detail {
namespace {

using nlohmann::json;

std::string error_text() { return exception_text(std::current_exception()); }

Field field(const json& value) { return value.is_null() ? Field() : Field(value); }

// As {name: score} and the like, where a scorer gives several.
template <class Value>
json by_name(const std::vector<Score>& scores, Value&& value) {
  json result = json::object();
  for (const Score& score : scores) result[score.name] = value(score);
  return result;
}

json number_or_null(const Score& score) { return score.score ? json(*score.score) : json(nullptr); }

void check(const Score& score) {
  if (score.score && !(*score.score >= 0 && *score.score <= 1)) {
    throw std::out_of_range(fmt::format("the score \"{}\" is {}; a score is from 0 to 1", score.name, *score.score));
  }
  if (!score.metadata.is_null() && !score.metadata.is_object()) {
    throw std::invalid_argument(fmt::format("the metadata of score \"{}\" is no object", score.name));
  }
}

std::string given_twice(const Score& score) {
  return fmt::format(
      "the score \"{}\" was given twice: give its number alone, which is named after the scorer, or set its `name`",
      score.name);
}

}  // namespace

CaseRun::CaseRun(const EvalPlan& plan, EvalCase data, unsigned trial, std::size_t index)
    : plan_(plan),
      data_(std::move(data)),
      trial_(trial),
      index_(index),
      metadata_(data_.metadata),
      tags_(data_.tags),
      graded_(graders()) {
  for (std::size_t i = 0; i < graded_.size(); ++i) {
    const bool scorer = i < plan_.scores.size();
    const std::size_t place = scorer ? i : i - plan_.scores.size();
    const std::string& name = scorer ? plan_.scores[place].name() : plan_.classifiers[place].name();
    graded_[i].name = !name.empty() ? name : fmt::format("{}_{}", scorer ? "scorer" : "classifier", place);
  }
}

bool CaseRun::start(const Experiment& experiment) {
  {
    const std::lock_guard lock(mutex_);
    if (over_) return false;
    root_ = experiment.start_span("eval", {.type = SpanType::eval, .input = data_.input, .set_current = false}, Site{});
    case_span_ = root_.handle();
    // Before the task runs: it shows what was expected of a task that never came back.
    if (root_ && (!data_.expected.is_null() || !data_.origin.is_null())) {
      root_.log({.expected = field(data_.expected), .origin = field(data_.origin)});
    }
  }
  run_task();
  const std::lock_guard lock(mutex_);
  if (over_) return false;
  if (!root_) return error_.empty();
  log_case(metadata_, tags_);
  if (!error_.empty()) {
    root_.log({.error = error_});
    return false;
  }
  root_.log({.output = output_});
  grader_input_ = Json({{"input", data_.input}, {"output", output_}, {"expected", data_.expected}, {"metadata", metadata_}});
  return true;
}

// Once: what is logged twice is merged, and what a task took away would stay.
void CaseRun::log_case(const json& metadata, const std::vector<std::string>& tags) {
  if (metadata.is_null() && tags.empty()) return;
  root_.log({.metadata = field(metadata), .tags = tags.empty() ? Tags() : Tags(tags)});
}

void CaseRun::run_task() {
  const ContextScope scope(case_span_);
  Span span = case_span_ ? braintrust::start_span("task", {.type = SpanType::task, .input = data_.input}, Site{}) : Span();
  if (span) {
    span.log({.expected = field(data_.expected)});
    const std::lock_guard lock(mutex_);
    task_span_ = span.handle();
  }
  const auto begin = Clock::now();
  try {
    EvalHooks hooks{.expected = data_.expected,
                    .metadata = metadata_,
                    .tags = tags_,
                    .span = span.handle(),
                    .trial = trial_,
                    .stop = &stop_};
    output_ = plan_.task(data_.input, hooks);
    if (!left_behind()) span.log({.output = output_});
  } catch (...) {
    error_ = error_text();
    if (!left_behind()) span.record_exception(std::current_exception());
  }
  duration_ = Clock::now() - begin;
}

template <class Item, class Record>
void CaseRun::run_grader(Graded& graded, const Grader<Item>& grader, SpanType type, Record&& record) {
  const ContextScope scope(case_span_);
  // What a grader's model calls cost is not the task's (INST 7.20).
  Span span =
      case_span_
          ? braintrust::start_span(
                graded.name,
                {.type = type, .input = grader_input_, .propagated = {{"span_attributes", {{"purpose", "scorer"}}}}}, Site{})
          : Span();
  graded.span = span.handle();
  try {
    auto results = grader({.input = data_.input, .output = output_, .expected = data_.expected, .metadata = metadata_});
    if (!left_behind()) record(span, std::move(results));
  } catch (...) {
    graded.scores.clear();
    graded.classifications = nullptr;
    graded.error = error_text();
    span.record_exception(std::current_exception());
  }
}

void CaseRun::grade(std::size_t which) {
  if (left_behind()) return;
  Graded& graded = graded_[which];
  if (which < plan_.scores.size()) {
    run_grader(graded, plan_.scores[which], SpanType::score,
               [&](Span& span, std::vector<Score> scores) { record_scores(graded, span, std::move(scores)); });
  } else {
    run_grader(graded, plan_.classifiers[which - plan_.scores.size()], SpanType::classifier,
               [&](Span& span, std::vector<Classification> found) { record_classifications(graded, span, std::move(found)); });
  }
}

void CaseRun::record_scores(Graded& graded, Span& span, std::vector<Score> scores) {
  for (Score& score : scores) {
    if (score.name.empty()) score.name = graded.name;
    check(score);
    const bool twice = std::any_of(scores.data(), &score, [&](const Score& other) { return other.name == score.name; });
    if (twice) throw std::invalid_argument(given_twice(score));
  }
  if (span && !scores.empty()) {
    const bool one = scores.size() == 1;
    const json output = one ? json::object({{"score", number_or_null(scores.front())}}) : by_name(scores, [](const Score& s) {
      return json::object({{"score", number_or_null(s)}});
    });
    const json metadata = one ? scores.front().metadata : by_name(scores, [](const Score& s) { return s.metadata; });
    span.log({.output = output,
              .scores = by_name(scores, number_or_null),
              .metadata = metadata.is_null() ? Field() : Field(metadata)});
  }
  graded.scores = std::move(scores);
}

// Items of one name are a list, in the order in which they were found (INST 24.5 to 24.7).
void CaseRun::record_classifications(Graded& graded, Span& span, std::vector<Classification> found) {
  if (found.empty()) return;
  json items = json::object();
  json metadata = json::object();
  for (Classification& one : found) {
    if (one.id.empty()) throw std::invalid_argument("a classification without an id");
    if (!one.metadata.is_null()) metadata[one.id] = one.metadata;
    json item = {{"id", std::move(one.id)}};
    if (!one.label.empty()) item["label"] = std::move(one.label);
    if (!one.metadata.is_null()) item["metadata"] = std::move(one.metadata);
    items[one.name.empty() ? graded.name : one.name].push_back(std::move(item));
  }
  if (span) span.log({.output = items, .metadata = metadata.empty() ? Field() : Field(metadata)});
  graded.classifications = std::move(items);
}

EvalCaseResult CaseRun::result_of_task() const {
  EvalCaseResult result{
      .input = data_.input, .expected = data_.expected, .origin = data_.origin, .trial = trial_, .row_id = case_span_.id()};
  if (case_span_) result.trace_id = to_string(case_span_.trace_id());
  return result;
}

std::optional<EvalCaseResult> CaseRun::finish() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(over_, true)) return {};
  }
  EvalCaseResult result = result_of_task();
  result.output = output_;
  result.metadata = metadata_;
  result.tags = tags_;
  result.error = error_;
  result.duration = duration_;
  std::vector<std::string> missing;
  for (std::size_t i = 0; i < graded_.size(); ++i) {
    const bool scorer = i < plan_.scores.size();
    take_grades(result, graded_[i], scorer);
    if (scorer && (!error_.empty() || result.scorer_errors.contains(graded_[i].name))) missing.push_back(graded_[i].name);
  }
  if (!missing.empty() && plan_.options.error_scores) add_error_scores(result, missing);
  json metadata = json::object();
  if (!result.scorer_errors.empty()) metadata["scorer_errors"] = result.scorer_errors;
  if (!result.classifier_errors.empty()) metadata["classifier_errors"] = result.classifier_errors;
  if (root_ && !metadata.empty()) root_.log({.metadata = metadata});
  if (root_ && !result.classifications.is_null()) root_.log({.classifications = result.classifications});
  root_.end();
  return result;
}

void CaseRun::take_grades(EvalCaseResult& result, Graded& graded, bool scorer) {
  for (const Score& score : graded.scores) {
    if (result.scores.emplace(score.name, score.score).second) continue;
    graded.error = given_twice(score);
    // Which one was first is known only now. An average must not hold both.
    graded.span.log({.error = graded.error, .scores = {{score.name, nullptr}}});
  }
  for (auto& [name, items] : graded.classifications.items()) {
    json& all = result.classifications[name];
    for (json& item : items) all.push_back(std::move(item));
  }
  if (!graded.error.empty()) (scorer ? result.scorer_errors : result.classifier_errors)[graded.name] = graded.error;
}

void CaseRun::add_error_scores(EvalCaseResult& result, const std::vector<std::string>& missing) {
  try {
    const auto scores = plan_.options.error_scores(result, missing);
    for (const auto& [name, score] : scores) check({.name = name, .score = score});
    for (const auto& [name, score] : scores) result.scores[name] = score;
    root_.log({.scores = scores});
  } catch (...) {
    result.scorer_errors["error_scores"] = error_text();
  }
}

std::optional<EvalCaseResult> CaseRun::abandon(const std::string& why) {
  const std::lock_guard lock(mutex_);
  if (std::exchange(over_, true)) return {};
  stop_ = true;
  left_behind_ = true;
  // What the task and the graders write belongs to them until they return, which may be never.
  EvalCaseResult result = result_of_task();
  result.metadata = data_.metadata;
  result.tags = data_.tags;
  result.error = why;
  if (root_) {
    log_case(data_.metadata, data_.tags);
    root_.log({.error = why});
    task_span_.log({.error = why});
  }
  root_.end();
  return result;
}

}  // namespace braintrust::detail
