#pragma once

// Standard base64 with padding (RFC 4648 section 4). Pure.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace braintrust::base64 {

constexpr std::size_t encoded_size(std::size_t bytes) { return (bytes + 2) / 3 * 4; }

// Writes `encoded_size(bytes.size())` characters to `out` and returns their number.
std::size_t encode(std::string_view bytes, char* out) noexcept;
std::string encode(std::string_view bytes);

// Nothing when `text` is not base64: a foreign character, wrong length or wrong padding.
std::optional<std::string> decode(std::string_view text);

}  // namespace braintrust::base64
