#include "analysis/traces/matching.hpp"

#include "sim/core/error.hpp"

#include <limits>

namespace moesim {
namespace {

constexpr std::int64_t kFar = std::numeric_limits<std::int64_t>::max() / 4;

// Matching is a partial assignment with potentials u, v: cost(r, c) - u[r] - v[c] ≥ 0, and 0 where r
// is matched with c. Column n is a root that holds the row to be added.
class Matching {
 public:
  Matching(const std::vector<std::int64_t>& value, std::size_t n)
      : value_(value), n_(n), row_(n), col_(n + 1), row_of_(n + 1, n), before_(n) {}

  // Adds a row along the shortest alternating path to a free column (Dijkstra on reduced costs).
  void add(std::size_t row) {
    std::vector<std::int64_t> distance(n_, kFar);
    std::vector<bool> done(n_ + 1, false);
    row_of_[n_] = row;
    std::size_t at = n_;
    while (row_of_[at] < n_) {
      done[at] = true;
      at = nearest(row_of_[at], at, distance, done);
    }
    while (at != n_) {  // every column on the path takes the row of the one before
      row_of_[at] = row_of_[before_[at]];
      at = before_[at];
    }
  }
  std::vector<std::size_t> columns() const {
    std::vector<std::size_t> column(n_);
    for (std::size_t c = 0; c < n_; ++c) column[row_of_[c]] = c;
    return column;
  }

 private:
  // Relaxes the edges of a row, moves the potentials by the smallest distance, and returns its
  // column.
  std::size_t nearest(std::size_t row, std::size_t from, std::vector<std::int64_t>& distance,
                      const std::vector<bool>& done) {
    std::int64_t least = kFar;
    std::size_t next = n_;
    for (std::size_t c = 0; c < n_; ++c) {
      if (done[c]) continue;
      const std::int64_t reduced = -value_[row * n_ + c] - row_[row] - col_[c];
      if (reduced < distance[c]) distance[c] = reduced, before_[c] = from;
      if (distance[c] < least) least = distance[c], next = c;
    }
    for (std::size_t c = 0; c <= n_; ++c) {
      if (done[c])
        row_[row_of_[c]] += least, col_[c] -= least;
      else if (c < n_)
        distance[c] -= least;
    }
    return next;
  }

  const std::vector<std::int64_t>& value_;
  std::size_t n_;
  std::vector<std::int64_t> row_, col_;  // potentials
  std::vector<std::size_t> row_of_;      // row of a column; n: free
  std::vector<std::size_t> before_;      // the column before it on the path
};

}  // namespace

std::vector<std::size_t> best_matching(const std::vector<std::int64_t>& value, std::size_t n) {
  if (value.size() != n * n) fail_in("best_matching", "the values are not square");
  Matching matching(value, n);
  for (std::size_t row = 0; row < n; ++row) matching.add(row);
  return matching.columns();
}

}  // namespace moesim
