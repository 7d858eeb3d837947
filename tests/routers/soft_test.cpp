// Tests soft: dispatch, combine, number of slots.
#include "tests/support/catch.hpp"
#include "tests/support/plugin.hpp"

#include <cmath>
#include <vector>

namespace moesim::testing {

TEST_CASE("soft: dispatch sums to 1 over tokens, combine over slots", "[routers]") {
  TinyLayer layer({.width = 5, .experts = 3, .batch = 2, .length = 7}, "soft", {{"slots", "2"}});
  const Routing routing = layer.route(layer.input());
  const auto& plan = std::get<Mixing>(routing.plan);
  CHECK(plan.dispatch.shape() == Shape{2, 7, 6});
  CHECK(plan.combine.shape() == Shape{2, 7, 6});
  const std::vector<double> dispatch = host(plan.dispatch), combine = host(plan.combine);
  const double close = kDouble ? 1e-14 : 1e-6;
  for (std::size_t b = 0; b < 2; ++b) {
    for (std::size_t t = 0; t < 7; ++t) {
      double sum = 0;
      for (std::size_t p = 0; p < 6; ++p) sum += combine[(b * 7 + t) * 6 + p];
      CHECK_THAT(sum, WithinAbs(1, close));
    }
    for (std::size_t p = 0; p < 6; ++p) {
      double sum = 0;
      for (std::size_t t = 0; t < 7; ++t) sum += dispatch[(b * 7 + t) * 6 + p];
      CHECK_THAT(sum, WithinAbs(1, close));
    }
  }
}

TEST_CASE("soft: slot vectors without preference give every token the mean", "[routers]") {
  // With scale 0 all weights are equal: each slot is the mean of the tokens, (1 + 2 + 6) / 3 = 3,
  // and y the mean over slots of expert(3): (10 · 3 + 20 · 3) / 2 = 45.
  TinyLayer layer({.width = 1, .experts = 2, .batch = 1, .length = 3}, "soft", {{"slots", "2"}});
  layer.set("scale", {0});
  layer.set_expert("w", {10, 20});
  layer.set_expert("b", {0, 0});
  for (const double y : host(layer.run(Tensor::of({3, 1}, {1, 2, 6}, test_backend()))))
    CHECK_THAT(y, WithinAbs(45, kDouble ? 1e-12 : 1e-4));
}

TEST_CASE("soft: the number of slots", "[routers]") {
  const auto slots = [](index length, const OptionValues& options) {
    TinyLayer layer({.width = 2, .experts = 4, .batch = 1, .length = length}, "soft", options);
    return std::get<Mixing>(layer.route(layer.input()).plan).slots_per_expert;
  };
  CHECK(slots(16, {}) == 4);  // one slot per token
  CHECK(slots(16, {{"capacity_factor", "0.5"}}) == 2);
  CHECK(slots(3, {}) == 1);  // at least one
  CHECK(slots(16, {{"slots", "7"}}) == 7);
}

}  // namespace moesim::testing
