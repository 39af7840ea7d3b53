#include <braintrust/trace/attachment.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include <braintrust/core/diagnostics.h>
#include <braintrust/trace/fields.h>

#include "core/environment.h"
#include "core/json_scan.h"
#include "core/media_type.h"
#include "trace/ids.h"
#include "trace/json_indent.h"
#include "trace/pending_attachments.h"

namespace braintrust {
namespace detail {

// What the copies of an attachment share.
struct AttachmentContent {
  enum class Kind { bytes, file, json, pretty_json };

  Kind kind = Kind::bytes;
  RowId key = random_row_id();
  std::string filename = {};
  std::string content_type = {};
  pipeline::Upload::Bytes bytes = {};
  std::string path = {};
  std::size_t size = 0;
  std::string problem = {};  // why there is nothing to upload
  std::shared_ptr<std::atomic<bool>> handed_over = std::make_shared<std::atomic<bool>>(false);
};

namespace {

using Kind = AttachmentContent::Kind;
using SharedContent = std::shared_ptr<const AttachmentContent>;
using pipeline::most_attachment_bytes;

// A file while it is open.
struct File {
  explicit File(const std::string& path) : handle(std::fopen(path.c_str(), "rb")) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (handle != nullptr) std::fclose(handle);
  }
  std::FILE* const handle;
};

std::string too_large() { return fmt::format("larger than {} MiB", most_attachment_bytes >> 20); }

Error cannot_read(const std::string& path, int error) {
  return {ErrorCode::io, fmt::format("cannot read {}: {}", path, std::strerror(error))};
}

// Background thread.
Result<pipeline::Upload::Bytes> read_file(const std::string& path) {
  const File file(path);
  if (file.handle == nullptr) return cannot_read(path, errno);
  std::string bytes;
  char part[1 << 16];
  std::size_t size = 0;
  while ((size = std::fread(part, 1, sizeof part, file.handle)) > 0) {
    bytes.append(part, size);
    if (bytes.size() > most_attachment_bytes) return Error{ErrorCode::io, fmt::format("{} is {}", path, too_large())};
  }
  if (std::ferror(file.handle) != 0) return cannot_read(path, errno);
  return std::make_shared<const std::string>(std::move(bytes));
}

// Background thread.
pipeline::Upload::Bytes checked_json(const AttachmentContent& content) {
  std::string text = *content.bytes;
  if (!valid_json(text)) {
    report(Severity::warning, ErrorCode::invalid_argument,
           fmt::format("attachment {} was given as JSON but is not valid JSON; it is kept as a string", content.filename));
    text = Json(text).text();
  }
  if (content.kind == Kind::pretty_json) text = indented(text);
  return std::make_shared<const std::string>(std::move(text));
}

// Why the file cannot be uploaded, as far as a look at it tells; blank when nothing stands against it.
std::string look_at(const std::string& path, std::size_t& size) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (error && !std::filesystem::exists(status)) return fmt::format("cannot read {}: {}", path, error.message());
  if (!std::filesystem::is_regular_file(status)) return fmt::format("{} is not a file", path);
  const auto bytes = std::filesystem::file_size(path, error);
  if (error) return fmt::format("cannot read {}: {}", path, error.message());
  if (bytes > most_attachment_bytes) return fmt::format("{} is {}", path, too_large());
  if (File(path).handle == nullptr) return cannot_read(path, errno).message;
  size = static_cast<std::size_t>(bytes);
  return {};
}

// None of them blank, nor able to break out of a header (INST 18.1, 18.4).
void complete_names(AttachmentContent& content, const AttachmentOptions& options, std::string_view path) {
  std::string& type = content.content_type;
  for (const char c : trimmed(options.content_type)) {
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F) type += c;
  }
  std::string_view name = options.filename;
  if (is_blank(name)) name = path.substr(path.find_last_of('/') + 1);
  if (is_blank(type)) type = type_of_filename(name);
  if (is_blank(type) && content.bytes != nullptr) type = type_of_bytes(*content.bytes);
  if (is_blank(type)) type = "application/octet-stream";
  content.filename = safe_filename(name, type);
}

