#include "local/btql_run.h"

#include <algorithm>
#include <cmath>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "core/base64.h"
#include "core/json_scan.h"
#include "local/btql_filter.h"
#include "local/btql_query.h"
#include "local/dataset_versions.h"
#include "local/json_fields.h"
#include "local/json_text.h"
#include "local/refused.h"

namespace braintrust::local {
namespace {

using nlohmann::json;

constexpr std::int64_t default_limit = 1000;
constexpr std::int64_t most_rows = 10'000;
constexpr std::size_t page_bytes = 32UL * 1024 * 1024;
constexpr std::size_t most_objects = 16;

template <class T>
T value_or_throw(Result<T> result) {
  if (!result) throw Refused{result.error()};
  return *std::move(result);
}

// Where the page before ended: at which row, at which version, and with which values of what it is sorted by.
struct Cursor {
  std::int64_t version = 0;
  Position position = {};
  json sorted = {};
};

std::string encode(const Cursor& cursor) {
  json text = {{"v", cursor.version}, {"x", cursor.position.xact}, {"k", cursor.position.key}};
  if (!cursor.sorted.is_null()) text["s"] = cursor.sorted;
  return base64::encode(compact(text));
}

Cursor decode(const std::string& text, std::size_t sort_keys) {
  const auto bytes = base64::decode(text);
  const auto parsed = bytes && detail::valid_json(*bytes) ? json::parse(*bytes, nullptr, false) : json();
  const auto &version = field(parsed, "v"), &xact = field(parsed, "x"), &key = field(parsed, "k"), &sorted = field(parsed, "s");
  if (!version.is_number_integer() || !xact.is_number_integer() || !key.is_number_integer() ||
      (sorted.is_array() ? sorted.size() : 0) != sort_keys) {
    refuse_request("query: the cursor is not one that was answered for this query");
  }
  return {version.get<std::int64_t>(), {xact.get<std::int64_t>(), key.get<std::int64_t>()}, sorted};
}

// A row as it was stored, and what the backend knows about it.
bool is_root(std::string_view body) {
  bool span = false, root = true;
  detail::for_each_member(body, [&](std::string_view key, std::string_view value) {
    if (key == "span_id") span = is_string(value);
    if (key == "span_parents") root = value == "null" || value == "[]";
  });
  return span && root;
}

std::string whole_row(const StoredRow& row, bool dataset) {
  std::string text = row.body.substr(0, row.body.rfind('}'));
  text += fmt::format("{}\"_xact_id\":\"{}\"", text.size() > 1 ? "," : "", row.xact);
  if (!dataset) text += is_root(row.body) ? ",\"is_root\":true" : ",\"is_root\":false";
  return text += '}';
}

// One aggregate over the rows that are added.
class Aggregate {
 public:
  explicit Aggregate(const Expr& expr) : expr_(expr) {}

  void add(const json& row) {
    if (expr_.children.empty()) {
      ++count_;
      return;
    }
    auto value = value_of(expr_.children.front(), row);
    if (value.is_null()) return;
    if (expr_.op == ExprOp::sum || expr_.op == ExprOp::avg) {
      if (!value.is_number()) return;
      sum_ += value.get<double>();
    }
    ++count_;
    if (expr_.op == ExprOp::min && (found_.is_null() || compare_values(value, found_) < 0)) found_ = std::move(value);
    if (expr_.op == ExprOp::max && (found_.is_null() || compare_values(value, found_) > 0)) found_ = std::move(value);
  }

  json result() const {
    if (expr_.op == ExprOp::count) return count_;
    if (expr_.op == ExprOp::min || expr_.op == ExprOp::max) return found_;
    if (count_ == 0) return {};
    const double result = expr_.op == ExprOp::avg ? sum_ / static_cast<double>(count_) : sum_;
    if (result == std::floor(result) && std::abs(result) < 9e15) return static_cast<std::int64_t>(result);
    return result;
  }

 private:
  const Expr& expr_;
  std::int64_t count_ = 0;
  double sum_ = 0;
  json found_ = {};
};

class Run {
 public:
  Run(const Query& query, ObjectRows rows, std::optional<Cursor> from)
      : query_(query), rows_(std::move(rows)), from_(std::move(from)), dataset_(query.kind == ObjectKind::dataset) {
    limit_ = std::min(query.limit.value_or(default_limit), most_rows);
    all_fields_ = query.star && !query.columns.empty();
    if (query.filter) collect_fields(*query.filter);
    for (const auto& column : query.columns) collect_fields(column.expr);
    for (const auto& key : query.sort) collect_fields(key.expr);
  }

