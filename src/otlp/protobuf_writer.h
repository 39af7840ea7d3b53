#pragma once

// `ProtobufWriter`: appends fields of a Protocol Buffers message to a text, in the wire format that every decoder reads.
//
// Only what OTLP has: varints, fixed 64 bits, and whatever has a length (strings, bytes, messages). The length of a message
// stands before it: where it can be told beforehand, `begin_message` writes it and the fields follow, so that nothing is copied
// twice; else the message is written elsewhere first and added with `bytes`.
//
// Threads: one. Errors: none but memory. Source: protobuf.dev, "Encoding".

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <braintrust/core/buffer.h>

namespace braintrust::detail::otlp {

constexpr std::size_t varint_size(std::uint64_t value) noexcept {
  std::size_t size = 1;
  for (; value >= 0x80; value >>= 7) ++size;
  return size;
}

enum class WireType : unsigned { varint = 0, fixed64 = 1, length = 2, fixed32 = 5 };

// Of a field's tag. OTLP's field numbers are all below 128.
constexpr std::size_t tag_size(unsigned field) noexcept { return varint_size(field << 3); }
// Of a field with a length, tag included.
constexpr std::size_t bytes_size(unsigned field, std::size_t size) noexcept {
  return tag_size(field) + varint_size(size) + size;
}

class ProtobufWriter {
 public:
  explicit ProtobufWriter(Buffer& out) : out_(out) {}

  void varint(unsigned field, std::uint64_t value) {
    tag(field, WireType::varint);
    raw_varint(value);
  }
  void fixed64(unsigned field, std::uint64_t value) {
    tag(field, WireType::fixed64);
    little_endian(value, 8);
  }
  void fixed32(unsigned field, std::uint32_t value) {
    tag(field, WireType::fixed32);
    little_endian(value, 4);
  }
  void number(unsigned field, double value) {
    std::uint64_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    fixed64(field, bits);
  }
  void bytes(unsigned field, std::string_view value) {
    begin_message(field, value.size());
    out_.append(value);
  }
  // The head of a message of `size` bytes, whose fields are to be written next.
  void begin_message(unsigned field, std::size_t size) {
    tag(field, WireType::length);
    raw_varint(size);
  }

 private:
  void tag(unsigned field, WireType type) { raw_varint(field << 3 | static_cast<unsigned>(type)); }
  void raw_varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) out_.append(static_cast<char>(value | 0x80));
    out_.append(static_cast<char>(value));
  }
  void little_endian(std::uint64_t value, int size) {
    for (int i = 0; i < size; ++i) out_.append(static_cast<char>(value >> (8 * i)));
  }

  Buffer& out_;
};

}  // namespace braintrust::detail::otlp
