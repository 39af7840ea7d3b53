#pragma once

// `TraceTree`: the rows of one trace, put in order: which span is whose child, when it ran, what it cost, what went wrong.
//
// Made from stored rows; read by the list of traces and by the printer. Damaged traces are shown, not refused: a span whose
// parent is not there, or whose parents go round in a circle, becomes a root marked `orphan`.
//
// Threads: a plain value. Errors: a row that no reader understands is left out.
// Units:   times are seconds since the epoch, as in `metrics.start`.
// Source:  PROTO 4.2, 8.1.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <braintrust/local/store.h>

#include "local/attachment_text.h"

namespace braintrust::local {

struct SpanNode {
  std::string row_id = {};
  std::string span_id = {};
  std::string name = {};
  std::string type = {};
  std::optional<double> start = {};
  std::optional<double> end = {};
  std::int64_t exec_counter = 0;
  std::uint64_t tokens = 0;
  std::optional<std::string> error = {};  // its first line
  std::string input = {};                 // compact, "" if none; texts without their quotes; of a conversation its last message
  std::string output = {};
  std::string expected = {};
  std::string scores = {};  // "accuracy 0.9  user 1"
  std::vector<std::string> tags = {};
  std::vector<std::string> comments = {};
  std::vector<std::size_t> children = {};  // by start, then exec_counter
  bool orphan = false;
  bool in_experiment = false;
};

struct TraceTree {
  std::vector<SpanNode> spans = {};
  std::vector<std::size_t> roots = {};

  // Parents before their children, as a reader meets them.
  std::vector<std::size_t> in_order() const;
};

// `rows` is a JSON array, as `Store::rows_json` gives it.
// References to attachments are shortened, with their sizes where `size_of` is given.
TraceTree build_tree(const std::string& rows, const AttachmentSize& size_of = {});

TraceSummary summarize(const TraceTree& tree, std::string root_span_id);

}  // namespace braintrust::local
