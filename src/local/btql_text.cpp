// The text of a query: SQL, or the clauses of BTQL with a bar or a new line between them.

#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "local/btql_lexer.h"
#include "local/btql_query.h"
#include "local/refused.h"

namespace braintrust::local {
namespace {

constexpr const char* possible =
    "possible are SELECT, FROM, WHERE (filter:), ORDER BY (sort:) and LIMIT, with *, fields and count, sum, avg, min, max";

class Parser {
 public:
  explicit Parser(std::string_view text) : lexer_(text) {}

  Query query() {
    Query query;
    const bool piped = is_clause();
    piped ? read_clauses(query) : read_sql(query);
    end();
    return query;
  }

  Expr whole_expr() {
    auto expr = any_of(0);
    end();
    return expr;
  }

  void whole_object(Query& query) {
    read_object(query);
    end();
  }

 private:
  void end() {
    lexer_.take_symbol(";");
    if (lexer_.peek().kind != TokenKind::end) lexer_.refuse(fmt::format("something that is not understood ({})", possible));
  }

  // --- the parts of a query ---

  // In BTQL a colon follows the first word.
  bool is_clause() const {
    auto ahead = lexer_;
    return ahead.take().kind == TokenKind::word && ahead.at_symbol(":");
  }

  void read_sql(Query& query) {
    if (!lexer_.take_word("select")) lexer_.refuse("it must begin with SELECT or with select:");
    read_columns(query);
    if (!lexer_.take_word("from")) lexer_.refuse("FROM and an object must follow the columns");
    read_object(query);
    if (lexer_.take_word("where")) query.filter = any_of(0);
    if (lexer_.at_word("group") || lexer_.at_word("having")) lexer_.refuse("GROUP BY and HAVING are not supported here");
    if (lexer_.take_word("order")) {
      if (!lexer_.take_word("by")) lexer_.refuse("BY must follow ORDER");
      read_sort(query);
    }
    if (lexer_.take_word("limit")) read_limit(query);
  }

  void read_clauses(Query& query) {
    bool has_object = false;
    do {
      if (lexer_.peek().kind == TokenKind::end) break;
      const auto clause = lower(lexer_.peek().text);
      if (!is_clause()) lexer_.refuse("a clause such as filter: must stand here");
      if (clause != "select" && clause != "from" && clause != "filter" && clause != "sort" && clause != "limit" &&
          clause != "cursor") {
        lexer_.refuse("this clause is not supported here; possible are select, from, filter, sort, limit and cursor");
      }
      lexer_.take();
      lexer_.take();
      if (clause == "select") read_columns(query);
      if (clause == "from") read_object(query), has_object = true;
      if (clause == "filter") query.filter = any_of(0);
      if (clause == "sort") read_sort(query);
      if (clause == "limit") read_limit(query);
      if (clause == "cursor") query.cursor = lexer_.take().text;
    } while (lexer_.take_symbol("|") || is_clause());
    if (!has_object) lexer_.refuse("from: is missing");
  }

  void read_columns(Query& query) {
    do {
      if (lexer_.take_symbol("*")) {
        query.star = true;
        continue;
      }
      Column column{operand(0), {}};
      if (lexer_.take_word("as")) {
        column.name = name("a name must follow AS");
      } else if (!column.expr.path.empty()) {
        column.name = column.expr.path.back();
      } else {
        lexer_.refuse("a column that is no field needs a name: AS x");
      }
      query.columns.push_back(std::move(column));
    } while (lexer_.take_symbol(","));
  }

  void read_object(Query& query) {
    if (lexer_.peek().kind != TokenKind::word) lexer_.refuse("an object such as dataset('id') must stand here");
    query.kind = object_kind(lexer_.take().text);
    if (!lexer_.take_symbol("(")) lexer_.refuse("the object's id must follow in brackets: dataset('id')");
    do {
      const auto id = lexer_.take();
      if (id.kind != TokenKind::text && id.kind != TokenKind::quoted_name) lexer_.refuse("an id must be a text in quotes");
      query.ids.push_back(id.text);
    } while (lexer_.take_symbol(","));
    if (!lexer_.take_symbol(")")) lexer_.refuse("a bracket must close the ids");
    if (lexer_.take_word("spans")) return;
    if (lexer_.at_word("traces") || lexer_.at_word("summary")) lexer_.refuse("only the shape spans is supported here");
  }

