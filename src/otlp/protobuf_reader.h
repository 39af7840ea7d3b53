#pragma once

// `ProtobufReader`: goes through the fields of a Protocol Buffers message that somebody else wrote.
//
//   ProtobufReader reader(bytes);
//   while (reader.next()) {
//     if (reader.field() == span_name) name = reader.bytes();
//   }
//   if (!reader.ok()) …                      // what was read before the fault is good
//
// Fields that are not asked for are skipped, unknown ones too. A value that is asked for as another type than it has is zero
// or blank. Nothing is copied: texts are slices of the message.
//
// Threads: one. Errors: `ok`; no input makes it read beyond its end or throw. Source: protobuf.dev, "Encoding".

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "otlp/protobuf_writer.h"

namespace braintrust::detail::otlp {

class ProtobufReader {
 public:
  explicit ProtobufReader(std::string_view message) noexcept : rest_(message) {}

  // Goes to the next field; false at the end, and where the message is broken.
  bool next() noexcept {
    if (!ok_ || rest_.empty()) return false;
    std::uint64_t tag = 0;
    ok_ = take_varint(tag) && tag >> 3 != 0 && tag >> 3 <= most_field && take_value(static_cast<unsigned>(tag & 7));
    field_ = static_cast<unsigned>(tag >> 3);
    return ok_;
  }
  bool ok() const noexcept { return ok_; }

  unsigned field() const noexcept { return field_; }
  WireType type() const noexcept { return type_; }
  // Of varints and fixed widths, as the bits are.
  std::uint64_t integer() const noexcept { return integer_; }
  double number() const noexcept {
    double value = 0;
    if (type_ == WireType::fixed64) std::memcpy(&value, &integer_, sizeof value);
    return value;
  }
  // Of strings, bytes and messages.
  std::string_view bytes() const noexcept { return bytes_; }

 private:
  static constexpr std::uint64_t most_field = (1u << 29) - 1;

  bool take_varint(std::uint64_t& value) noexcept {
    value = 0;
    for (unsigned shift = 0; shift < 70 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      if (shift < 64) value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }
  bool take_fixed(std::size_t size) noexcept {
    if (rest_.size() < size) return false;
    integer_ = 0;
    for (std::size_t i = 0; i < size; ++i) {
      integer_ |= static_cast<std::uint64_t>(static_cast<unsigned char>(rest_[i])) << (8 * i);
    }
    rest_.remove_prefix(size);
    return true;
  }
  bool take_value(unsigned type) noexcept {
    integer_ = 0;
    bytes_ = {};
    type_ = static_cast<WireType>(type);
    switch (type_) {
      case WireType::varint:
        return take_varint(integer_);
      case WireType::fixed64:
        return take_fixed(8);
      case WireType::fixed32:
        return take_fixed(4);
      case WireType::length: {
        std::uint64_t size = 0;
        if (!take_varint(size) || size > rest_.size()) return false;
        bytes_ = rest_.substr(0, static_cast<std::size_t>(size));
        rest_.remove_prefix(bytes_.size());
        return true;
      }
    }
    return false;  // groups, which nobody writes any more, and what is no type
  }

  std::string_view rest_;
  bool ok_ = true;
  unsigned field_ = 0;
  WireType type_ = WireType::varint;
  std::uint64_t integer_ = 0;
  std::string_view bytes_ = {};
};

}  // namespace braintrust::detail::otlp
