#pragma once

// Traces as text for people: a table of them, and one as a tree.
//
// Threads: pure functions. Errors: none; see `TraceTree` for damaged traces. Everything that was logged is made harmless first.

#include <string>
#include <vector>

#include <braintrust/local/store.h>

#include "core/terminal.h"
#include "local/trace_tree.h"

namespace braintrust::local {

std::string print_tree(const TraceTree& tree, const TraceSummary& summary, const detail::Style& style);

// One span on one line, with the time at which it ended.
std::string print_span_line(const SpanNode& span, const detail::Style& style);

std::string print_list(const std::vector<TraceSummary>& traces, const detail::Style& style);

}  // namespace braintrust::local