  void read_sort(Query& query) {
    do {
      SortKey key{operand(0), false};
      if (lexer_.take_word("desc")) {
        key.descending = true;
      } else {
        lexer_.take_word("asc");
      }
      query.sort.push_back(std::move(key));
    } while (lexer_.take_symbol(","));
  }

  void read_limit(Query& query) {
    const auto token = lexer_.take();
    std::int64_t limit = 0;
    const char* last = token.text.data() + token.text.size();
    const auto [end, error] = std::from_chars(token.text.data(), last, limit);
    if (token.kind != TokenKind::number || error != std::errc() || end != last) {
      lexer_.refuse("a whole number must follow LIMIT");
    }
    query.limit = limit;
  }

  // --- expressions, the loosest binding first ---

  void check(int depth) const {
    if (depth > max_expr_depth) refuse_request("query: it is nested too deeply");
  }

  Expr any_of(int depth) {
    check(depth);
    Expr first = all_of(depth + 1);
    if (!lexer_.at_word("or")) return first;
    Expr any{ExprOp::any_of, {}, {}, {}};
    any.children.push_back(std::move(first));
    while (lexer_.take_word("or")) any.children.push_back(all_of(depth + 1));
    return any;
  }

  Expr all_of(int depth) {
    Expr first = negation(depth);
    if (!lexer_.at_word("and")) return first;
    Expr all{ExprOp::all_of, {}, {}, {}};
    all.children.push_back(std::move(first));
    while (lexer_.take_word("and")) all.children.push_back(negation(depth));
    return all;
  }

  Expr negation(int depth) {
    check(depth);
    if (lexer_.take_word("not")) return negated(negation(depth + 1));
    return comparison(depth);
  }

  static Expr negated(Expr expr) {
    Expr negation{ExprOp::negation, {}, {}, {}};
    negation.children.push_back(std::move(expr));
    return negation;
  }

  static Expr of(ExprOp op, Expr left, std::optional<Expr> right = {}) {
    Expr expr{op, {}, {}, {}};
    expr.children.push_back(std::move(left));
    if (right) expr.children.push_back(std::move(*right));
    return expr;
  }

  Expr comparison(int depth) {
    auto left = operand(depth);
    static constexpr std::pair<const char*, ExprOp> symbols[] = {{"=", ExprOp::eq},  {"!=", ExprOp::ne}, {"<>", ExprOp::ne},
                                                                 {"<=", ExprOp::le}, {">=", ExprOp::ge}, {"<", ExprOp::lt},
                                                                 {">", ExprOp::gt}};
    for (const auto& [symbol, op] : symbols) {
      if (lexer_.take_symbol(symbol)) return of(op, std::move(left), operand(depth));
    }
    if (lexer_.take_word("is")) {
      const bool inverted = lexer_.take_word("not");
      if (!lexer_.take_word("null")) lexer_.refuse("NULL must follow IS");
      return of(inverted ? ExprOp::is_not_null : ExprOp::is_null, std::move(left));
    }
    const bool inverted = lexer_.take_word("not");
    std::optional<Expr> found;
    if (lexer_.take_word("in")) {
      found = of(ExprOp::in, std::move(left), list());
    } else {
      static constexpr std::pair<const char*, ExprOp> words[] = {{"like", ExprOp::like},
                                                                 {"ilike", ExprOp::ilike},
                                                                 {"match", ExprOp::match},
                                                                 {"includes", ExprOp::includes},
                                                                 {"contains", ExprOp::includes}};
      for (const auto& [word, op] : words) {
        if (!lexer_.take_word(word)) continue;
        found = of(op, std::move(left), operand(depth));
        break;
      }
    }
    if (found) return inverted ? negated(std::move(*found)) : std::move(*found);
    if (inverted) lexer_.refuse("IN, LIKE, ILIKE, MATCH or INCLUDES must follow NOT");
    return left;
  }

