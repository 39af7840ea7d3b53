#pragma once

// `NameFilter` and `CaseFilter`: what `--filter` of a program of evals (main.h) lets through.
//
// Threads: plain values. Source: PROTO 14.4.

#include <optional>
#include <regex>
#include <string>
#include <vector>

#include <braintrust/core/result.h>
#include <braintrust/eval/case.h>

namespace braintrust::detail {

// A text that a name has in it, or a regular expression that matches within it. What cannot be read as one is only a text.
class NameFilter {
 public:
  explicit NameFilter(std::string text);
  bool matches(const std::string& name) const;

 private:
  std::string text_;
  std::optional<std::regex> regex_;
};

// A field of a case, and what its text must match.
class CaseFilter {
 public:
  // Whether this is for cases: begins with the name of a field, alone or with a path into it, and "=".
  static bool is_one(const std::string& text);
  // `invalid_argument` if there is no regular expression behind the "=".
  static Result<CaseFilter> parse(const std::string& text);

  bool matches(const EvalCase& one) const;

 private:
  CaseFilter(std::vector<std::string> path, std::regex regex) : path_(std::move(path)), regex_(std::move(regex)) {}
  std::vector<std::string> path_;
  std::regex regex_;
};

}  // namespace braintrust::detail
