#pragma once

// All rows of a dataset, for tests that look at what was written. Throws the error of a page that cannot be had.

#include <stdexcept>
#include <vector>

#include <braintrust/api/dataset.h>

namespace braintrust::test {

inline std::vector<DatasetRow> rows_of(const Dataset& dataset) {
  std::vector<DatasetRow> rows;
  for (auto& row : dataset) {
    if (!row) throw std::runtime_error(row.error().message);
    rows.push_back(*row);
  }
  return rows;
}

}  // namespace braintrust::test
