#pragma once

// `Lexer`: the words of a query's text. Threads: a plain value. Errors: throws `Refused`.

#include <cstddef>
#include <string>
#include <string_view>

namespace braintrust::local {

enum class TokenKind { end, word, quoted_name, text, number, symbol };

struct Token {
  TokenKind kind = TokenKind::end;
  std::string text = {};  // of a text what it means, without its quotes
  std::size_t at = 0;     // byte
};

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) { advance(); }

  const Token& peek() const { return token_; }
  Token take() {
    auto token = std::move(token_);
    advance();
    return token;
  }

  bool at_word(std::string_view word) const;  // whatever its case
  bool take_word(std::string_view word);      // if it is there
  bool at_symbol(std::string_view symbol) const { return token_.kind == TokenKind::symbol && token_.text == symbol; }
  bool take_symbol(std::string_view symbol);

  // "… near byte 17, at \"GROUP\""
  [[noreturn]] void refuse(std::string_view what) const;

 private:
  void advance();
  void read_quoted(char quote, TokenKind kind);

  std::string_view text_;
  std::size_t at_ = 0;
  Token token_ = {};
};

// Letters of ASCII made small.
std::string lower(std::string_view text);

}  // namespace braintrust::local
