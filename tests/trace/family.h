#pragma once

// `Family`: who is whose parent among the rows that arrived.
//
//   const Family family(backend.rows());
//   EXPECT_EQ(family.parent("search 7"), "handle 7");
//
// Threads: the test's.

#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "trace/backend.h"

namespace braintrust::test {

class Family {
 public:
  explicit Family(std::vector<Row> rows) : rows_(std::move(rows)) {
    for (const Row& row : rows_) {
      names_[row["span_id"]] = name_of(row);
      if (!by_name_.emplace(name_of(row), &row).second) throw std::runtime_error("two rows are named " + name_of(row));
    }
  }

  std::size_t size() const { return rows_.size(); }

  // The parent's name, "" for the first span of a trace; in any case in the trace that its ids say.
  std::string parent(std::string_view name) const {
    const Row& row = find(name);
    if (!row.contains("span_parents") || row["span_parents"].is_null() || row["span_parents"].empty()) return "";
    const auto found = names_.find(row["span_parents"][0]);
    if (found == names_.end()) return "a span that did not arrive";
    if (find(found->second)["root_span_id"] != row["root_span_id"]) return "a span of another trace";
    return found->second;
  }

 private:
  const Row& find(std::string_view name) const {
    const auto found = by_name_.find(std::string(name));
    if (found == by_name_.end()) throw std::runtime_error("no row is named " + std::string(name) + " in " + Row(rows_).dump());
    return *found->second;
  }

  const std::vector<Row> rows_;
  std::map<std::string, std::string> names_;
  std::map<std::string, const Row*> by_name_;
};

// The name of the current span would take a row; whose it is can be asked at once.
inline bool is_current(const Span& span) { return current_span() && current_span().span_id() == span.span_id(); }

}  // namespace braintrust::test
