// The best pairs, beside all that there are.

#include "eval/assignment.h"

#include <algorithm>
#include <numeric>
#include <random>
#include <set>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace braintrust::eval {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

double sum_of(const std::vector<std::pair<std::size_t, std::size_t>>& pairs, const std::vector<double>& weights,
              std::size_t columns) {
  double sum = 0;
  for (const auto& [row, column] : pairs) sum += weights[row * columns + column];
  return sum;
}

// Tries each order of the longer side beside the shorter one.
double best_sum(const std::vector<double>& weights, std::size_t rows, std::size_t columns) {
  std::vector<std::size_t> order(std::max(rows, columns));
  std::iota(order.begin(), order.end(), std::size_t{0});
  double best = -1e9;
  do {
    double sum = 0;
    for (std::size_t i = 0; i < std::min(rows, columns); ++i) {
      sum += rows > columns ? weights[order[i] * columns + i] : weights[i * columns + order[i]];
    }
    best = std::max(best, sum);
  } while (std::next_permutation(order.begin(), order.end()));
  return best;
}

TEST(Assignment, IsTheBestOfAll) {
  std::mt19937 random(7);
  std::uniform_int_distribution<std::size_t> size(1, 6);
  std::uniform_real_distribution<double> any(-1, 1);
  std::uniform_int_distribution<int> few(0, 3);  // many of equal weight
  for (int round = 0; round < 600; ++round) {
    const std::size_t rows = size(random);
    const std::size_t columns = size(random);
    std::vector<double> weights(rows * columns);
    for (double& weight : weights) weight = round % 2 == 0 ? any(random) : few(random);
    const auto pairs = best_assignment(weights, rows, columns);
    ASSERT_EQ(pairs.size(), std::min(rows, columns));
    std::set<std::size_t> columns_used;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      if (i > 0) {
        ASSERT_LT(pairs[i - 1].first, pairs[i].first);
      }
      ASSERT_LT(pairs[i].first, rows);
      ASSERT_LT(pairs[i].second, columns);
      ASSERT_TRUE(columns_used.insert(pairs[i].second).second);
    }
    ASSERT_NEAR(sum_of(pairs, weights, columns), best_sum(weights, rows, columns), 1e-9);
  }
}

TEST(Assignment, TakesASmallerWeightWhereThatLeavesMoreForOthers) {
  EXPECT_THAT(best_assignment(std::vector<double>{0.9, 0.8, 0.8, 0.1}, 2, 2), ElementsAre(Pair(0, 1), Pair(1, 0)));
}

TEST(Assignment, OfNothingIsEmpty) {
  EXPECT_THAT(best_assignment({}, 0, 0), IsEmpty());
  EXPECT_THAT(best_assignment({}, 3, 0), IsEmpty());
}

TEST(Assignment, OfManyIsSoonFound) {
  constexpr std::size_t size = 300;  // 300! orders
  std::vector<double> weights(size * size);
  for (std::size_t row = 0; row < size; ++row) weights[row * size + (row * 7 + 3) % size] = 1;
  const auto pairs = best_assignment(weights, size, size);
  EXPECT_DOUBLE_EQ(sum_of(pairs, weights, size), size);
}

}  // namespace
}  // namespace braintrust::eval
