// Experiments and how they compare. Source: PROTO 3.

#include "local/calls.h"
#include "local/comparison.h"
#include "local/experiments.h"

namespace braintrust::local {
namespace {

using State = Store::State;

HttpAnswer comparison(Store& store, const HttpRequest& request) {
  const auto cases = read_cases(store.state(), request.query("experiment_id"));
  if (!cases) return refuse(cases.error());
  const auto base_id = request.query("base_experiment_id");
  const auto base = base_id.empty() ? Result<std::vector<Case>>(std::vector<Case>()) : read_cases(store.state(), base_id);
  if (!base) return refuse(base.error());
  return ok(to_json(compare(*cases, *base)));
}

}  // namespace

std::optional<HttpAnswer> experiment_calls(Store& store, const HttpRequest& request) {
  const auto is = [&](std::string_view method, std::string_view path) {
    return request.method == method && request.path == path;
  };
  if (is("POST", "/api/experiment/register")) {
    return answer_with(store, [&](State& state) { return register_experiment(state, body_of(request)); });
  }
  if (is("POST", "/api/experiment/get")) {
    return answer_with(store, [&](State& state) { return get_experiments(state, body_of(request)); });
  }
  if (is("POST", "/api/base_experiment/get_id")) {
    return answer_with(store, [&](State& state) { return base_of(state, text_field(body_of(request), "id")); });
  }
  if (is("GET", "/experiment-comparison2")) return comparison(store, request);
  if (const auto parts = parts_after("/v1/experiment/", request.path); request.method == "GET" && parts && parts->size() == 1) {
    return answer_with(store, [&](State& state) { return find_experiment(state, parts->front()); });
  }
  return std::nullopt;
}

}  // namespace braintrust::local
