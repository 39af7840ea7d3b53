// Cases of datasets and of earlier experiments. Source: PROTO 12, 14.

#include <fmt/format.h>

#include <braintrust/eval/case.h>
#include <braintrust/eval/experiment.h>

#include "core/json_member.h"

namespace braintrust {
namespace {

using detail::member;
using detail::text_at;
using nlohmann::json;

json origin_of(const char* object_type, const std::string& object_id, const std::string& id, const std::string& version,
               const std::string& created) {
  json origin = {{"object_type", object_type}, {"object_id", object_id}, {"id", id}, {"_xact_id", version}};
  if (!created.empty()) origin["created"] = created;
  return origin;
}

EvalCase case_of(DatasetRow&& row, const std::string& dataset_id) {
  EvalCase result{.input = std::move(row.input),
                  .metadata = std::move(row.metadata),
                  .tags = std::move(row.tags),
                  .id = row.id,
                  .origin = origin_of("dataset", dataset_id, row.id, row.version, row.created)};
  if (!row.expected.is_null()) result.expected = std::move(row.expected);
  return result;
}

EvalCase case_of(const json& row, const std::string& experiment_id) {
  const std::string id = text_at(row, "id");
  EvalCase result{.input = member(row, "input"),
                  .metadata = member(row, "metadata"),
                  .id = id,
                  .origin = origin_of("experiment", experiment_id, id, text_at(row, "_xact_id"), text_at(row, "created"))};
  if (result.metadata.is_object()) {  // what failed in that run
    result.metadata.erase("scorer_errors");
    result.metadata.erase("classifier_errors");
  }
  const json& expected = member(row, "expected");
  const json& answer = expected.is_null() ? member(row, "output") : expected;
  if (!answer.is_null()) result.expected = answer;
  for (const json& tag : member(row, "tags")) {
    if (tag.is_string()) result.tags.push_back(tag.get<std::string>());
  }
  return result;
}

// A source's range, and where we are in it.
template <class Range, class Make>
EvalData::Next reader_of(Range range, Make make) {
  struct State {
    Range range;
    decltype(std::declval<const Range&>().begin()) at = {};
    bool begun = false;
  };
  auto state = std::make_shared<State>(State{std::move(range)});
  return [state, make = std::move(make)]() -> Result<std::optional<EvalCase>> {
    if (std::exchange(state->begun, true)) {
      ++state->at;
    } else {
      state->at = state->range.begin();
    }
    if (state->at == state->range.end()) return std::optional<EvalCase>();
    if (!*state->at) return state->at->error();
    return std::optional<EvalCase>(make(std::move(**state->at)));
  };
}

}  // namespace

EvalData::EvalData(Dataset dataset)
    : EvalData(Open([dataset](const EvalDataContext& context) -> Result<Next> {
        const auto id = dataset.id();
        if (!id) return id.error();
        const std::string& version = context.dataset_version;
        return reader_of(version.empty() ? dataset : dataset.at_version(version),
                         [id = *id](DatasetRow&& row) { return case_of(std::move(row), id); });
      })) {
  dataset_ = std::move(dataset);
}

EvalData EvalData::only(std::function<bool(const EvalCase&)> wanted) const {
  EvalData filtered = *this;  // with its dataset
  filtered.size_.reset();
  filtered.open_ = [open = open_, wanted = std::move(wanted)](const EvalDataContext& context) -> Result<Next> {
    auto next = open(context);
    if (!next) return next;
    return Next([next = *std::move(next), wanted]() -> Result<std::optional<EvalCase>> {
      for (;;) {
        auto one = next();
        if (!one || !*one || wanted(**one)) return one;
      }
    });
  };
  return filtered;
}

EvalData base_experiment(std::string name) {
  return EvalData(EvalData::Open([name = std::move(name)](const EvalDataContext& context) -> Result<EvalData::Next> {
    if (name.empty() && context.base_experiment_id.empty()) {
      return Error{
          ErrorCode::not_found,
          "base_experiment: there is no experiment that this one is compared with; name the one whose cases are meant"};
    }
    const auto opened = open_experiment({.project = context.project,
                                         .name = name,
                                         .project_id = context.project_id,
                                         .id = name.empty() ? context.base_experiment_id : std::string(),
                                         .connection = context.connection});
    if (!opened) return opened.error();
    return reader_of(opened->cases(), [id = opened->id()](const json& row) { return case_of(row, id); });
  }));
}

}  // namespace braintrust
