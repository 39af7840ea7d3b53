#include "eval/eval_filter.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>

namespace braintrust::detail {
namespace {

// The standard library's matcher recurses for each character, on the stack.
constexpr std::size_t most_matched = 8192;

bool found_in(const std::string& text, const std::regex& regex) {
  const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(text.size(), most_matched));
  return std::regex_search(text.begin(), end, regex);
}

std::vector<std::string> split(std::string_view path) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= path.size();) {
    const auto dot = std::min(path.find('.', at), path.size());
    parts.emplace_back(path.substr(at, dot - at));
    at = dot + 1;
  }
  return parts;
}

// The member of an object, or the element of an array; null if there is none.
const nlohmann::json* step(const nlohmann::json& value, const std::string& name) {
  if (value.is_object()) {
    const auto member = value.find(name);
    return member == value.end() ? nullptr : &*member;
  }
  std::size_t index = 0;
  const auto* end = name.data() + name.size();
  const auto [rest, error] = std::from_chars(name.data(), end, index);
  const bool is_index = error == std::errc() && rest == end;
  return value.is_array() && is_index && index < value.size() ? &value[index] : nullptr;
}

}  // namespace

NameFilter::NameFilter(std::string text) : text_(std::move(text)) {
  try {
    regex_.emplace(text_);
  } catch (const std::regex_error&) {
  }
}

bool NameFilter::matches(const std::string& name) const {
  return name.find(text_) != name.npos || (regex_ && found_in(name, *regex_));
}

bool CaseFilter::is_one(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == text.npos) return false;
  const auto field = text.substr(0, std::min(text.find('.'), equals));
  constexpr std::array<std::string_view, 5> fields{"input", "expected", "metadata", "tags", "id"};
  return std::find(fields.begin(), fields.end(), field) != fields.end();
}

Result<CaseFilter> CaseFilter::parse(const std::string& text) {
  const auto equals = text.find('=');
  try {
    return CaseFilter(split(std::string_view(text).substr(0, equals)), std::regex(text.substr(equals + 1)));
  } catch (const std::regex_error& error) {
    return Error{ErrorCode::invalid_argument, "'" + text.substr(equals + 1) + "' is no regular expression: " + error.what()};
  }
}

bool CaseFilter::matches(const EvalCase& one) const {
  nlohmann::json made;
  const nlohmann::json* value = &made;
  const auto& field = path_.front();
  if (field == "input") {
    value = &one.input;
  } else if (field == "metadata") {
    value = &one.metadata;
  } else if (field == "expected") {
    value = &one.expected;
  } else if (field == "tags") {
    made = one.tags;
  } else if (!one.id.empty()) {
    made = one.id;
  }
  for (std::size_t i = 1; i < path_.size() && value; ++i) value = step(*value, path_[i]);
  if (!value || value->is_null()) return false;
  if (value->is_string()) return found_in(value->get_ref<const std::string&>(), regex_);
  return found_in(value->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), regex_);
}

}  // namespace braintrust::detail
