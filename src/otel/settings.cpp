#include "otel/settings.h"

#include <algorithm>

#include <braintrust/core/diagnostics.h>

#include "core/environment.h"
#include "pipeline/container.h"
#include "pipeline/http.h"
#include "trace/settings.h"

namespace braintrust::otel::detail {
namespace {

using braintrust::detail::Environment;
using braintrust::detail::is_blank;
using braintrust::detail::report;
using braintrust::detail::trimmed;

bool is_parent(std::string_view text) {
  const std::size_t colon = text.find(':');
  return colon != std::string_view::npos && colon > 0 && !is_blank(text.substr(colon + 1)) && pipeline::is_header_value(text);
}

std::string parent_of(const SpanProcessorOptions& options, const Environment& environment) {
  for (const std::string& given : {options.parent, environment.get("BRAINTRUST_PARENT")}) {
    if (is_blank(given)) continue;
    std::string parent(trimmed(given));
    if (is_parent(parent)) return parent;
    report(
        Severity::warning, ErrorCode::invalid_argument,
        "a span processor's parent is \"project_name:…\", \"project_id:…\" or \"experiment_id:…\"; the one given is not used");
  }
  return {};
}

}  // namespace

ProcessorSettings resolve(const SpanProcessorOptions& options) {
  const Environment environment = Environment::snapshot();
  ProcessorSettings settings;
  settings.connection =
      resolve_options(
          {.api_key = options.api_key, .app_url = options.app_url, .api_url = options.api_url, .org_name = options.org_name},
          environment)
          .settings;
  settings.connection.request_timeout = std::max(options.request_timeout, std::chrono::milliseconds(1));
  settings.parent = parent_of(options, environment);
  if (settings.parent.empty()) settings.parent = pipeline::container_of(settings.connection);
  if (!pipeline::is_header_value(settings.parent)) settings.parent.clear();
  for (const auto& [name, value] : options.headers) {
    if (pipeline::is_header_name(name) && pipeline::is_header_value(value)) {
      settings.headers.emplace_back(name, value);
    } else {
      report(Severity::warning, ErrorCode::invalid_argument,
             "a span processor's header has a name or a value that no header can have; it is not sent");
    }
  }
  settings.filter_ai_spans = options.filter_ai_spans.value_or(environment.flag("BRAINTRUST_FILTER_AI_SPANS", false));
  settings.converts_media = environment.flag("BRAINTRUST_AUTO_CONVERT_AI_ATTACHMENTS", true);
  settings.bridges_contexts = environment.flag("BRAINTRUST_OTEL_COMPAT", false);
  return settings;
}

}  // namespace braintrust::otel::detail
