#pragma once

// `Store`: the rows of the local backend, in one SQLite file or in memory.
//
// The server writes to it; `braintrust-local show` reads the same file without a server. Rows are kept as the JSON text that
// arrived; a row that arrives again replaces the stored one, or is merged into it if it says `_is_merge`.
//
//   auto store = braintrust::local::Store::open("/tmp/traces.db");
//   if (!store) return store.error();
//   for (const auto& trace : *store->traces()) std::cout << trace.name << '\n';
//
// Threads: safe to call from any thread; calls run one at a time. Several processes may use one file at once.
// Errors:  `invalid_argument` for rows that are refused, `io` for everything that SQLite says, `not_found` where documented.
//          What `write` acknowledged survives the death of the process (not a power cut within the last moments).
// Source:  PROTO 4.2, 4.3, 11; `_xact_id` as PROTO 4.2 describes it.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <braintrust/core/result.h>

namespace braintrust::local {

// One trace in a list.
struct TraceSummary {
  std::string root_span_id = {};
  std::string name = {};   // of its root span
  std::string input = {};  // of that too, its beginning, on one line: the cases of an experiment all have one name
  std::chrono::system_clock::time_point start = {};
  std::chrono::microseconds duration = {};  // from its first start to its last end that is known
  std::size_t spans = 0;
  std::size_t errors = 0;    // spans with an error
  std::uint64_t tokens = 0;  // of its model calls
  bool open = false;         // a span of it has not ended
};

struct Project {
  std::string id = {};
  std::string name = {};
};

// One dataset in a list.
struct DatasetSummary {
  std::string id = {};
  std::string name = {};
  std::string project = {};  // its name
  std::size_t rows = 0;
  std::string version = {};  // the transaction that changed it last; blank if none did
};

// One experiment in a list. A case is a trace of it.
struct ExperimentSummary {
  std::string id = {};
  std::string name = {};
  std::string project = {};  // its name
  std::chrono::system_clock::time_point created = {};
  std::size_t cases = 0;
  std::size_t errors = 0;                                   // cases with an error in one of their spans
  std::vector<std::pair<std::string, double>> scores = {};  // the average of each, by name
};

// What is known of an attachment, but for its bytes.
struct StoredAttachment {
  std::string key = {};
  std::string filename = {};
  std::string content_type = {};
  std::string status = {};               // as reported: "uploading", "done", "error"
  std::string error = {};                // why, where the status is "error"
  std::optional<std::size_t> size = {};  // bytes, when they are here
  std::string token = {};                // whoever has it may put and read the bytes
};

class Store {
 public:
  // Opens or creates the file, readable by its owner only; a blank path keeps everything in memory.
  static Result<Store> open(const std::string& path);

  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  ~Store();

  // Stores the body of a `POST /logs3`: `{"rows": [...]}`. All of its rows or, if one is refused, none. Returns how many.
  Result<std::size_t> write(std::string_view body);

  // Traces, the newest first; at most `limit` of them (0: all).
  Result<std::vector<TraceSummary>> traces(std::size_t limit = 0) const;

  // How many traces there are.
  Result<std::size_t> trace_count() const;

  // The traces that `write` of this object touched, the last 1 000 of them, in the order of their first row.
  std::vector<std::string> traces_written() const;

  // Those of them that were written to since this was asked last.
  std::vector<std::string> take_changed_traces();

  // The one trace whose root span id begins with `prefix`. `not_found` if there is none, `invalid_argument` if several.
  Result<std::string> find_trace(std::string_view prefix) const;

  // A JSON array of the rows of one trace and of the comments on them, or, without an id, of every row there is: ordered by
  // start, each with its `_xact_id`.
  Result<std::string> rows_json(std::string_view root_span_id = {}) const;

  // Answers the body of a `POST /btql`: `{"query": "SELECT * FROM dataset('…')"}`. `invalid_argument` says which part of it
  // cannot be done. (PROTO 13)
  Result<std::string> query(std::string_view request) const;

  // Datasets and experiments that were registered, the newest first; at most `limit` of them (0: all).
  Result<std::vector<DatasetSummary>> datasets(std::size_t limit = 0) const;
  Result<std::vector<ExperimentSummary>> experiments(std::size_t limit = 0) const;

  // How many rows there are, comments and dataset rows included.
  Result<std::size_t> row_count() const;

  // The project of that name, made if absent.
  Result<Project> register_project(std::string_view name);
  // `not_found` if there is none.
  Result<Project> project(std::string_view id) const;

  // A body too large for `POST /logs3` comes in three steps: a place for it, its bytes, and the request to store it.
  struct Upload {
    std::string key = {};
    std::string token = {};  // whoever has it may put the bytes
  };
  Result<Upload> begin_upload();
  Result<void> put_upload(std::string_view key, std::string_view token, std::string_view bytes);  // `unauthorized` without it
  Result<std::size_t> write_upload(std::string_view key);  // repeating it changes nothing

  // An attachment comes in three steps, too: a token for it, its bytes, and a report. A gigabyte of them is kept; beyond that
  // the oldest go. (PROTO 11)
  Result<std::string> begin_attachment(std::string_view key, std::string_view filename, std::string_view content_type);
  Result<void> put_attachment(std::string_view key, std::string_view token, std::string_view bytes);      // or `unauthorized`
  Result<void> report_attachment(std::string_view key, std::string_view status, std::string_view error);  // or `not_found`
  // `not_found` where there is none of this key, or no bytes for it.
  Result<StoredAttachment> attachment(std::string_view key) const;
  Result<std::string> attachment_bytes(std::string_view key) const;

  // What the rest of this library works with; of no use outside of it.
  class State;
  State& state() const { return *state_; }

 private:
  explicit Store(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace braintrust::local
