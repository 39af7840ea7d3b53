#pragma once

// `ObjectRows`: the rows of one object (a dataset, an experiment, a project's logs) in its order, a chunk at a time, from any
// place on: each chunk begins at an index entry, so that the last page of many costs what the first does.
//
// The order of a dataset is that in which its rows were inserted; all else comes newest first, by transaction. A dataset's rows
// are read as they were at a version, with what was changed or deleted since; all else as it is, if not newer than the version.
// Comments are no rows of an object.
//
// Threads: each chunk takes the store's lock by itself. Errors: thrown within the store's lock, hence a `Result` here.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <braintrust/core/result.h>

#include "local/store_state.h"

namespace braintrust::local {

struct StoredRow {
  std::int64_t xact = 0;
  std::int64_t key = 0;
  std::string body = {};
};

// Behind which row a reader goes on.
struct Position {
  std::int64_t xact = 0;
  std::int64_t key = 0;
};

struct Chunk {
  std::vector<StoredRow> rows = {};
  std::optional<Position> next = {};  // nothing at the end
};

// What SQLite can narrow by itself: an index leads to these rows.
struct Narrowed {
  std::optional<std::string> id = {};
  std::optional<std::string> root_span_id = {};
};

enum class ObjectKind { dataset, experiment, project_logs, playground_logs, project_prompts };

class ObjectRows {
 public:
  // Refused as `not_found` if one of the ids is of no such object. With no version, the one that is the last now.
  static Result<ObjectRows> open(Store::State& state, ObjectKind kind, const std::vector<std::string>& ids,
                                 std::optional<std::int64_t> version, Narrowed narrowed = {});

  bool newest_first() const { return kind_ != ObjectKind::dataset; }
  std::int64_t version() const { return version_; }

  // The next rows: some hundred of them, or fewer where they are large or where others of that place are of other versions.
  Result<Chunk> after(const std::optional<Position>& position) const;

 private:
  ObjectRows(Store::State& state, ObjectKind kind) : state_(&state), kind_(kind) {}

  Store::State* state_;
  ObjectKind kind_;
  std::vector<std::int64_t> containers_ = {};
  std::vector<std::string> projects_ = {};  // of prompts, which have a table of their own
  std::int64_t version_ = 0;
  Narrowed narrowed_ = {};
};

}  // namespace braintrust::local
