#pragma once

// `draw_trace`: a trace as text for people, the tree that `braintrust-local` prints.
//
//   for (const auto& id : server->store().traces_written()) std::cout << *braintrust::local::draw_trace(server->store(), id);
//
// In colour, and as wide as the terminal, if standard output is one; NO_COLOR and TERM=dumb are heeded. What was logged is made
// harmless for a terminal first.
//
// Threads: safe to call from any thread. Errors: those of `Store::rows_json`.

#include <string>
#include <string_view>

#include <braintrust/core/result.h>
#include <braintrust/local/store.h>

namespace braintrust::local {

Result<std::string> draw_trace(const Store& store, std::string_view root_span_id);

}  // namespace braintrust::local