void complain(const AttachmentContent& content, ErrorCode code, std::string_view problem) {
  report(Severity::warning, code, fmt::format("attachment {} is left out: {}", content.filename, problem));
}

Json left_out(const AttachmentContent& content, std::string_view problem) {
  return fmt::format("<attachment {} is left out: {}>", content.filename, problem);
}

pipeline::Upload upload_of(const SharedContent& content) {
  const bool is_file = content->kind == Kind::file;
  pipeline::Upload upload{.key = content->key,
                          .content_type = content->content_type,
                          .filename = content->filename,
                          .held_bytes = is_file ? 0 : content->size,
                          .loaded_bytes = content->kind == Kind::bytes ? 0 : content->size};
  upload.content = [content]() -> Result<pipeline::Upload::Bytes> {
    switch (content->kind) {
      case Kind::bytes:
        return content->bytes;
      case Kind::file:
        return read_file(content->path);
      case Kind::json:
      case Kind::pretty_json:
        return checked_json(*content);
    }
    return content->bytes;
  };
  return upload;
}

SharedContent content_of(std::string bytes, const AttachmentOptions& options, Kind kind) {
  auto content = std::make_shared<AttachmentContent>();
  content->kind = kind;
  content->size = bytes.size();
  if (bytes.size() > most_attachment_bytes) content->problem = too_large();
  content->bytes = std::make_shared<const std::string>(std::move(bytes));
  complete_names(*content, options, {});
  if (!content->problem.empty()) complain(*content, ErrorCode::invalid_argument, content->problem);
  return content;
}

}  // namespace
}  // namespace detail

Attachment Attachment::file(std::string path, const AttachmentOptions& options) {
  auto content = std::make_shared<detail::AttachmentContent>();
  content->kind = detail::Kind::file;
  content->problem = detail::look_at(path, content->size);
  detail::complete_names(*content, options, path);
  content->path = std::move(path);
  if (!content->problem.empty()) detail::complain(*content, ErrorCode::io, content->problem);
  return Attachment(std::move(content));
}

Attachment Attachment::bytes(std::string bytes, const AttachmentOptions& options) {
  return Attachment(detail::content_of(std::move(bytes), options, detail::Kind::bytes));
}

Json to_json(const Attachment& attachment) {
  const detail::SharedContent& content = attachment.content_;
  if (!content->problem.empty()) return detail::left_out(*content, content->problem);
  pipeline::Upload upload = detail::upload_of(content);
  Json reference = detail::reference_to(upload);
  if (!detail::tracing() || detail::pending_attachments().add(std::move(upload), content->handed_over)) return reference;
  const std::string problem =
      fmt::format("{} MiB of attachments wait to be uploaded already", pipeline::most_attachment_bytes >> 20);
  detail::complain(*content, ErrorCode::queue_full, problem);
  return detail::left_out(*content, problem);
}

JsonAttachment::JsonAttachment(const Json& value, JsonAttachmentOptions options)
    : JsonAttachment(raw(std::string(value.text()), std::move(options))) {}

JsonAttachment JsonAttachment::raw(std::string text, JsonAttachmentOptions options) {
  if (detail::is_blank(options.filename)) options.filename = JsonAttachmentOptions().filename;
  return JsonAttachment(Attachment(
      detail::content_of(std::move(text), {.filename = std::move(options.filename), .content_type = "application/json"},
                         options.pretty ? detail::Kind::pretty_json : detail::Kind::json)));
}

Json to_json(const ExternalAttachment& attachment) {
  std::string_view name = attachment.filename;
  if (detail::is_blank(name)) {
    name = attachment.url;
    name = name.substr(0, name.find_first_of("?#"));
    const std::size_t host = name.find("://");
    name = host == std::string_view::npos ? name : name.substr(host + 3);
    name = name.substr(name.find_last_of('/') + 1);
  }
  std::string_view type = attachment.content_type;
  if (detail::is_blank(type)) type = detail::type_of_filename(name);
  if (detail::is_blank(type)) type = "application/octet-stream";
  return {{"type", "external_attachment"},
          {"content_type", type},
          {"filename", detail::safe_filename(name, type)},
          {"url", attachment.url}};
}

}  // namespace braintrust
