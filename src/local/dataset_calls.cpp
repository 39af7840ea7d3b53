// Datasets, their versions, and queries. Source: PROTO 2, 12, 13; INST 25.

#include <braintrust/local/store.h>

#include "local/calls.h"
#include "local/dataset_versions.h"
#include "local/datasets.h"
#include "local/refused.h"

namespace braintrust::local {
namespace {

using nlohmann::json;
using State = Store::State;

HttpAnswer btql(Store& store, const HttpRequest& request) {
  auto answer = store.query(request.body);
  return answer ? HttpAnswer{200, *std::move(answer)} : refuse(answer.error());
}

// By ids, in the way of the service, which answers what kind of object each of them is.
json object_info(State& state, const json& request) {
  if (text_field(request, "object_type") != "dataset") refuse_request("object_type must be \"dataset\"");
  auto infos = json::array();
  if (const auto& ids = field(request, "object_ids"); ids.is_array()) {
    for (const auto& id : ids) {
      if (!id.is_string()) continue;
      const auto found = dataset_with_id(state, id.get_ref<const std::string&>());
      if (!found) continue;
      infos.push_back({{"object_id", id},
                       {"object_name", found->at("dataset").at("name")},
                       {"parent_cols", {{"project", found->at("project")}}}});
    }
  }
  return infos;
}

std::optional<HttpAnswer> environment_calls(Store& store, const HttpRequest& request) {
  const auto parts = parts_after("/environment-object/", request.path);
  if (!parts || parts->size() < 2 || parts->size() > 3) return std::nullopt;
  const auto &type = (*parts)[0], &id = (*parts)[1];
  const auto slug = parts->size() == 3 ? (*parts)[2] : std::string();
  return answer_with(store, [&](State& state) {
    if (type != "dataset" && type != "prompt") refuse_request("only datasets and prompts have environments");
    const auto body = request.method == "GET" ? json() : body_of(request);
    const auto version = text_field(body, "object_version");
    if (request.method == "GET")
      return slug.empty() ? list_associations(state, type, id) : find_association(state, type, id, slug);
    if (request.method == "PUT" && !slug.empty()) return set_association(state, type, id, slug, version, true);
    if (request.method == "POST" && slug.empty()) {
      return set_association(state, type, id, text_field(body, "environment_slug"), version, false);
    }
    if (request.method == "DELETE" && !slug.empty()) return delete_association(state, type, id, slug);
    refuse_request("this method is of no use here");
  });
}

using Call = json (*)(State&, const json&);
constexpr std::pair<std::string_view, Call> posts[] = {
    {"/api/dataset/register", register_dataset},          {"/api/dataset_snapshot/register", register_snapshot},
    {"/api/dataset_snapshot/get", get_snapshots},         {"/api/dataset_snapshot/patch_id", patch_snapshot},
    {"/api/dataset_snapshot/delete_id", delete_snapshot}, {"/api/self/get_object_info", object_info},
};

}  // namespace

std::optional<HttpAnswer> dataset_calls(Store& store, const HttpRequest& request) {
  const bool get = request.method == "GET", post = request.method == "POST";
  if (post && request.path == "/btql") return btql(store, request);
  for (const auto& [path, call] : posts) {
    if (!post || request.path != path) continue;
    return answer_with(store, [&, made = call](State& state) { return made(state, body_of(request)); });
  }
  if (get && request.path == "/api/dataset_snapshot/get") {
    return answer_with(store, [&](State& state) {
      json query = json::object();
      for (const char* key : {"id", "dataset_id", "name", "xact_id"}) query[key] = request.query(key);
      return get_snapshots(state, query);
    });
  }
  if (get && request.path == "/dataset-summary") {
    return answer_with(store, [&](State& state) -> json {
      const auto id = request.query("dataset_id");
      find_dataset(state, id);
      return {{"total_records", dataset_size(state, id)}};
    });
  }
  // The version that a snapshot of now has; a plain text.
  if (get && request.path == "/xact-id") {
    const auto last = store.state().locked([](State& state) { return state.last_xact(); });
    return last ? HttpAnswer{200, std::to_string(*last), "text/plain"} : refuse(last.error());
  }
  if (const auto parts = parts_after("/v1/dataset/", request.path)) {
    if (get && parts->size() == 1) {
      return answer_with(store, [&](State& state) { return find_dataset(state, parts->front()).at("dataset"); });
    }
    const bool preview = parts->size() == 3 && (*parts)[2] == "preview";
    if (post && (parts->size() == 2 || preview) && (*parts)[1] == "restore") {
      return answer_with(store, [&](State& state) {
        const auto version = text_field(body_of(request), "version");
        return preview ? preview_restore(state, parts->front(), version) : restore_dataset(state, parts->front(), version);
      });
    }
  }
  return environment_calls(store, request);
}

}  // namespace braintrust::local
