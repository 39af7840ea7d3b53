#include <fmt/format.h>

#include <braintrust/api/btql.h>

#include "core/json_member.h"

namespace braintrust::detail {
namespace {

using nlohmann::json;

Error refused(std::string why) { return {ErrorCode::invalid_argument, "btql: " + std::move(why)}; }

Result<std::string> quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    const bool control = static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r';
    if (c == '\\' || control || c == 0x7F) {
      return refused("a string with a backslash or a control character cannot be quoted safely; ask with a syntax tree");
    }
    if (c == '\'') out += '\'';
    out += c;
  }
  return out += '\'';
}

Result<std::string> literal(const json& value, bool in_list);

Result<std::string> list(const json& values) {
  // `IN ()` is no SQL; nothing equals null, and nothing differs from it either (btql.h says so).
  if (values.empty()) return std::string("(NULL)");
  std::string out;
  for (const json& value : values) {
    auto text = literal(value, true);
    if (!text) return text;
    out += fmt::format("{}{}", out.empty() ? "(" : ", ", *text);
  }
  return out += ')';
}

Result<std::string> literal(const json& value, bool in_list) {
  switch (value.type()) {
    case json::value_t::string:
      return quoted(value.get_ref<const std::string&>());
    case json::value_t::null:
      return std::string("NULL");
    case json::value_t::array:
      if (in_list) return refused("a list in a list has no place in a query");
      return list(value);
    case json::value_t::boolean:
    case json::value_t::number_integer:
    case json::value_t::number_unsigned:
    case json::value_t::number_float:
      return value.dump();
    default:
      return refused("an object has no place in a query; give the values in it");
  }
}

}  // namespace

// `problem_of_btql` found nothing wrong with the text: its braces are `{}` outside of quotes and comments, or doubled.
Result<std::string> quote_btql(std::string_view text, const std::vector<BtqlValue>& values) {
  std::string query;
  auto value = values.begin();
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '{' && at + 1 < text.size() && text[at + 1] == '}') {
      auto put_in = literal(json::parse(value++->json().text(), nullptr, false), false);
      if (!put_in) return put_in;
      // A number below zero behind a minus would begin a comment.
      if (query.ends_with('-') && put_in->starts_with('-')) query += ' ';
      query += *put_in;
      ++at;
    } else {
      query += text[at];
      if (text[at] == '{' || text[at] == '}') ++at;  // doubled
    }
  }
  return query;
}

}  // namespace braintrust::detail
