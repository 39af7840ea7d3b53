#pragma once

// Which paths are model calls, and in which dialect. Which hosts are providers'.
//
// A new provider that speaks a known format is one line in `provider_of_host`; a new format is one file and one line in
// `dialect_of_path`.
//
// Threads: pure, no allocation. Errors: blank or null where nothing is known. Source: INST 16.3 and the providers' API
// references.

#include <string_view>

#include "llm/url.h"

namespace braintrust::llm {

struct Dialect;

// `provider` decides where one path means two things; blank while it is not known.
const Dialect* dialect_of_path(std::string_view path, std::string_view provider) noexcept;

// metadata.provider of the host of a provider.
std::string_view provider_of(const Url& url) noexcept;

// Whether a provider is known by this name, by its host or because `name=base` may declare it.
bool is_provider_name(std::string_view name) noexcept;

}  // namespace braintrust::llm
