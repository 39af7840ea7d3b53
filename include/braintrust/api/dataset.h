#pragma once

// `Dataset`: cases to test with, kept at Braintrust: inputs, what is expected of them, and where they came from.
//
//   auto dataset = braintrust::init_dataset({.project = "My App", .name = "Customer Support"});
//   dataset.insert({.input = {{"question", "How do I reset my password?"}}, .expected = {{"answer", "…"}}});
//   dataset.promote({.span_id = id});            // a case made of what happened in production
//
//   for (const auto& row : dataset) {
//     if (!row) return fail(row.error());        // a page could not be had; nothing follows
//     use(row->input, row->expected);
//   }
//
// `init_dataset` and what writes return at once: records are queued and sent like spans (logger.h), by the current logger if
// the options name no other connection, else by a logger for all of that connection; that creates the dataset if there is none
// of this name. Everything else waits for the network and says so. Copies name the same dataset.
//
// A loop sees the dataset as it was when the loop began, whatever is written meanwhile: one version, page by page, with one
// page in memory. What you wrote before through the same object is delivered first; when that takes longer than a minute the
// loop is an error, `deadline_exceeded`, and not a look at older records.
//
// Threads: everything from any thread; a loop is its thread's. Errors: `Result`s; what is written and cannot be delivered is
// told as for spans. Source: PROTO 2, 12, 13; INST 25.
//
// Cost: includes the whole of nlohmann/json.hpp.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <braintrust/api/btql.h>
#include <braintrust/api/connection.h>
#include <braintrust/api/record_field.h>
#include <braintrust/core/result.h>
#include <braintrust/pipeline/stats.h>

namespace braintrust {

// The order is part of the interface: fields are only ever appended.
struct DatasetOptions {
  std::string project = {};      // created if absent. Blank: as for `init_logger`
  std::string name = {};         // created if absent. Blank: the server finds one
  std::string project_id = {};   // beats `project`
  std::string description = {};  // for one that is created
  nlohmann::json metadata = nullptr;
  // What is read, for the first of these that is not blank; all blank: the dataset as it is. Writing goes to the dataset
  // itself.
  std::string version = {};        // of a transaction: what `Dataset::version` returned, or an `_xact_id`
  std::string snapshot_name = {};  // a version that was given a name
  std::string environment = {};    // a version that was given to an environment, "production"
  ConnectionOptions connection = {};
  std::size_t page_rows = 1000;  // how many a loop asks for at a time
};

// A case to be written. It may be made before there is any logger, but for its attachments (attachment.h). The order is part of
// the interface: fields are only ever appended.
struct DatasetRecord {
  RecordField input = {};
  RecordField expected = {};
  RecordField metadata = {};  // an object
  RecordTags tags = {};
  std::string id = {};      // of the record that is replaced, or made. Blank: a new one
  RecordField origin = {};  // the row it was made from: {object_type, object_id, id, _xact_id, created}
};

// A case that was read. What it does not have is null.
struct DatasetRow {
  std::string id = {};
  nlohmann::json input = {};
  nlohmann::json expected = {};
  nlohmann::json metadata = {};
  std::vector<std::string> tags = {};
  nlohmann::json origin = {};
  std::string version = {};  // of the transaction that wrote it: `_xact_id`
  std::string created = {};  // ISO 8601
};

struct DatasetSummary {
  std::string project_name = {};
  std::string dataset_name = {};
  std::string url = {};  // where a browser shows it
  std::uint64_t total_records = 0;
};

// A version that was given a name.
struct DatasetSnapshot {
  std::string id = {};
  std::string name = {};
  std::string description = {};
  std::string version = {};
  std::string created = {};  // ISO 8601
};

// What is not given stays. The order is part of the interface: fields are only ever appended.
struct SnapshotChange {
  std::string name = {};
  std::optional<std::string> description = {};
};

struct DatasetRestore {
  std::uint64_t restored = 0;  // records that are again, or again what they were
  std::uint64_t removed = 0;   // records that had come since
  std::string version = {};    // that this made. Blank: nothing had changed, or it is a preview
};

// What becomes of a span that is promoted: its input and output, by default, as input and expected.
using SpanToRecord = std::function<DatasetRecord(const nlohmann::json& span)>;

// Which span to promote, and as what. The order is part of the interface: fields are only ever appended.
struct PromoteOptions {
  std::string project_id = {};  // where it was logged. Blank, with the three below: the dataset's project
  std::string span_id = {};
  std::string project = {};
  std::string experiment_id = {};
  // Spans that this condition holds for, instead of `span_id`: "error IS NOT NULL", or what `btql_text` made of yours.
  std::string where = {};
  std::size_t limit = 1000;   // of `where`: the newest so many
  SpanToRecord map = {};      // instead of the default; the link back is added
  RecordField expected = {};  // instead of the span's output, where the right answer is known
  RecordTags tags = {};
  bool replace = false;  // a span that was promoted before: replace its record. Else that stays as people left it
};

struct Promoted {
  std::vector<std::string> ids = {};        // of the records that were queued: those of the spans' rows
  std::vector<std::string> unchanged = {};  // of those that were there
};

class Dataset {
 public:
  struct Core;

