#include "otel/exporter.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <google/protobuf/message.h>

#include <braintrust/core/diagnostics.h>
#include <opentelemetry/exporters/otlp/otlp_http_exporter.h>
#include <opentelemetry/exporters/otlp/otlp_recordable_utils.h>

#include "core/ascii.h"
#include "core/quantity_text.h"
#include "core/secrets.h"
#include "core/utf8.h"
#include "otel/span_record.h"
#include "otlp/encoding.h"
#include "otlp/retry.h"
#include "pipeline/blocking_http.h"
#include "pipeline/container.h"
#include "pipeline/login.h"

namespace braintrust::otel::detail {
namespace {

using braintrust::detail::report;
using opentelemetry::exporter::otlp::OtlpHttpExporter;
using opentelemetry::exporter::otlp::OtlpRecordableUtils;
using opentelemetry::sdk::common::ExportResult;
using opentelemetry::sdk::trace::Recordable;

constexpr unsigned tries = 3;

// The protocol's message. opentelemetry-cpp's package has the schema compiled in, and no headers of it: so the message is made
// by its name. It is what the generated class is, whose one base stands at its beginning.
const google::protobuf::Message* request_prototype() {
  using namespace google::protobuf;
  static const Message* const prototype = [] {
    const Descriptor* const type = DescriptorPool::generated_pool()->FindMessageTypeByName(
        "opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest");
    return type != nullptr ? MessageFactory::generated_factory()->GetPrototype(type) : nullptr;
  }();
  return prototype;
}

// Makes UTF-8 of every text in the message: many servers refuse all of a request in which one is none.
void repair_texts(google::protobuf::Message& message) {
  using google::protobuf::FieldDescriptor;
  const auto& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* const field : fields) {
    const bool many = field->is_repeated();
    const int count = many ? reflection.FieldSize(message, field) : 1;
    for (int i = 0; i < count; ++i) {
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        repair_texts(many ? *reflection.MutableRepeatedMessage(&message, field, i)
                          : *reflection.MutableMessage(&message, field));
      } else if (field->type() == FieldDescriptor::TYPE_STRING) {
        const std::string text = many ? reflection.GetRepeatedString(message, field, i) : reflection.GetString(message, field);
        if (utf8::is_valid(text)) continue;
        if (many) {
          reflection.SetRepeatedString(&message, field, i, utf8::repaired(text));
        } else {
          reflection.SetString(&message, field, utf8::repaired(text));
        }
      }
    }
  }
}

std::string encoded(std::vector<std::unique_ptr<Recordable>> spans) {
  using Request = opentelemetry::proto::collector::trace::v1::ExportTraceServiceRequest;
  if (request_prototype() == nullptr) throw std::runtime_error("this opentelemetry-cpp has no OTLP in it");
  const std::unique_ptr<google::protobuf::Message> request(request_prototype()->New());
  OtlpRecordableUtils::PopulateRequest({spans.data(), spans.size()}, reinterpret_cast<Request*>(request.get()));
  repair_texts(*request);
  return request->SerializeAsString();
}

}  // namespace

BraintrustExporter::BraintrustExporter(ProcessorSettings settings, std::shared_ptr<ExportCounts> counts)
    : settings_(std::move(settings)), counts_(std::move(counts)), uploader_(settings_.connection) {}

void BraintrustExporter::prepare() {
  static_cast<void>(new_record());
  static_cast<void>(request_prototype());
}

// opentelemetry-cpp's record for OTLP comes from an exporter only. This one never sends.
std::unique_ptr<Recordable> BraintrustExporter::new_record() noexcept {
  static auto* const maker = new OtlpHttpExporter;  // never destroyed: spans may start while static objects go
  return std::make_unique<SpanRecord>(maker->MakeRecordable());
}

// Nothing, and told, when it cannot be said where to and with which key.
std::optional<BraintrustExporter::Target> BraintrustExporter::find_target() {
  if (!client_) client_.emplace(settings_.connection);
  pipeline::Settings connection = client_->settings();
  std::string api_url = connection.api_url;
  std::optional<Error> error;
  if (connection.api_key.empty()) {
    error = pipeline::missing_key();
  } else if (!pipeline::is_header_value(connection.api_key)) {
    error = Error{ErrorCode::invalid_argument, "the API key has characters that no key has"};
  } else if (api_url.empty()) {
    if (const auto access = client_->access()) {
      connection = (*access)->settings;
      api_url = (*access)->login.api_url;
    } else {
      error = access.error();
    }
  } else if (pipeline::origin_of(api_url).empty()) {
    error = Error{ErrorCode::invalid_argument, "the API's URL is neither http nor https"};
  }
  if (error) {
    report(Severity::error, error->code, "spans of OpenTelemetry cannot be sent: " + error->message);
    return std::nullopt;
  }
  Target target{.url = pipeline::join_url(api_url, "otel/v1/traces"), .key = connection.api_key, .headers = settings_.headers};
  const auto add = [&](std::string name, std::string value) {
    const bool is_given = std::any_of(settings_.headers.begin(), settings_.headers.end(),
                                      [&](const auto& given) { return ascii::same_ignoring_case(given.first, name); });
    if (!is_given && !value.empty() && pipeline::is_header_value(value))
      target.headers.emplace_back(std::move(name), std::move(value));
  };
  add("Authorization", "Bearer " + connection.api_key);
  add("Content-Type", "application/x-protobuf");
  add("x-bt-parent", settings_.parent.empty() ? pipeline::container_of(connection) : settings_.parent);
  add("x-bt-org-name", connection.org_name);
  return target;
}

