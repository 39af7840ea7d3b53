#pragma once

// `Backend`: a local server, a logger that writes to it, and the rows that arrived.
//
//   Backend backend;
//   { auto span = backend.logger().start_span("work"); }
//   EXPECT_EQ(backend.row("work")["span_attributes"]["type"], "task");
//
// `Wire`: the same with a scripted server, for what was sent rather than what came of it.
// `Variables`: environment variables for as long as it lives.
//
// Threads: the test's.

#include <chrono>
#include <cstdlib>
#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <braintrust/local/server.h>
#include <braintrust/trace/logger.h>

#include "support/fake_braintrust.h"

namespace braintrust::test {

using Row = nlohmann::json;

// More than anything takes, also under a sanitizer on a busy machine.
inline constexpr std::chrono::seconds long_enough{60};

// Waits for what another thread or process will bring about; false when that takes so long that it never will.
inline bool eventually(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + long_enough;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

inline std::string name_of(const Row& row) {
  if (!row.contains("span_attributes")) return {};
  return row["span_attributes"].value("name", std::string());
}

// The one row of that name.
inline Row only_row(const std::vector<Row>& rows, std::string_view name) {
  std::vector<Row> found;
  for (const Row& row : rows) {
    if (name_of(row) == name) found.push_back(row);
  }
  if (found.size() == 1) return found.front();
  throw std::runtime_error(std::to_string(found.size()) + " rows are named " + std::string(name) + " in " + Row(rows).dump());
}

class Backend {
 public:
  explicit Backend(LoggerOptions options = {}) : server_(start()) {
    options.api_key = "local";
    options.app_url = server_.url();
    if (options.project.empty() && options.project_id.empty()) options.project = "p";
    logger_ = init_logger(options);
  }
  ~Backend() { logger_.shutdown(long_enough); }
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  Logger& logger() { return logger_; }
  const std::string& url() const { return server_.url(); }
  local::Store& store() { return server_.store(); }

  // Everything that was logged until now, in order of start.
  std::vector<Row> rows() {
    const FlushResult result = logger_.flush(long_enough);
    if (result.pending != 0) throw std::runtime_error("rows did not arrive");
    return stored_rows();
  }
  std::vector<Row> stored_rows() const {
    const auto text = server_.rows_json();
    if (!text) throw std::runtime_error(text.error().message);
    return Row::parse(*text).get<std::vector<Row>>();
  }
  Row row(std::string_view name) { return only_row(rows(), name); }
  Row only() {
    const auto all = rows();
    if (all.size() != 1) throw std::runtime_error("not one row but " + Row(all).dump());
    return all.front();
  }

 private:
  static local::Server start() {
    auto server = local::Server::start();
    if (!server) throw std::runtime_error(server.error().message);
    return std::move(*server);
  }

  local::Server server_;
  Logger logger_;
};

class Wire {
 public:
  explicit Wire(LoggerOptions options = {}, const FakeBraintrust& fake = {}) {
    play_braintrust(server, fake);
    options.api_key = fake.api_key;
    options.app_url = server.url();
    if (options.project.empty() && options.project_id.empty()) options.project = "p";
    logger = init_logger(options);
  }
  ~Wire() { logger.shutdown(std::chrono::milliseconds(0)); }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  std::vector<Row> rows() {
    logger.flush(long_enough);
    return rows_of(server);
  }

  ScriptedServer server;
  Logger logger;
};

// Sets variables (no value: removes them), and puts things back in the end.
class Variables {
 public:
  using Values = std::map<std::string, std::optional<std::string>>;
  explicit Variables(const Values& values) {
    for (const auto& [name, value] : values) {
      const char* const former = std::getenv(name.c_str());
      former_[name] = former != nullptr ? std::optional<std::string>(former) : std::nullopt;
      set(name, value);
    }
  }
  ~Variables() {
    for (const auto& [name, value] : former_) set(name, value);
  }
  Variables(const Variables&) = delete;
  Variables& operator=(const Variables&) = delete;

 private:
  static void set(const std::string& name, const std::optional<std::string>& value) {
    if (value) {
      ::setenv(name.c_str(), value->c_str(), 1);
    } else {
      ::unsetenv(name.c_str());
    }
  }
  Values former_;
};

}  // namespace braintrust::test
