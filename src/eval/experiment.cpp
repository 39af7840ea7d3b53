#include <braintrust/eval/experiment.h>

#include <fmt/format.h>

#include <braintrust/core/diagnostics.h>

#include "api/btql_query.h"
#include "api/carrier.h"
#include "api/dataset_core.h"
#include "api/objects.h"
#include "core/environment.h"
#include "core/json_member.h"
#include "eval/experiment_core.h"
#include "eval/git.h"
#include "pipeline/registration.h"
#include "trace/slug.h"

namespace braintrust {
namespace {

using detail::Host;
using detail::member;
using detail::text_at;
using nlohmann::json;

const std::string& blank() {
  static const auto* const text = new std::string();
  return *text;
}

Error refused(std::string why) { return {ErrorCode::invalid_argument, "init_experiment: " + std::move(why)}; }

// What would be refused later, or silently be something else.
std::optional<Error> check(const ExperimentOptions& options) {
  if (!options.metadata.is_null() && !options.metadata.is_object()) return refused("`metadata` must be an object");
  for (std::size_t i = 0; i < options.tags.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (options.tags[i] == options.tags[j]) return refused(fmt::format("the tag \"{}\" stands twice", options.tags[i]));
    }
  }
  return {};
}

// The project as the registration wants it: by id, or by name.
void add_project(json& body, const detail::Access& access, const std::string& id, const std::string& name) {
  const bool named = !detail::is_blank(name);
  if (!detail::is_blank(id)) {
    body["project_id"] = id;
  } else if (!named && !access.settings.project_id.empty()) {
    body["project_id"] = access.settings.project_id;
  } else {
    body["project_name"] = named ? std::string(detail::trimmed(name)) : access.settings.project;
  }
}

Result<json> registration_of(const ExperimentOptions& options, const detail::Access& access) {
  json body = {{"org_id", access.login.org_id}, {"update", options.update}, {"public", options.is_public}};
  add_project(body, access, options.project_id, options.project);
  if (!detail::is_blank(options.name)) body["experiment_name"] = options.name;
  if (!options.description.empty()) body["description"] = options.description;
  if (!options.metadata.is_null()) body["metadata"] = options.metadata;
  if (!options.tags.empty()) body["tags"] = options.tags;
  const detail::GitState git =
      detail::git_state(detail::merged(options.git, access.login.git_metadata), access.settings.working_directory);
  if (!git.repo_info.is_null()) body["repo_info"] = git.repo_info;
  if (!detail::is_blank(options.base_experiment_id)) {
    body["base_exp_id"] = options.base_experiment_id;
  } else if (!detail::is_blank(options.base_experiment)) {
    body["base_experiment"] = options.base_experiment;
  } else if (!git.ancestor_commits.empty()) {
    body["ancestor_commits"] = git.ancestor_commits;
  }
  if (options.dataset && *options.dataset) {
    // The version is written down: an environment's, and the newest, move on.
    const auto id = options.dataset->id();
    if (!id) return id.error();
    const auto version = options.dataset->version();
    if (!version) return version.error();
    body["dataset_id"] = *id;
    body["dataset_version"] = *version;
  }
  return body;
}

bool is_missing_base(const pipeline::HttpResponse& response) {
  return response.status >= 400 && response.status < 500 && response.body.find("base experiment") != std::string::npos;
}

// Repeated only where a second arrival finds the experiment that the first one made.
Result<json> send(detail::Client& client, json body) {
  detail::ApiCall call{.host = Host::app, .method = "POST", .path = "api/experiment/register", .body = std::move(body)};
  call.repeatable = call.body["update"] == true && call.body.contains("experiment_name");
  auto response = client.exchange(call);
  if (response && is_missing_base(*response) && call.body.contains("base_experiment")) {
    detail::report(Severity::warning, ErrorCode::not_found,
                   fmt::format("the base experiment \"{}\" does not exist: the server chooses one",
                               text_at(call.body, "base_experiment")));
    call.body.erase("base_experiment");
    response = client.exchange(call);
  }
  if (!response) return response.error();
  if (!response->ok()) {
    Error error = detail::error_of(call, *response);
    return Error{error.code, "the experiment could not be registered: " + error.message};
  }
  return detail::body_of(call, *response);
}

}  // namespace

