#include "local/btql_lexer.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "local/refused.h"

namespace braintrust::local {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || is_digit(c) || static_cast<unsigned char>(c) >= 0x80;
}

}  // namespace

std::string lower(std::string_view text) {
  std::string small(text);
  std::transform(small.begin(), small.end(), small.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  return small;
}

bool Lexer::at_word(std::string_view word) const { return token_.kind == TokenKind::word && lower(token_.text) == lower(word); }

bool Lexer::take_word(std::string_view word) {
  if (!at_word(word)) return false;
  advance();
  return true;
}

bool Lexer::take_symbol(std::string_view symbol) {
  if (!at_symbol(symbol)) return false;
  advance();
  return true;
}

void Lexer::refuse(std::string_view what) const {
  if (token_.kind == TokenKind::end) refuse_request(fmt::format("query: {}, but it ends there", what));
  refuse_request(fmt::format("query: {}, at byte {}: {}", what, token_.at, token_.text.substr(0, 40)));
}

void Lexer::advance() {
  while (at_ < text_.size()) {
    if (is_space(text_[at_])) {
      ++at_;
    } else if (text_.substr(at_, 2) == "--") {
      at_ = std::min(text_.find('\n', at_), text_.size());
    } else {
      break;
    }
  }
  token_ = {};
  token_.at = at_;
  if (at_ == text_.size()) return;
  const char c = text_[at_];
  if (c == '\'') return read_quoted(c, TokenKind::text);
  if (c == '"' || c == '`') return read_quoted(c, TokenKind::quoted_name);
  auto end = at_;
  if (is_digit(c)) {
    token_.kind = TokenKind::number;
    while (end < text_.size() &&
           (is_word(text_[end]) || text_[end] == '.' ||
            ((text_[end] == '-' || text_[end] == '+') && (text_[end - 1] == 'e' || text_[end - 1] == 'E')))) {
      ++end;
    }
  } else if (is_word(c)) {
    token_.kind = TokenKind::word;
    while (end < text_.size() && is_word(text_[end])) ++end;
  } else {
    token_.kind = TokenKind::symbol;
    const auto two = text_.substr(at_, 2);
    end += two == "!=" || two == "<>" || two == "<=" || two == ">=" ? 2 : 1;
  }
  token_.text = text_.substr(at_, end - at_);
  at_ = end;
}

// A quote within is written twice. There are no other escapes.
void Lexer::read_quoted(char quote, TokenKind kind) {
  token_.kind = kind;
  for (++at_; at_ < text_.size(); ++at_) {
    if (text_[at_] != quote) {
      token_.text += text_[at_];
    } else if (at_ + 1 < text_.size() && text_[at_ + 1] == quote) {
      token_.text += text_[at_++];
    } else {
      ++at_;
      return;
    }
  }
  refuse_request(fmt::format("query: the quote that begins at byte {} does not end", token_.at));
}

}  // namespace braintrust::local
