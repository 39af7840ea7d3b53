#pragma once

// `sha256_hex`: the SHA-256 of some bytes as 64 lower hex digits. For names that say nothing of what they stand for, and never
// meet: files of a cache, whose keys hold credentials. Not for passwords.
//
// Threads: a pure function. Source: FIPS 180-4.

#include <string>
#include <string_view>

namespace braintrust::detail {

std::string sha256_hex(std::string_view bytes);

}  // namespace braintrust::detail
