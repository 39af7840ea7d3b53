#include "llm/media.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/base64.h"
#include "core/environment.h"
#include "core/media_type.h"
#include "llm/url.h"

namespace braintrust::llm {
namespace {

constexpr std::size_t least_base64 = 20;                            // INST 18.13
constexpr std::size_t most_base64 = std::size_t{64} * 1024 * 1024;  // INST 18.18
constexpr int deepest_media = 128;                                  // INST 18.16
constexpr std::size_t longest_filename = 1024;                      // more than any file system takes

// In either alphabet, padded or not.
std::optional<std::string> decoded_base64(std::string_view text) {
  const bool url_safe = text.find('-') != std::string_view::npos || text.find('_') != std::string_view::npos;
  if (!url_safe && text.size() % 4 == 0) return base64::decode(text);
  std::string standard(text);
  if (url_safe) {
    std::replace(standard.begin(), standard.end(), '-', '+');
    std::replace(standard.begin(), standard.end(), '_', '/');
  }
  if (standard.back() != '=') standard.append((4 - standard.size() % 4) % 4, '=');
  return base64::decode(standard);
}

std::optional<Media> media_of(std::string_view content_type, std::string_view base64, std::string_view filename,
                              std::string_view otherwise = {}) {
  if (base64.size() < least_base64 || base64.size() > most_base64) return std::nullopt;
  auto bytes = decoded_base64(base64);
  if (!bytes) return std::nullopt;
  if (content_type.empty()) content_type = detail::type_of_bytes(*bytes);
  if (content_type.empty()) content_type = otherwise;
  if (content_type.empty()) return std::nullopt;
  return Media{std::string(content_type), detail::safe_filename(filename, content_type), std::move(*bytes)};
}

// A string whose whole text is a data URL.
std::optional<Media> of_data_url(JsonView text) {
  const std::string_view start = detail::trimmed(text.inside());
  if (start.size() < least_base64 || !same_ignoring_case(start.substr(0, 5), "data:")) return std::nullopt;
  const bool escaped = start.find('\\') != std::string_view::npos;
  const std::string meant = escaped ? text.string() : std::string();
  const std::string_view url = escaped ? detail::trimmed(meant) : start;
  // What must not stand in it is no base64 either, so only its head is looked through.
  const std::size_t comma = url.find(',');
  if (comma == std::string_view::npos) return std::nullopt;
  const std::string_view head = url.substr(0, comma);
  if (!head.ends_with(";base64") || head.find_first_of("\"\\ ") != std::string_view::npos) return std::nullopt;
  const std::string_view type = head.substr(5, head.find(';') - 5);
  if (type.empty()) return std::nullopt;
  return media_of(type, url.substr(comma + 1), {});
}

// One pass over a payload. Objects are shown after what is inside them, so that each part is read once however deep it lies.
class MediaWalk {
 public:
  MediaWalk(std::string_view payload, std::span<const MediaFormat> formats) : payload_(payload), formats_(formats) {}

  std::vector<MediaFound> found() {
    walk(after_space(0), 0, {});
    return std::move(found_);
  }

 private:
  std::size_t after_space(std::size_t at) const {
    at = payload_.find_first_not_of(" \n\r\t", at);
    return at == std::string_view::npos ? payload_.size() : at;
  }
  std::string_view slice(std::size_t from, std::size_t to) const { return payload_.substr(from, to - from); }

  // Returns the end of the value that begins at `at`.
  std::size_t walk(std::size_t at, int depth, std::string_view key) {
    const char first = payload_[at];
    if (depth >= deepest_media || (first != '{' && first != '[')) return detail::skip_value(payload_, at);
    return first == '{' ? walk_object(at, depth, key) : walk_array(at, depth);
  }

  std::size_t walk_object(const std::size_t begin, int depth, std::string_view key) {
    std::vector<detail::JsonMember> members;
    std::size_t at = after_space(begin + 1);
    while (payload_[at] != '}') {
      const std::size_t key_end = detail::skip_value(payload_, at);
      const std::string_view name = slice(at + 1, key_end - 1);
      const std::size_t value = after_space(payload_.find(':', key_end) + 1);
      const std::size_t value_end = walk(value, depth + 1, name);
      members.push_back({name, slice(value, value_end)});
      at = after_comma(value_end);
    }
    show({key, JsonView::of_valid(slice(begin, at + 1)), members});
    return at + 1;
  }

