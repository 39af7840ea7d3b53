#include "api/mustache.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/json_member.h"

namespace braintrust::detail {
namespace {

using nlohmann::json;

constexpr std::size_t most_depth = 100;
constexpr std::size_t most_output = std::size_t{64} << 20;
constexpr std::size_t most_steps = 10'000'000;
constexpr std::size_t most_delimiter = 32;  // bytes; a search for long ones would take more than linear time

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::string_view without_spaces(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

enum class Kind { text, variable, section, inverted, close, partial };

struct Token {
  Kind kind = Kind::text;
  std::string_view text = {};  // or the name
  std::size_t end = 0;         // of a section: the token that closes it
  std::size_t at = 0;          // in the template
};

Error error_at(std::string_view tmpl, std::size_t at, std::string_view what) {
  const std::string_view before = tmpl.substr(0, at);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  return {ErrorCode::invalid_argument,
          fmt::format("template, line {}, column {}: {}", line, before.size() - line_start + 1, what)};
}

// Cuts a template into tokens. A line with nothing but tags that print nothing leaves no trace: neither its blanks nor its end.
class Parser {
 public:
  explicit Parser(std::string_view tmpl) : tmpl_(tmpl) {}

  Result<std::vector<Token>> parse() {
    while (at_ < tmpl_.size()) {
      const std::size_t tag = std::min(tmpl_.find(open_, at_), tmpl_.size());
      add_text(tmpl_.substr(at_, tag - at_));
      at_ = tag;
      if (at_ == tmpl_.size()) break;
      if (auto error = read_tag()) return *error;
    }
    end_line();
    if (!sections_.empty()) {
      const Token& section = tokens_[sections_.back()];
      return error_at(tmpl_, section.at, fmt::format("section \"{}\" is not closed", section.text));
    }
    return std::move(tokens_);
  }

 private:
  void add_text(std::string_view text) {
    while (!text.empty()) {
      // White space by itself, so that it can be taken back; an end of line always ends its token.
      std::size_t length = 0;
      const bool blank = is_space(text.front());
      while (length < text.size() && is_space(text[length]) == blank) {
        if (text[length++] == '\n') break;
      }
      if (blank) {
        blanks_.push_back(tokens_.size());
      } else {
        prints_ = true;
      }
      tokens_.push_back({.text = text.substr(0, length), .at = at_});
      if (text[length - 1] == '\n') end_line();
      text.remove_prefix(length);
    }
  }

  void end_line() {
    if (has_tag_ && !prints_) {
      for (const std::size_t blank : blanks_) tokens_[blank].text = {};
    }
    blanks_.clear();
    has_tag_ = prints_ = false;
  }

  std::optional<Error> read_tag() {
    const std::size_t start = at_;
    const auto unclosed = [&] { return error_at(tmpl_, start, "this tag is not closed"); };
    has_tag_ = true;
    at_ += open_.size();
    while (at_ < tmpl_.size() && is_space(tmpl_[at_])) ++at_;
    char sign = at_ < tmpl_.size() ? tmpl_[at_] : '\0';
    if (std::string_view("#^/>{&=!").find(sign) == std::string_view::npos) sign = '\0';
    if (sign != '\0') ++at_;

    // {{{name}}} ends with one brace more, {{=<% %>=}} with a second sign.
    const std::size_t content_end = tmpl_.find(sign == '{' ? "}" + close_ : sign == '=' ? "=" : close_, at_);
    if (content_end == std::string_view::npos) return unclosed();
    const std::string_view content = without_spaces(tmpl_.substr(at_, content_end - at_));
    const std::size_t end = tmpl_.find(close_, content_end + (sign == '{' || sign == '=' ? 1 : 0));
    if (end == std::string_view::npos) return unclosed();
    at_ = end + close_.size();

    switch (sign) {
      case '!':
        return std::nullopt;
      case '=':
        return set_delimiters(content, start);
      case '#':
      case '^':
        if (sections_.size() >= most_depth) return error_at(tmpl_, start, "sections nest too deep");
        sections_.push_back(tokens_.size());
        tokens_.push_back({.kind = sign == '#' ? Kind::section : Kind::inverted, .text = content, .at = start});
        return std::nullopt;
      case '/':
        return close_section(content, start);
      case '>':
        tokens_.push_back({.kind = Kind::partial, .text = content, .at = start});
        return std::nullopt;
      default:
        prints_ = true;
        tokens_.push_back({.kind = Kind::variable, .text = content, .at = start});
        return std::nullopt;
    }
  }

  std::optional<Error> set_delimiters(std::string_view content, std::size_t start) {
    const auto space = std::find_if(content.begin(), content.end(), is_space);
    const std::string open(content.begin(), space);
    const std::string_view close = without_spaces(content.substr(open.size()));
    if (open.empty() || close.empty() || std::any_of(close.begin(), close.end(), is_space) || open.size() > most_delimiter ||
        close.size() > most_delimiter) {
      return error_at(tmpl_, start, "delimiters are two words, as in {{=<% %>=}}");
    }
    open_ = open;
    close_ = std::string(close);
    return std::nullopt;
  }

  std::optional<Error> close_section(std::string_view name, std::size_t start) {
    if (sections_.empty()) return error_at(tmpl_, start, fmt::format("section \"{}\" was not opened", name));
    Token& section = tokens_[sections_.back()];
    if (section.text != name) {
      return error_at(tmpl_, start, fmt::format("section \"{}\" is open, not \"{}\"", section.text, name));
    }
    section.end = tokens_.size();
    sections_.pop_back();
    tokens_.push_back({.kind = Kind::close, .at = start});
    return std::nullopt;
  }

  const std::string_view tmpl_;
  std::size_t at_ = 0;
  std::string open_ = "{{";
  std::string close_ = "}}";
  std::vector<Token> tokens_;
  std::vector<std::size_t> sections_;  // those that are open
  std::vector<std::size_t> blanks_;    // white space of this line
  bool has_tag_ = false;               // of this line
  bool prints_ = false;
};

// As JavaScript has it, but that an empty list is false.
bool is_true(const json& value) {
  switch (value.type()) {
    case json::value_t::null:
    case json::value_t::discarded:
      return false;
    case json::value_t::boolean:
      return value.get<bool>();
    case json::value_t::number_integer:
    case json::value_t::number_unsigned:
      return value != 0;
    case json::value_t::number_float: {
      const auto number = value.get<double>();
      return number < 0 || number > 0;  // not NaN
    }
    case json::value_t::string:
      return !value.get_ref<const std::string&>().empty();
    case json::value_t::array:
      return !value.empty();
    default:
      return true;
  }
}

// What a lookup finds: a place in the variables, or the length of a list or a text.
struct Found {
  const json* value = nullptr;
  json computed = nullptr;

  explicit operator bool() const { return value != nullptr || !computed.is_null(); }
  const json& operator*() const { return value != nullptr ? *value : computed; }
};

// As JavaScript counts: in UTF-16, where what takes four bytes in UTF-8 is a pair.
std::size_t length_of(std::string_view text) {
  std::size_t length = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80 || byte >= 0xc0) length += byte >= 0xf0 ? 2 : 1;
  }
  return length;
}

// One step down from `value`.
Found step_into(const json& value, std::string_view name) {
  if (value.is_object()) {
    const auto found = value.find(std::string(name));
    return {found != value.end() ? &*found : nullptr};
  }
  if (value.is_string() && name == "length") return {nullptr, length_of(value.get_ref<const std::string&>())};
  if (!value.is_array()) return {};
  if (name == "length") return {nullptr, value.size()};
  std::size_t index = 0;
  const auto [end, fault] = std::from_chars(name.data(), name.data() + name.size(), index);
  const bool is_index = fault == std::errc() && end == name.data() + name.size();
  return {is_index && index < value.size() ? &value[index] : nullptr};
}

Found find_in(const json& context, std::string_view name) {
  Found found{&context};
  if (name == ".") return found;
  while (true) {
    const std::size_t dot = name.find('.');
    if (found.value == nullptr) return {};  // a length has no members
    found = step_into(*found.value, name.substr(0, dot));
    if (dot == std::string_view::npos || !found) return found;
    name.remove_prefix(dot + 1);
  }
}

class Renderer {
 public:
  Renderer(std::string_view tmpl, const std::vector<Token>& tokens, const MustacheOptions& options)
      : tmpl_(tmpl), tokens_(tokens), options_(options) {}

