#pragma once

// Media in what spans of opentelemetry-cpp hold: base64 in `braintrust.input_json` and `braintrust.output_json` becomes
// references to attachments, and `AttachmentUploader` brings the bytes to where Braintrust keeps them.
//
// What is not to be converted stays as it is: text that is no JSON, what no provider's format knows, and everything while
// uploads fail or `AttachmentUploader` holds as much as it may. All media of one attribute are taken, or none.
//
// Threads: an uploader from any thread; it has one of its own, from the first upload on. Errors: told; what is given up leaves
// a reference that leads nowhere. Source: INST 18, 18.58.

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "llm/media.h"
#include "otel/span_record.h"
#include "pipeline/settings.h"
#include "pipeline/uploads.h"

namespace braintrust::otel::detail {

void convert_media(SpanRecord& span, const std::vector<llm::MediaFormat>& formats, llm::MediaSink& sink);

class AttachmentUploader final : public llm::MediaSink {
 public:
  using Clock = std::chrono::steady_clock;

  explicit AttachmentUploader(pipeline::Settings settings, std::size_t most_bytes = pipeline::most_attachment_bytes);
  ~AttachmentUploader();  // `shutdown`
  AttachmentUploader(const AttachmentUploader&) = delete;
  AttachmentUploader& operator=(const AttachmentUploader&) = delete;

  std::vector<std::string> take(std::vector<llm::Media> media) override;

  // Waits until what was taken before is uploaded or has failed. False when time is up first.
  bool flush(Clock::time_point deadline);

  // Gives up what is left, and takes nothing more.
  void shutdown() noexcept;

 private:
  struct State;
  const std::size_t most_bytes_;
  std::shared_ptr<State> state_;
};

}  // namespace braintrust::otel::detail
