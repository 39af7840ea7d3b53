#include "otel/exporter.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <braintrust/core/diagnostics.h>
#include <opentelemetry/exporters/otlp/otlp_http_exporter.h>

#include "core/ascii.h"
#include "core/quantity_text.h"
#include "core/secrets.h"
#include "otel/span_record.h"
#include "otlp/encoding.h"
#include "otlp/request_size.h"
#include "otlp/retry.h"
#include "pipeline/blocking_http.h"
#include "pipeline/container.h"
#include "pipeline/login.h"

namespace braintrust::otel::detail {
namespace {

using braintrust::detail::report;
using opentelemetry::exporter::otlp::OtlpHttpExporter;
using opentelemetry::sdk::common::ExportResult;
using opentelemetry::sdk::trace::Recordable;

constexpr unsigned tries = 3;
constexpr int too_large = 413;

}  // namespace

BraintrustExporter::BraintrustExporter(ProcessorSettings settings, std::shared_ptr<ExportCounts> counts)
    : settings_(std::move(settings)), counts_(std::move(counts)), uploader_(settings_.connection) {}

void BraintrustExporter::prepare() {
  static_cast<void>(new_record());
  ExportRequest::prepare();
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

pipeline::HttpResponse BraintrustExporter::post(const std::string& body) {
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
  return pipeline::with_retries(
      tries, once, {.first_wait = settings_.connection.retry_wait, .may_repeat = braintrust::detail::otlp::may_repeat});
}

void BraintrustExporter::settle(const pipeline::HttpResponse& response, std::size_t spans) {
  if (response.ok()) {
    const std::size_t rejected = rejected_in(response, spans);
    counts_->sent += spans - rejected;
    counts_->failed += rejected;
    return;
  }
  if (given_up_) {
    counts_->given_up += spans;
    return;
  }
  std::string reason = pipeline::reason_of(response);
  braintrust::detail::hide_secret(reason, target_->key);
  const std::string server = pipeline::origin_of(target_->url);
  const bool is_refused = response.status == 401 || response.status == 403;
  report(Severity::error,
         is_refused             ? ErrorCode::unauthorized
         : response.status == 0 ? ErrorCode::transport
                                : ErrorCode::http_status,
         (response.status == too_large ? "a span of OpenTelemetry is too large for " + server + " and is lost: "
                                       : "spans of OpenTelemetry were not taken by " + server + " and are lost: ") +
             reason);
  if (is_refused) {  // `.env.braintrust` may hold another key by the next time
    target_ = std::nullopt;
    client_ = std::nullopt;
  }
  counts_->failed += spans;
}

// Nothing when given up. The lock is for `give_up`, which waits for what goes on here: of resources and scopes, records only
// know where in the provider they are, and that may be destroyed next.
std::optional<ExportRequest> BraintrustExporter::encode(const opentelemetry::nostd::span<std::unique_ptr<Recordable>>& spans) {
  const std::lock_guard lock(encoding_);
  std::vector<std::unique_ptr<Recordable>> finished;
  for (const auto& span : spans) {
    if (given_up_) break;  // so that nobody waits for more than one span
    SpanRecord& record = record_of(*span);
    if (settings_.converts_media) convert_media(record, formats_, uploader_);
    finished.push_back(record.finish());
  }
  if (given_up_) return std::nullopt;
  return ExportRequest(std::move(finished));
}

// What is too large for one request, by our measure or the server's, goes in halves.
void BraintrustExporter::send(ExportRequest all, std::size_t& left) {
  std::vector<ExportRequest> waiting;
  waiting.push_back(std::move(all));
  while (!waiting.empty() && target_ && !given_up_) {
    ExportRequest request = std::move(waiting.back());
    waiting.pop_back();
    const bool can_be_halved = request.spans() > 1;
    if (!can_be_halved || request.bytes() <= braintrust::detail::otlp::most_request_bytes) {
      const pipeline::HttpResponse response = post(request.body());
      if (!can_be_halved || response.status != too_large) {
        settle(response, request.spans());
        left -= request.spans();
        continue;
      }
    }
    waiting.push_back(request.split_off_half());
    waiting.push_back(std::move(request));
  }
}

ExportResult BraintrustExporter::Export(const opentelemetry::nostd::span<std::unique_ptr<Recordable>>& spans) noexcept {
  const std::uint64_t sent_before = counts_->sent;
  std::size_t left = spans.size();
  try {
    if (!given_up_ && !target_) target_ = find_target();
    std::optional<ExportRequest> request;
    if (!given_up_ && target_) request = encode(spans);
    if (request) {
      request->repair_texts();
      send(*std::move(request), left);
    }
  } catch (const std::exception& error) {
    report(Severity::error, ErrorCode::io, std::string("spans of OpenTelemetry were lost: ") + error.what());
  }
  (given_up_ ? counts_->given_up : counts_->failed) += left;
  return counts_->sent - sent_before == spans.size() ? ExportResult::kSuccess : ExportResult::kFailure;
}

bool BraintrustExporter::Shutdown(std::chrono::microseconds) noexcept {
  give_up();
  return true;
}

void BraintrustExporter::give_up() noexcept {
  given_up_ = true;
  http_.wakeup();
  uploader_.shutdown();
  const std::lock_guard until_nothing_is_encoded(encoding_);
}

}  // namespace braintrust::otel::detail
