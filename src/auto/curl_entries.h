#pragma once

// The functions that programs call instead of libcurl's, one set for each libcurl: a call must know which one it was meant for.
//
// Threads: `find_or_add_curl` by one thread at a time; a table is written before anything leads to it. Errors: null when there
// are more libcurls than sets.

#include <array>
#include <cstddef>
#include <string_view>

#include "instrument/curl_functions.h"

namespace braintrust::automatic {

using AnyFunction = void (*)();

// What is hooked, in this order everywhere.
constexpr std::array<std::string_view, 9> hooked_names = {
    "curl_easy_init",    "curl_easy_cleanup",     "curl_easy_reset",          "curl_easy_duphandle", "curl_easy_setopt",
    "curl_easy_perform", "curl_multi_add_handle", "curl_multi_remove_handle", "curl_multi_info_read"};

// Its place in `hooked_names`, or their number.
std::size_t hooked_index(std::string_view name) noexcept;

// Fields of the table by that place.
AnyFunction hooked_function(const instrument::CurlFunctions& curl, std::size_t index) noexcept;
void set_hooked_function(instrument::CurlFunctions& curl, std::size_t index, AnyFunction function) noexcept;

using CurlEntries = std::array<AnyFunction, hooked_names.size()>;

// The entries that lead to `curl` in the end.
const CurlEntries* find_or_add_curl(const instrument::CurlFunctions& curl) noexcept;
// Whether `function` is one of our entries.
bool is_entry(AnyFunction function) noexcept;

}  // namespace braintrust::automatic
