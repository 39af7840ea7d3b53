#include <braintrust/local/store.h>

#include <mutex>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/json_scan.h"
#include "local/attachments.h"
#include "local/btql_run.h"
#include "local/comparison.h"
#include "local/datasets.h"
#include "local/experiments.h"
#include "local/json_text.h"
#include "local/projects.h"
#include "local/random_id.h"
#include "local/row.h"
#include "local/store_state.h"
#include "local/trace_tree.h"

namespace braintrust::local {
namespace {

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

}  // namespace

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
  return state_->written.traces.list();
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
  return state_->locked([&](State& state) { return local::register_project(state.database(), name); });
}

Result<Project> Store::project(std::string_view id) const {
  return state_->locked([&](State& state) { return find_project(state.database(), id); });
}

Result<std::string> Store::query(std::string_view request) const {
  const auto parsed = detail::valid_json(request) ? nlohmann::json::parse(request, nullptr, false) : nlohmann::json();
  if (!parsed.is_object()) return Error{ErrorCode::invalid_argument, "not a JSON object"};
  try {
    return run_btql(*state_, parsed);
  } catch (const Refused& refused) {
    return refused.error;
  }
}

Result<std::vector<DatasetSummary>> Store::datasets(std::size_t limit) const {
  return state_->locked([&](State& state) { return list_datasets(state, limit); });
}

Result<std::vector<ExperimentSummary>> Store::experiments(std::size_t limit) const {
  const auto entries = state_->locked([&](State& state) { return list_experiments(state, limit); });
  if (!entries) return entries.error();
  std::vector<ExperimentSummary> summaries;
  for (const auto& entry : *entries) {
    const auto cases = read_cases(*state_, entry.id);
    if (!cases) return cases.error();
    summaries.push_back(summary_of(entry, *cases));
  }
  return summaries;
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
