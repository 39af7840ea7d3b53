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
      auto bytes = std::make_shared<const std::string>(std::move(one.bytes));
      pipeline::Upload& upload = uploads.emplace_back(pipeline::Upload{.key = detail::random_row_id(),
                                                                       .content_type = std::move(one.content_type),
                                                                       .filename = std::move(one.filename),
                                                                       .held_bytes = bytes->size()});
      upload.content = [bytes = std::move(bytes)]() -> Result<pipeline::Upload::Bytes> { return bytes; };
      references.emplace_back(detail::reference_to(upload).text());
    }
    using From = detail::PendingAttachments::From;
    if (!detail::pending_attachments().add(std::move(uploads), From::row)) return {};
    return references;
  }
};

}  // namespace

llm::MediaSink* attachment_sink() {
  static AttachmentSink* const sink = new AttachmentSink;  // rows may be written while static objects go
  return pipeline::media_gate.open() ? sink : nullptr;
}

}  // namespace braintrust::instrument