  std::string answer() {
    if (std::any_of(query_.columns.begin(), query_.columns.end(), [](const auto& c) { return c.expr.is_aggregate(); })) {
      return aggregated();
    }
    if (limit_ == 0) return finished();
    return query_.sort.empty() ? page() : sorted_page();
  }

 private:
  // Calls `visit(row, parsed)` for each row from `from` on that passes the filter, until it answers false. `parsed` is null
  // where nobody needs it.
  template <class Visit>
  void for_each_row(std::optional<Position> from, bool needs_parsed, Visit&& visit) {
    for (;;) {
      const auto chunk = value_or_throw(rows_.after(from));
      for (const auto& row : chunk.rows) {
        json parsed;
        if (query_.filter || needs_parsed) parsed = parsed_row(row);
        if (query_.filter && truth_of(*query_.filter, parsed) != true) continue;
        if (!visit(row, parsed)) return;
      }
      if (!chunk.next) return;
      from = chunk.next;
    }
  }

  // The fields that the query names, or all where it wants the rest too: to read a large input for a filter by score would take
  // most of the time.
  json parsed_row(const StoredRow& row) const {
    auto parsed = json::object();
    if (all_fields_ || !fields_.empty()) {
      detail::for_each_member(row.body, [&](std::string_view key, std::string_view value) {
        auto name = detail::unescape(key);
        if (all_fields_ || fields_.contains(name)) parsed[std::move(name)] = json::parse(value, nullptr, false);
      });
    }
    parsed["_xact_id"] = std::to_string(row.xact);
    if (!dataset_ && (all_fields_ || asks_for_root_)) parsed["is_root"] = is_root(row.body);
    return parsed;
  }

  void collect_fields(const Expr& expr) {
    for (const auto& child : expr.children) collect_fields(child);
    if (expr.path.empty() || expr.path.front() == "_xact_id") return;
    if (expr.path.front() == "is_root") {
      asks_for_root_ = true;
    } else {
      fields_.insert(expr.path.front());
    }
  }

  std::string text_of(const StoredRow& row, const json& parsed) const {
    if (query_.columns.empty()) return whole_row(row, dataset_);
    auto chosen = query_.star ? parsed : json::object();
    for (const auto& column : query_.columns) chosen[column.name] = value_of(column.expr, parsed);
    return compact(chosen);
  }

  std::string page() {
    std::optional<Position> from;
    if (from_) from = from_->position;
    std::int64_t count = 0;
    std::string cursor;
    for_each_row(from, !query_.columns.empty(), [&](const StoredRow& row, const json& parsed) {
      append(text_of(row, parsed));
      if (++count < limit_ && data_.size() < page_bytes) return true;
      cursor = encode({rows_.version(), {row.xact, row.key}, {}});
      return false;
    });
    return finished(cursor);
  }

  struct Sorted {
    json values = {};
    Position position = {};
    std::string text = {};
  };

  bool before(const Sorted& a, const Sorted& b) const {
    for (std::size_t i = 0; i < query_.sort.size(); ++i) {
      const int order = compare_values(a.values[i], b.values[i]);
      if (order != 0) return query_.sort[i].descending ? order > 0 : order < 0;
    }
    const auto &p = a.position, &q = b.position;
    return rows_.newest_first() ? std::pair(p.xact, p.key) > std::pair(q.xact, q.key) : p.key < q.key;
  }

  // Keeps the first `limit` rows behind the cursor in a heap whose top is the last of them.
  std::string sorted_page() {
    const auto less = [&](const Sorted& a, const Sorted& b) { return before(a, b); };
    std::vector<Sorted> heap;
    std::size_t bytes = 0;
    std::optional<Sorted> from;
    if (from_) from = Sorted{from_->sorted, from_->position, {}};
    for_each_row(std::nullopt, true, [&](const StoredRow& row, const json& parsed) {
      Sorted next{json::array(), {row.xact, row.key}, {}};
      for (const auto& key : query_.sort) next.values.push_back(value_of(key.expr, parsed));
      if (from && !before(*from, next)) return true;
      if (heap.size() == static_cast<std::size_t>(limit_)) {
        if (!before(next, heap.front())) return true;
        std::pop_heap(heap.begin(), heap.end(), less);
        bytes -= heap.back().text.size();
        heap.pop_back();
      }
      next.text = text_of(row, parsed);
      bytes += next.text.size();
      if (bytes > 4 * page_bytes) refuse_request("query: these rows are too large to be sorted; a smaller limit may do");
      heap.push_back(std::move(next));
      std::push_heap(heap.begin(), heap.end(), less);
      return true;
    });
    std::sort_heap(heap.begin(), heap.end(), less);
    for (const auto& row : heap) append(row.text);
    std::string cursor;
    if (heap.size() == static_cast<std::size_t>(limit_)) {
      cursor = encode({rows_.version(), heap.back().position, heap.back().values});
    }
    return finished(cursor);
  }

