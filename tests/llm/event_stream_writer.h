#pragma once

// Writes messages of application/vnd.amazon.eventstream, for tests.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace braintrust::llm {

inline std::uint32_t crc32_of(const std::string& bytes) {
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? crc >> 1 ^ 0xEDB88320U : crc >> 1;
  }
  return ~crc;
}

inline std::string big_endian(std::size_t value, int size) {
  std::string out;
  for (int shift = 8 * (size - 1); shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xFF);
  return out;
}

inline std::string event_stream_message(const std::vector<std::pair<std::string, std::string>>& headers,
                                        const std::string& payload) {
  std::string head = big_endian(4, 1) + "flag" + big_endian(0, 1);  // a header of a type that has no value
  for (const auto& [name, value] : headers)
    head += big_endian(name.size(), 1) + name + big_endian(7, 1) + big_endian(value.size(), 2) + value;
  std::string message = big_endian(16 + head.size() + payload.size(), 4) + big_endian(head.size(), 4);
  message += big_endian(crc32_of(message), 4) + head + payload;
  return message + big_endian(crc32_of(message), 4);
}

}  // namespace braintrust::llm
