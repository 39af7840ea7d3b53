// The syntax tree of a query, as SDKs send it.

#include <array>
#include <utility>

#include <fmt/format.h>

#include "local/btql_lexer.h"
#include "local/btql_query.h"
#include "local/json_fields.h"
#include "local/refused.h"

namespace braintrust::local {
namespace {

using nlohmann::json;

constexpr std::pair<const char*, ExprOp> two_sided[] = {
    {"eq", ExprOp::eq},     {"is", ExprOp::eq},       {"ne", ExprOp::ne},       {"lt", ExprOp::lt},
    {"le", ExprOp::le},     {"gt", ExprOp::gt},       {"ge", ExprOp::ge},       {"in", ExprOp::in},
    {"like", ExprOp::like}, {"ilike", ExprOp::ilike}, {"match", ExprOp::match}, {"includes", ExprOp::includes},
};

[[noreturn]] void refuse_op(const json& expr) {
  const auto op = text_field(expr, "op");
  if (op.empty()) refuse_request(fmt::format("query: no expression: {}", compact(expr).substr(0, 100)));
  refuse_request(
      fmt::format("query: the operator {} is not supported here; possible are eq, ne, lt, le, gt, ge, in, like, ilike, "
                  "match, includes, isnull, isnotnull, and, or, not, ident, literal and the functions count, sum, "
                  "avg, min, max",
                  op.substr(0, 40)));
}

std::vector<std::string> path_of(const json& name) {
  std::vector<std::string> path;
  if (name.is_array()) {
    for (const auto& step : name) {
      if (!step.is_string()) refuse_request("query: an ident's name must be a list of texts");
      path.push_back(step.get<std::string>());
    }
  }
  if (path.empty()) refuse_request("query: an ident's name must be a list of texts");
  return path;
}

Expr expr_of(const json& tree, int depth);

// "children", or "left" and "right".
std::vector<Expr> operands_of(const json& tree, int depth) {
  std::vector<Expr> operands;
  if (const auto& children = field(tree, "children"); children.is_array()) {
    for (const auto& child : children) operands.push_back(expr_of(child, depth + 1));
  } else {
    for (const char* side : {"left", "right"}) operands.push_back(expr_of(field(tree, side), depth + 1));
  }
  return operands;
}

Expr function_of(const json& tree, int depth) {
  const auto& name = field(tree, "name");
  const auto path = path_of(name.is_object() ? field(name, "name") : name);
  const auto op = aggregate_named(path.back());
  if (!op) {
    refuse_request(fmt::format("query: the function {} is not supported here; possible are count, sum, avg, min, max",
                               path.back().substr(0, 40)));
  }
  Expr expr{*op, {}, {}, {}};
  const auto& args = field(tree, "args");
  if (args.is_array() && !args.empty() && text_field(args.front(), "op") != "star") {
    expr.children.push_back(expr_of(args.front(), depth + 1));
  }
  if (expr.children.empty() && *op != ExprOp::count) refuse_request("query: this function is of a field");
  return expr;
}

Expr expr_of(const json& tree, int depth) {
  if (depth > max_expr_depth) refuse_request("query: it is nested too deeply");
  if (tree.is_object() && field(tree, "btql").is_string()) return expr_from_text(text_field(tree, "btql"));
  // A value may stand for itself.
  if (!tree.is_object()) return {ExprOp::literal, {}, tree, {}};
  const auto op = text_field(tree, "op");
  if (op == "literal") return {ExprOp::literal, {}, field(tree, "value"), {}};
  if (op == "ident") return {ExprOp::ident, path_of(field(tree, "name")), {}, {}};
  if (op == "function") return function_of(tree, depth);
  if (op == "isnull" || op == "isnotnull" || op == "not") {
    Expr expr{op == "not" ? ExprOp::negation : op == "isnull" ? ExprOp::is_null : ExprOp::is_not_null, {}, {}, {}};
    expr.children.push_back(expr_of(field(tree, "expr"), depth + 1));
    return expr;
  }
  if (op == "and" || op == "or") {
    return {op == "and" ? ExprOp::all_of : ExprOp::any_of, {}, {}, operands_of(tree, depth)};
  }
  for (const auto& [name, meaning] : two_sided) {
    if (op != name) continue;
    Expr expr{meaning, {}, {}, {}};
    const bool has = op == "includes" && tree.contains("haystack");
    expr.children.push_back(expr_of(field(tree, has ? "haystack" : "left"), depth + 1));
    expr.children.push_back(expr_of(field(tree, has ? "needle" : "right"), depth + 1));
    if (meaning == ExprOp::in && !expr.children.back().value.is_array()) refuse_request("query: in needs a list of values");
    return expr;
  }
  refuse_op(tree);
}

void read_columns(const json& select, Query& query) {
  if (!select.is_array()) refuse_request("query: select must be a list");
  for (const auto& element : select) {
    if (text_field(element, "op") == "star") {
      query.star = true;
      continue;
    }
    const auto& expr = field(element, "expr");
    if (text_field(expr, "op") == "star") {
      query.star = true;
      continue;
    }
    Column column{expr_of(expr.is_null() ? element : expr, 0), text_field(element, "alias")};
    if (column.name.empty() && !column.expr.path.empty()) column.name = column.expr.path.back();
    if (column.name.empty()) refuse_request("query: a column that is no field needs an alias");
    query.columns.push_back(std::move(column));
  }
}

void read_object(const json& from, Query& query) {
  if (from.is_string()) return read_from_text(from.get<std::string>(), query);
  if (text_field(from, "op") != "function") refuse_request("query: from must be an object such as dataset('id')");
  const auto& name = field(from, "name");
  query.kind = object_kind(path_of(name.is_object() ? field(name, "name") : name).back());
  if (const auto& args = field(from, "args"); args.is_array()) {
    for (const auto& arg : args) {
      const auto& id = arg.is_object() ? field(arg, "value") : arg;
      if (!id.is_string()) refuse_request("query: an object's id must be a text");
      query.ids.push_back(id.get<std::string>());
    }
  }
  if (query.ids.empty()) refuse_request("query: from must name the object's id");
  if (const auto shape = text_field(from, "shape"); !shape.empty() && shape != "spans") {
    refuse_request("query: only the shape spans is supported here");
  }
}

void read_sort(const json& sort, Query& query) {
  if (!sort.is_array()) refuse_request("query: sort must be a list");
  for (const auto& key : sort) {
    const auto& expr = field(key, "expr");
    query.sort.push_back({expr_of(expr.is_null() ? key : expr, 0), lower(text_field(key, "dir")) == "desc"});
  }
}

}  // namespace

ObjectKind object_kind(std::string_view name) {
  static constexpr std::pair<std::string_view, ObjectKind> kinds[] = {{"dataset", ObjectKind::dataset},
                                                                      {"experiment", ObjectKind::experiment},
                                                                      {"project_logs", ObjectKind::project_logs},
                                                                      {"playground_logs", ObjectKind::playground_logs},
                                                                      {"project_prompts", ObjectKind::project_prompts}};
  for (const auto& [word, kind] : kinds) {
    if (lower(name) == word) return kind;
  }
  refuse_request(
      fmt::format("query: there are no rows of {} here; possible are dataset('id'), experiment('id'), "
                  "project_logs('id'), playground_logs('id') and project_prompts('id')",
                  name.substr(0, 40)));
}

std::optional<ExprOp> aggregate_named(std::string_view name) {
  const auto word = lower(name);
  if (word == "count") return ExprOp::count;
  if (word == "sum") return ExprOp::sum;
  if (word == "avg") return ExprOp::avg;
  if (word == "min") return ExprOp::min;
  if (word == "max") return ExprOp::max;
  return std::nullopt;
}

Query query_from_tree(const json& tree) {
  Query query;
  bool has_object = false;
  for (const auto& [key, value] : tree.items()) {
    if (value.is_null()) continue;
    if (key == "select") {
      read_columns(value, query);
    } else if (key == "from") {
      read_object(value, query);
      has_object = true;
    } else if (key == "filter") {
      query.filter = value.is_string() ? expr_from_text(value.get<std::string>()) : expr_of(value, 0);
    } else if (key == "sort") {
      read_sort(value, query);
    } else if (key == "limit") {
      if (!value.is_number_integer()) refuse_request("query: limit must be a whole number");
      query.limit = value.get<std::int64_t>();
    } else if (key == "cursor") {
      if (!value.is_string()) refuse_request("query: cursor must be one that was answered");
      query.cursor = value.get<std::string>();
    } else {
      refuse_request(fmt::format("query: {} is not supported here; possible are select, from, filter, sort, limit and cursor",
                                 key.substr(0, 40)));
    }
  }
  if (!has_object) refuse_request("query: from is missing");
  return query;
}

}  // namespace braintrust::local
