// Queries of the local backend: whatever comes in is read or refused, and what was read can be held against a row. Of texts and
// patterns of LIKE, so that neither takes forever.

#include <algorithm>

#include <nlohmann/json.hpp>

#include "core/json_scan.h"
#include "fuzz/fuzz.h"
#include "local/btql_filter.h"
#include "local/btql_query.h"
#include "local/refused.h"

namespace braintrust::fuzz {
namespace {

using nlohmann::json;

const json& some_row() {
  static const json row = json::parse(
      R"({"id":"a","input":{"q":"it's"},"metadata":{"k":1.5,"t":"Grüße"},"scores":{"s":0.5},"tags":["x"],"_xact_id":"7"})");
  return row;
}

int depth_of(const local::Expr& expr) {
  int deepest = 0;
  for (const auto& child : expr.children) deepest = std::max(deepest, depth_of(child));
  return deepest + 1;
}

void check_expr(const local::Expr& expr, std::string_view text) {
  must(depth_of(expr) <= 4 * local::max_expr_depth, "no expression is deep", text);
  const auto truth = local::truth_of(expr, some_row());
  must(truth == local::truth_of(expr, some_row()), "the answer is the same twice", text);
  local::Expr negation{local::ExprOp::negation, {}, {}, {expr}};
  const auto other = local::truth_of(negation, some_row());
  must(truth.has_value() == other.has_value() && (!truth || *truth != *other), "what is not so is the opposite", text);
  local::narrowed_by(expr);
}

void check_query(const local::Query& query, std::string_view text) {
  must(!query.ids.empty(), "an object has an id", text);
  if (query.filter) check_expr(*query.filter, text);
  for (const auto& column : query.columns) {
    must(!column.name.empty() || !column.expr.path.empty(), "a column has a name", text);
    if (!column.expr.is_aggregate()) local::value_of(column.expr, some_row());
  }
}

template <class Work>
void read_or_refuse(std::string_view text, Work&& work) {
  try {
    work();
  } catch (const local::Refused& refused) {
    must(!refused.error.message.empty(), "a refusal says why", text);
  }
}

void check_like(std::string_view text) {
  const auto bar = text.find('|');
  if (bar == text.npos || text.size() > 4096) return;
  const auto pattern = text.substr(0, bar), value = text.substr(bar + 1);
  must(!local::is_like(value, pattern) || local::is_like(value, std::string(pattern) + "%"), "one more % matches no less",
       text);
  must(local::is_like(text, "%"), "% matches everything", text);
}

}  // namespace
}  // namespace braintrust::fuzz

// The first letter says of which kind each is.
std::vector<std::string> fuzz_seeds() {
  return {
      "tSELECT * FROM dataset('id') WHERE metadata.k >= 1.5 AND NOT (id = 'it''s' OR tags INCLUDES 'x') ORDER BY id DESC LIMIT "
      "5",
      "tSELECT max(_xact_id) AS v, count(*) AS n, id FROM project_logs('a', 'b') WHERE input.\"q\" NOT LIKE '%_s' ;",
      "tselect: *, metadata['t'] as x | from: experiment('e') spans | filter: a in (1, -2e3, 'b', null, true) | sort: b asc",
      "tSELECT `a b`.c FROM dataset(\"id\") WHERE error IS NOT NULL AND x IS NULL -- why\n",
      R"tree(j{"select":[{"op":"star"}],"from":{"op":"function","name":{"op":"ident","name":["dataset"]},"args":[{"op":)tree"
      R"tree("literal","value":"d"}]},"filter":{"op":"and","children":[{"op":"eq","left":{"op":"ident","name":["metadata",)tree"
      R"tree("k"]},"right":{"op":"literal","value":1}},{"op":"isnull","expr":{"op":"ident","name":["x"]}}]},"limit":3})tree",
      R"tree(j{"select":[{"alias":"n","expr":{"op":"function","name":["count"],"args":[{"op":"star"}]}}],"cursor":"x",)tree"
      R"tree("from":"dataset('d')","filter":{"btql":"a = 'b'"},"sort":[{"expr":{"op":"ident","name":["a"]},"dir":"desc"}]})tree",
      "lGr%_e|Grüße",
  };
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace braintrust;
  if (size == 0) return 0;
  const auto text = fuzz::as_text(data + 1, size - 1);
  switch (fuzz::kind_of(data[0], 3)) {
    case 0:  // 'l'
      fuzz::check_like(text);
      break;
    case 1: {  // 'j'
      const auto tree = detail::valid_json(text) ? nlohmann::json::parse(text, nullptr, false) : nlohmann::json();
      if (tree.is_object()) {
        fuzz::read_or_refuse(text, [&] { fuzz::check_query(local::query_from_tree(tree), text); });
      }
      break;
    }
    default:  // 't'
      fuzz::read_or_refuse(text, [&] { fuzz::check_query(local::query_from_text(text), text); });
      fuzz::read_or_refuse(text, [&] { fuzz::check_expr(local::expr_from_text(text), text); });
  }
  return 0;
}
