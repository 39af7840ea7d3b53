// OpenTelemetry's spans. Answers are what the OTLP specification wants, in the encoding of the request: 200 also where some
// spans were refused, with `partial_success` saying which; 4xx for requests that will never be taken; 503 when the database
// failed, after which exporters try again. Source: OTLP specification 1.3, "OTLP/HTTP Response"; google/rpc/status.proto,
// code.proto.

#include <algorithm>
#include <array>
#include <map>

#include <braintrust/core/buffer.h>

#include "core/environment.h"
#include "core/quantity_text.h"
#include "llm/json_text.h"
#include "llm/url.h"
#include "local/calls.h"
#include "local/otlp_decode.h"
#include "local/otlp_headers.h"
#include "local/otlp_rows.h"
#include "local/projects.h"
#include "otlp/protobuf_writer.h"
#include "otlp/schema.h"

namespace braintrust::local {
namespace {

// Of a body, decoded. The OpenTelemetry Collector takes 20 MiB.
constexpr std::size_t most_bytes = 64UL * 1024 * 1024;

constexpr const char* protobuf_type = "application/x-protobuf";
constexpr const char* json_type = "application/json";

enum class Encoding { none, protobuf, json };

Encoding encoding_of(const HttpRequest& request) {
  const auto header = request.header("Content-Type");
  const auto type = detail::trimmed(std::string_view(header).substr(0, header.find(';')));
  if (llm::same_ignoring_case(type, protobuf_type)) return Encoding::protobuf;
  return llm::same_ignoring_case(type, json_type) ? Encoding::json : Encoding::none;
}

// The listener has decoded these; it hands on what it does not know.
bool is_known_coding(std::string_view coding) {
  constexpr auto known = std::to_array<std::string_view>({"", "identity", "gzip", "deflate", "br"});
  return std::find(known.begin(), known.end(), coding) != known.end();
}

// google.rpc.Code
enum class RpcCode : unsigned {
  invalid_argument = 3,
  resource_exhausted = 8,
  unimplemented = 12,
  unavailable = 14,
  unauthenticated = 16
};

HttpAnswer protobuf_answer(int status, const detail::Buffer& body) { return {status, std::string(body.view()), protobuf_type}; }

// A google.rpc.Status.
HttpAnswer refuse_as(Encoding encoding, int status, RpcCode code, std::string_view message) {
  if (encoding != Encoding::protobuf) return {status, compact({{"code", static_cast<unsigned>(code)}, {"message", message}})};
  detail::Buffer body;
  otlp::ProtobufWriter writer(body);
  writer.varint(1, static_cast<unsigned>(code));
  writer.bytes(2, message);
  return protobuf_answer(status, body);
}

// What became of the spans of one request, and what the exporter is told of it.
class Report {
 public:
  void reject(std::string reason) { ++rejected_[std::move(reason)]; }
  void warn(std::string_view warning) { warning_ = warning; }

  HttpAnswer answer(Encoding encoding) const {
    const auto [rejected, message] = summary();
    if (encoding == Encoding::json) {
      if (message.empty()) return {};
      return ok({{"partialSuccess", {{"rejectedSpans", std::to_string(rejected)}, {"errorMessage", message}}}});
    }
    namespace schema = otlp::schema;
    detail::Buffer partial, body;
    otlp::ProtobufWriter writer(partial);
    if (rejected > 0) writer.varint(schema::partial_success::rejected_spans, rejected);
    writer.bytes(schema::partial_success::error_message, message);
    if (!message.empty()) otlp::ProtobufWriter(body).bytes(schema::export_response::partial_success, partial.view());
    return protobuf_answer(200, body);
  }

 private:
  std::pair<std::uint64_t, std::string> summary() const {
    std::uint64_t rejected = 0;
    std::string message;
    for (const auto& [reason, count] : rejected_) {
      rejected += count;
      message += (message.empty() ? "" : "; ") + detail::counted(count, "span", "spans") + ' ' + reason;
    }
    // The message is for the spans that are not kept; a warning alone may come with none of them.
    return {rejected, message.empty() ? warning_ : message};
  }

