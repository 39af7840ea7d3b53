#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <braintrust/local/store.h>
#include <fmt/format.h>

#include "core/json_scan.h"
#include "local/attachments.h"
#include "local/json_text.h"
#include "local/random_id.h"
#include "local/row.h"
#include "local/row_merge.h"
#include "local/sqlite.h"
#include "local/trace_tree.h"

namespace braintrust::local {
namespace {

constexpr int schema_version = 3;
constexpr int busy_ms = 30'000;
constexpr std::size_t remembered_traces = 1000;

// `body` is last, so that reading the other columns skips the pages it overflows to. Dataset rows have no trace here, even
// where they name a span.
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
  CREATE INDEX IF NOT EXISTS rows_by_subject ON rows (comment_on, container) WHERE comment_on IS NOT NULL;
  CREATE TABLE IF NOT EXISTS uploads (
    key TEXT PRIMARY KEY,
    token TEXT NOT NULL,
    begun INTEGER NOT NULL,
    applied INTEGER NOT NULL DEFAULT 0,
    body BLOB);
)";

std::int64_t unix_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// Makes the file before SQLite does: what people asked and what models answered is for its owner only.
void create_private(const std::string& path) {
  const int file = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  if (file >= 0) ::close(file);
}

std::string opened_path(const std::string& path) {
  if (path.empty()) return ":memory:";
  create_private(path);
  return path;
}

// Appends a row and its transaction id to a JSON array.
void append_row(std::string& rows, std::string_view body, std::int64_t xact) {
  rows += rows.empty() ? "[" : ",\n";
  rows += body.substr(0, body.rfind('}'));
  rows += fmt::format(",\"_xact_id\":\"{}\"}}", xact);
}

std::string closed(std::string rows) {
  if (rows.empty()) rows += '[';
  return rows += ']';
}

// The traces that were written to last, each once, in the order of their first row.
class RecentTraces {
 public:
  void add(const std::string& root_span_id) {
    if (!known_.insert(root_span_id).second) return;
    order_.push_back(root_span_id);
    if (order_.size() > remembered_traces) {
      known_.erase(order_.front());
      order_.pop_front();
    }
  }
  std::vector<std::string> list() const { return {order_.begin(), order_.end()}; }

 private:
  std::deque<std::string> order_;
  std::unordered_set<std::string> known_;
};

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

// Brings the file to the schema of this version.
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
  database.run(attachments_schema);
  database.run(fmt::format("PRAGMA user_version = {}", schema_version).c_str());
  transaction.commit();
}

}  // namespace

class Store::State {
 public:
  explicit State(const std::string& path) : database_(opened_path(path), busy_ms), prepared_((prepare(database_), true)) {}

  // Runs `work` under the lock; what SQLite throws becomes an `Error`.
  template <class Work>
  auto locked(Work&& work) -> Result<decltype(work(*this))> {
    try {
      const std::lock_guard lock(mutex_);
      if constexpr (std::is_void_v<decltype(work(*this))>) {
        work(*this);
        return {};
      } else {
        return work(*this);
      }
    } catch (const SqliteError& error) {
      containers_.clear();  // some may be of a transaction that is undone
      return Error{ErrorCode::io, fmt::format("database: {}", error.what())};
    }
  }

  // Stores rows in one transaction; with an upload's key, unless that upload was stored already.
  void write(const std::vector<Row>& rows, const std::string* upload = nullptr) {
    Transaction transaction(database_);
    if (!upload || claim(*upload)) {
      const auto xact = next_xact();
      for (const auto& row : rows) write(row, xact);
    }
    transaction.commit();
    for (const auto& row : rows) {
      if (!row.root_span_id || row.is_delete) continue;
      recent.add(*row.root_span_id);
      changed.add(*row.root_span_id);
    }
  }

  Database& database() { return database_; }

  RecentTraces recent;
  RecentTraces changed;
  std::mutex mutex_;

 private:
  std::int64_t next_xact() {
    // The service's own shape: a fixed prefix, the time, a counter; here only its order matters.
    const auto now = (std::int64_t{0x0DE1} << 48) | (unix_seconds() << 16);
    Use use(xact_);
    use->bind(1, now).step();
    return use->number(0);
  }

