#pragma once

// The tables of the backend's database, and what brings an older file to them.
//
// Threads: one at a time for each file within a process; several processes may open a new file at once.
// Errors:  thrown as `SqliteError`; a file of a newer version is refused so.

#include <string>

#include "local/sqlite.h"

namespace braintrust::local {

inline constexpr int busy_ms = 30'000;

// The name SQLite opens for `path`: blank is memory. A file is made, readable by its owner only.
std::string opened_path(const std::string& path);

// Brings the file to the schema of this version.
void prepare(Database& database);

}  // namespace braintrust::local