  std::map<std::string, std::uint64_t> rejected_;
  std::string warning_;
};

// The objects that spans say they belong to. Projects are made if absent.
class Containers {
 public:
  explicit Containers(Store& store) : store_(store) {}

  // The members of a row that name the object; nothing for what names none.
  Result<std::optional<std::string>> members(const std::string& parent) {
    if (const auto known = known_.find(parent); known != known_.end()) return known->second;
    std::string_view kind = parent, name;
    if (const auto colon = kind.find(':'); colon != std::string_view::npos) {
      name = kind.substr(colon + 1);
      kind = kind.substr(0, colon);
    }
    std::optional<std::string> members;
    if (kind == "experiment_id" && !name.empty()) members = "\"experiment_id\":" + llm::json_string(name);
    if (kind == "project_id" && !name.empty()) members = project(llm::json_string(name));
    if (kind == "project_name" && !name.empty()) {
      const auto made = store_.register_project(llm::repaired_utf8(name));
      if (!made) return made.error();
      members = project(llm::json_string(made->id));
    }
    return known_[parent] = members;
  }

 private:
  static std::string project(const std::string& id) { return "\"project_id\":" + id + ",\"log_id\":\"g\""; }

  Store& store_;
  std::map<std::string, std::optional<std::string>> known_;
};

// The service drops a span that names no object; one developer's machine has no reason to.
constexpr std::string_view default_warning =
    "kept in the project Global, because neither the attribute braintrust.parent nor the header x-bt-parent names one; "
    "Braintrust itself drops such spans";

Result<HttpAnswer> store_spans(Store& store, const OtlpRequest& spans, const std::string& parent_header, Encoding encoding) {
  Report report;
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
        parent = std::string("project_name:") + default_project;
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
    }
  }
  if (!rows.empty()) {
    const auto written = store.write(rows + "]}");
    if (!written) return written.error();
  }
  return report.answer(encoding);
}

HttpAnswer take_spans(Store& store, const HttpRequest& request, Encoding encoding) {
  if (encoding == Encoding::none) {
    return refuse_as(encoding, 415, RpcCode::invalid_argument,
                     "Content-Type must be application/x-protobuf or application/json");
  }
  if (!is_known_coding(request.header("Content-Encoding"))) {
    return refuse_as(encoding, 415, RpcCode::invalid_argument, "Content-Encoding must be gzip or none");
  }
  if (request.body.size() > most_bytes) {
    return refuse_as(encoding, 413, RpcCode::resource_exhausted, fmt::format("the body is larger than {} bytes", most_bytes));
  }
  const auto spans = encoding == Encoding::protobuf ? decode_otlp_protobuf(request.body) : decode_otlp_json(request.body);
  if (!spans) return refuse_as(encoding, 400, RpcCode::invalid_argument, spans.error().message);
  auto answer = store_spans(store, *spans, request.header(otlp_parent_header), encoding);
  if (answer) return *std::move(answer);
  if (answer.error().code == ErrorCode::io) return refuse_as(encoding, 503, RpcCode::unavailable, answer.error().message);
  return refuse_as(encoding, 400, RpcCode::invalid_argument, answer.error().message);
}

}  // namespace

std::optional<HttpAnswer> otlp_calls(Store& store, const HttpRequest& request, bool has_key) {
  auto path = request.path;
  if (request.method != "POST" || !path.starts_with(otlp_path)) return std::nullopt;
  path.remove_prefix(otlp_path.size());
  const bool traces = path == "/v1/traces";
  if (!traces && path != "/v1/logs" && path != "/v1/metrics") return std::nullopt;
  const auto encoding = encoding_of(request);
  if (!has_key) {
    return refuse_as(encoding, 401, RpcCode::unauthenticated,
                     "no API key: send the header Authorization: Bearer KEY, any key will do here");
  }
  if (!traces) {
    return refuse_as(encoding, 404, RpcCode::unimplemented,
                     "only traces are taken here: set OTEL_LOGS_EXPORTER=none and OTEL_METRICS_EXPORTER=none");
  }
  return take_spans(store, request, encoding);
}

}  // namespace braintrust::local
