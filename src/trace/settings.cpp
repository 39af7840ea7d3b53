#include "trace/settings.h"

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "core/env_file.h"

namespace braintrust::detail {
namespace {

std::string choose(const std::string& option, const Environment& environment, std::initializer_list<const char*> names) {
  if (!is_blank(option)) return std::string(trimmed(option));
  for (const char* const name : names) {
    if (std::string value = environment.get(name); !value.empty()) return std::string(trimmed(value));
  }
  return {};
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

struct Signal {
  const char* variable;
  const char* prefix;  // the value must begin with it; null = any value
  const char* type;
  const char* name;
};

// In the order of INST 3.14 to 3.19; the first that is set counts.
constexpr Signal ci_signals[] = {
    {"GITHUB_ACTIONS", nullptr, "ci", "github_actions"},
    {"GITLAB_CI", nullptr, "ci", "gitlab_ci"},
    {"CIRCLECI", nullptr, "ci", "circleci"},
    {"BUILDKITE", nullptr, "ci", "buildkite"},
    {"JENKINS_URL", nullptr, "ci", "jenkins"},
    {"JENKINS_HOME", nullptr, "ci", "jenkins"},
    {"TF_BUILD", nullptr, "ci", "azure_pipelines"},
    {"TEAMCITY_VERSION", nullptr, "ci", "teamcity"},
    {"TRAVIS", nullptr, "ci", "travis"},
    {"BITBUCKET_BUILD_NUMBER", nullptr, "ci", "bitbucket"},
};
constexpr Signal server_signals[] = {
    {"VERCEL", nullptr, "server", "vercel"},
    {"NETLIFY", nullptr, "server", "netlify"},
    {"ECS_CONTAINER_METADATA_URI", nullptr, "server", "ecs"},
    {"ECS_CONTAINER_METADATA_URI_V4", nullptr, "server", "ecs"},
    {"AWS_EXECUTION_ENV", "AWS_ECS_", "server", "ecs"},
    {"AWS_EXECUTION_ENV", "AWS_Lambda_", "server", "aws_lambda"},
    {"AWS_LAMBDA_FUNCTION_NAME", nullptr, "server", "aws_lambda"},
    {"K_SERVICE", nullptr, "server", "cloud_run"},
    {"FUNCTION_TARGET", nullptr, "server", "gcp_functions"},
    {"KUBERNETES_SERVICE_HOST", nullptr, "server", "kubernetes"},
    {"DYNO", nullptr, "server", "heroku"},
    {"FLY_APP_NAME", nullptr, "server", "fly"},
    {"RAILWAY_ENVIRONMENT", nullptr, "server", "railway"},
    {"RENDER_SERVICE_NAME", nullptr, "server", "render"},
};
constexpr const char* deployment_modes[] = {"NODE_ENV", "RAILS_ENV", "RACK_ENV", "ASPNETCORE_ENVIRONMENT",
                                            "DOTNET_ENVIRONMENT"};

template <std::size_t Count>
const Signal* first_of(const Signal (&list)[Count], const Environment& environment) {
  for (const Signal& signal : list) {
    const std::string value = environment.get(signal.variable);
    if (!value.empty() && (signal.prefix == nullptr || value.starts_with(signal.prefix))) return &signal;
  }
  return nullptr;
}

}  // namespace

RuntimeEnvironment detect_environment(const EnvironmentOptions& options, const Environment& environment,
                                      const std::string& working_directory) {
  if (!is_blank(options.type) || !is_blank(options.name)) return {options.type, options.name};
  if (!options.detect) return {};
  RuntimeEnvironment named{environment.get("BRAINTRUST_ENVIRONMENT_TYPE"), environment.get("BRAINTRUST_ENVIRONMENT_NAME")};
  if (named.type.empty() && named.name.empty()) {
    EnvFile file = find_env_file(working_directory);
    named = {std::move(file["BRAINTRUST_ENVIRONMENT_TYPE"]), std::move(file["BRAINTRUST_ENVIRONMENT_NAME"])};
  }
  if (!named.type.empty() || !named.name.empty()) return named;

  if (const Signal* const signal = first_of(ci_signals, environment)) return {signal->type, signal->name};
  const std::string ci = lower(environment.get("CI"));
  if (!ci.empty() && ci != "0" && ci != "false" && ci != "no" && ci != "off") return {"ci", "ci"};
  if (const Signal* const signal = first_of(server_signals, environment)) return {signal->type, signal->name};
  for (const char* const variable : deployment_modes) {
    const std::string mode = lower(environment.get(variable));
    if (mode == "production" || mode == "prod" || mode == "staging" || mode == "stage") return {"server", mode};
    if (mode == "development" || mode == "dev" || mode == "local") return {"local", mode};
  }
  return {};
}

pipeline::Flusher::Options resolve_options(const LoggerOptions& options, const Environment& environment) {
  pipeline::Flusher::Options resolved;
  resolved.interval = options.flush_interval;
  pipeline::Settings& settings = resolved.settings;
  settings.project = choose(options.project, environment,
                            {"BRAINTRUST_PROJECT", "BRAINTRUST_DEFAULT_PROJECT", "BRAINTRUST_DEFAULT_PROJECT_NAME"});
  settings.project_id = choose(options.project_id, environment, {"BRAINTRUST_PROJECT_ID", "BRAINTRUST_DEFAULT_PROJECT_ID"});
  // A project named in the code is meant, whatever id the environment holds.
  if (!is_blank(options.project) && is_blank(options.project_id)) settings.project_id.clear();
  settings.api_key = choose(options.api_key, environment, {"BRAINTRUST_API_KEY"});
  settings.app_url = choose(options.app_url, environment, {"BRAINTRUST_APP_URL"});
  settings.api_url = choose(options.api_url, environment, {"BRAINTRUST_API_URL"});
  settings.org_name = choose(options.org_name, environment, {"BRAINTRUST_ORG_NAME"});
  settings.app_public_url = choose({}, environment, {"BRAINTRUST_APP_PUBLIC_URL"});
  settings.proxy_url = choose({}, environment, {"BRAINTRUST_PROXY_URL"});

  settings.to_braintrust = !options.exporter;
  if (options.exporter) settings.exporters.push_back(options.exporter);
  std::copy_if(options.exporters.begin(), options.exporters.end(), std::back_inserter(settings.exporters),
               [](const Exporter& exporter) { return static_cast<bool>(exporter); });

  std::error_code error;
  const auto directory = std::filesystem::current_path(error);
  if (!error) settings.working_directory = directory.string();

  settings.batch_rows = environment.count("BRAINTRUST_DEFAULT_BATCH_SIZE", settings.batch_rows, 1);
  if (const std::size_t bytes = environment.count("BRAINTRUST_MAX_REQUEST_SIZE", 0, 1); bytes > 0) {
    settings.max_request_bytes = bytes;
  }
  if (!environment.get("BRAINTRUST_NUM_RETRIES").empty()) {
    constexpr std::size_t unreadable = SIZE_MAX;
    const std::size_t retries = environment.count("BRAINTRUST_NUM_RETRIES", unreadable);
    if (retries != unreadable) settings.retries = static_cast<unsigned>(std::min<std::size_t>(retries, 1'000'000));
  }
  settings.request_timeout = environment.seconds("BRAINTRUST_HTTP_TIMEOUT", settings.request_timeout);
  settings.failed_payloads_directory = environment.get("BRAINTRUST_FAILED_PUBLISH_PAYLOADS_DIR");
  settings.all_payloads_directory = environment.get("BRAINTRUST_ALL_PUBLISH_PAYLOADS_DIR");

  resolved.only_when_flushed = environment.flag("BRAINTRUST_SYNC_FLUSH", false);
  resolved.drop_report_interval = environment.seconds("BRAINTRUST_QUEUE_DROP_LOGGING_PERIOD", resolved.drop_report_interval);

  resolved.bounds.max_bytes = options.queue.max_bytes;
  if (options.queue.max_rows) {
    resolved.bounds.max_rows = *options.queue.max_rows;
  } else {
    // Two names for one thing, from the Python and the JavaScript SDK.
    const std::size_t rows = environment.count("BRAINTRUST_QUEUE_DROP_EXCEEDING_MAXSIZE", resolved.bounds.max_rows, 1);
    resolved.bounds.max_rows = environment.count("BRAINTRUST_QUEUE_SIZE", rows, 1);
  }
  return resolved;
}

}  // namespace braintrust::detail
