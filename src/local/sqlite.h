#pragma once

// SQLite's C API with owners: `Database` closes itself, `Statement` finalises itself, `Transaction` rolls back unless
// committed.
//
// Threads: one thread at a time for each `Database` and what was made from it; the store's lock sees to that.
// Errors:  thrown as `SqliteError`, and caught once, at the edge of the store: a failure in the midst of a transaction must
//          unwind it, and every call can fail (disk full, file locked for too long).

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace braintrust::local {

class SqliteError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Database {
 public:
  // A file, made if absent; ":memory:" for none. Waits up to `busy_ms` for other processes that hold the file.
  Database(const std::string& path, int busy_ms);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  void run(const char* sql);
  std::int64_t number(const char* sql);
  std::string text(const char* sql);
  int changes() const;
  std::int64_t last_key() const;
  bool is_busy() const;  // whether the last call failed because others hold the file
  sqlite3* handle() const { return handle_; }
  [[noreturn]] void fail() const;

 private:
  sqlite3* handle_ = nullptr;
};

// A prepared statement. Bind, step until false, read columns of the row, reset.
class Statement {
 public:
  Statement(Database& database, const char* sql);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  // Binds `value` to parameter `index`, from 1. The text must live until the next reset.
  Statement& bind(int index, std::string_view value);
  Statement& bind(int index, std::int64_t value);
  Statement& bind(int index, double value);
  Statement& bind_null(int index);
  Statement& bind_blob(int index, std::string_view value);

  bool step();   // true: there is a row to read
  void reset();  // and forgets what was bound
  void run();    // steps to the end and resets

  std::string_view text(int column) const;  // valid until the next step
  std::string_view blob(int column) const;  // likewise
  std::int64_t number(int column) const;
  bool is_null(int column) const;

 private:
  void check(int code) const;
  Database& database_;
  sqlite3_stmt* handle_ = nullptr;
};

// Resets a statement at the end of a scope, so that it is ready again whatever happened.
class Use {
 public:
  explicit Use(Statement& statement) : statement_(statement) {}
  ~Use() { statement_.reset(); }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;
  Statement* operator->() { return &statement_; }

 private:
  Statement& statement_;
};

class Transaction {
 public:
  explicit Transaction(Database& database);  // waits for other writers
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();

 private:
  Database& database_;
  bool open_ = true;
};

}  // namespace braintrust::local
