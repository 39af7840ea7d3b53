#pragma once

// Levenshtein's distance as textbooks have it, two rows of the matrix: what the fast one is measured and checked against.

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <string_view>
#include <vector>

namespace braintrust::test {

template <class Character>
std::size_t plain_edit_distance(std::basic_string_view<Character> left, std::basic_string_view<Character> right) {
  std::vector<std::size_t> above(right.size() + 1);
  std::vector<std::size_t> row(right.size() + 1);
  std::iota(above.begin(), above.end(), std::size_t{0});
  for (std::size_t i = 0; i < left.size(); ++i) {
    row[0] = i + 1;
    for (std::size_t j = 0; j < right.size(); ++j) {
      row[j + 1] = std::min({above[j] + (left[i] != right[j]), above[j + 1] + 1, row[j] + 1});
    }
    std::swap(above, row);
  }
  return above.back();
}

}  // namespace braintrust::test
