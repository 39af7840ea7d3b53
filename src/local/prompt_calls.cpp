// Prompts. Source: PROTO 16.

#include "local/calls.h"
#include "local/prompts.h"
#include "local/refused.h"

namespace braintrust::local {

using nlohmann::json;
using State = Store::State;

std::optional<HttpAnswer> prompt_calls(Store& store, const HttpRequest& request) {
  if (request.path == "/v1/prompt" && request.method == "POST") {
    return answer_with(store, [&](State& state) { return save_prompt(state, body_of(request)); });
  }
  if (request.method != "GET") return std::nullopt;
  PromptSelector selector;
  selector.version = request.query("version");
  selector.environment = request.query("environment");
  if (request.path == "/v1/prompt") {
    selector.project_id = request.query("project_id");
    selector.project_name = request.query("project_name");
    selector.slug = request.query("slug");
    return answer_with(store, [&](State& state) -> json { return {{"objects", find_prompts(state, selector)}}; });
  }
  const auto parts = parts_after("/v1/prompt/", request.path);
  if (!parts || parts->size() != 1) return std::nullopt;
  selector.id = parts->front();
  return answer_with(store, [&](State& state) {
    const auto found = find_prompts(state, selector);
    if (found.empty()) refuse_unknown("no prompt has this id, or none this version");
    return found.front();
  });
}

}  // namespace braintrust::local
