// Tests the cache of experts: sequences worked out by hand, and its limits.
#include "analysis/traces/expert_cache.hpp"

#include "tests/support/catch.hpp"

#include <cmath>

namespace moesim::testing {
namespace {

using Steps = std::vector<std::vector<std::int32_t>>;

TEST_CASE("expert cache: a sequence by hand", "[expert_cache]") {
  // Two experts are kept, the latest first:
  //   0: miss [0]   1: miss [1 0]   0: hit [0 1]   2: miss [2 0]   1: miss [1 2]   2: hit [2 1]
  const Steps steps = {{0}, {1}, {0}, {2}, {1}, {2}};
  const CacheUse use = lru_use(steps, 2, false);
  REQUIRE(use.requests == 6);
  REQUIRE(use.hits == 2);
  REQUIRE(use.rate() == 2.0 / 6);
}

TEST_CASE("expert cache: the experts of the step before, by hand", "[expert_cache]") {
  // One expert is kept. Step 2 requests 0 and 1, which step 1 had: 1 is kept, and 0 is
  // not, as 1 came after it; while 1 is requested, 0 is kept in its place. Step 3 requests 1 and 2.
  const Steps steps = {{0, 1}, {0, 1}, {1, 2}};
  REQUIRE(lru_use(steps, 1, false).hits == 1);  // 1 in step 3
  REQUIRE(lru_use(steps, 1, true).hits == 3);   // 0 and 1 in step 2, 1 in step 3
  REQUIRE(lru_use(steps, 0, true).hits == 3);
  REQUIRE(lru_use(steps, 2, false).hits == 3);
}

TEST_CASE("expert cache: of no expert, and of all", "[expert_cache]") {
  Steps steps;
  for (std::int32_t t = 0; t < 50; ++t) steps.push_back({t * t % 8, (t * 3 + 1) % 8});
  const CacheUse none = lru_use(steps, 0, false), all = lru_use(steps, 8, false);
  REQUIRE(none.requests == 100);
  REQUIRE(none.hits == 0);
  std::vector<bool> seen(8, false);
  std::int64_t first = 0;  // touches
  for (const auto& step : steps)
    for (const std::int32_t expert : step) {
      if (!seen[static_cast<std::size_t>(expert)]) ++first;
      seen[static_cast<std::size_t>(expert)] = true;
    }
  REQUIRE(first == 8);
  REQUIRE(all.hits == 100 - first);
  REQUIRE(lru_use(steps, 8, true).hits == all.hits);
  REQUIRE(std::isnan(lru_use({}, 4, true).rate()));
}

TEST_CASE("expert cache: expected number of distinct experts", "[expert_cache]") {
  REQUIRE(expected_touched(8, 2, 1) == 2);
  REQUIRE(expected_touched(8, 8, 5) == 8);
  // Two tokens, one of two experts each: 1 with probability 1/2, else 2.
  REQUIRE(std::abs(expected_touched(2, 1, 2) - 1.5) < 1e-15);
}

}  // namespace
}  // namespace moesim::testing
