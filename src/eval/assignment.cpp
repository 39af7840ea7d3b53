#include "eval/assignment.h"

#include <algorithm>
#include <limits>

namespace braintrust::eval {

std::vector<std::pair<std::size_t, std::size_t>> best_assignment(std::span<const double> weights, std::size_t rows,
                                                                 std::size_t columns) {
  // Workers are the shorter side: each of them gets a job. Job 0 is where a new worker comes in.
  const bool turned = rows > columns;
  const std::size_t workers = std::min(rows, columns);
  const std::size_t jobs = std::max(rows, columns);
  const auto cost = [&](std::size_t worker, std::size_t job) {
    return -weights[turned ? (job - 1) * columns + worker - 1 : (worker - 1) * columns + job - 1];
  };

  std::vector<double> worker_price(workers + 1);
  std::vector<double> job_price(jobs + 1);
  std::vector<std::size_t> worker_of(jobs + 1);  // 0: the job is free
  std::vector<std::size_t> came_from(jobs + 1);  // the job before, on the cheapest way to this one
  std::vector<double> way(jobs + 1);             // the price of that way
  std::vector<bool> seen(jobs + 1);

  for (std::size_t added = 1; added <= workers; ++added) {
    worker_of[0] = added;
    std::fill(way.begin(), way.end(), std::numeric_limits<double>::infinity());
    std::fill(seen.begin(), seen.end(), false);
    std::size_t job = 0;
    while (worker_of[job] != 0) {  // until the way ends at a free job
      seen[job] = true;
      const std::size_t worker = worker_of[job];
      double least = std::numeric_limits<double>::infinity();
      std::size_t next = 0;
      for (std::size_t other = 1; other <= jobs; ++other) {
        if (seen[other]) continue;
        const double reduced = cost(worker, other) - worker_price[worker] - job_price[other];
        if (reduced < way[other]) {
          way[other] = reduced;
          came_from[other] = job;
        }
        if (way[other] < least) {
          least = way[other];
          next = other;
        }
      }
      for (std::size_t other = 0; other <= jobs; ++other) {
        if (seen[other]) {
          worker_price[worker_of[other]] += least;
          job_price[other] -= least;
        } else {
          way[other] -= least;
        }
      }
      job = next;
    }
    // Everyone on the way moves on to the next job of it.
    for (; job != 0; job = came_from[job]) worker_of[job] = worker_of[came_from[job]];
  }

  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  pairs.reserve(workers);
  for (std::size_t job = 1; job <= jobs; ++job) {
    if (worker_of[job] == 0) continue;
    pairs.emplace_back(turned ? job - 1 : worker_of[job] - 1, turned ? worker_of[job] - 1 : job - 1);
  }
  std::sort(pairs.begin(), pairs.end());
  return pairs;
}

}  // namespace braintrust::eval
