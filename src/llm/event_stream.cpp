// application/vnd.amazon.eventstream. A message is
//   total length (4 bytes, big endian), length of the headers (4), CRC-32 of these 8 bytes (4),
//   headers: length of the name (1), name, type of the value (1), value; payload; CRC-32 of all before it (4)
// Source: the AWS documentation of the encoding, as the smithy "event stream" specification words it.

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "llm/framing.h"

namespace braintrust::llm {
namespace {

constexpr std::size_t prelude_size = 12;
constexpr std::size_t least_message = prelude_size + 4;

constexpr auto crc_table = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value & 1) != 0 ? value >> 1 ^ 0xEDB88320U : value >> 1;
    table[i] = value;
  }
  return table;
}();

std::uint32_t crc32(std::string_view bytes) {
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const char byte : bytes) crc = crc >> 8 ^ crc_table[(crc ^ static_cast<unsigned char>(byte)) & 0xFF];
  return ~crc;
}

std::uint32_t read_big_endian(std::string_view bytes, std::size_t size) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

struct Headers {
  std::string_view message_type, event_type, exception_type, error_code, error_message;
};

// Nothing when the headers are not what they should be.
std::optional<Headers> read_headers(std::string_view bytes) {
  constexpr std::size_t sizes[] = {0, 0, 1, 2, 4, 8, 0, 0, 8, 16};  // of the values of each type; 6 and 7 say their own
  Headers headers;
  while (!bytes.empty()) {
    const std::size_t name_size = static_cast<unsigned char>(bytes[0]);
    if (bytes.size() < 1 + name_size + 1) return std::nullopt;
    const std::string_view name = bytes.substr(1, name_size);
    const std::size_t type = static_cast<unsigned char>(bytes[1 + name_size]);
    bytes.remove_prefix(1 + name_size + 1);
    if (type >= std::size(sizes)) return std::nullopt;
    std::size_t size = sizes[type];
    const bool text_or_bytes = type == 6 || type == 7;
    if (text_or_bytes) {
      if (bytes.size() < 2) return std::nullopt;
      size = read_big_endian(bytes, 2);
      bytes.remove_prefix(2);
    }
    if (bytes.size() < size) return std::nullopt;
    const std::string_view value = bytes.substr(0, size);
    bytes.remove_prefix(size);
    if (name == ":message-type") headers.message_type = value;
    if (name == ":event-type") headers.event_type = value;
    if (name == ":exception-type") headers.exception_type = value;
    if (name == ":error-code") headers.error_code = value;
    if (name == ":error-message") headers.error_message = value;
  }
  return headers;
}

class EventStream final : public Framing {
 public:
  explicit EventStream(std::size_t limit) : limit_(limit) {}

  void feed(std::string_view bytes, EventSink& sink) override {
    while (!bytes.empty()) {
      if (to_drop_ > 0) {
        const std::size_t dropped = std::min(to_drop_, bytes.size());
        to_drop_ -= dropped;
        bytes.remove_prefix(dropped);
        continue;
      }
      const std::size_t wanted = message_size_ == 0 ? prelude_size : message_size_;
      const std::size_t taken = std::min(wanted - message_.size(), bytes.size());
      message_ += bytes.substr(0, taken);
      bytes.remove_prefix(taken);
      if (message_.size() < wanted) return;
      if (message_size_ == 0) {
        begin_message();
      } else {
        end_message(sink);
      }
    }
  }

  // What follows is looked through, byte by byte, for a prelude whose checksum is right.
  void skip() override {
    message_.clear();
    message_size_ = 0;
    to_drop_ = 0;
  }

  void finish(EventSink&) override {}

 private:
  void begin_message() {
    const std::string_view prelude = message_;
    const std::size_t size = read_big_endian(prelude, 4);
    const std::size_t headers = read_big_endian(prelude.substr(4), 4);
    if (crc32(prelude.substr(0, 8)) != read_big_endian(prelude.substr(8), 4) || size < least_message ||
        headers > size - least_message) {
      message_.erase(0, 1);
      return;
    }
    if (size > limit_) {
      to_drop_ = size - prelude_size;
      message_.clear();
      return;
    }
    message_size_ = size;
    headers_size_ = headers;
  }

  void end_message(EventSink& sink) {
    const std::string_view message = message_;
    const std::string_view checked = message.substr(0, message.size() - 4);
    if (crc32(checked) == read_big_endian(message.substr(checked.size()), 4)) {
      if (const auto headers = read_headers(message.substr(prelude_size, headers_size_))) {
        const std::string_view payload = checked.substr(prelude_size + headers_size_);
        if (headers->message_type == "exception") {
          sink.failure(headers->exception_type, payload);
        } else if (headers->message_type == "error") {
          sink.failure(headers->error_code, headers->error_message);
        } else {
          sink.event(headers->event_type, payload);
        }
      }
    }
    message_.clear();
    message_size_ = 0;
  }

  std::size_t limit_;
  std::string message_;           // its beginning, as far as it has come
  std::size_t message_size_ = 0;  // 0: not known yet
  std::size_t headers_size_ = 0;
  std::size_t to_drop_ = 0;
};

}  // namespace

std::unique_ptr<Framing> event_stream_framing(std::size_t limit) { return std::make_unique<EventStream>(limit); }

}  // namespace braintrust::llm
