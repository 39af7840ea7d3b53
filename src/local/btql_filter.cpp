#include "local/btql_filter.h"

#include <charconv>
#include <cmath>

#include "local/btql_lexer.h"
#include "local/json_fields.h"

namespace braintrust::local {
namespace {

using nlohmann::json;

json number_in(const std::string& text) {
  std::int64_t whole = 0;
  const char *begin = text.data(), *end = begin + text.size();
  if (const auto [last, error] = std::from_chars(begin, end, whole); error == std::errc() && last == end) return whole;
  double number = 0;
  if (const auto [last, error] = std::from_chars(begin, end, number);
      error == std::errc() && last == end && std::isfinite(number)) {
    return number;
  }
  return {};
}

// Both as numbers, where one is a number and the other a text that is one.
void align(json& left, json& right) {
  if (left.is_number() && right.is_string()) {
    if (auto number = number_in(right.get_ref<const std::string&>()); !number.is_null()) right = std::move(number);
  } else if (left.is_string() && right.is_number()) {
    align(right, left);
  }
}

std::string text_of(const json& value) { return value.is_string() ? value.get<std::string>() : compact(value); }

std::optional<bool> compare(const Expr& expr, const json& row) {
  auto left = value_of(expr.children[0], row), right = value_of(expr.children[1], row);
  if (left.is_null() || right.is_null()) return std::nullopt;
  align(left, right);
  if (expr.op == ExprOp::eq) return left == right;
  if (expr.op == ExprOp::ne) return left != right;
  const bool comparable = (left.is_number() && right.is_number()) || (left.is_string() && right.is_string());
  if (!comparable) return std::nullopt;
  const int order = compare_values(left, right);
  if (expr.op == ExprOp::lt) return order < 0;
  if (expr.op == ExprOp::le) return order <= 0;
  if (expr.op == ExprOp::gt) return order > 0;
  return order >= 0;
}

std::optional<bool> is_in(const json& found, const json& list) {
  if (found.is_null()) return std::nullopt;
  bool unknown = false;
  for (const auto& element : list) {
    unknown |= element.is_null();
    auto left = found, right = element;
    align(left, right);
    if (!right.is_null() && left == right) return true;
  }
  return unknown ? std::nullopt : std::optional(false);
}

std::optional<bool> matches(const Expr& expr, const json& row) {
  const auto value = value_of(expr.children[0], row), pattern = value_of(expr.children[1], row);
  if (value.is_null() || pattern.is_null()) return std::nullopt;
  const auto text = text_of(value), wanted = text_of(pattern);
  if (expr.op == ExprOp::like) return is_like(text, wanted);
  if (expr.op == ExprOp::ilike) return is_like(lower(text), lower(wanted));
  return lower(text).find(lower(wanted)) != std::string::npos;
}

std::optional<bool> includes(const Expr& expr, const json& row) {
  const auto list = value_of(expr.children[0], row), wanted = value_of(expr.children[1], row);
  if (list.is_null() || wanted.is_null()) return std::nullopt;
  const auto holds = [&](const json& one) { return list.is_array() ? is_in(one, list).value_or(false) : list == one; };
  // Of several, all.
  if (!wanted.is_array()) return holds(wanted);
  for (const auto& one : wanted) {
    if (!holds(one)) return false;
  }
  return true;
}

}  // namespace

json value_of(const Expr& expr, const json& row) {
  if (expr.op == ExprOp::literal) return expr.value;
  if (expr.op != ExprOp::ident) {
    const auto truth = truth_of(expr, row);
    return truth ? json(*truth) : json();
  }
  const json* found = &row;
  for (const auto& step : expr.path) found = &field(*found, step);
  return *found;
}

std::optional<bool> truth_of(const Expr& expr, const json& row) {
  switch (expr.op) {
    case ExprOp::eq:
    case ExprOp::ne:
    case ExprOp::lt:
    case ExprOp::le:
    case ExprOp::gt:
    case ExprOp::ge:
      return compare(expr, row);
    case ExprOp::in:
      return is_in(value_of(expr.children[0], row), expr.children[1].value);
    case ExprOp::like:
    case ExprOp::ilike:
    case ExprOp::match:
      return matches(expr, row);
    case ExprOp::includes:
      return includes(expr, row);
    case ExprOp::is_null:
      return value_of(expr.children[0], row).is_null();
    case ExprOp::is_not_null:
      return !value_of(expr.children[0], row).is_null();
    case ExprOp::negation: {
      const auto truth = truth_of(expr.children[0], row);
      return truth ? std::optional(!*truth) : std::nullopt;
    }
    case ExprOp::all_of:
    case ExprOp::any_of: {
      const bool decisive = expr.op == ExprOp::any_of;
      bool unknown = false;
      for (const auto& child : expr.children) {
        const auto truth = truth_of(child, row);
        if (truth == decisive) return decisive;
        unknown |= !truth;
      }
      return unknown ? std::nullopt : std::optional(!decisive);
    }
    default: {
      const auto value = value_of(expr, row);
      return value.is_boolean() ? std::optional(value.get<bool>()) : std::nullopt;
    }
  }
}

int compare_values(const json& left, const json& right) {
  const auto rank = [](const json& value) {
    return value.is_null() ? 0 : value.is_boolean() ? 1 : value.is_number() ? 2 : value.is_string() ? 3 : 4;
  };
  if (rank(left) != rank(right)) return rank(left) - rank(right);
  if (rank(left) == 4) return compact(left).compare(compact(right));
  return left < right ? -1 : right < left ? 1 : 0;
}

bool is_like(std::string_view text, std::string_view pattern) {
  // One character is as many bytes as UTF-8 takes for it.
  const auto next = [&](std::size_t at) {
    for (++at; at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U; ++at) {
    }
    return at;
  };
  std::size_t at = 0, in = 0;
  std::optional<std::size_t> percent;  // the last one, and how much of the text it stands for so far
  std::size_t from = 0;
  while (at < text.size()) {
    if (in < pattern.size() && pattern[in] == '%') {
      percent = in++;
      from = at;
    } else if (in < pattern.size() && pattern[in] == '_') {
      at = next(at);
      ++in;
    } else if (in < pattern.size() && pattern[in] == text[at]) {
      ++at;
      ++in;
    } else if (percent) {
      at = from = next(from);
      in = *percent + 1;
    } else {
      return false;
    }
  }
  while (in < pattern.size() && pattern[in] == '%') ++in;
  return in == pattern.size();
}

Narrowed narrowed_by(const Expr& filter) {
  Narrowed narrowed;
  const auto look = [&](const Expr& expr) {
    if (expr.op != ExprOp::eq || expr.children[0].op != ExprOp::ident || expr.children[1].op != ExprOp::literal) return;
    const auto& path = expr.children[0].path;
    const auto& value = expr.children[1].value;
    if (path.size() != 1 || !value.is_string()) return;
    if (path.front() == "id") narrowed.id = value.get<std::string>();
    if (path.front() == "root_span_id") narrowed.root_span_id = value.get<std::string>();
  };
  look(filter);
  if (filter.op == ExprOp::all_of) {
    for (const auto& child : filter.children) look(child);
  }
  return narrowed;
}

}  // namespace braintrust::local
