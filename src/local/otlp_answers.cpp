#include "local/otlp_answers.h"

#include <braintrust/core/buffer.h>

#include "core/environment.h"
#include "core/quantity_text.h"
#include "llm/url.h"
#include "local/calls.h"
#include "otlp/protobuf_writer.h"
#include "otlp/schema.h"

namespace braintrust::local {
namespace {

namespace schema = detail::otlp::schema;
using detail::otlp::ProtobufWriter;

constexpr const char* protobuf_type = "application/x-protobuf";
constexpr const char* json_type = "application/json";

HttpAnswer protobuf_answer(int status, const detail::Buffer& body) { return {status, std::string(body.view()), protobuf_type}; }

}  // namespace

OtlpEncoding otlp_encoding_of(const HttpRequest& request) {
  const auto header = request.header("Content-Type");
  const auto type = detail::trimmed(std::string_view(header).substr(0, header.find(';')));
  if (llm::same_ignoring_case(type, protobuf_type)) return OtlpEncoding::protobuf;
  return llm::same_ignoring_case(type, json_type) ? OtlpEncoding::json : OtlpEncoding::none;
}

HttpAnswer refuse_otlp(OtlpEncoding encoding, int status, RpcCode code, std::string_view message) {
  if (encoding != OtlpEncoding::protobuf) {
    return {status, compact({{"code", static_cast<unsigned>(code)}, {"message", message}})};
  }
  constexpr unsigned code_field = 1, message_field = 2;
  detail::Buffer body;
  ProtobufWriter writer(body);
  writer.varint(code_field, static_cast<unsigned>(code));
  writer.bytes(message_field, message);
  return protobuf_answer(status, body);
}

HttpAnswer OtlpReport::answer(OtlpEncoding encoding) const {
  std::uint64_t rejected = 0;
  std::string message;
  for (const auto& [reason, count] : rejected_) {
    rejected += count;
    message += (message.empty() ? "" : "; ") + detail::counted(count, "span", "spans") + ' ' + reason;
  }
  if (message.empty()) message = warning_;
  if (encoding == OtlpEncoding::json) {
    if (message.empty()) return {};
    return ok({{"partialSuccess", {{"rejectedSpans", std::to_string(rejected)}, {"errorMessage", message}}}});
  }
  detail::Buffer body;
  if (!message.empty()) {
    detail::Buffer partial;
    ProtobufWriter writer(partial);
    if (rejected > 0) writer.varint(schema::partial_success::rejected_spans, rejected);
    writer.bytes(schema::partial_success::error_message, message);
    ProtobufWriter(body).bytes(schema::export_response::partial_success, partial.view());
  }
  return protobuf_answer(200, body);
}

}  // namespace braintrust::local
