#include <braintrust/api/btql.h>

#include <algorithm>
#include <cstdint>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include <braintrust/trace/logger.h>

#include "api/btql_query.h"
#include "api/objects.h"
#include "core/environment.h"
#include "core/json_member.h"

namespace braintrust {
namespace detail {
namespace {

using nlohmann::json;

constexpr int most_empty_pages = 1000;            // in a row
constexpr std::chrono::seconds find_deadline{8};  // a server that has just taken a row may find it a little later

}  // namespace

json btql_equals(std::vector<std::string> name, json value) {
  return {{"op", "eq"},
          {"left", {{"op", "ident"}, {"name", std::move(name)}}},
          {"right", {{"op", "literal"}, {"value", std::move(value)}}}};
}

json btql_from(std::string_view source, std::string_view id) {
  return {{"op", "function"},
          {"name", {{"op", "ident"}, {"name", json::array({source})}}},
          {"args", json::array({json::object({{"op", "literal"}, {"value", id}})})}};
}

json btql_star(json from) { return {{"select", json::array({json::object({{"op", "star"}})})}, {"from", std::move(from)}}; }

Result<BtqlPage> ask(Client& client, const json& query, const std::string& version, std::string_view source) {
  json body = {{"query", query},
               {"use_columnstore", false},
               {"brainstore_realtime", true},
               {"query_source", fmt::format("cpp_sdk_{}", source)}};
  if (!version.empty()) body["version"] = version;
  auto answer = client.call({.method = "POST", .path = "btql", .body = std::move(body)});
  if (!answer) return answer.error();
  const auto rows = answer->find("data");
  if (!answer->is_object() || rows == answer->end() || !rows->is_array()) {
    return Error{ErrorCode::bad_response, "POST /btql answered without a list of rows"};
  }
  const json& cursor = member(*answer, "cursor");
  if (!cursor.is_string() && !cursor.is_null()) {
    return Error{ErrorCode::bad_response, "POST /btql answered with a cursor that is no text"};
  }
  return BtqlPage{.rows = std::move(*rows), .cursor = cursor.is_string() ? cursor.get<std::string>() : std::string()};
}

BtqlPager::BtqlPager(std::shared_ptr<Client> client, json query, std::string version, std::size_t page_rows, std::string source)
    : client_(std::move(client)),
      query_(std::move(query)),
      version_(std::move(version)),
      page_rows_(std::max<std::size_t>(page_rows, 1)),
      source_(std::move(source)) {
  if (const json& limit = member(query_, "limit"); limit.is_number_integer() && limit >= 0) left_ = limit.get<std::uint64_t>();
}

Result<json> BtqlPager::next() {
  if (!query_.is_object()) {
    return Error{ErrorCode::invalid_argument,
                 "btql_rows: what can be read in pages is a query that is a syntax tree, a JSON object; ask a text with btql"};
  }
  // Rows that were looked through and do not fit may make a page empty, and the ones behind it not.
  for (int empty = 0; empty < most_empty_pages; ++empty) {
    query_["limit"] = std::min<std::uint64_t>(page_rows_, left_);
    auto page = ask(*client_, query_, version_, source_);
    if (!page) return page.error();
    json& rows = page->rows;
    if (rows.size() > left_) rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(left_), rows.end());
    left_ -= rows.size();
    // A server that gives the same place again would be asked for ever.
    const bool stuck = !page->cursor.empty() && page->cursor == text_at(query_, "cursor");
    if (stuck) return Error{ErrorCode::bad_response, "POST /btql answered with the cursor that it was asked with"};
    done_ = page->cursor.empty() || left_ == 0;
    query_["cursor"] = std::move(page->cursor);
    if (done_ || !rows.empty()) return std::move(rows);
  }
  return Error{ErrorCode::bad_response,
               fmt::format("POST /btql answered with {} pages without rows, and names a next one", most_empty_pages)};
}

}  // namespace detail

Result<BtqlPage> run_btql(std::string_view query, const BtqlOptions& options) {
  return detail::ask(*detail::client_for(options.connection), query, options.version, "btql");
}

Result<BtqlPage> run_btql_tree(const nlohmann::json& query, const BtqlOptions& options) {
  return detail::ask(*detail::client_for(options.connection), query, options.version, "btql");
}

BtqlRows::BtqlRows(nlohmann::json query, BtqlOptions options, std::size_t page_rows)
    : query_(std::move(query)), options_(std::move(options)), page_rows_(page_rows) {}

struct BtqlRows::Iterator::State {
  detail::BtqlRowReader reader;
  std::optional<Result<nlohmann::json>> row = {};
};

BtqlRows::Iterator BtqlRows::begin() const {
  auto state = std::make_shared<Iterator::State>(Iterator::State{
      .reader =
          detail::BtqlRowReader({detail::client_for(options_.connection), query_, options_.version, page_rows_, "btql"})});
  state->row = state->reader.next();
  return Iterator(std::move(state));
}

BtqlRows::Iterator::reference BtqlRows::Iterator::operator*() const { return *state_->row; }

BtqlRows::Iterator& BtqlRows::Iterator::operator++() {
  state_->row = state_->reader.next();
  return *this;
}

bool BtqlRows::Iterator::at_end() const { return !state_ || !state_->row; }

Result<nlohmann::json> fetch_span(std::string_view span_id, const SpanSource& source) {
  if (detail::is_blank(span_id)) return Error{ErrorCode::invalid_argument, "fetch_span: the span's id is blank"};
  current_logger().flush();
  const auto client = detail::client_for(source.connection);
  const auto from = detail::logs_of(*client, source);
  if (!from) return from.error();
  return detail::find_span(*client, *from, span_id);
}

namespace detail {

Result<LogSource> logs_of(Client& client, const SpanSource& source) {
  if (!is_blank(source.experiment_id)) return LogSource{"experiment", source.experiment_id};
  auto project = project_id_of(client, source.project_id, source.project);
  if (!project) return project.error();
  return LogSource{"project_logs", *std::move(project)};
}

Result<json> find_span(Client& client, const LogSource& from, std::string_view span_id) {
  json query = btql_star(btql_from(from.object_type, from.object_id));
  query["filter"] = btql_equals({"span_id"}, span_id);
  query["limit"] = 1;
  const auto end = std::chrono::steady_clock::now() + find_deadline;
  for (auto pause = std::chrono::milliseconds(50);; pause *= 2) {
    auto page = ask(client, query, {}, "fetch_span");
    if (!page) return page.error();
    if (!page->rows.empty()) return std::move(page->rows.front());
    if (std::chrono::steady_clock::now() + pause > end) break;
    std::this_thread::sleep_for(pause);
  }
  return Error{ErrorCode::not_found, fmt::format("no span \"{}\" in {}(\"{}\"): was it logged there, and flushed?", span_id,
                                                 from.object_type, from.object_id)};
}

}  // namespace detail
}  // namespace braintrust
