// Tests the order in which choices are given places, with orders worked out by hand.
#include "sim/moe/policies/service.hpp"

#include "tests/support/catch.hpp"

namespace moesim::testing {

using Order = std::vector<std::int32_t>;

TEST_CASE("service: tokens, choices, priorities and values", "[moe][policies][trace]") {
  // Two groups of two tokens with two choices each: places 0 1 | 2 3 and 4 5 | 6 7.
  ServiceRank rank{.tokens = 4, .k = 2, .group = 2};
  CHECK(service_order(rank) == Order{0, 1, 2, 3, 4, 5, 6, 7});
  rank.by_choice = true;
  CHECK(service_order(rank) == Order{0, 2, 1, 3, 4, 6, 5, 7});
  rank.first = {1, 2, 3, 3};  // the second token of the first group first; a tie in the other
  CHECK(service_order(rank) == Order{2, 0, 3, 1, 4, 6, 5, 7});
  CHECK(service_order({.tokens = 2, .k = 2, .group = 2, .values = {1, 3, 3, 2}}) ==
        Order{1, 2, 3, 0});
  CHECK(service_order({}).empty());
}

}  // namespace moesim::testing
