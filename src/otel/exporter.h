#pragma once

// `BraintrustExporter`: brings the spans of a batch to OTLP/HTTP, in opentelemetry-cpp's encoding.
//
// Sent by our own HTTP client, as opentelemetry-cpp's exporter (1.19) says success whatever the server says, does not try
// again, and cannot be broken off. So a request is sent up to three times, a server that asks for time gets it, what is too
// large (413, or by our own bound) goes in halves, and what was lost is known.
//
// Where to and with which key is found out when the first spans are to be sent: the key may stand in `.env.braintrust`, the URL
// in what the login says. Where either cannot be had, the batch has failed, and the next one looks again. Media in attributes
// become attachments on the way (attachments.h).
//
// Threads: `Export` on the batch processor's; the rest on any. Errors: told, and counted as `failed`. Source: PROTO 19.1; the
// OTLP specification 1.3, "Partial Success".

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include <opentelemetry/sdk/trace/exporter.h>

#include "api/client.h"
#include "llm/registry.h"
#include "otel/attachments.h"
#include "otel/export_request.h"
#include "otel/settings.h"
#include "pipeline/http.h"

namespace braintrust::otel::detail {

struct ExportCounts {
  std::atomic<std::uint64_t> sent = 0;
  std::atomic<std::uint64_t> failed = 0;
  std::atomic<std::uint64_t> given_up = 0;
};

class BraintrustExporter final : public opentelemetry::sdk::trace::SpanExporter {
 public:
  using Recordable = opentelemetry::sdk::trace::Recordable;

  BraintrustExporter(ProcessorSettings settings, std::shared_ptr<ExportCounts> counts);

  // Makes what all of them share. To be called before other threads do: a process that forks in the middle of that has a child
  // that waits for it for ever.
  static void prepare();
  // A `SpanRecord` for any of these exporters.
  static std::unique_ptr<Recordable> new_record() noexcept;

  std::unique_ptr<Recordable> MakeRecordable() noexcept override { return new_record(); }
  opentelemetry::sdk::common::ExportResult Export(
      const opentelemetry::nostd::span<std::unique_ptr<Recordable>>& spans) noexcept override;
  // `Export` has sent when it returns.
  bool ForceFlush(std::chrono::microseconds) noexcept override { return true; }
  bool Shutdown(std::chrono::microseconds) noexcept override;

  // Breaks off what is on its way, and sends nothing more. When it returns, no span is read any more: its provider may go.
  void give_up() noexcept;
  bool is_given_up() const noexcept { return given_up_; }

  AttachmentUploader& uploader() noexcept { return uploader_; }

 private:
  struct Target {
    std::string url;
    std::string key;
    std::vector<std::pair<std::string, std::string>> headers;
  };

  std::optional<Target> find_target();
  std::optional<ExportRequest> encode(const opentelemetry::nostd::span<std::unique_ptr<Recordable>>& spans);
  // Takes from `left` the spans of which something has become, and was counted.
  void send(ExportRequest all, std::size_t& left);
  pipeline::HttpResponse post(const std::string& body);
  // Counts, and tells, what became of the spans of one request.
  void settle(const pipeline::HttpResponse& response, std::size_t spans);
  std::size_t rejected_in(const pipeline::HttpResponse& response, std::size_t spans) const;

  const ProcessorSettings settings_;
  const std::shared_ptr<ExportCounts> counts_;
  const std::vector<llm::MediaFormat> formats_ = llm::all_media_formats();
  AttachmentUploader uploader_;
  // Of the batch processor's thread alone.
  pipeline::HttpClient http_;
  std::optional<braintrust::detail::Client> client_;  // from the search for a target until its key is refused
  std::optional<Target> target_;

  std::atomic<bool> given_up_ = false;
  std::mutex encoding_;
};

}  // namespace braintrust::otel::detail