  std::string aggregated() {
    std::vector<Aggregate> aggregates;
    for (const auto& column : query_.columns) {
      if (!column.expr.is_aggregate()) {
        refuse_request(fmt::format("query: {} beside an aggregate needs GROUP BY, which is not supported here", column.name));
      }
      aggregates.emplace_back(column.expr);
    }
    if (query_.star) refuse_request("query: * beside an aggregate needs GROUP BY, which is not supported here");
    for_each_row(std::nullopt, true, [&](const StoredRow&, const json& parsed) {
      for (auto& aggregate : aggregates) aggregate.add(parsed);
      return true;
    });
    json row = json::object();
    for (std::size_t i = 0; i < aggregates.size(); ++i) row[query_.columns[i].name] = aggregates[i].result();
    append(compact(row));
    return finished();
  }

  void append(const std::string& row) {
    if (!data_.empty()) data_ += ",\n";
    data_ += row;
  }

  std::string finished(const std::string& cursor = {}) {
    auto text = "{\"data\":[" + std::move(data_) + "],\"cursor\":";
    return text += cursor.empty() ? "null}" : "\"" + cursor + "\"}";
  }

  const Query& query_;
  ObjectRows rows_;
  std::optional<Cursor> from_;
  bool dataset_;
  bool all_fields_ = false;
  bool asks_for_root_ = false;
  std::unordered_set<std::string> fields_ = {};
  std::int64_t limit_ = 0;
  std::string data_ = {};
};

bool has_aggregate(const Expr& expr) {
  return expr.is_aggregate() || std::any_of(expr.children.begin(), expr.children.end(), has_aggregate);
}

void check(const Query& query) {
  if (!query.star && query.columns.empty()) refuse_request("query: select is missing; * selects whole rows");
  if (query.limit && *query.limit < 0) refuse_request("query: limit must not be negative");
  if (query.ids.size() > most_objects || (query.kind == ObjectKind::dataset && query.ids.size() > 1)) {
    refuse_request(fmt::format("query: one dataset, or {} other objects, can be asked at once", most_objects));
  }
  bool misplaced = query.filter && has_aggregate(*query.filter);
  for (const auto& key : query.sort) misplaced |= has_aggregate(key.expr);
  for (const auto& column : query.columns) {
    for (const auto& child : column.expr.children) misplaced |= has_aggregate(child);
  }
  if (misplaced) refuse_request("query: count, sum, avg, min and max are possible only as whole columns");
}

}  // namespace

std::string run_btql(Store::State& state, const json& request) {
  const auto& asked = field(request, "query");
  if (const auto& audit = field(request, "audit_log"); !audit.is_null() && audit != false) {
    refuse_request("audit_log is not supported here: only the rows themselves are kept, and of datasets their versions");
  }
  if (!asked.is_string() && !asked.is_object()) refuse_request("query must be a text or an object");
  if (compact(asked).size() > max_query_bytes)
    refuse_request(fmt::format("query: it is larger than {} bytes", max_query_bytes));
  const auto query = asked.is_string() ? query_from_text(asked.get_ref<const std::string&>()) : query_from_tree(asked);
  check(query);
  std::optional<Cursor> from;
  if (!query.cursor.empty()) from = decode(query.cursor, query.sort.size());
  std::optional<std::int64_t> version;
  const auto& pinned = field(request, "version");
  if (!pinned.is_null()) version = version_number(pinned.is_string() ? pinned.get<std::string>() : compact(pinned));
  if (!version && from) version = from->version;
  auto rows = value_or_throw(
      ObjectRows::open(state, query.kind, query.ids, version, query.filter ? narrowed_by(*query.filter) : Narrowed{}));
  return Run(query, std::move(rows), std::move(from)).answer();
}

}  // namespace braintrust::local
