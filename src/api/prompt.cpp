#include <braintrust/api/prompt.h>

#include <utility>

#include <fmt/format.h>

#include <braintrust/core/diagnostics.h>

#include "api/client.h"
#include "api/prompt_cache.h"
#include "core/environment.h"
#include "core/json_member.h"
#include "core/json_scan.h"
#include "pipeline/retry.h"

namespace braintrust {
namespace {

using detail::ApiCall;
using detail::is_blank;
using nlohmann::json;

struct Wanted {
  ApiCall call;
  json key;          // names the prompt in the cache
  std::string name;  // for messages
};

Wanted wanted_by(const PromptOptions& options, const pipeline::Settings& settings) {
  Wanted wanted;
  if (!is_blank(options.id)) {
    wanted.call.path = "v1/prompt/" + pipeline::escape_url(options.id);
    wanted.key = {{"id", options.id}};
    wanted.name = fmt::format("prompt with id \"{}\"", options.id);
  } else {
    const bool given = !is_blank(options.project) || !is_blank(options.project_id);
    const std::string& project = given ? options.project : settings.project;
    const std::string& project_id = given ? options.project_id : settings.project_id;
    const bool by_id = !is_blank(project_id);
    wanted.call.path = "v1/prompt";
    wanted.call.query = {{by_id ? "project_id" : "project_name", by_id ? project_id : project}, {"slug", options.slug}};
    wanted.key = {{by_id ? "project_id" : "project_name", by_id ? project_id : project}, {"slug", options.slug}};
    wanted.name = fmt::format("prompt \"{}\" in project {}", options.slug, by_id ? project_id : fmt::format("\"{}\"", project));
  }
  wanted.call.query.emplace_back("version", options.version);
  if (is_blank(options.version)) wanted.call.query.emplace_back("environment", options.environment);
  return wanted;
}

// The one row that an answer holds.
Result<json> row_of(json&& answer, const Wanted& wanted) {
  const json& objects = detail::member(answer, "objects");
  if (!objects.is_array()) return std::move(answer);
  if (objects.empty()) return Error{ErrorCode::not_found, fmt::format("there is no {}", wanted.name)};
  if (objects.size() > 1) {
    return Error{ErrorCode::bad_response, fmt::format("{} prompts answer to the {}", objects.size(), wanted.name)};
  }
  return json(objects.front());
}

Result<json> ask(detail::Client& client, const Wanted& wanted, bool& may_pass) {
  if (const auto access = client.access(wanted.call.tries, &may_pass); !access) return access.error();
  const auto response = client.exchange(wanted.call);
  if (!response) return response.error();
  if (!response->ok()) {
    may_pass = pipeline::may_retry(response->status);
    if (response->status == 404) return Error{ErrorCode::not_found, fmt::format("there is no {}", wanted.name)};
    return error_of(wanted.call, *response);
  }
  // Checked by itself first, because it bounds the depth: trees are copied by recursion.
  json answer = detail::valid_json(response->body) ? json::parse(response->body, nullptr, false) : json();
  if (!answer.is_object()) {
    return Error{ErrorCode::bad_response, fmt::format("the answer about the {} is not what the protocol says", wanted.name)};
  }
  return row_of(std::move(answer), wanted);
}

}  // namespace

Result<Prompt> load_prompt(const PromptOptions& options) {
  if (is_blank(options.slug) && is_blank(options.id)) {
    return Error{ErrorCode::invalid_argument, "load_prompt needs the prompt's slug, or its id"};
  }
  const auto client = detail::client_for(options.connection);
  const pipeline::Settings settings = client->settings();
  Wanted wanted = wanted_by(options, settings);
  const detail::PromptCache cache(detail::prompt_cache_options(detail::Environment::snapshot()));
  const std::string key = detail::prompt_cache_key(settings, wanted.key);

  // What was asked for by version or environment must not be answered with what was once the newest.
  const bool any_version = is_blank(options.version) && is_blank(options.environment);
  const auto copy = any_version ? cache.find(key) : std::nullopt;
  if (copy) wanted.call.tries = 1;  // nobody has to wait for a second one

  const auto prompt_of = [&](const json& row) {
    auto prompt = Prompt::from_row(row, options.defaults, options.no_trace);
    if (prompt) prompt->connection_ = options.connection;
    return prompt;
  };
  bool may_pass = false;
  auto row = ask(*client, wanted, may_pass);
  if (row) {
    auto prompt = prompt_of(*row);
    if (prompt && any_version) cache.keep(key, *row);
    return prompt;
  }
  if (any_version && row.error().code == ErrorCode::not_found) cache.forget(key);
  if (!may_pass || !copy) return row.error();
  detail::report(Severity::warning, row.error().code,
                 fmt::format("{}; the copy of the {} in the cache is used", row.error().message, wanted.name));
  return prompt_of(*copy);
}

}  // namespace braintrust
