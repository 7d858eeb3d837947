// Tests the assignment problem against all permutations, and by its duals.
#include "sim/core/assignment_problem.hpp"

#include "tests/support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace moesim::testing {
namespace {

std::vector<double> some_gains(index n, unsigned seed) {
  std::vector<double> gains;
  for (index i = 0; i < n * n; ++i)
    gains.push_back(std::sin(static_cast<double>((i + 1) * (2 * seed + 1)) * 1.7) * 3);
  return gains;
}

double best_of_all(const std::vector<double>& gains, index n) {
  std::vector<index> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), index{0});
  double best = -std::numeric_limits<double>::infinity();
  do {
    double sum = 0;
    for (index i = 0; i < n; ++i)
      sum += gains[static_cast<std::size_t>(i * n + order[static_cast<std::size_t>(i)])];
    best = std::max(best, sum);
  } while (std::next_permutation(order.begin(), order.end()));
  return best;
}

// Checks that it is a permutation, that its gain is the sum, and that the duals prove it.
void check_proved(const Matching& found, const std::vector<double>& gains, index n) {
  std::vector<index> sorted = found.column_of;
  std::sort(sorted.begin(), sorted.end());
  double gain = 0, bound = 0;
  for (index i = 0; i < n; ++i) {
    const auto row = static_cast<std::size_t>(i);
    CHECK(sorted[row] == i);
    gain += gains[static_cast<std::size_t>(i * n + found.column_of[row])];
    bound += found.row[row] + found.column[row];
    for (index j = 0; j < n; ++j)
      REQUIRE(found.row[row] + found.column[static_cast<std::size_t>(j)] >=
              gains[static_cast<std::size_t>(i * n + j)] - 1e-9);
  }
  CHECK(found.gain == Approx(gain).margin(1e-12));
  CHECK(found.gain == Approx(bound).margin(1e-9));
}

TEST_CASE("assignment problem: as good as the best of all permutations", "[core]") {
  for (index n = 1; n <= 7; ++n)
    for (unsigned seed = 0; seed < 6; ++seed) {
      CAPTURE(n, seed);
      const std::vector<double> gains = some_gains(n, seed);
      const Matching found = best_matching(gains, n);
      check_proved(found, gains, n);
      CHECK(found.gain == Approx(best_of_all(gains, n)).margin(1e-12));
    }
}

TEST_CASE("assignment problem: duals prove large ones", "[core]") {
  for (const index n : {60, 200})
    check_proved(best_matching(some_gains(n, 3), n), some_gains(n, 3), n);
  const std::vector<double> equal(25, 2.0);
  CHECK(best_matching(equal, 5).gain == 10);
  CHECK(best_matching({}, 0).column_of.empty());
}

}  // namespace
}  // namespace moesim::testing
