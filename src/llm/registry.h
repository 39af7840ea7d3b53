#pragma once

// Which paths are model calls, and in which dialect. Which hosts are providers'.
//
// A new provider that speaks a known format is one line among the hosts; a new format is one file and one line among
// the routes.
//
// Threads: pure, no allocation. Errors: blank or null where nothing is known. Source: INST 16.3 and the providers' API
// references.

#include <string_view>
#include <vector>

#include "llm/media.h"
#include "llm/url.h"

namespace braintrust::llm {

struct Dialect;

const Dialect* dialect_of_path(std::string_view path) noexcept;

// The media formats of all dialects, for payloads of which nothing else is known. (This one allocates.)
std::vector<MediaFormat> all_media_formats();

// metadata.provider of the host of a provider.
std::string_view provider_of(const Url& url) noexcept;

// Whether a provider is known by this name, by its host or because `name=base` may declare it.
bool is_provider_name(std::string_view name) noexcept;

}  // namespace braintrust::llm
