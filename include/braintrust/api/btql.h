#pragma once

// BTQL: questions to Braintrust about everything that was logged, in its SQL or as a syntax tree.
//
//   auto found = braintrust::btql("SELECT id, input FROM project_logs({}) WHERE metadata.user = {} LIMIT 10", project_id,
//   user); if (!found) return fail(found.error()); for (const auto& row : found->rows) use(row["input"]);
//
// Values stand where the text says `{}`, each quoted by its type: a string is always a string, whatever it holds. Braces that
// are meant are doubled: `{{`. The number of values is checked when the program is compiled.
//
// What was logged a moment ago may be in the queue yet: `flush` first. The server may take a moment longer to find it.
//
// Threads: from any thread. Waits for the network; questions change nothing, so they are repeated after failures that pass.
// Errors: those of the connection; `http_status` with the server's words for a query that it does not take;
// `invalid_argument` for a value that cannot be quoted. Source: PROTO 13.
//
// Cost: includes the whole of nlohmann/json.hpp.

#include <chrono>
#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <nlohmann/json.hpp>

#include <braintrust/api/connection.h>
#include <braintrust/core/json.h>
#include <braintrust/core/result.h>

namespace braintrust {

struct BtqlOptions {
  std::string version = {};  // rows as they were then: an `_xact_id`. Blank: as they are now
  ConnectionOptions connection = {};
};

// Some rows, and where the next ones are.
struct BtqlPage {
  nlohmann::json rows = nlohmann::json::array();
  std::string cursor = {};  // blank: there are no more
};

namespace detail {

// A value of a query: text that is quoted when it is put in.
class BtqlValue {
 public:
  template <class T>
  BtqlValue(const T& value) : json_(value) {}
  const Json& json() const noexcept { return json_; }

 private:
  Json json_;
};

// What is wrong with the text of a query that takes so many values; null when nothing is. A value must not land in quotes,
// where it could end them, nor in a comment; and what servers read in more than one way must not decide where these end.
constexpr const char* problem_of_btql(std::string_view text, std::size_t values) {
  enum class In { query, quotes, line_comment, comment } in = In::query;
  char quote = '\0';
  std::size_t places = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    const char next = at + 1 < text.size() ? text[at + 1] : '\0';
    if (c == '{' || c == '}') {
      if (c != next) {  // else doubled: meant
        if (c != '{' || next != '}') return "a brace in a query is written twice: {{ or }}";
        if (in == In::quotes) return "a {} stands in quotes: leave them out, values are quoted when they are put in";
        if (in != In::query) return "a {} stands in a comment";
        ++places;
      }
      ++at;
    } else if (in == In::quotes) {
      if (c == '\\' && next == quote) return "servers do not agree on what a backslash before a quote means";
      if (c == quote) in = In::query;  // a doubled one begins again at once
    } else if (in == In::line_comment) {
      if (c == '\n') in = In::query;
    } else if (in == In::comment) {
      if (c == '/' && next == '*') return "servers do not agree on where a comment in a comment ends";
      if (c == '*' && next == '/') {
        in = In::query;
        ++at;
      }
    } else if (c == '\'' || c == '"' || c == '`') {
      in = In::quotes;
      quote = c;
    } else if (c == '-' && next == '-') {
      in = In::line_comment;
    } else if (c == '/' && next == '*') {
      in = In::comment;
      ++at;
    }
  }
  if (in == In::quotes) return "a quote in a query is not closed";
  if (in == In::comment) return "a comment in a query is not closed";
  return places == values ? nullptr : "a query needs one value for each {}";
}

// A query with as many `{}` as there are `Values`.
template <class... Values>
struct BtqlText {
  template <class Text>
  requires std::is_convertible_v<const Text&, std::string_view>
  consteval BtqlText(const Text& query) : text(query) {
    if (const char* const problem = problem_of_btql(text, sizeof...(Values))) throw problem;
  }
  std::string_view text;
};

Result<std::string> quote_btql(std::string_view text, const std::vector<BtqlValue>& values);

}  // namespace detail

// The query as it is sent: every value in its place, quoted. Strings stand in single quotes; a list in parentheses, as IN wants
// it (an empty one as (NULL): nothing is IN it, and nothing is NOT IN it either); null, true, false and numbers as they are; a
// time point as its ISO text; an object is an error. So is a string with a backslash or a control character other than tab and
// line breaks: servers do not agree on what these mean in a query, so nothing that holds one can be quoted safely. A query as a
// syntax tree takes such strings.
template <class... Values>
Result<std::string> btql_text(detail::BtqlText<std::type_identity_t<Values>...> query, const Values&... values) {
  return detail::quote_btql(query.text, {detail::BtqlValue(values)...});
}

// One answer to a query in text. What it holds at most is what the query's LIMIT, or the server, says.
Result<BtqlPage> run_btql(std::string_view query, const BtqlOptions& options = {});

template <class... Values>
Result<BtqlPage> btql(detail::BtqlText<std::type_identity_t<Values>...> query, const Values&... values) {
  const auto text = detail::quote_btql(query.text, {detail::BtqlValue(values)...});
  if (!text) return text.error();
  return run_btql(*text);
}

// The same for a query as a syntax tree, sent as it is: {"select": [{"op": "star"}], "from": …, "filter": …}.
Result<BtqlPage> run_btql_tree(const nlohmann::json& query, const BtqlOptions& options = {});

// All rows of a query that is a syntax tree, page after page while you go through them; one page is in memory at a time.
//
//   for (auto& row : braintrust::btql_rows(query)) {
//     if (!row) return fail(row.error());     // the page could not be had; nothing follows
//     use(*row);
//   }
class BtqlRows {
 public:
  // Asks for pages of `page_rows`. A `limit` of the query bounds all pages together.
  BtqlRows(nlohmann::json query, BtqlOptions options = {}, std::size_t page_rows = 1000);

  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Result<nlohmann::json>;
    using difference_type = std::ptrdiff_t;
    using pointer = value_type*;
    using reference = value_type&;

    Iterator() = default;
    // The row, which may be moved from.
    reference operator*() const;
    pointer operator->() const { return &**this; }
    Iterator& operator++();
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& iterator, std::default_sentinel_t) { return iterator.at_end(); }

   private:
    friend class BtqlRows;
    struct State;
    explicit Iterator(std::shared_ptr<State> state) : state_(std::move(state)) {}
    bool at_end() const;
    std::shared_ptr<State> state_;
  };

  // Asks for the first page: waits. Each call begins anew.
  Iterator begin() const;
  std::default_sentinel_t end() const { return {}; }

 private:
  nlohmann::json query_;
  BtqlOptions options_;
  std::size_t page_rows_;
};

inline BtqlRows btql_rows(nlohmann::json query, BtqlOptions options = {}) {
  return BtqlRows(std::move(query), std::move(options));
}

// Where a span was logged. Blank: the project of the connection.
struct SpanSource {
  std::string project = {};
  std::string project_id = {};     // beats `project`
  std::string experiment_id = {};  // beats both
  ConnectionOptions connection = {};
};

// The row of the span with this id (`to_string(span.span_id())`), as it was logged. Flushes the current logger first, and asks
// again for a few seconds while the server does not find it yet. `not_found` after that.
Result<nlohmann::json> fetch_span(std::string_view span_id, const SpanSource& source = {});

}  // namespace braintrust
