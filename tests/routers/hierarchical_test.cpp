// Tests the hierarchical router against its two levels, run one after the other.
#include "sim/moe/nested.hpp"
#include "sim/ops/ops.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/plugin.hpp"

#include <cmath>
#include <map>

namespace moesim::testing {
namespace {

using Weights = std::map<std::pair<std::int32_t, std::int32_t>, double>;  // (token, expert)

// Gates of an assignment by token and expert.
Weights weights_of(const Assignment& plan) {
  const auto token = plan.token.to_host(), offset = plan.experts.offset.to_host();
  const std::vector<double> gate = host(plan.gate);
  Weights weights;
  for (std::size_t e = 0; e + 1 < offset.size(); ++e)
    for (auto i = static_cast<std::size_t>(offset[e]); i < static_cast<std::size_t>(offset[e + 1]);
         ++i)
      weights[{token[i], static_cast<std::int32_t>(e)}] = gate[i];
  return weights;
}

TEST_CASE("hierarchical: gates of both levels multiply, and experts are numbered by group",
          "[routers][hierarchical]") {
  const Site site{.width = 6, .experts = 6, .batch = 2, .length = 7};
  TinyLayer layer(site, "hierarchical",
                  {{"groups", "3"},
                   {"outer.k", "2"},
                   {"outer.capacity_factor_eval", "0.8"},
                   {"inner.k", "1"},
                   {"inner.capacity_factor_eval", "0"}});
  const Tensor x = layer.input();
  const Weights found = weights_of(std::get<Assignment>(layer.route(x).plan));

  // The same by hand: softmax of both levels from the weights, places of the outer level token by
  // token.
  const std::vector<double> in = host(x), outer = host(parameter_of(*layer.router, "outer.weight"));
  const auto softmax_of = [&](index t, const std::vector<double>& w, index n) {
    std::vector<double> p(static_cast<std::size_t>(n), 0);
    double sum = 0;
    for (index c = 0; c < n; ++c) {
      for (index i = 0; i < 6; ++i)
        p[static_cast<std::size_t>(c)] +=
            in[static_cast<std::size_t>(t * 6 + i)] * w[static_cast<std::size_t>(i * n + c)];
      sum += p[static_cast<std::size_t>(c)] = std::exp(p[static_cast<std::size_t>(c)]);
    }
    for (double& value : p) value /= sum;
    return p;
  };
  Weights expected;
  for (index b = 0; b < 2; ++b) {
    const int places = 4;  // ceil(0.8 · 7 · 2 / 3)
    std::vector<int> used(3, 0);
    for (index t = 7 * b; t < 7 * b + 7; ++t) {
      const std::vector<double> p = softmax_of(t, outer, 3);
      const auto least = static_cast<std::size_t>(std::min_element(p.begin(), p.end()) - p.begin());
      for (std::size_t g = 0; g < 3; ++g) {
        if (g == least || used[g] == places) continue;
        ++used[g];
        const std::vector<double> q = softmax_of(
            t, host(parameter_of(*layer.router, "inner." + std::to_string(g) + ".weight")), 2);
        const std::size_t i = q[1] > q[0] ? 1 : 0;
        expected[{static_cast<std::int32_t>(t), static_cast<std::int32_t>(2 * g + i)}] =
            p[g] / (1 - p[least]) * q[i];
      }
    }
  }
  REQUIRE(found.size() == expected.size());
  CHECK(found.size() < 2 * 14);  // something is dropped
  for (const auto& [key, gate] : expected) {
    REQUIRE(found.count(key) == 1);
    CHECK(std::abs(found.at(key) - gate) <= (sizeof(real) == sizeof(double) ? 1e-12 : 1e-5));
  }
}

TEST_CASE("hierarchical: what cannot be nested is refused", "[routers][hierarchical]") {
  const Site site{.width = 4, .experts = 4, .batch = 2, .length = 4};
  const auto made = [&](const OptionValues& options) {
    make_router("hierarchical", site, options);
  };
  CHECK_THROWS_WITH(made({{"groups", "3"}}), contains("does not divide moe.experts = 4"));
  CHECK_THROWS_WITH(made({{"outer.name", "bias_balanced"}}), contains("router with buffers"));
  CHECK_THROWS_WITH(made({{"outer.name", "soft"}}), contains("must assign tokens"));
  CHECK_THROWS_WITH(made({{"inner.group", "sequence"}}), contains("differ in length"));
  CHECK_THROWS_WITH(made({{"inner.dropped", "input"}}), contains("inside another"));
}

TEST_CASE("hierarchical: dense gates at both levels are the mixture of 1994",
          "[routers][hierarchical]") {
  const Site site{.width = 3, .experts = 6, .batch = 2, .length = 3};
  TinyLayer layer(site, "hierarchical", {{"groups", "2"}, {"outer.k", "0"}, {"inner.k", "0"}},
                  "mlp", 4);
  const Tensor x = layer.input();
  const auto gates = [&](const std::string& name) {
    return host(softmax(matmul(x, parameter_of(*layer.router, name))));
  };
  const std::vector<double> outer = gates("outer.weight");  // [T, 2]
  std::vector<double> want(static_cast<std::size_t>(x.size()));
  for (std::size_t g = 0; g < 2; ++g) {
    const std::vector<double> inner = gates("inner." + std::to_string(g) + ".weight");  // [T, 3]
    for (std::size_t i = 0; i < 3; ++i) {
      const std::vector<double> u = host(layer.apply_expert(static_cast<index>(3 * g + i), x));
      for (std::size_t n = 0; n < want.size(); ++n)
        want[n] += outer[n / 3 * 2 + g] * inner[n / 3 * 3 + i] * u[n];
    }
  }
  const std::vector<double> y = host(layer.run(x));
  for (std::size_t n = 0; n < want.size(); ++n)
    CHECK_THAT(y[n], WithinAbs(want[n], kDouble ? 1e-12 : 1e-5));
}

}  // namespace
}  // namespace moesim::testing
