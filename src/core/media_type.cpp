#include "core/media_type.h"

#include <algorithm>
#include <utility>

#include "core/environment.h"

namespace braintrust::detail {
namespace {

// Several endings may mean one type, and one ending several types: the first is the usual one. (INST 18.4)
constexpr std::pair<std::string_view, std::string_view> endings[] = {
    {"png", "image/png"},
    {"jpg", "image/jpeg"},
    {"jpeg", "image/jpeg"},
    {"gif", "image/gif"},
    {"webp", "image/webp"},
    {"svg", "image/svg+xml"},
    {"bmp", "image/bmp"},
    {"tiff", "image/tiff"},
    {"tif", "image/tiff"},
    {"heic", "image/heic"},
    {"pdf", "application/pdf"},
    {"json", "application/json"},
    {"xml", "application/xml"},
    {"zip", "application/zip"},
    {"gz", "application/gzip"},
    {"txt", "text/plain"},
    {"log", "text/plain"},
    {"md", "text/markdown"},
    {"csv", "text/csv"},
    {"html", "text/html"},
    {"htm", "text/html"},
    {"wav", "audio/wav"},
    {"mp3", "audio/mpeg"},
    {"ogg", "audio/ogg"},
    {"opus", "audio/opus"},
    {"flac", "audio/flac"},
    {"aac", "audio/aac"},
    {"mp4", "video/mp4"},
    {"mp4", "audio/mp4"},
    {"m4a", "audio/mp4"},
    {"webm", "video/webm"},
    {"mov", "video/quicktime"},
    {"mkv", "video/x-matroska"},
    {"doc", "application/msword"},
    {"xls", "application/vnd.ms-excel"},
    {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
    {"bin", "application/octet-stream"},
};

}  // namespace

std::string_view type_of_filename(std::string_view filename) {
  const std::size_t dot = filename.rfind('.');
  if (dot == std::string_view::npos) return {};
  std::string ending(filename.substr(dot + 1));
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c); });
  for (const auto& [known, type] : endings) {
    if (ending == known) return type;
  }
  return {};
}

std::string_view type_of_bytes(std::string_view bytes) noexcept {
  const auto at = [&](std::size_t from, std::string_view wanted) {
    return bytes.size() >= from + wanted.size() && bytes.substr(from, wanted.size()) == wanted;
  };
  if (at(0, "\x89PNG\r\n\x1A\n")) return "image/png";
  if (at(0, "\xFF\xD8\xFF")) return "image/jpeg";
  if (at(0, "GIF87a") || at(0, "GIF89a")) return "image/gif";
  if (at(0, "RIFF") && at(8, "WEBP")) return "image/webp";
  if (at(0, "RIFF") && at(8, "WAVE")) return "audio/wav";
  if (at(0, "%PDF-")) return "application/pdf";
  if (at(0, "ID3") || at(0, "\xFF\xFB") || at(0, "\xFF\xF3") || at(0, "\xFF\xF2")) return "audio/mpeg";
  if (at(0, "\xFF\xF1") || at(0, "\xFF\xF9")) return "audio/aac";
  if (at(0, "OggS")) return "audio/ogg";
  if (at(0, "fLaC")) return "audio/flac";
  if (at(4, "ftyp")) return "video/mp4";
  return {};
}

std::string_view extension_of(std::string_view content_type) noexcept {
  content_type = trimmed(content_type.substr(0, content_type.find(';')));
  for (const auto& [ending, known] : endings) {
    if (content_type == known) return ending;
  }
  const std::size_t slash = content_type.find('/');
  std::string_view subtype = slash == std::string_view::npos ? std::string_view() : content_type.substr(slash + 1);
  subtype = subtype.substr(0, subtype.find('+'));
  if (subtype.starts_with("x-")) subtype.remove_prefix(2);
  return subtype.empty() ? "bin" : subtype;
}

std::string safe_filename(std::string_view given, std::string_view content_type) {
  std::string name;
  for (const char c : given) {
    if (c != '/' && c != '\\' && static_cast<unsigned char>(c) >= 0x20 && c != 0x7F) name += c;
  }
  return is_blank(name) ? "attachment." + std::string(extension_of(content_type)) : name;
}

}  // namespace braintrust::detail