  Result<std::string> render(const json& variables) {
    contexts_.push_back(&variables);
    if (!render_tokens(0, tokens_.size())) return std::move(*error_);
    return std::move(out_);
  }

 private:
  bool render_tokens(std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const Token& token = tokens_[i];
      if (!take_step(token)) return false;
      switch (token.kind) {
        case Kind::text:
          if (!put(token.text, token)) return false;
          break;
        case Kind::variable:
          if (!render_variable(token)) return false;
          break;
        case Kind::partial:
          if (options_.strict) return fail(token, fmt::format("there is no partial \"{}\"", token.text));
          break;
        case Kind::section:
          if (!render_section(i, token)) return false;
          i = token.end;
          break;
        case Kind::inverted: {
          const Found found = find(token.text);
          if ((!found || !is_true(*found)) && !render_tokens(i + 1, token.end)) return false;
          i = token.end;
          break;
        }
        case Kind::close:
          break;
      }
    }
    return true;
  }

  bool render_variable(const Token& token) {
    const Found found = find(token.text);
    if (found) {
      const json& value = *found;
      return value.is_string() ? put(value.get_ref<const std::string&>(), token) : put(mustache_text(value), token);
    }
    if (options_.strict) return fail(token, fmt::format("variable \"{}\" is missing", token.text));
    return true;
  }

