#pragma once

// Pairs rows with columns so that the sum of their weights is the greatest: the assignment problem.
//
// Each row and each column is in one pair at most, and as many are paired as can be: all of the shorter side.
//
// Threads: pure. Errors: none; weights must be finite. Cost: shorter² · longer steps.
// Source: the Hungarian algorithm with potentials (Kuhn, Munkres; shortest augmenting paths as by Jonker and Volgenant).

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace braintrust::eval {

// `weights` lie row by row. The pairs (row, column) come in the order of rows.
std::vector<std::pair<std::size_t, std::size_t>> best_assignment(std::span<const double> weights, std::size_t rows,
                                                                 std::size_t columns);

}  // namespace braintrust::eval
