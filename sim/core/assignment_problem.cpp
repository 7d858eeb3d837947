#include "sim/core/assignment_problem.hpp"

#include "sim/core/error.hpp"

#include <limits>

namespace moesim {

// Adds one row at a time. The costs are -gain; u and v are their duals, u[i] + v[j] <= cost[i, j]. A
// shortest path over reduced costs leads from the new row to a free column, and its pairs are
// exchanged. Column n is the place of the row that is being added.
Matching best_matching(std::span<const double> gains, index n) {
  const auto N = static_cast<std::size_t>(n);
  if (gains.size() != N * N) fail_in("best_matching", "the gains are not square");
  constexpr std::size_t kFree = std::numeric_limits<std::size_t>::max();
  std::vector<double> u(N, 0), v(N + 1, 0);
  std::vector<std::size_t> row_of(N + 1, kFree), before(N + 1);
  for (std::size_t added = 0; added < N; ++added) {
    std::vector<double> distance(N + 1, std::numeric_limits<double>::infinity());
    std::vector<bool> done(N + 1, false);
    std::size_t column = N;
    row_of[N] = added;
    while (row_of[column] != kFree) {
      done[column] = true;
      const std::size_t row = row_of[column];
      double least = std::numeric_limits<double>::infinity();
      std::size_t next = N;
      for (std::size_t j = 0; j < N; ++j) {
        if (done[j]) continue;
        const double reduced = -gains[row * N + j] - u[row] - v[j];
        if (reduced < distance[j]) distance[j] = reduced, before[j] = column;
        if (distance[j] < least) least = distance[j], next = j;
      }
      for (std::size_t j = 0; j <= N; ++j) {
        if (done[j])
          u[row_of[j]] += least, v[j] -= least;
        else
          distance[j] -= least;
      }
      column = next;
    }
    while (column != N) {
      row_of[column] = row_of[before[column]];
      column = before[column];
    }
  }
  Matching done{std::vector<index>(N), std::vector<double>(N), std::vector<double>(N)};
  for (std::size_t j = 0; j < N; ++j) {
    done.column_of[row_of[j]] = static_cast<index>(j);
    done.row[j] = -u[j], done.column[j] = -v[j];
    done.gain += gains[row_of[j] * N + j];
  }
  return done;
}

}  // namespace moesim