  Dataset() = default;  // none: writes go nowhere, what waits is `invalid_argument`

  explicit operator bool() const noexcept { return core_ != nullptr; }

  // Queues a record and returns its id.
  std::string insert(const DatasetRecord& record) const;
  // Queues a change: the fields that are given are laid over those of the record `id` (objects member by member; tags are
  // added to those it has). To take something away, insert the record anew under its id.
  void update(std::string_view id, const DatasetRecord& fields) const;
  void remove(std::string_view id) const;

  // Waits until everything written before has arrived, or cannot arrive, or `deadline` has passed.
  FlushResult flush(std::chrono::milliseconds deadline = std::chrono::seconds(10)) const;

  // These wait for the network; the first of them may create the dataset.
  Result<std::string> id() const;
  Result<std::string> project_id() const;
  // The version that a loop would see: the one that was asked for, or that of this moment.
  Result<std::string> version() const;
  // The same dataset, read as it was then.
  Dataset at_version(std::string version) const;
  // Flushes first.
  Result<DatasetSummary> summarize() const;

  // Makes records of spans, each with a link to its span (`origin`), and the id of the span's row; so promoting a span twice
  // makes one record. Flushes the current logger first, so that fresh spans are found, and this dataset at the end. Waits.
  // `not_found` when `span_id` names no span; an error of `map` (an exception) is `callback_failed`, and nothing is written.
  Result<Promoted> promote(const PromoteOptions& options) const;

  // Waits for the first page; each call begins anew.
  class Iterator;
  Iterator begin() const;
  std::default_sentinel_t end() const { return {}; }

  // Versions that have a name. These wait. A blank `version` is what `version()` says. A name that is there is moved.
  Result<void> create_snapshot(const std::string& name, const std::string& version = {},
                               const std::string& description = {}) const;
  // As many as the server lists at once.
  Result<std::vector<DatasetSnapshot>> snapshots() const;
  // `not_found` when there is none of this name.
  Result<void> update_snapshot(const std::string& name, const SnapshotChange& change) const;
  Result<void> remove_snapshot(const std::string& name) const;

  // Gives a version to an environment, instead of the one that it had. Waits.
  Result<void> set_environment(const std::string& environment, const std::string& version = {}) const;

  // Makes the records again what they were at `version`, by writing anew what differs: the versions in between stay readable.
  // What you wrote before is delivered first. Waits. Sent once, also where the answer is lost.
  Result<DatasetRestore> restore(const std::string& version) const;
  // What that would do; does nothing.
  Result<DatasetRestore> preview_restore(const std::string& version) const;

 private:
  friend Dataset init_dataset(DatasetOptions options);
  friend struct DatasetAccess;
  explicit Dataset(std::shared_ptr<Core> core) : core_(std::move(core)) {}
  std::shared_ptr<Core> core_;
};

class Dataset::Iterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = Result<DatasetRow>;
  using difference_type = std::ptrdiff_t;
  using pointer = value_type*;
  using reference = value_type&;

  Iterator() = default;
  reference operator*() const;  // may be moved from
  pointer operator->() const { return &**this; }
  Iterator& operator++();
  void operator++(int) { ++*this; }
  friend bool operator==(const Iterator& iterator, std::default_sentinel_t) { return iterator.at_end(); }

 private:
  friend class Dataset;
  struct State;
  explicit Iterator(std::shared_ptr<State> state) : state_(std::move(state)) {}
  bool at_end() const;
  std::shared_ptr<State> state_;
};

// Returns at once. Trouble is told when something is written, or by the first call that waits.
Dataset init_dataset(DatasetOptions options);

// The bytes of an attachment that stands in a row that was read. Waits. `invalid_argument` for what is no reference;
// `not_found` while it was not uploaded. At most 256 MiB.
Result<std::string> read_attachment(const nlohmann::json& reference, const ConnectionOptions& connection = {});

}  // namespace braintrust
