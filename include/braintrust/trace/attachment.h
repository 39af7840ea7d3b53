#pragma once

// Attachments: images, sound, documents and large JSON that belong to a span, and are kept beside its row instead of in it.
//
//   span.log({.input = {{"question", text}, {"image", Attachment::file("cat.png")}},
//             .output = {{"speech", Attachment::bytes(std::move(wav), {.content_type = "audio/wav"})},
//                        {"source", ExternalAttachment{.url = "s3://bucket/cat.png"}}}});
//
// They stand wherever a JSON value may, nested as deep as you like. What is written there is a reference; the bytes follow in
// the background, after the row. An attachment that you keep and log again is uploaded once. What a masking function takes out
// of a row is not uploaded.
//
// 64 MiB of bytes may wait at a time, for all loggers together. A file is only looked at here; it is read when it is uploaded,
// so it must stay until `flush`. One that cannot be read, is larger than 64 MiB or finds no room is told to the diagnostics
// handler, and a text that says so stands in its place. Without a logger nothing is kept: make values after `init_logger`.
//
// Threads: plain values, cheap to copy; from any thread. Errors: nothing throws. Units: bytes. Source: PROTO 11, INST 18.

#include <concepts>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <braintrust/core/json.h>

namespace braintrust {

namespace detail {
struct AttachmentContent;
}

struct AttachmentOptions {
  // Blank: the file's own name, else "attachment.png" for image/png.
  std::string filename = {};
  // Blank: what the file's name says, else what its first bytes say (not looked at for files), else application/octet-stream.
  std::string content_type = {};
};

class Attachment {
 public:
  // The file at `path`.
  static Attachment file(std::string path, const AttachmentOptions& options = {});

  // These bytes: moved from a string, copied from anything else.
  static Attachment bytes(std::string bytes, const AttachmentOptions& options = {});
  static Attachment bytes(std::span<const std::byte> bytes, const AttachmentOptions& options = {}) {
    return Attachment::bytes(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()), options);
  }
  static Attachment bytes(std::span<const unsigned char> bytes, const AttachmentOptions& options = {}) {
    return Attachment::bytes(std::as_bytes(bytes), options);
  }
  template <class Text>
  requires(std::convertible_to<const Text&, std::string_view> && !std::same_as<Text, std::string>) static Attachment
      bytes(const Text& text, const AttachmentOptions& options = {}) {
    return Attachment::bytes(std::string(std::string_view(text)), options);
  }

  friend Json to_json(const Attachment& attachment);

 private:
  friend class JsonAttachment;
  explicit Attachment(std::shared_ptr<const detail::AttachmentContent> content) : content_(std::move(content)) {}
  std::shared_ptr<const detail::AttachmentContent> content_;
};
Json to_json(const Attachment& attachment);

struct JsonAttachmentOptions {
  std::string filename = "data.json";
  bool pretty = false;  // uploaded with line breaks, indented by two spaces
};

// A value that is too large to stand in a row.
class JsonAttachment {
 public:
  explicit JsonAttachment(const Json& value, JsonAttachmentOptions options = {});
  // `text` is JSON already.
  static JsonAttachment raw(std::string text, JsonAttachmentOptions options = {});

  friend Json to_json(const JsonAttachment& attachment) { return to_json(attachment.attachment_); }

 private:
  explicit JsonAttachment(Attachment attachment) : attachment_(std::move(attachment)) {}
  Attachment attachment_;
};

// What is kept elsewhere: nothing is uploaded.
struct ExternalAttachment {
  std::string url = {};           // s3://bucket/key, https://…
  std::string filename = {};      // blank: the end of the URL's path
  std::string content_type = {};  // blank: what the name says, else application/octet-stream
};
Json to_json(const ExternalAttachment& attachment);

}  // namespace braintrust
