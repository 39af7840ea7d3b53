#pragma once

// `otlp`: sends a logger's spans to an OpenTelemetry Collector, or to any other server that takes OTLP over HTTP.
//
//   auto logger = braintrust::init_logger({.exporter = braintrust::otlp({.endpoint = "http://collector:4318"})});
//
// As `exporter`, it is where the spans go instead of Braintrust: no key is needed, and nothing else is asked. In `exporters`,
// it is where they go as well. It needs no other library, and delivers as Braintrust is delivered to: in the background, in
// batches, with retry for as long as the process runs, within the logger's queue, counted by `stats()`.
//
// A span is sent when it has ended. What is logged to it later, feedback, and records of datasets have no form in OTLP: they
// are left out and counted (`Dropped::not_carried`), as are the bytes of attachments. Media in model calls stay where they are.
//
// What a span becomes: Braintrust's attributes (`braintrust.input_json`, `braintrust.metadata`, …), with which Braintrust makes
// the same row of it again; and those of OpenTelemetry's conventions (`gen_ai.*`, `code.*`, `error.type`), which other backends
// show. docs/opentelemetry.md has the table.
//
// Precedence, for each option: the value here, the environment variable for traces (OTEL_EXPORTER_OTLP_TRACES_…), the general
// one (OTEL_EXPORTER_OTLP_…), the default. Blank counts as unset.
//
// Threads: any. Errors: nothing throws; what cannot be understood is told to the diagnostics handler, and the default counts.
// Source: INST 22; the OTLP specification 1.3, the specification of OTLP exporters' options.

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <braintrust/pipeline/exporter.h>

namespace braintrust {

enum class OtlpProtocol {
  http_protobuf,  // "http/protobuf"
  http_json,      // "http/json"
};

struct OtlpOptions {
  // The server, "http://collector:4318"; spans go to its /v1/traces. Env: OTEL_EXPORTER_OTLP_TRACES_ENDPOINT (with its path),
  // OTEL_EXPORTER_OTLP_ENDPOINT. Default: http://localhost:4318
  std::string endpoint = {};
  // Sent with every request, over those of OTEL_EXPORTER_OTLP_[TRACES_]HEADERS ("name=value,name=value", percent-encoded).
  std::vector<std::pair<std::string, std::string>> headers = {};
  // Env: OTEL_EXPORTER_OTLP_[TRACES_]PROTOCOL. Default: http/protobuf; "grpc" is not spoken.
  std::optional<OtlpProtocol> protocol = {};
  // Whether requests are compressed. Env: OTEL_EXPORTER_OTLP_[TRACES_]COMPRESSION, "gzip" or "none". Default: no.
  std::optional<bool> gzip = {};
  // Of one request. Env: OTEL_EXPORTER_OTLP_[TRACES_]TIMEOUT, milliseconds. Default: 10 s.
  std::optional<std::chrono::milliseconds> timeout = {};

  // Files in PEM form: whom to trust instead of the system's authorities, and who we are.
  // Env: OTEL_EXPORTER_OTLP_[TRACES_]CERTIFICATE, …CLIENT_CERTIFICATE, …CLIENT_KEY.
  std::string ca_file = {};
  std::string client_certificate = {};
  std::string client_key = {};

  // What the spans' resource says. Env: OTEL_SERVICE_NAME. Default: "unknown_service".
  std::string service_name = {};
  // Over those of OTEL_RESOURCE_ATTRIBUTES ("key=value,key=value", percent-encoded).
  std::vector<std::pair<std::string, std::string>> resource_attributes = {};
};

// Reads the environment now; connects when the first span is to be sent.
Exporter otlp(const OtlpOptions& options = {});

}  // namespace braintrust
