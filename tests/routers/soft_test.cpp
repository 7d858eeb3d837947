// Tests soft: dispatch, combine, number of slots.
#include "sim/moe/weight_map.hpp"
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

// Two sequences of three tokens, two experts with two slots; l = x Φ.
TEST_CASE("soft: the maps of a trace are softmaxes over tokens and slots", "[routers][trace]") {
  constexpr std::size_t B = 2, S = 3, D = 2, P = 4;
  TinyLayer layer({.width = D, .experts = 2, .batch = B, .length = S}, "soft",
                  {{"slots", "2"}, {"normalise", "false"}});
  const std::vector<real> x = {1, 0, 0, 2, -1, 1, real(0.5), 3, -2, 0, 1, 1},
                          phi = {1, -1, 2, 0, 0, real(0.5), -1, 1};
  layer.set("phi", phi);
  const Routing routing = layer.route(Tensor::of({B * S, D}, x, test_backend()));
  const std::optional<MixingMap> map = mixing_map(routing, 5);
  REQUIRE(map.has_value());
  CHECK((map->sequences == 2 && map->length == 3 && map->experts == 2 && map->slots == 2));
  std::vector<double> e(B * S * P);  // exp l
  for (std::size_t t = 0; t < B * S; ++t)
    for (std::size_t p = 0; p < P; ++p) {
      double l = 0;
      for (std::size_t d = 0; d < D; ++d) l += double(x[t * D + d]) * double(phi[d * P + p]);
      e[t * P + p] = std::exp(l);
    }
  REQUIRE(map->dispatch.size() == B * S * P);
  for (std::size_t t = 0; t < B * S; ++t)
    for (std::size_t p = 0; p < P; ++p) {
      double tokens = 0, slots = 0;
      for (std::size_t s = 0; s < S; ++s) tokens += e[(t / S * S + s) * P + p];
      for (std::size_t q = 0; q < P; ++q) slots += e[t * P + q];
      CHECK_THAT(map->dispatch[t * P + p], WithinAbs(e[t * P + p] / tokens, 1e-6));
      CHECK_THAT(map->combine[t * P + p], WithinAbs(e[t * P + p] / slots, 1e-6));
    }
  const std::optional<MixingMap> first = mixing_map(routing, 1);
  CHECK(first->dispatch == std::vector<float>(map->dispatch.begin(), map->dispatch.begin() + 12));
  CHECK_FALSE(merging_map(routing).has_value());
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

// Two tokens (3, 4) and (0, 2), one slot vector (1, 0), scale 0: every slot is the mean of what is
// mixed.
TEST_CASE("soft: slots mix the tokens, or the normalised ones", "[routers]") {
  const auto y = [](const OptionValues& more) {
    OptionValues options = {{"slots", "1"}};
    options.insert(more.begin(), more.end());
    TinyLayer layer({.width = 2, .experts = 1, .batch = 1, .length = 2}, "soft", options);
    if (more.count("norm") == 0) layer.set("scale", {0});
    if (more.count("norm") > 0) layer.set("gain", {2, 1}), layer.set("slot_gain", {0, 0});
    layer.set_expert("w", {1, 0, 0, 1});
    layer.set_expert("b", {0, 0});
    return host(layer.run(Tensor::of({2, 2}, {3, 4, 0, 2}, test_backend())));
  };
  const auto check = [&](const OptionValues& more, double first, double second) {
    const std::vector<double> got = y(more);
    const double close = kDouble ? 1e-12 : 1e-5;
    for (std::size_t t = 0; t < 2; ++t) {
      CHECK_THAT(got[2 * t], WithinAbs(first, close));
      CHECK_THAT(got[2 * t + 1], WithinAbs(second, close));
    }
  };
  check({}, 1.5, 3);
  // Unit vectors (0.6, 0.8) and (0, 1).
  check({{"slots_mix", "normalised"}, {"norm_epsilon", "0"}}, 0.3, 0.9);
  // x / √(mean x²) · (2, 1): √(25/2) and √2.
  const double a = std::sqrt(12.5), b = std::sqrt(2.0);
  check({{"norm", "rms"}, {"slots_mix", "normalised"}, {"norm_epsilon", "0"}}, 3 / a,
        (4 / a + 2 / b) / 2);
  // (x - mean) / deviation: (-1, 1) and (-1, 1).
  check({{"norm", "layer"}, {"slots_mix", "normalised"}, {"norm_epsilon", "0"}}, -2, 1);
  // What is mixed are the tokens all the same.
  check({{"norm", "layer"}}, 1.5, 3);
}

TEST_CASE("soft: padding has no weight in a slot", "[routers]") {
  TinyLayer layer({.width = 3, .experts = 2, .batch = 1, .length = 4}, "soft", {{"slots", "2"}});
  const Tensor x = layer.input();
  Tokens tokens = layer.tokens(x);
  tokens.importance = Tensor::of({4}, {1, 1, 0, 1}, test_backend());
  const Routing routing = layer.router->route(tokens);
  const auto& plan = std::get<Mixing>(routing.plan);
  const std::vector<double> dispatch = host(plan.dispatch), combine = host(plan.combine);
  for (std::size_t p = 0; p < 4; ++p) {
    CHECK(dispatch[2 * 4 + p] == 0);
    CHECK(combine[2 * 4 + p] == 0.25);
    CHECK(dispatch[p] > 0);
  }
}

TEST_CASE("soft: noise in training alone", "[routers]") {
  const auto combine = [](const OptionValues& options, bool training) {
    TinyLayer layer({.width = 3, .experts = 2, .batch = 1, .length = 4}, "soft", options);
    layer.context.training = training;
    // Gumbel noise is -1 for u = e^{-e}, and 0 for 1/e.
    layer.context.given = [](Purpose, Shape shape) {
      std::vector<real> draws(static_cast<std::size_t>(shape.size()),
                              static_cast<real>(std::exp(-1)));
      draws[0] = static_cast<real>(std::exp(-std::exp(1)));
      return Tensor::of(shape, draws, test_backend());
    };
    return host(std::get<Mixing>(layer.route(layer.input()).plan).combine);
  };
  const OptionValues gumbel = {{"noise", "gumbel"}, {"noise_scale", "2"}, {"slots", "1"}};
  const std::vector<double> noisy = combine(gumbel, true), quiet = combine(gumbel, false);
  CHECK(quiet == combine({{"slots", "1"}}, true));
  // The first logit sinks by 2, the others stay: the odds of its two slots change by e^{-2}.
  const double odds = noisy[0] / noisy[1] / (quiet[0] / quiet[1]);
  CHECK_THAT(odds, WithinAbs(std::exp(-2), kDouble ? 1e-12 : 1e-5));
  CHECK_THAT(noisy[2], WithinAbs(quiet[2], kDouble ? 1e-12 : 1e-5));
  CHECK(combine({{"noise", "normal"}, {"slots", "1"}}, true) != quiet);
}

TEST_CASE("soft: normalised tokens without a norm are refused", "[routers]") {
  for (const OptionValues& more : {OptionValues{{"norm", "rms"}}, {{"slots_mix", "normalised"}}}) {
    OptionValues options = more;
    options["normalise"] = "false";
    CHECK_THROWS_WITH(
        make_router("soft", {.width = 2, .experts = 2, .batch = 1, .length = 4}, options),
        contains("leave it out"));
  }
}

}  // namespace moesim::testing
