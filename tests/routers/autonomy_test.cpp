// Tests autonomy: experts are chosen by the norm of their first product, and go on from it.
#include "tests/support/policy.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace moesim::testing {
namespace {

// Values in [-1, 1] without a pattern.
std::vector<real> spread(std::size_t count, double phase) {
  std::vector<real> values;
  for (std::size_t i = 0; i < count; ++i)
    values.push_back(static_cast<real>(std::sin(1.7 * static_cast<double>(i * i + 1) + phase)));
  return values;
}

}  // namespace

TEST_CASE("autonomy: one token by hand", "[routers]") {
  // Width 1, rank 2: c is (3, 4) with norm 5 for expert 0, (0, 6) with norm 6 for expert 1.
  TinyLayer layer({.width = 1, .experts = 2, .batch = 1, .length = 1}, "autonomy",
                  {{"k", "1"}, {"rank", "2"}, {"hidden", "1"}});
  layer.set("first", {3, 4, 0, 6});
  layer.set("second", {9, 9, 0.5, 0.25});
  layer.set("value", {9, 2});
  layer.set("output", {9, 10});
  const double gate = 1 / (1 + std::exp(-1.0)), z = 0.25 * 6;
  check_values(layer.run(table(1, 1, {1})), {gate * 10 * 2 * z / (1 + std::exp(-z))});
  CHECK(std::get<Custom>(layer.route(table(1, 1, {1})).plan).load == std::vector<double>{0, 1});
  // At an input of zero all norms are equal, and nothing is NaN.
  check_values(layer.run(table(1, 1, {0})), {0});
}

TEST_CASE("autonomy: equals a loop over tokens and experts", "[routers]") {
  constexpr std::size_t T = 6, D = 3, E = 4, R = 2, H = 5, K = 2;
  TinyLayer layer({.width = D, .experts = E, .batch = 2, .length = 3}, "autonomy",
                  {{"k", "2"}, {"rank", "2"}, {"hidden", "5"}});
  const std::vector<real> first = spread(E * D * R, 0.1), second = spread(E * R * H, 0.2),
                          value = spread(E * D * H, 0.3), output = spread(E * H * D, 0.4),
                          x = spread(T * D, 0.5);
  layer.set("first", first), layer.set("second", second);
  layer.set("value", value), layer.set("output", output);

  std::vector<double> want(T * D, 0), counts(E, 0);
  for (std::size_t t = 0; t < T; ++t) {
    std::vector<std::vector<double>> c(E, std::vector<double>(R, 0));
    std::vector<std::pair<double, std::size_t>> ranked;  // (-norm, expert)
    for (std::size_t e = 0; e < E; ++e) {
      double squares = 0;
      for (std::size_t r = 0; r < R; ++r) {
        for (std::size_t d = 0; d < D; ++d)
          c[e][r] += double(x[t * D + d]) * double(first[(e * D + d) * R + r]);
        squares += c[e][r] * c[e][r];
      }
      ranked.emplace_back(-std::sqrt(squares), e);
    }
    std::sort(ranked.begin(), ranked.end());
    double total = 0;
    for (std::size_t i = 0; i < K; ++i) total += std::exp(-ranked[i].first);
    for (std::size_t i = 0; i < K; ++i) {
      const std::size_t e = ranked[i].second;
      ++counts[e];
      for (std::size_t h = 0; h < H; ++h) {
        double gated = 0, linear = 0;
        for (std::size_t r = 0; r < R; ++r) gated += c[e][r] * double(second[(e * R + r) * H + h]);
        for (std::size_t d = 0; d < D; ++d)
          linear += double(x[t * D + d]) * double(value[(e * D + d) * H + h]);
        const double hidden = gated / (1 + std::exp(-gated)) * linear;
        for (std::size_t d = 0; d < D; ++d)
          want[t * D + d] +=
              std::exp(-ranked[i].first) / total * hidden * double(output[(e * H + h) * D + d]);
      }
    }
  }
  const Tensor tokens = table(T, D, x);
  check_values(layer.run(tokens), want);
  CHECK(std::get<Custom>(layer.route(tokens).plan).load == counts);
}

}  // namespace moesim::testing
