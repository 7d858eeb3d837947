// Tests how the estimates of runs are put together.
#include "experiments/sweep/estimate.hpp"

#include "tests/support/catch.hpp"

namespace moesim::testing {

TEST_CASE("estimate: of two parts each has the time of its own steps", "[experiments]") {
  const Estimate dense{.step_seconds = 2, .seconds = 150, .memory = 7, .device = 30, .disk = 100};
  const Estimate sparse{.step_seconds = 10, .seconds = 260, .memory = 9, .device = 20, .disk = 400};
  const Estimate whole = in_turn(dense, sparse, 0.75);  // 75 and 25 of 100 steps
  REQUIRE(whole.step_seconds == 4);
  REQUIRE(whole.seconds == 410);
  REQUIRE(whole.memory == 9);
  REQUIRE(whole.device == 30);
  REQUIRE(whole.disk == 500);
}

TEST_CASE("estimate: runs wait for a free place, in order", "[experiments]") {
  REQUIRE(schedule({3, 1, 1, 4}, 1) == 9);
  REQUIRE(schedule({3, 1, 1, 4}, 2) == 6);
  REQUIRE(schedule({}, 2) == 0);
}

}  // namespace moesim::testing