  std::int64_t container_key(const std::string& name) {
    if (const auto known = containers_.find(name); known != containers_.end()) return known->second;
    add_container_.bind(1, name).run();
    Use use(find_container_);
    use->bind(1, name).step();
    return containers_[name] = use->number(0);
  }

  void write(const Row& row, std::int64_t xact) {
    const auto container = container_key(row.container);
    if (row.is_delete) {
      delete_.bind(1, row.id).bind(2, container).run();
      return;
    }
    std::string rewritten;
    std::optional<Row> merged;
    if (row.is_merge) {
      Use use(body_);
      if (use->bind(1, row.id).bind(2, container).step()) {
        rewritten = merge_rows(use->text(0), row.text);
        merged = parse_row(rewritten);
      }
    }
    if (!merged && row.has_control_fields) rewritten = without_control_fields(row.text);
    const Row& result = merged ? *merged : row;
    Use use(upsert_);
    use->bind(1, container).bind(2, row.id).bind(3, xact);
    if (result.root_span_id && !row.container.starts_with("dataset:")) use->bind(4, *result.root_span_id);
    if (result.start) use->bind(5, *result.start);
    if (result.exec_counter) use->bind(6, *result.exec_counter);
    if (result.comment_on) use->bind(7, *result.comment_on);
    use->bind(8, rewritten.empty() ? row.text : std::string_view(rewritten)).step();
  }

  bool claim(const std::string& upload) {
    claim_upload_.bind(1, upload).run();
    return database_.changes() > 0;
  }

  Database database_;
  bool prepared_;  // before the statements, which need the tables
  std::unordered_map<std::string, std::int64_t> containers_;
  Statement xact_{database_, "UPDATE counters SET value = max(value + 1, ?) WHERE name = 'xact' RETURNING value"};
  Statement add_container_{database_, "INSERT OR IGNORE INTO containers (name) VALUES (?)"};
  Statement find_container_{database_, "SELECT key FROM containers WHERE name = ?"};
  Statement delete_{database_, "DELETE FROM rows WHERE id = ? AND container = ?"};
  Statement body_{database_, "SELECT body FROM rows WHERE id = ? AND container = ?"};
  Statement upsert_{database_,
                    "INSERT INTO rows (container, id, xact, root_span_id, start, exec_counter, comment_on, body) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id, container) DO UPDATE SET xact = excluded.xact, "
                    "root_span_id = excluded.root_span_id, start = excluded.start, exec_counter = excluded.exec_counter, "
                    "comment_on = excluded.comment_on, body = excluded.body"};
  Statement claim_upload_{database_, "UPDATE uploads SET applied = 1, body = NULL WHERE key = ? AND applied = 0"};
};

