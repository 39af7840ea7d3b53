#include "instrument/exchange_capture.h"

#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>

#include <braintrust/core/diagnostics.h>
#include <braintrust/core/json.h>

#include "instrument/attachment_sink.h"
#include "instrument/cost.h"
#include "llm/json_view.h"
#include "llm/reader.h"
#include "trace/capture.h"

namespace braintrust::instrument {
namespace {

using detail::Buffer;
using detail::FieldKind;

// Both captures begin so; the texts follow in this order, then the body.
struct Head {
  const llm::Dialect* dialect = nullptr;
  std::uint64_t head_size = 0;  // response: of the body's first part
  double seconds_to_first = 0;
  std::int32_t status = 0;
  std::uint32_t provider = 0, path = 0, content_type = 0, content_encoding = 0, error = 0;
  bool cut = false;
};
static_assert(std::is_trivially_copyable_v<Head>);

std::string_view bytes_of(const Head& head) { return {reinterpret_cast<const char*>(&head), sizeof head}; }
std::uint32_t size_of(std::string_view text) { return static_cast<std::uint32_t>(text.size()); }

// Takes a capture apart in the order it was written.
class Captured {
 public:
  explicit Captured(std::string_view bytes) : rest_(bytes.substr(sizeof(Head))) {
    std::memcpy(static_cast<void*>(&head), bytes.data(), sizeof head);
    endpoint = {.dialect = head.dialect, .provider = std::string(next(head.provider))};
    path = next(head.path);
    content_type = next(head.content_type);
    content_encoding = next(head.content_encoding);
    error = next(head.error);
    body = rest_;
  }

  Head head;
  llm::Endpoint endpoint;
  std::string_view path, content_type, content_encoding, error, body;

 private:
  std::string_view next(std::size_t size) {
    const std::string_view text = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return text;
  }
  std::string_view rest_;
};

// The model that the facts name, or that the request's did, if they are still here.
std::string model_of(const llm::Facts& facts, std::string_view fields) {
  std::string model = llm::JsonView::parse(facts.metadata)["model"].string();
  if (!model.empty()) return model;
  detail::for_each_field(fields, [&](FieldKind kind, std::string_view text, bool) {
    if (kind != FieldKind::metadata) return;
    if (std::string earlier = llm::JsonView::parse(text)["model"].string(); !earlier.empty()) model = std::move(earlier);
  });
  return model;
}

void append(Buffer& fields, const llm::Facts& facts) {
  const auto add = [&](FieldKind kind, std::string_view text) {
    if (!text.empty()) append_text(fields, kind, text);
  };
  add(FieldKind::name, facts.name);
  add(FieldKind::input, facts.input);
  add(FieldKind::output, facts.output);
  add(FieldKind::metadata, facts.metadata);
  add(FieldKind::metrics, facts.metrics);
  add(FieldKind::error, facts.error);
  if (!facts.note.empty()) detail::report(Severity::warning, ErrorCode::invalid_argument, facts.note);
}

void interpret_request(std::string_view bytes, Buffer& fields) {
  const Captured request(bytes);
  append(fields, llm::read_request(request.endpoint, request.path, request.content_type, request.body, attachment_sink()));
}

void interpret_response(std::string_view bytes, Buffer& fields) {
  const Captured response(bytes);
  llm::ResponseReader reader(
      response.endpoint, response.path,
      {.status = response.head.status, .content_type = response.content_type, .content_encoding = response.content_encoding},
      attachment_sink());
  reader.feed(response.body.substr(0, response.head.head_size));
  if (response.head.cut) reader.skip();
  reader.feed(response.body.substr(response.head.head_size));
  const llm::Facts facts = reader.finish(response.error.empty() ? llm::End::complete() : llm::End::broken_off(response.error));
  const std::string model = model_of(facts, fields.view());
  append(fields, facts);
  if (const auto cost = estimated_cost(response.endpoint.provider, model, facts.metrics);
      cost && !llm::JsonView::parse(facts.metrics)["estimated_cost"]) {
    const Json metric = {{"estimated_cost", *cost}};
    append_text(fields, FieldKind::metrics, metric.text());
  }
  if (facts.streamed && response.head.seconds_to_first >= 0) {
    const Json metric = {{"time_to_first_token", response.head.seconds_to_first}};
    append_text(fields, FieldKind::metrics, metric.text());
  }
}

}  // namespace

void log_request(const detail::SpanRef& span, const llm::Endpoint& endpoint, const RequestCapture& request) noexcept {
  const Head head{.dialect = endpoint.dialect,
                  .provider = size_of(endpoint.provider),
                  .path = size_of(request.path),
                  .content_type = size_of(request.content_type)};
  detail::log_deferred(span, interpret_request,
                       {bytes_of(head), endpoint.provider, request.path, request.content_type, request.body});
}

void log_response(const detail::SpanRef& span, const llm::Endpoint& endpoint, const ResponseCapture& response) noexcept {
  const Head head{.dialect = endpoint.dialect,
                  .head_size = response.head.size(),
                  .seconds_to_first = response.seconds_to_first,
                  .status = response.status,
                  .provider = size_of(endpoint.provider),
                  .path = size_of(response.path),
                  .content_type = size_of(response.content_type),
                  .content_encoding = size_of(response.content_encoding),
                  .error = size_of(response.error),
                  .cut = response.cut};
  detail::log_deferred(span, interpret_response,
                       {bytes_of(head), endpoint.provider, response.path, response.content_type, response.content_encoding,
                        response.error, response.head, response.tail});
}

}  // namespace braintrust::instrument
