#pragma once

// gzip, where zlib was found when the library was built.
//
// Threads: pure functions. Errors: said in the return value. Units: bytes.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace braintrust::detail {

// Compressed, or as it is where that cannot be had.
std::string gzip(std::string_view bytes);

bool is_gzip(std::string_view bytes) noexcept;

// What `bytes` hold: themselves when they are not gzip. Nothing when they are broken, or come to more than `most`.
std::optional<std::string> gunzip(std::string_view bytes, std::size_t most);

}  // namespace braintrust::detail
