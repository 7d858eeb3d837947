// Tests balanced_assignment against all assignments of small problems.
#include "sim/moe/policies/balanced_assignment.hpp"

#include "tests/support/policy.hpp"

#include <algorithm>
#include <limits>

namespace moesim::testing {
namespace {

double sum_of(const std::vector<double>& score, std::size_t E,
              const std::vector<std::int32_t>& to) {
  double sum = 0;
  for (std::size_t t = 0; t < to.size(); ++t) sum += score[t * E + static_cast<std::size_t>(to[t])];
  return sum;
}

// The best sum, by trying all assignments from token t on.
double best_of(const std::vector<double>& score, std::vector<index>& room, std::size_t t) {
  const std::size_t E = room.size();
  if (t * E == score.size()) return 0;
  double best = -std::numeric_limits<double>::infinity();
  for (std::size_t e = 0; e < E; ++e) {
    if (room[e] == 0) continue;
    --room[e];
    best = std::max(best, score[t * E + e] + best_of(score, room, t + 1));
    ++room[e];
  }
  return best;
}

}  // namespace

TEST_CASE("balanced assignment: a token gives way to one that loses more", "[moe][policies]") {
  // Both prefer expert 0; the second would lose 3, the first 1.
  CHECK(balanced_assignment({2, 1, 3, 0}, 2, 1) == std::vector<std::int32_t>{1, 0});
  // Through a chain: token 2 takes 0, token 0 takes 1, token 1 takes 2.
  CHECK(balanced_assignment({5, 4, 0, 0, 5, 4, 5, 0, 0}, 3, 1) ==
        std::vector<std::int32_t>{1, 2, 0});
}

TEST_CASE("balanced assignment: no assignment of equal load is better", "[moe][policies]") {
  for (std::uint32_t key = 1; key <= 40; ++key) {
    const std::size_t E = 2 + key % 3, n = 5 + key % 4;
    const std::vector<real> drawn = normal_values(static_cast<index>(n * E), key);
    const std::vector<double> score(drawn.begin(), drawn.end());
    const auto places = static_cast<index>((n + E - 1) / E);
    const auto to = balanced_assignment(score, static_cast<index>(E), places);
    std::vector<index> room(E, places);
    for (const std::int32_t e : to) CHECK(--room[static_cast<std::size_t>(e)] >= 0);
    std::fill(room.begin(), room.end(), places);
    CHECK_THAT(sum_of(score, E, to), WithinAbs(best_of(score, room, 0), 1e-12));
  }
}

TEST_CASE("balanced assignment: ties, infinities and NaN end", "[moe][policies]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(balanced_assignment({1, 1, 1, 1}, 2, 1) == std::vector<std::int32_t>{0, 1});
  CHECK(balanced_assignment({nan, nan, 1 / 0.0, 0}, 2, 1).size() == 2);
  CHECK_THROWS_WITH(balanced_assignment({1, 1, 1, 1}, 2, 0), contains("fewer places"));
}

}  // namespace moesim::testing
