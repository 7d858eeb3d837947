// Tests the capacity policy: rounding, minimum, multiples, limits.
#include "sim/moe/policies/capacity.hpp"

#include "tests/support/catch.hpp"

namespace moesim::testing {
namespace {

index rows(Rounding rounding, double factor, index n, index k, index experts) {
  return Capacity{.factor = factor, .rounding = rounding}.rows(n, k, experts);
}

}  // namespace

TEST_CASE("capacity: rounding of factor · n · k / E", "[moe][policies]") {
  // 1.25 · 10 / 4 = 3.125
  CHECK(rows(Rounding::ceil, 1.25, 10, 1, 4) == 4);
  CHECK(rows(Rounding::floor, 1.25, 10, 1, 4) == 3);
  CHECK(rows(Rounding::round, 1.25, 10, 1, 4) == 3);
  // Halves go to the even number: 10 / 4 = 2.5, 14 / 4 = 3.5.
  CHECK(rows(Rounding::round, 1, 10, 1, 4) == 2);
  CHECK(rows(Rounding::round, 1, 14, 1, 4) == 4);
  // 2 · 1 · 10 / 4 = 5, whatever the rounding.
  for (const Rounding rounding : {Rounding::ceil, Rounding::floor, Rounding::round})
    CHECK(rows(rounding, 1, 10, 2, 4) == 5);
}

TEST_CASE("capacity: the last bit of a product does not count", "[moe][policies]") {
  // 2.2 · 25 / 5 = 11, but 11.000000000000002 in double.
  CHECK(rows(Rounding::ceil, 2.2, 25, 1, 5) == 11);
  // 1.15 · 100 / 5 = 23, but 22.999999999999996 in double.
  CHECK(rows(Rounding::floor, 1.15, 100, 1, 5) == 23);
}

TEST_CASE("capacity: k, least, multiples, limits", "[moe][policies]") {
  // 10 / 4 = 2.5 without k, up to 3.
  CHECK(Capacity{.per_choice = false}.rows(10, 2, 4) == 3);
  CHECK(Capacity{.minimum = 4}.rows(10, 1, 4) == 4);
  CHECK(Capacity{.minimum = 2}.rows(10, 1, 4) == 3);
  // 1.1 · 22 / 8 = 3.025, up to 4, and to the next multiple of 3: 6.
  CHECK(Capacity{.factor = 1.1, .multiple = 3}.rows(22, 1, 8) == 6);
  CHECK(Capacity{.factor = 8}.rows(10, 1, 4) == 10);     // never more than there are tokens
  CHECK(Capacity{.factor = 0.001}.rows(10, 1, 4) == 1);  // never none
  CHECK(Capacity{.factor = 0}.rows(10, 1, 4) == 0);      // no limit
  CHECK(Capacity{.factor = 1.25, .absolute = 7}.rows(10, 1, 4) == 7);
}

TEST_CASE("capacity: an equal share in whole rows", "[moe][policies]") {
  // k · floor(factor · ⌈n / E⌉): 2 · floor(0.6 · 5), where floor(0.6 · 18 · 2 / 4) is 5.
  Capacity capacity{.factor = 0.6, .rounding = Rounding::floor};
  CHECK(capacity.rows(18, 2, 4) == 5);
  capacity.whole_share = true;
  CHECK(capacity.rows(18, 2, 4) == 6);
  capacity.per_choice = false;
  CHECK(capacity.rows(18, 2, 4) == 3);
}

}  // namespace moesim::testing
