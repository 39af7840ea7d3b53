#include "instrument/attachment_sink.h"

#include <memory>
#include <utility>

#include "pipeline/media_gate.h"
#include "trace/ids.h"
#include "trace/pending_attachments.h"

namespace braintrust::instrument {
namespace {

class AttachmentSink final : public llm::MediaSink {
 public:
  std::vector<std::string> take(std::vector<llm::Media> media) override {
    std::vector<pipeline::Upload> uploads;
    std::vector<std::string> references;
    for (llm::Media& one : media) {
      uploads.push_back(upload_of(std::move(one)));
      references.emplace_back(detail::reference_to(uploads.back()).text());
    }
    using From = detail::PendingAttachments::From;
    if (!detail::pending_attachments().add(std::move(uploads), From::row)) return {};
    return references;
  }
};

}  // namespace

pipeline::Upload upload_of(llm::Media media) {
  auto bytes = std::make_shared<const std::string>(std::move(media.bytes));
  pipeline::Upload upload{.key = detail::random_row_id(),
                          .content_type = std::move(media.content_type),
                          .filename = std::move(media.filename),
                          .held_bytes = bytes->size()};
  upload.content = [bytes = std::move(bytes)]() -> Result<pipeline::Upload::Bytes> { return bytes; };
  return upload;
}

llm::MediaSink* attachment_sink() {
  static AttachmentSink* const sink = new AttachmentSink;  // rows may be written while static objects go
  return pipeline::media_gate.open() ? sink : nullptr;
}

}  // namespace braintrust::instrument
