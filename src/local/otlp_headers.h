#pragma once

// What OpenTelemetry's environment variables carry to this backend.
//
//   OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:8700/otel          exporters append /v1/traces
//   OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
//   OTEL_EXPORTER_OTLP_HEADERS=Authorization=Bearer%20local,x-bt-parent=project_name:My%20Project
//
// Values of headers are percent-encoded there, and exporters decode them. Some (opentelemetry-cpp's) do not, and send them as
// they stand: cpp-httplib decodes those.
//
// Threads: pure functions. Errors: none. Source: opentelemetry.io, "OTLP Exporter Configuration"; W3C Baggage 3.3 (the
// encoding).

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/environment.h"

namespace braintrust::local {

inline constexpr std::string_view otlp_path = "/otel";
inline constexpr const char* otlp_parent_header = "x-bt-parent";

// The variables above, and OTEL_LOGS_EXPORTER and OTEL_METRICS_EXPORTER as "none", since only traces are taken here. Without
// those that `environment` has; with none at all where it sends traces somewhere else, or by a protocol that is not spoken
// here.
std::vector<std::pair<std::string, std::string>> otlp_variables(std::string_view url, std::string_view parent,
                                                                const detail::Environment& environment);

}  // namespace braintrust::local