  Expr list() {
    const bool square = lexer_.take_symbol("[");
    if (!square && !lexer_.take_symbol("(")) lexer_.refuse("a list in brackets must follow IN");
    Expr list;
    list.value = nlohmann::json::array();
    const char* close = square ? "]" : ")";
    while (!lexer_.take_symbol(close)) {
      auto element = operand(max_expr_depth);
      if (element.op != ExprOp::literal) lexer_.refuse("a list holds texts and numbers only");
      list.value.push_back(std::move(element.value));
      if (!lexer_.take_symbol(",") && !lexer_.at_symbol(close)) lexer_.refuse("a comma or the closing bracket must follow");
    }
    return list;
  }

  std::string name(const char* otherwise) {
    if (lexer_.peek().kind != TokenKind::word && lexer_.peek().kind != TokenKind::quoted_name) lexer_.refuse(otherwise);
    return lexer_.take().text;
  }

  Expr operand(int depth) {
    Expr expr;
    if (lexer_.take_symbol("(")) {
      expr = any_of(depth + 1);
      if (!lexer_.take_symbol(")")) lexer_.refuse("a bracket must close here");
      return expr;
    }
    if (lexer_.peek().kind == TokenKind::text) {
      expr.value = lexer_.take().text;
      return expr;
    }
    const bool minus = lexer_.take_symbol("-");
    if (lexer_.peek().kind == TokenKind::number) {
      expr.value = number(minus);
      return expr;
    }
    if (minus) lexer_.refuse("a number must follow the minus sign");
    if (lexer_.at_word("true") || lexer_.at_word("false")) {
      expr.value = lower(lexer_.take().text) == "true";
      return expr;
    }
    if (lexer_.take_word("null")) return expr;
    return field();
  }

  nlohmann::json number(bool minus) {
    const auto text = (minus ? "-" : "") + lexer_.peek().text;
    auto value = nlohmann::json::parse(text, nullptr, false);
    if (!value.is_number()) lexer_.refuse("this is no number");
    lexer_.take();
    return value;
  }

  Expr field() {
    const bool word = lexer_.peek().kind == TokenKind::word;
    auto first = name("a field, a text or a number must stand here");
    return word && lexer_.at_symbol("(") ? function(first) : path_from(std::move(first));
  }

  Expr path_from(std::string first) {
    Expr expr{ExprOp::ident, {}, {}, {}};
    expr.path.push_back(std::move(first));
    for (;;) {
      if (lexer_.take_symbol(".")) {
        expr.path.push_back(name("a field must follow the dot"));
      } else if (lexer_.at_symbol("[")) {
        lexer_.take();
        if (lexer_.peek().kind != TokenKind::text && lexer_.peek().kind != TokenKind::quoted_name) {
          lexer_.refuse("a field's name in quotes must stand in the brackets");
        }
        expr.path.push_back(lexer_.take().text);
        if (!lexer_.take_symbol("]")) lexer_.refuse("a bracket must close here");
      } else {
        return expr;
      }
    }
  }

  Expr function(const std::string& function) {
    const auto op = aggregate_named(function);
    if (!op) lexer_.refuse(fmt::format("the function {} is not supported here ({})", function.substr(0, 40), possible));
    lexer_.take();
    Expr expr{*op, {}, {}, {}};
    if (lexer_.take_symbol("*") || lexer_.at_symbol(")")) {
      if (*op != ExprOp::count) lexer_.refuse("this function is of a field");
    } else {
      expr.children.push_back(path_from(name("a field must stand here")));
    }
    if (!lexer_.take_symbol(")")) lexer_.refuse("a bracket must close here");
    return expr;
  }

  Lexer lexer_;
};

std::string_view checked(std::string_view text) {
  if (text.size() > max_query_bytes) refuse_request(fmt::format("query: it is longer than {} bytes", max_query_bytes));
  return text;
}

}  // namespace

Query query_from_text(std::string_view text) { return Parser(checked(text)).query(); }
Expr expr_from_text(std::string_view text) { return Parser(checked(text)).whole_expr(); }
void read_from_text(std::string_view text, Query& query) { Parser(checked(text)).whole_object(query); }

}  // namespace braintrust::local