Store::Store(std::unique_ptr<State> state) : state_(std::move(state)) {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;
Store::~Store() = default;

Result<Store> Store::open(const std::string& path) {
  try {
    return Store(std::make_unique<State>(path));
  } catch (const SqliteError& error) {
    return Error{ErrorCode::io, fmt::format("cannot open the database {}: {}", path, error.what())};
  }
}

namespace {

// The rows of a body that has become valid JSON in `text`.
Result<Logs3Body> checked_body(std::string_view body, std::string& fixed) {
  if (const auto problem = detail::first_problem(body, detail::Numbers::finite)) {
    return Error{ErrorCode::invalid_argument, fmt::format("not JSON from byte {} on", *problem)};
  }
  if (auto whole = without_lone_surrogates(body)) body = fixed = *std::move(whole);
  return parse_logs3_body(body);
}

}  // namespace

Result<std::size_t> Store::write(std::string_view body) {
  std::string fixed;
  const auto parsed = checked_body(body, fixed);
  if (!parsed) return parsed.error();
  if (parsed->overflow_key) return write_upload(*parsed->overflow_key);
  return state_->locked([&](State& state) {
    state.write(parsed->rows);
    return parsed->rows.size();
  });
}

Result<std::vector<TraceSummary>> Store::traces(std::size_t limit) const {
  const auto ids = state_->locked([&](State& state) {
    Statement statement(state.database(),
                        "SELECT root_span_id, min(start) AS first FROM rows WHERE root_span_id IS NOT NULL "
                        "GROUP BY root_span_id ORDER BY first DESC LIMIT ?");
    statement.bind(1, limit == 0 ? std::int64_t{-1} : static_cast<std::int64_t>(limit));
    std::vector<std::string> found;
    while (statement.step()) found.emplace_back(statement.text(0));
    return found;
  });
  if (!ids) return ids.error();
  std::vector<TraceSummary> summaries;
  for (const auto& id : *ids) {
    const auto rows = rows_json(id);
    if (!rows) return rows.error();
    summaries.push_back(summarize(build_tree(*rows), id));
  }
  return summaries;
}

Result<std::size_t> Store::trace_count() const {
  return state_->locked([](State& state) {
    return static_cast<std::size_t>(
        state.database().number("SELECT count(DISTINCT root_span_id) FROM rows WHERE root_span_id IS NOT NULL"));
  });
}

std::vector<std::string> Store::traces_written() const {
  const std::lock_guard lock(state_->mutex_);
  return state_->recent.list();
}

std::vector<std::string> Store::take_changed_traces() {
  const std::lock_guard lock(state_->mutex_);
  return std::exchange(state_->changed, {}).list();
}

Result<std::string> Store::find_trace(std::string_view prefix) const {
  const auto found = state_->locked([&](State& state) {
    // An id that is the prefix itself comes first and is meant, whatever else begins with it.
    Statement statement(state.database(),
                        "SELECT DISTINCT root_span_id FROM rows WHERE root_span_id IS NOT NULL "
                        "AND substr(root_span_id, 1, length(?1)) = ?1 ORDER BY root_span_id LIMIT 4");
    statement.bind(1, prefix);
    std::vector<std::string> ids;
    while (statement.step()) ids.emplace_back(statement.text(0));
    return ids;
  });
  if (!found) return found.error();
  if (found->empty()) return Error{ErrorCode::not_found, fmt::format("no trace begins with {}", prefix)};
  if (found->size() > 1 && found->front() != prefix) {
    std::string names;
    for (const auto& id : *found) names += "\n  " + id;
    return Error{ErrorCode::invalid_argument, fmt::format("several traces begin with {}:{}", prefix, names)};
  }
  return found->front();
}

Result<std::string> Store::rows_json(std::string_view root_span_id) const {
  return state_->locked([&](State& state) {
    std::string rows;
    const auto append_all = [&](const char* sql) {
      Statement statement(state.database(), sql);
      if (!root_span_id.empty()) statement.bind(1, root_span_id);
      while (statement.step()) append_row(rows, statement.text(0), statement.number(1));
    };
    if (root_span_id.empty()) {
      append_all("SELECT body, xact FROM rows ORDER BY start IS NULL, start, exec_counter, key");
    } else {
      append_all("SELECT body, xact FROM rows WHERE root_span_id = ? ORDER BY start IS NULL, start, exec_counter, key");
      append_all(
          "SELECT c.body, c.xact FROM rows r JOIN rows c ON c.comment_on = r.id AND c.container = r.container "
          "WHERE r.root_span_id = ? AND c.comment_on IS NOT NULL AND c.root_span_id IS NULL ORDER BY c.key");
    }
    return closed(std::move(rows));
  });
}

Result<std::size_t> Store::row_count() const {
  return state_->locked(
      [](State& state) { return static_cast<std::size_t>(state.database().number("SELECT count(*) FROM rows")); });
}

Result<Project> Store::register_project(std::string_view name) {
  return state_->locked([&](State& state) {
    const auto id = random_uuid();
    Statement add(state.database(), "INSERT OR IGNORE INTO projects (id, name) VALUES (?, ?)");
    add.bind(1, id).bind(2, name).run();
    Statement find(state.database(), "SELECT id FROM projects WHERE name = ?");
    find.bind(1, name).step();
    return Project{std::string(find.text(0)), std::string(name)};
  });
}

Result<Project> Store::project(std::string_view id) const {
  auto found = state_->locked([&](State& state) {
    Statement find(state.database(), "SELECT name FROM projects WHERE id = ?");
    return find.bind(1, id).step() ? Project{std::string(id), std::string(find.text(0))} : Project{};
  });
  if (found && found->id.empty()) return Error{ErrorCode::not_found, fmt::format("no project has the id {}", id)};
  return found;
}

Result<Store::Upload> Store::begin_upload() {
  return state_->locked([&](State& state) {
    const Upload upload{random_uuid(), random_hex(16)};
    // Those that nobody completed in a day never will be.
    Statement forget(state.database(), "DELETE FROM uploads WHERE begun < ?");
    forget.bind(1, unix_seconds() - 86'400).run();
    Statement add(state.database(), "INSERT INTO uploads (key, token, begun) VALUES (?, ?, ?)");
    add.bind(1, upload.key).bind(2, upload.token).bind(3, unix_seconds()).run();
    return upload;
  });
}

Result<void> Store::put_upload(std::string_view key, std::string_view token, std::string_view bytes) {
  const auto changes = state_->locked([&](State& state) {
    Statement put(state.database(), "UPDATE uploads SET body = ? WHERE key = ? AND token = ? AND applied = 0");
    put.bind_blob(1, bytes).bind(2, key).bind(3, token).run();
    return state.database().changes();
  });
  if (!changes) return changes.error();
  if (*changes == 0) return Error{ErrorCode::unauthorized, "the upload is unknown, done, or its token is wrong"};
  return {};
}

Result<std::size_t> Store::write_upload(std::string_view key) {
  enum class Progress { unknown, empty, here, applied };
  std::string body;
  const auto progress = state_->locked([&](State& state) {
    Statement find(state.database(), "SELECT body, applied FROM uploads WHERE key = ?");
    if (!find.bind(1, key).step()) return Progress::unknown;
    if (find.number(1) != 0) return Progress::applied;
    if (find.is_null(0)) return Progress::empty;
    body = find.blob(0);
    return Progress::here;
  });
  if (!progress) return progress.error();
  if (*progress == Progress::unknown) return Error{ErrorCode::not_found, "no upload has this key"};
  if (*progress == Progress::empty) return Error{ErrorCode::invalid_argument, "nothing was uploaded under this key"};
  if (*progress == Progress::applied) return std::size_t{0};

  std::string fixed;
  const auto parsed = checked_body(body, fixed);
  if (!parsed) return parsed.error();
  if (parsed->overflow_key) return Error{ErrorCode::invalid_argument, "an upload must carry its rows itself"};
  const std::string upload(key);
  return state_->locked([&](State& state) {
    state.write(parsed->rows, &upload);
    return parsed->rows.size();
  });
}

Result<std::string> Store::begin_attachment(std::string_view key, std::string_view filename, std::string_view content_type) {
  return state_->locked(
      [&](State& state) { return local::begin_attachment(state.database(), key, filename, content_type, unix_seconds()); });
}

Result<void> Store::put_attachment(std::string_view key, std::string_view token, std::string_view bytes) {
  const auto put = state_->locked([&](State& state) { return local::put_attachment(state.database(), key, token, bytes); });
  if (!put) return put.error();
  if (!*put) return Error{ErrorCode::unauthorized, "the attachment is unknown, or its token is wrong"};
  return {};
}

Result<void> Store::report_attachment(std::string_view key, std::string_view status, std::string_view error) {
  const auto known =
      state_->locked([&](State& state) { return local::report_attachment(state.database(), key, status, error); });
  if (!known) return known.error();
  if (!*known) return Error{ErrorCode::not_found, "no attachment has this key"};
  return {};
}

Result<StoredAttachment> Store::attachment(std::string_view key) const {
  auto found = state_->locked([&](State& state) { return local::find_attachment(state.database(), key); });
  if (!found) return found.error();
  if (!*found) return Error{ErrorCode::not_found, "no attachment has this key"};
  return **std::move(found);
}

Result<std::string> Store::attachment_bytes(std::string_view key) const {
  auto found = state_->locked([&](State& state) { return local::attachment_bytes(state.database(), key); });
  if (!found) return found.error();
  if (!*found) return Error{ErrorCode::not_found, "no attachment with this key was uploaded"};
  return **std::move(found);
}

}  // namespace braintrust::local