// Of a batch that the server took, how many spans it refused nevertheless. Told, and so is a warning of the server's.
std::size_t BraintrustExporter::rejected_in(const pipeline::HttpResponse& response, std::size_t spans) const {
  auto partial = braintrust::detail::otlp::protobuf_encoding().read_response(response.body);
  const auto rejected = static_cast<std::size_t>(std::min<std::uint64_t>(partial.rejected_spans, spans));
  if (rejected == 0 && partial.message.empty()) return 0;
  braintrust::detail::hide_secret(partial.message, target_->key);
  report(rejected > 0 ? Severity::error : Severity::warning, ErrorCode::http_status,
         pipeline::origin_of(target_->url) + " refused " + std::to_string(rejected) + " of " +
             braintrust::detail::counted(spans, "span", "spans") + " of OpenTelemetry: " + partial.message);
  return rejected;
}

std::size_t BraintrustExporter::send(const std::string& body, std::size_t spans) {
  const auto once = [&] {
    std::optional<pipeline::HttpResponse> answer;
    http_.submit({.method = "POST",
                  .url = target_->url,
                  .headers = target_->headers,
                  .borrowed_body = body,
                  .timeout = settings_.connection.request_timeout},
                 [&](pipeline::HttpResponse response) { answer = std::move(response); });
    while (!answer && !given_up_) http_.poll(std::chrono::seconds(1));
    if (answer) return *std::move(answer);
    http_.cancel_all();
    return pipeline::HttpResponse{.status = 499};  // one of those that are not repeated
  };
  const pipeline::HttpResponse response = pipeline::with_retries(
      tries, once, {.first_wait = settings_.connection.retry_wait, .may_repeat = braintrust::detail::otlp::may_repeat});
  if (response.ok()) return spans - rejected_in(response, spans);
  if (given_up_) return 0;
  std::string reason = pipeline::reason_of(response);
  braintrust::detail::hide_secret(reason, target_->key);
  const bool is_refused = response.status == 401 || response.status == 403;
  report(Severity::error,
         is_refused             ? ErrorCode::unauthorized
         : response.status == 0 ? ErrorCode::transport
                                : ErrorCode::http_status,
         "spans of OpenTelemetry were not taken by " + pipeline::origin_of(target_->url) + " and are lost: " + reason);
  if (is_refused) {  // `.env.braintrust` may hold another key by the next time
    target_ = std::nullopt;
    client_ = std::nullopt;
  }
  return 0;
}

ExportResult BraintrustExporter::Export(const opentelemetry::nostd::span<std::unique_ptr<Recordable>>& spans) noexcept {
  std::size_t taken = 0;
  try {
    if (!given_up_ && !target_) target_ = find_target();
    if (!given_up_ && target_) {
      std::vector<std::unique_ptr<Recordable>> finished;
      for (const auto& span : spans) {
        SpanRecord& record = record_of(*span);
        if (settings_.converts_media) convert_media(record, formats_, uploader_);
        finished.push_back(record.finish());
      }
      taken = send(encoded(std::move(finished)), spans.size());
    }
  } catch (const std::exception& error) {
    report(Severity::error, ErrorCode::io, std::string("spans of OpenTelemetry were lost: ") + error.what());
  }
  counts_->sent += taken;
  if (taken == spans.size()) return ExportResult::kSuccess;
  // Of a batch that was taken in part, the rest was refused, whoever gave up since.
  (given_up_ && taken == 0 ? counts_->given_up : counts_->failed) += spans.size() - taken;
  return ExportResult::kFailure;
}

bool BraintrustExporter::Shutdown(std::chrono::microseconds) noexcept {
  give_up();
  return true;
}

void BraintrustExporter::give_up() noexcept {
  given_up_ = true;
  http_.wakeup();
  uploader_.shutdown();
}

}  // namespace braintrust::otel::detail
