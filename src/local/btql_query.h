#pragma once

// `Query`: what is asked of the rows of an object. Both ways to write one end here, the syntax tree that SDKs send and the text
// that people write; one evaluator reads it.
//
// Threads: plain values. Errors: the readers throw `Refused`, with what part cannot be done and what can.
// Source: PROTO 13.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "local/object_rows.h"

namespace braintrust::local {

enum class ExprOp {
  literal,
  ident,  // `path` into the row
  eq,
  ne,
  lt,
  le,
  gt,
  ge,
  in,  // the second child is a list
  like,
  ilike,
  match,
  includes,  // a list that holds a value
  is_null,
  is_not_null,
  all_of,
  any_of,
  negation,
  // Of all rows that pass the filter.
  count,
  sum,
  avg,
  min,
  max,
};

struct Expr {
  ExprOp op = ExprOp::literal;
  std::vector<std::string> path = {};
  nlohmann::json value = {};
  std::vector<Expr> children = {};

  bool is_aggregate() const { return op >= ExprOp::count; }
};

struct Column {
  Expr expr = {};
  std::string name = {};
};

struct SortKey {
  Expr expr = {};
  bool descending = false;
};

struct Query {
  ObjectKind kind = ObjectKind::dataset;
  std::vector<std::string> ids = {};
  std::vector<Column> columns = {};  // none: whole rows
  bool star = false;
  std::optional<Expr> filter = {};
  std::vector<SortKey> sort = {};
  std::optional<std::int64_t> limit = {};
  std::string cursor = {};
};

// Deeper expressions are refused, so that no text can use up the stack.
inline constexpr int max_expr_depth = 64;
// Longer texts and larger trees are refused: each row is held against all of it.
inline constexpr std::size_t max_query_bytes = 256UL * 1024;

// The kind of the object that is named "dataset", "experiment", "project_logs", …
ObjectKind object_kind(std::string_view name);

// The aggregate of that name; nothing if it is none. Any case.
std::optional<ExprOp> aggregate_named(std::string_view name);

// The tree of `{"query": {…}}`.
Query query_from_tree(const nlohmann::json& tree);

// "SELECT … FROM …" or "select: … | from: …".
Query query_from_text(std::string_view text);

// An expression by itself, and "dataset('id')", as trees hold them in places.
Expr expr_from_text(std::string_view text);
void read_from_text(std::string_view text, Query& query);

}  // namespace braintrust::local