Result<Experiment> init_experiment(const ExperimentOptions& options) {
  if (const auto error = check(options)) return *error;
  auto core = std::make_shared<Experiment::Core>();
  core->logger = detail::carrier_of(options.connection);
  core->core = detail::LoggerCore::of(core->logger);
  core->client = detail::client_of(*core->core);
  const auto access = core->client->access();
  if (!access) return access.error();
  auto body = registration_of(options, **access);
  if (!body) return body.error();
  const auto answer = send(*core->client, *std::move(body));
  if (!answer) return answer.error();
  const json& experiment = member(*answer, "experiment");
  const json& project = member(*answer, "project");
  core->id = text_at(experiment, "id");
  core->name = text_at(experiment, "name");
  core->project_id = text_at(project, "id");
  core->project_name = text_at(project, "name");
  core->base_id = text_at(experiment, "base_exp_id");
  if (core->id.empty()) return Error{ErrorCode::bad_response, "POST /api/experiment/register answered without an id"};
  core->url = detail::object_url(**access, core->project_name, "experiments", core->name);
  core->destination = detail::intern_destination(pipeline::ObjectType::experiment, core->id, {});
  core->slug = detail::encode_slug({.type = pipeline::ObjectType::experiment, .object_id = core->id});
  return Experiment(std::move(core));
}

const std::string& Experiment::id() const noexcept { return core_ ? core_->id : blank(); }
const std::string& Experiment::name() const noexcept { return core_ ? core_->name : blank(); }
const std::string& Experiment::project_id() const noexcept { return core_ ? core_->project_id : blank(); }
const std::string& Experiment::project_name() const noexcept { return core_ ? core_->project_name : blank(); }
const std::string& Experiment::url() const noexcept { return core_ ? core_->url : blank(); }
const std::string& Experiment::base_experiment_id() const noexcept { return core_ ? core_->base_id : blank(); }
const std::string& Experiment::export_slug() const noexcept { return core_ ? core_->slug : blank(); }

std::string Experiment::log(const SpanFields& fields, Site site) const {
  if (!core_) return {};
  Span span = start_span({}, {.type = SpanType::eval, .set_current = false}, site);
  span.log(fields);
  return span.id();
}

namespace {

// A parent that was given counts, and says where the span goes. One that was received without saying so leaves that to the
// experiment (INST 19.14).
Parent parent_in(const Experiment::Core& core, const Parent& given) {
  if (given.span() || !given.slug().empty() || !given.container().empty()) return given;
  if (!given.received() || !given.span().span_id()) return Parent(core.slug);
  detail::SpanRef caller = given.span().ref();
  caller.core = core.core;
  caller.destination = core.destination;
  return SpanHandle(caller);
}

}  // namespace

Span Experiment::start_span(std::string_view name, const SpanOptions& options, Site site) const {
  if (!core_) return {};
  SpanOptions in_experiment = options;
  in_experiment.parent = parent_in(*core_, options.parent);
  if (in_experiment.type == SpanType::none) in_experiment.type = SpanType::eval;
  return core_->logger.start_span(name, in_experiment, site);
}

void Experiment::update_row(std::string_view id, const SpanFields& fields) const {
  if (core_) detail::update_row(*core_->core, *core_->destination, id, fields);
}

void Experiment::log_feedback(const Feedback& feedback) const {
  if (core_) detail::send_feedback(*core_->core, *core_->destination, feedback);
}

FlushResult Experiment::flush(std::chrono::milliseconds deadline) const {
  return core_ ? core_->logger.flush(deadline) : FlushResult{};
}

Result<ReadonlyExperiment> open_experiment(const OpenExperimentOptions& options) {
  ReadonlyExperiment opened;
  opened.connection_ = options.connection;
  const auto client = detail::client_for(options.connection);
  if (!detail::is_blank(options.id)) {
    opened.id_ = options.id;
    const auto found = client->call({.path = "v1/experiment/" + pipeline::escape_url(options.id)});
    if (!found) return found.error();
    opened.name_ = text_at(*found, "name");
    return opened;
  }
  if (detail::is_blank(options.name)) return Error{ErrorCode::invalid_argument, "open_experiment: give a `name` or an `id`"};
  const auto access = client->access();
  if (!access) return access.error();
  json body = {{"experiment_name", options.name}, {"org_name", (*access)->login.org_name}};
  add_project(body, **access, options.project_id, options.project);
  const auto found = client->call({.host = Host::app, .method = "POST", .path = "api/experiment/get", .body = body});
  if (!found) return found.error();
  if (!found->is_array() || found->empty()) {
    return Error{ErrorCode::not_found, fmt::format("there is no experiment \"{}\" in project \"{}\"", options.name,
                                                   text_at(body, "project_name") + text_at(body, "project_id"))};
  }
  opened.id_ = text_at(found->front(), "id");
  opened.name_ = text_at(found->front(), "name");
  return opened;
}

BtqlRows ReadonlyExperiment::rows() const {
  return {detail::btql_star(detail::btql_from("experiment", id_)), {.connection = connection_}};
}

BtqlRows ReadonlyExperiment::cases() const {
  json query = detail::btql_star(detail::btql_from("experiment", id_));
  query["filter"] = detail::btql_equals({"is_root"}, true);
  return {std::move(query), {.connection = connection_}};
}

}  // namespace braintrust
