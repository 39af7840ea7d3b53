#pragma once

// `Store::State`: the database behind a `Store`, its lock, and the statements that write rows.
//
// Also used by the calls of the protocol, by way of `Store::state`: they run their own statements under the same lock.
//
// Threads: everything within `locked`, which lets one thread in at a time.
// Errors:  thrown, as `SqliteError` or `Refused`; `locked` turns both into an `Error`.

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <braintrust/local/store.h>
#include <fmt/format.h>

#include "local/refused.h"
#include "local/row.h"
#include "local/schema.h"
#include "local/sqlite.h"

namespace braintrust::local {

// Seconds since 1970.
std::int64_t unix_seconds();

// The ids that were added last, each once, in the order in which they came first.
class RecentIds {
 public:
  void add(const std::string& id) {
    if (!known_.insert(id).second) return;
    order_.push_back(id);
    if (order_.size() > most_remembered) {
      known_.erase(order_.front());
      order_.pop_front();
    }
  }
  std::vector<std::string> list() const { return {order_.begin(), order_.end()}; }

 private:
  static constexpr std::size_t most_remembered = 1000;
  std::deque<std::string> order_;
  std::unordered_set<std::string> known_;
};

// What one object wrote, for whoever shows it afterwards.
struct Written {
  std::size_t rows = 0;   // of whatever kind
  RecentIds traces = {};  // by their root spans; a record of a dataset is in none
  RecentIds logs = {};    // of them, those that not only experiments have
  RecentIds experiments = {};
};

class Store::State {
 public:
  explicit State(const std::string& path) : database_(opened_path(path), busy_ms), prepared_((prepare(database_), true)) {}

  // Runs `work` under the lock; what SQLite throws becomes an `Error`.
  template <class Work>
  auto locked(Work&& work) -> Result<decltype(work(*this))> {
    const std::lock_guard lock(mutex_);
    try {
      if constexpr (std::is_void_v<decltype(work(*this))>) {
        work(*this);
        return {};
      } else {
        return work(*this);
      }
    } catch (const Refused& refused) {
      containers_.clear();  // some may be of a transaction that is undone
      return refused.error;
    } catch (const SqliteError& error) {
      containers_.clear();
      return Error{ErrorCode::io, fmt::format("database: {}", error.what())};
    }
  }

  // Stores rows in one transaction; with an upload's key, unless that upload was stored already.
  void write(const std::vector<Row>& rows, const std::string* upload = nullptr);

  // The number of a new transaction. Use within one.
  std::int64_t next_xact();
  // The last one there is.
  std::int64_t last_xact();

  // The key of the object "dataset:ID"; nothing where no row was ever written to it.
  std::optional<std::int64_t> find_container(const std::string& name);

  // Writes one row within the caller's transaction.
  void write(const Row& row, std::int64_t xact);

  Database& database() { return database_; }

  Written written;
  RecentIds changed;  // traces
  std::mutex mutex_;

 private:
  void remember(const Row& row);
  std::int64_t container_key(const std::string& name);
  bool claim(const std::string& upload);

  Database database_;
  bool prepared_;  // before the statements, which need the tables
  std::unordered_map<std::string, std::int64_t> containers_;
  Statement xact_{database_, "UPDATE counters SET value = max(value + 1, ?) WHERE name = 'xact' RETURNING value"};
  Statement add_container_{database_, "INSERT OR IGNORE INTO containers (name) VALUES (?)"};
  Statement find_container_{database_, "SELECT key FROM containers WHERE name = ?"};
  // A second version within one transaction leaves no trace of the first: nobody could have asked for it.
  Statement keep_history_{database_,
                          "INSERT INTO history (container, row_key, id, xact, superseded, body) "
                          "SELECT container, key, id, xact, ?3, body FROM rows WHERE id = ?1 AND container = ?2 AND xact < ?3 "
                          "AND comment_on IS NULL"};
  Statement last_xact_{database_, "SELECT value FROM counters WHERE name = 'xact'"};
  Statement delete_{database_, "DELETE FROM rows WHERE id = ? AND container = ?"};
  Statement body_{database_, "SELECT body FROM rows WHERE id = ? AND container = ?"};
  Statement upsert_{database_,
                    "INSERT INTO rows (container, id, xact, root_span_id, start, exec_counter, comment_on, body) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id, container) DO UPDATE SET xact = excluded.xact, "
                    "root_span_id = excluded.root_span_id, start = excluded.start, exec_counter = excluded.exec_counter, "
                    "comment_on = excluded.comment_on, body = excluded.body"};
  Statement claim_upload_{database_, "UPDATE uploads SET applied = 1, body = NULL WHERE key = ? AND applied = 0"};
};

}  // namespace braintrust::local
