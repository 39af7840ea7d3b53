#pragma once

// Attachments in the backend's database: begun by a row's writer, put with the token it was given, read by key.
//
// What is stored has a bound of bytes for all together; beyond it the oldest go. Used by the store, under its lock.
//
// Threads: one at a time for each database. Errors: thrown as `SqliteError`; what is not there comes back empty.
// Units: bytes, seconds since 1970. Source: PROTO 11.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <braintrust/local/store.h>

#include "local/sqlite.h"

namespace braintrust::local {

extern const char* const attachments_schema;

inline constexpr std::int64_t most_stored_attachment_bytes = std::int64_t{1} << 30;

// The token for putting and reading its bytes; the same again for a key that was begun before.
std::string begin_attachment(Database& database, std::string_view key, std::string_view filename, std::string_view content_type,
                             std::int64_t now);

// False without the token.
bool put_attachment(Database& database, std::string_view key, std::string_view token, std::string_view bytes,
                    std::int64_t most_bytes = most_stored_attachment_bytes);

// False when there is none of this key.
bool report_attachment(Database& database, std::string_view key, std::string_view status, std::string_view error);

std::optional<StoredAttachment> find_attachment(Database& database, std::string_view key);
std::optional<std::string> attachment_bytes(Database& database, std::string_view key);

}  // namespace braintrust::local
