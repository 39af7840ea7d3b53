// An experiment's averages, and what became better and worse. Source: PROTO 3.2.

#include <algorithm>

#include <fmt/format.h>

#include "core/json_member.h"
#include "eval/experiment_core.h"

namespace braintrust {
namespace {

using detail::Host;
using detail::member;
using detail::text_at;
using nlohmann::json;

constexpr std::chrono::seconds flush_deadline{60};

std::uint64_t count_at(const json& object, const char* key) {
  const json& value = member(object, key);
  return value.is_number() && value > 0 ? static_cast<std::uint64_t>(std::min(value.get<double>(), 1e15)) : 0;
}

std::optional<double> number_at(const json& object, const char* key) {
  const json& value = member(object, key);
  return value.is_number() ? std::optional<double>(value.get<double>()) : std::nullopt;
}

struct Base {
  std::string id = {};
  std::string name = {};
};

// What the experiment is compared with; blank: nothing.
Result<Base> base_of(const Experiment::Core& core, const std::string& wanted) {
  if (wanted.empty()) {
    const detail::ApiCall call{
        .host = Host::app, .method = "POST", .path = "api/base_experiment/get_id", .body = {{"id", core.id}}};
    const auto response = core.client->exchange(call);
    if (!response) return response.error();
    if (response->status == 400) return Base{};  // the server's way to say: none
    if (!response->ok()) return detail::error_of(call, *response);
    const auto answer = detail::body_of(call, *response);
    if (!answer) return answer.error();
    return Base{text_at(*answer, "base_exp_id"), text_at(*answer, "base_exp_name")};
  }
  const auto answer = core.client->call({.path = "v1/experiment/" + pipeline::escape_url(wanted)});
  if (!answer) return answer.error();
  return Base{wanted, text_at(*answer, "name")};
}

}  // namespace

Result<ExperimentSummary> Experiment::summarize(const std::string& base_experiment_id) const {
  if (!core_) return Error{ErrorCode::invalid_argument, "this experiment is none: make one with init_experiment"};
  flush(flush_deadline);
  ExperimentSummary summary{.project_name = core_->project_name,
                            .project_id = core_->project_id,
                            .experiment_name = core_->name,
                            .experiment_id = core_->id,
                            .experiment_url = core_->url};
  const auto base = base_of(*core_, base_experiment_id);
  if (!base) return base.error();
  summary.comparison_experiment_name = base->name;
  const auto answer = core_->client->call(
      {.path = "experiment-comparison2", .query = {{"experiment_id", core_->id}, {"base_experiment_id", base->id}}});
  if (!answer) return answer.error();
  const json &scores = member(*answer, "scores"), &metrics = member(*answer, "metrics");
  if ((!scores.is_null() && !scores.is_object()) || (!metrics.is_null() && !metrics.is_object())) {
    return Error{ErrorCode::bad_response, "GET /experiment-comparison2 answered with what is no comparison"};
  }
  for (const auto& [name, score] : scores.items()) {
    const auto average = number_at(score, "score");
    if (!average) continue;  // nothing was graded
    summary.scores.push_back({.name = name,
                              .score = *average,
                              .diff = number_at(score, "diff"),
                              .improvements = count_at(score, "improvements"),
                              .regressions = count_at(score, "regressions")});
  }
  for (const auto& [name, metric] : metrics.items()) {
    const auto average = number_at(metric, "metric");
    if (!average) continue;
    summary.metrics.push_back({.name = name,
                               .metric = *average,
                               .unit = text_at(metric, "unit"),
                               .diff = number_at(metric, "diff"),
                               .improvements = count_at(metric, "improvements"),
                               .regressions = count_at(metric, "regressions")});
  }
  return summary;
}

}  // namespace braintrust
