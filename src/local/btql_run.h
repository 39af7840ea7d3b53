#pragma once

// Runs a query: reads the rows of its object a chunk at a time and keeps what passes, so that no page needs more memory than it
// has rows. A page ends at its limit, or earlier where its rows are large; it then has a cursor, with which the next one goes
// on where it ended and sees the same version.
//
// Without a sort, a page begins at an index entry. With one, each page looks at all rows and keeps only its own.
//
// Threads: takes the store's lock for each chunk by itself, so that others may write in between. Errors: `Refused`, thrown, for
// a query that cannot be done; SQLite's as `Refused` too. Source: PROTO 13.

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "local/store_state.h"

namespace braintrust::local {

// `request` is the body of POST /btql. The answer's text: {"data": […], "cursor": "…" or null}.
std::string run_btql(Store::State& state, const nlohmann::json& request);

}  // namespace braintrust::local
