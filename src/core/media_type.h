#pragma once

// Media types (image/png), the names of their files, and the bytes those begin with.
//
// Types are in lower case, without parameters. Threads: pure functions. Errors: blank, or the fallback, where nothing is known.
// Source: INST 18.4, 18.7.

#include <string>
#include <string_view>

namespace braintrust::detail {

// What the ending of a name says: "image/png" for cat.PNG. Blank where it says nothing.
std::string_view type_of_filename(std::string_view filename);

// What the first bytes say, or blank.
std::string_view type_of_bytes(std::string_view bytes) noexcept;

// The usual ending without its dot: "jpg" for image/jpeg. "bin" where there is none.
std::string_view extension_of(std::string_view content_type) noexcept;

// Without what could lead elsewhere: path separators and control characters. "attachment.png" for image/png when nothing is
// left.
std::string safe_filename(std::string_view given, std::string_view content_type);

}  // namespace braintrust::detail
