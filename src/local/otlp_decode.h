#pragma once

// The two encodings of an ExportTraceServiceRequest.
//
//   const auto request = decode_otlp_json(R"({"resourceSpans":[…]})");
//   if (!request) return refuse(request.error());
//
// Fields that nobody knows are passed over, and a value of the wrong type counts as missing. JSON is read as OTLP writes it:
// ids in hex (of either case), 64-bit integers as strings or numbers, enumerations as numbers or names, members in
// lowerCamelCase or with their original names.
//
// Threads: pure functions. Errors: `invalid_argument` for bytes that are no such message, or hold too much (otlp_request.h).
// Source: OTLP specification 1.3, "OTLP/HTTP"; protobuf.dev, "Encoding" and "ProtoJSON Format".

#include <string_view>

#include <braintrust/core/result.h>

#include "local/otlp_request.h"

namespace braintrust::local {

Result<OtlpRequest> decode_otlp_protobuf(std::string_view bytes);
Result<OtlpRequest> decode_otlp_json(std::string_view text);

}  // namespace braintrust::local