  bool render_section(std::size_t index, const Token& token) {
    const Found found = find(token.text);
    if (!found || !is_true(*found)) return true;
    const json& value = *found;
    if (value.is_array()) {
      for (const json& element : value) {
        if (!take_step(token) || !render_within(element, index, token)) return false;
      }
      return true;
    }
    if (value.is_boolean()) return render_tokens(index + 1, token.end);
    return render_within(value, index, token);
  }

  bool render_within(const json& context, std::size_t index, const Token& token) {
    contexts_.push_back(&context);
    const bool went_well = render_tokens(index + 1, token.end);
    contexts_.pop_back();
    return went_well;
  }

  // The whole name in the innermost context, then in the one around it, and so on.
  Found find(std::string_view name) {
    for (auto context = contexts_.rbegin(); context != contexts_.rend(); ++context) {
      steps_ += 1 + name.size() / 64;
      if (Found found = find_in(**context, name)) return found;
    }
    return {};
  }

  bool put(std::string_view text, const Token& token) {
    if (text.size() > most_output - out_.size()) return fail(token, "the text becomes longer than 64 MiB");
    out_ += text;
    return true;
  }

  bool take_step(const Token& token) {
    return ++steps_ <= most_steps || fail(token, "rendering takes too long: lists in lists multiply");
  }

  bool fail(const Token& token, std::string_view what) {
    error_ = error_at(tmpl_, token.at, what);
    return false;
  }

  const std::string_view tmpl_;
  const std::vector<Token>& tokens_;
  const MustacheOptions options_;
  std::vector<const json*> contexts_;
  std::string out_;
  std::size_t steps_ = 0;
  std::optional<Error> error_;
};

}  // namespace

std::string mustache_text(const json& value) {
  if (value.is_null() || value.is_discarded()) return {};
  return value.is_string() ? value.get<std::string>() : to_text(value);
}

const json* find_variable(const json& variables, std::string_view name) { return find_in(variables, name).value; }

Result<std::string> render_mustache(std::string_view tmpl, const json& variables, const MustacheOptions& options) {
  if (tmpl.find("{{") == std::string_view::npos) return std::string(tmpl);  // without tags there is nothing to do
  const auto tokens = Parser(tmpl).parse();
  if (!tokens) return tokens.error();
  return Renderer(tmpl, *tokens, options).render(variables);
}

}  // namespace braintrust::detail
