// OpenTelemetry's spans: which are taken, and whose they are. 200 also where some were refused; 4xx for requests that will
// never be taken; 503 when the database failed, after which exporters try again. Source: OTLP specification 1.3, "OTLP/HTTP
// Response".

#include <algorithm>
#include <array>
#include <map>

#include "core/utf8.h"
#include "llm/json_text.h"
#include "local/calls.h"
#include "local/otlp_answers.h"
#include "local/otlp_decode.h"
#include "local/otlp_headers.h"
#include "local/otlp_rows.h"
#include "local/projects.h"
#include "pipeline/container.h"

namespace braintrust::local {
namespace {

using pipeline::Container;

// Of a body, decoded. The OpenTelemetry Collector takes 20 MiB.
constexpr std::size_t most_bytes = 64UL * 1024 * 1024;
constexpr std::size_t most_row_bytes = std::size_t{256} << 20;

// The listener has decoded these; it hands on what it does not know.
bool is_known_coding(std::string_view coding) {
  constexpr auto known = std::to_array<std::string_view>({"", "identity", "gzip", "deflate", "br"});
  return std::find(known.begin(), known.end(), coding) != known.end();
}

// The objects that spans say they belong to. Projects are made if absent.
class Containers {
 public:
  explicit Containers(Store& store) : store_(store) {}

  // The members of a row that name the object; nothing for what names none.
  Result<std::optional<std::string>> members(const std::string& parent) {
    if (const auto known = known_.find(parent); known != known_.end()) return known->second;
    const auto container = pipeline::read_container(parent);
    if (!container) return known_[parent] = std::nullopt;
    switch (container->kind) {
      case Container::experiment_id:
        return known_[parent] = "\"experiment_id\":" + llm::json_string(container->value);
      case Container::project_id:
        return known_[parent] = project(container->value);
      case Container::project_name:
        break;
    }
    const auto made = store_.register_project(utf8::repaired(container->value));
    if (!made) return made.error();
    return known_[parent] = project(made->id);
  }

 private:
  static std::string project(std::string_view id) { return "\"project_id\":" + llm::json_string(id) + ",\"log_id\":\"g\""; }

  Store& store_;
  std::map<std::string, std::optional<std::string>> known_;
};

// The service drops a span that names no object; one developer's machine has no reason to.
constexpr std::string_view default_warning =
    "kept in the project Global, because neither the attribute braintrust.parent nor the header x-bt-parent names one; "
    "Braintrust itself drops such spans";

HttpAnswer too_much(OtlpEncoding encoding) {
  return refuse_otlp(encoding, 413, RpcCode::resource_exhausted,
                     fmt::format("the request comes to more than {} bytes of rows", most_row_bytes));
}

Result<HttpAnswer> store_spans(Store& store, const OtlpRequest& spans, const std::string& parent_header,
                               OtlpEncoding encoding) {
  OtlpReport report;
  Containers containers(store);
  std::string rows;
  for (const auto& scope : spans.scopes) {
    for (const auto& span : scope.spans) {
      if (span.trace_id.empty() || span.span_id.empty()) {
        report.reject("without a trace id and a span id");
        continue;
      }
      auto parent = otlp_parent(span);
      if (parent.empty()) parent = parent_header;
      if (parent.empty()) {
        parent = pipeline::write_container({Container::project_name, default_project});
        report.warn(default_warning);
      }
      const auto container = containers.members(parent);
      if (!container) return container.error();
      if (!*container) {
        report.reject("of no project or experiment: braintrust.parent must be project_id:…, project_name:… or experiment_id:…");
        continue;
      }
      rows += rows.empty() ? "{\"rows\":[" : ",";
      rows += otlp_row(spans, scope, span, **container);
      // Each row holds the whole of its resource: a small request can come to much.
      if (rows.size() > most_row_bytes) return too_much(encoding);
    }
  }
  if (!rows.empty()) {
    const auto written = store.write(rows + "]}");
    if (!written) return written.error();
  }
  return report.answer(encoding);
}

HttpAnswer take_spans(Store& store, const HttpRequest& request, OtlpEncoding encoding) {
  if (encoding == OtlpEncoding::none) {
    return refuse_otlp(encoding, 415, RpcCode::invalid_argument,
                       "Content-Type must be application/x-protobuf or application/json");
  }
  if (!is_known_coding(request.header("Content-Encoding"))) {
    return refuse_otlp(encoding, 415, RpcCode::invalid_argument, "Content-Encoding must be gzip or none");
  }
  if (request.body.size() > most_bytes) {
    return refuse_otlp(encoding, 413, RpcCode::resource_exhausted, fmt::format("the body is larger than {} bytes", most_bytes));
  }
  const auto spans = encoding == OtlpEncoding::protobuf ? decode_otlp_protobuf(request.body) : decode_otlp_json(request.body);
  if (!spans) return refuse_otlp(encoding, 400, RpcCode::invalid_argument, spans.error().message);
  auto answer = store_spans(store, *spans, request.header(otlp_parent_header), encoding);
  if (answer) return *std::move(answer);
  if (answer.error().code == ErrorCode::io) return refuse_otlp(encoding, 503, RpcCode::unavailable, answer.error().message);
  return refuse_otlp(encoding, 400, RpcCode::invalid_argument, answer.error().message);
}

}  // namespace

std::optional<HttpAnswer> otlp_calls(Store& store, const HttpRequest& request, bool has_key) {
  auto path = request.path;
  if (request.method != "POST" || !path.starts_with(otlp_path)) return std::nullopt;
  path.remove_prefix(otlp_path.size());
  const bool traces = path == "/v1/traces";
  if (!traces && path != "/v1/logs" && path != "/v1/metrics") return std::nullopt;
  const auto encoding = otlp_encoding_of(request);
  if (!has_key) {
    return refuse_otlp(encoding, 401, RpcCode::unauthenticated,
                       "no API key: send the header Authorization: Bearer KEY, any key will do here");
  }
  if (!traces) {
    return refuse_otlp(encoding, 404, RpcCode::unimplemented,
                       "only traces are taken here: set OTEL_LOGS_EXPORTER=none and OTEL_METRICS_EXPORTER=none");
  }
  return take_spans(store, request, encoding);
}

}  // namespace braintrust::local