  std::size_t walk_array(const std::size_t begin, int depth) {
    std::size_t at = after_space(begin + 1);
    while (payload_[at] != ']') {
      const std::size_t end = walk(at, depth + 1, {});
      const JsonView element = JsonView::of_valid(slice(at, end));
      if (element.is_string()) show({{}, element, {}});
      at = after_comma(end);
    }
    return at + 1;
  }

  std::size_t after_comma(std::size_t at) const {
    at = after_space(at);
    return payload_[at] == ',' ? after_space(at + 1) : at;
  }

  void show(const MediaNode& node) {
    const std::size_t found_before = found_.size();
    for (const MediaFormat format : formats_) {
      format(node, found_);
      if (found_.size() > found_before) return;
    }
  }

  std::string_view payload_;
  std::span<const MediaFormat> formats_;
  std::vector<MediaFound> found_;
};

// In order, without what lies inside another and goes with it.
void put_in_order(std::vector<MediaFound>& found) {
  std::sort(found.begin(), found.end(), [](const MediaFound& left, const MediaFound& right) {
    if (left.replaced.data() != right.replaced.data()) return left.replaced.data() < right.replaced.data();
    return left.replaced.size() > right.replaced.size();
  });
  const char* end = nullptr;  // of the last one that stays
  std::erase_if(found, [&end](const MediaFound& one) {
    if (end != nullptr && one.replaced.data() < end) return true;
    end = one.replaced.data() + one.replaced.size();
    return false;
  });
}

// No payload without such a run of characters holds media.
bool has_base64_run(std::string_view payload) {
  std::size_t run = 0;
  for (const char c : payload) {
    const bool digit = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/' ||
                       c == '-' || c == '_' || c == '\\';  // a slash may be written \/
    run = digit ? run + 1 : 0;
    if (run == least_base64) return true;
  }
  return false;
}

}  // namespace

JsonView MediaNode::operator[](std::string_view name) const {
  for (const detail::JsonMember& member : members) {
    if (same_key(member.key, name)) return JsonView::of_valid(member.value);
  }
  return {};
}

std::string with_references(std::string payload, std::span<const MediaFormat> formats, MediaSink* sink) {
  if (sink == nullptr || payload.empty() || formats.empty() || !has_base64_run(payload)) return payload;
  std::vector<MediaFound> found = MediaWalk(payload, formats).found();
  if (found.empty()) return payload;
  put_in_order(found);
  std::vector<Media> media;
  media.reserve(found.size());
  for (MediaFound& one : found) media.push_back(std::move(one.media));
  const std::vector<std::string> references = sink->take(std::move(media));
  if (references.size() != found.size()) return payload;

  std::string out;
  const char* from = payload.data();
  for (std::size_t i = 0; i < found.size(); ++i) {
    out.append(from, found[i].replaced.data());
    out += found[i].before;
    out += references[i];
    out += found[i].after;
    from = found[i].replaced.data() + found[i].replaced.size();
  }
  out.append(from, static_cast<const char*>(payload.data() + payload.size()));
  return out;
}

void data_urls(const MediaNode& node, std::vector<MediaFound>& found) {
  const std::size_t found_before = found.size();
  const auto look = [&](JsonView text) {
    if (auto media = of_data_url(text)) found.push_back({text.text(), {}, {}, std::move(*media)});
  };
  look(node.value);
  for (const detail::JsonMember& member : node.members) look(JsonView::of_valid(member.value));
  if (found.size() == found_before) return;
  // Looked up once, however many share it, and only where there is somebody to have it.
  const std::string filename = node["filename"].string();
  if (filename.empty() || filename.size() > longest_filename) return;
  for (std::size_t i = found_before; i < found.size(); ++i) {
    found[i].media.filename = detail::safe_filename(filename, found[i].media.content_type);
  }
}

std::optional<Media> decoded_media(std::string_view content_type, JsonView base64, std::string_view filename,
                                   std::string_view otherwise) {
  if (base64.inside().find('\\') == std::string_view::npos) {
    return media_of(content_type, base64.inside(), filename, otherwise);
  }
  return media_of(content_type, base64.string(), filename, otherwise);
}

void append_base64(std::string& to, std::string_view piece) {
  if (to.ends_with('=')) {
    // The last group of characters holds less than three bytes: the next ones belong into it.
    const std::size_t full = (to.size() - 1) / 4 * 4;
    const auto last = decoded_base64(std::string_view(to).substr(full));
    const auto next = decoded_base64(piece);
    if (last && next) {
      to.replace(full, std::string::npos, base64::encode(*last + *next));
      return;
    }
  }
  to += piece;
}

}  // namespace braintrust::llm
