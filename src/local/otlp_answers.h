#pragma once

// The answers to OTLP requests, in the encoding of the request: an ExportTraceServiceResponse or a google.rpc.Status.
//
//   OtlpReport report;
//   report.reject("without a span id");
//   return report.answer(otlp_encoding_of(request));   // 200, and partial_success says "1 span without a span id"
//
// Threads: plain values. Errors: none.
// Source: OTLP specification 1.3, "OTLP/HTTP Response"; google/rpc/status.proto and code.proto.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "local/http_listener.h"

namespace braintrust::local {

enum class OtlpEncoding { none, protobuf, json };  // none: a type of content that is neither

OtlpEncoding otlp_encoding_of(const HttpRequest& request);

// google.rpc.Code
enum class RpcCode : unsigned {
  invalid_argument = 3,
  resource_exhausted = 8,
  unimplemented = 12,
  unavailable = 14,
  unauthenticated = 16,
};

// JSON where there is no encoding.
HttpAnswer refuse_otlp(OtlpEncoding encoding, int status, RpcCode code, std::string_view message);

// What became of the spans of one request.
class OtlpReport {
 public:
  // One more span that is not kept: "without a span id".
  void reject(std::string reason) { ++rejected_[std::move(reason)]; }
  // Is told where no span was rejected.
  void warn(std::string_view warning) { warning_ = warning; }

  HttpAnswer answer(OtlpEncoding encoding) const;

 private:
  std::map<std::string, std::uint64_t> rejected_;
  std::string warning_;
};

}  // namespace braintrust::local
