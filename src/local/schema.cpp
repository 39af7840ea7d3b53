#include "local/schema.h"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include <fmt/format.h>

#include "local/attachments.h"
#include "local/dataset_versions.h"
#include "local/datasets.h"
#include "local/experiments.h"
#include "local/prompts.h"

namespace braintrust::local {
namespace {

constexpr int schema_version = 4;

// `body` is last, so that reading the other columns skips the pages it overflows to. Dataset rows have no trace here, even
// where they name a span. `history` keeps what dataset rows were: the version that came with `xact` was there until
// `superseded`.
constexpr const char* schema = R"(
  CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
  INSERT OR IGNORE INTO counters VALUES ('xact', 0);
  CREATE TABLE IF NOT EXISTS projects (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE);
  CREATE TABLE IF NOT EXISTS containers (key INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
  CREATE TABLE IF NOT EXISTS rows (
    key INTEGER PRIMARY KEY,
    container INTEGER NOT NULL,
    id TEXT NOT NULL,
    xact INTEGER NOT NULL,
    root_span_id TEXT,
    start REAL,
    exec_counter INTEGER,
    comment_on TEXT,
    body TEXT NOT NULL);
  CREATE UNIQUE INDEX IF NOT EXISTS rows_by_id ON rows (id, container);
  CREATE INDEX IF NOT EXISTS rows_by_trace ON rows (root_span_id, start) WHERE root_span_id IS NOT NULL;
  CREATE INDEX IF NOT EXISTS rows_by_object ON rows (container, xact);
  CREATE INDEX IF NOT EXISTS rows_by_dataset ON rows (container) WHERE root_span_id IS NULL;
  CREATE INDEX IF NOT EXISTS rows_by_subject ON rows (comment_on, container) WHERE comment_on IS NOT NULL;
  CREATE TABLE IF NOT EXISTS history (
    container INTEGER NOT NULL,
    row_key INTEGER NOT NULL,
    id TEXT NOT NULL,
    xact INTEGER NOT NULL,
    superseded INTEGER NOT NULL,
    body TEXT NOT NULL);
  CREATE INDEX IF NOT EXISTS history_by_row ON history (container, row_key, xact);
  CREATE INDEX IF NOT EXISTS history_by_id ON history (container, id);
  CREATE TABLE IF NOT EXISTS uploads (
    key TEXT PRIMARY KEY,
    token TEXT NOT NULL,
    begun INTEGER NOT NULL,
    applied INTEGER NOT NULL DEFAULT 0,
    body BLOB);
)";

// Makes the file before SQLite does: what people asked and what models answered is for its owner only.
void create_private(const std::string& path) {
  const int file = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  if (file >= 0) ::close(file);
}

// WAL: readers do not wait for the writer, and a killed process leaves a whole file. To change to it is the one thing for which
// SQLite itself does not wait, and several programs may open a new file at the same moment.
void use_wal(Database& database) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(busy_ms);
  for (;;) {
    try {
      if (database.text("PRAGMA journal_mode") != "wal") database.text("PRAGMA journal_mode = WAL");
      return;
    } catch (const SqliteError&) {
      if (!database.is_busy() || std::chrono::steady_clock::now() > end) throw;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace

std::string opened_path(const std::string& path) {
  if (path.empty()) return ":memory:";
  create_private(path);
  return path;
}

void prepare(Database& database) {
  use_wal(database);
  // NORMAL: no fsync for each request.
  database.run("PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 4000; PRAGMA cache_size = -65536");
  if (database.number("PRAGMA user_version") == schema_version) return;
  Transaction transaction(database);
  const auto version = database.number("PRAGMA user_version");
  if (version > schema_version) throw SqliteError("made by a newer version of braintrust-local");
  if (version == 1 || version == 2) database.run("ALTER TABLE rows ADD COLUMN exec_counter INTEGER");
  database.run(schema);
  for (const char* more : {attachments_schema, datasets_schema, dataset_versions_schema, experiments_schema, prompts_schema})
    database.run(more);
  database.run(fmt::format("PRAGMA user_version = {}", schema_version).c_str());
  transaction.commit();
}

}  // namespace braintrust::local
