// Tests adapters of single matrices against plain loops, and their derivatives.
#include "sim/nn/adapter.hpp"

#include "sim/nn/context.hpp"
#include "sim/ops/ops.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/gradient_check.hpp"

#include <cmath>
#include <string>
#include <vector>

namespace moesim::testing {
namespace {

using Kind = AdapterConfig::Kind;

constexpr double kClose = 1e-13;
constexpr index kIn = 5, kOut = 4, kRows = 6;

AdapterConfig config_of(Kind kind) {
  return {.kind = kind, .rank = 2, .experts = kind == Kind::lora ? 1 : 3, .alpha = 3};
}

// A matrix with an adapter of random values, and rows.
struct Adapted {
  explicit Adapted(const AdapterConfig& config)
      : c(config),
        w(random_tensor(1, {kIn, kOut})),
        x(random_tensor(2, {kRows, kIn})),
        dropped(random_tensor(3, {kRows, kIn})),
        adapter(config, {.name = "w", .value = w, .init = {}}, 1) {
    std::uint64_t key = 10;
    for (const Parameter& p : adapter.parameters()) {
      p.value.allocate(backend());
      p.value.from_host(random_reals(key++, p.value.size(), -1, 1));
    }
  }
  Tensor run() const {
    return adapter.forward(x, dropped, matmul(x, w), [](const Tensor& rows, const Tensor& m) {
      return matmul(rows, m.reshape({m.dim(1), m.dim(2)}));
    });
  }
  double at(const char* name, index row, index column) const {
    for (const Parameter& p : adapter.parameters())
      if (p.name == name)
        return double(p.value.to_host()[static_cast<std::size_t>(row * p.value.cols() + column)]);
    FAIL("no parameter " << name);
    return 0;
  }
  Tensor parameter(const char* name) const {
    for (const Parameter& p : adapter.parameters())
      if (p.name == name) return p.value;
    FAIL("no parameter " << name);
    return {};
  }

  AdapterConfig c;
  Tensor w, x, dropped;  // dropped: what a change reads, in place of x with dropout
  Adapter adapter;
};

// The weights of the experts for a row.
std::vector<double> mix(const Adapted& m, const std::vector<real>& x, index row) {
  if (!m.c.mixes()) return {1};
  std::vector<double> p;
  double total = 0;
  for (index e = 0; e < m.c.experts; ++e) {
    double z = 0;
    for (index i = 0; i < kIn; ++i)
      z += double(x[static_cast<std::size_t>(row * kIn + i)]) * m.at("router", i, e);
    p.push_back(std::exp(z));
    total += p.back();
  }
  for (double& each : p) each /= total;
  return p;
}

void check_against_loops(Kind kind) {
  const Adapted m(config_of(kind));
  const std::vector<real> x = m.x.to_host(), dropped = m.dropped.to_host(), w = m.w.to_host(),
                          got = m.run().to_host();
  double worst = 0;
  for (index t = 0; t < kRows; ++t) {
    const std::vector<double> p = mix(m, x, t);
    for (index o = 0; o < kOut; ++o) {
      double y = 0, added = 0, factor = 1;
      for (index i = 0; i < kIn; ++i)
        y += double(x[static_cast<std::size_t>(t * kIn + i)]) *
             double(w[static_cast<std::size_t>(i * kOut + o)]);
      for (index e = 0; e < m.c.experts; ++e) {
        const double weight = p[static_cast<std::size_t>(e)];
        if (!m.c.low_rank()) {
          factor += weight * m.at("change", e, o);
          continue;
        }
        for (index r = 0; r < m.c.rank; ++r)
          for (index i = 0; i < kIn; ++i)
            added += m.c.alpha / double(m.c.rank) * weight *
                     double(dropped[static_cast<std::size_t>(t * kIn + i)]) *
                     m.at("a", i, e * m.c.rank + r) * m.at("b", e * m.c.rank + r, o);
      }
      const double want = y * factor + added;
      worst = std::max(worst, std::abs(want - double(got[static_cast<std::size_t>(t * kOut + o)])));
    }
  }
  CHECK(worst < kClose * 10);
}

}  // namespace

TEST_CASE("adapter: every kind is its formula", "[nn]") {
  for (const Kind kind : {Kind::lora, Kind::molora, Kind::loramoe, Kind::mov}) {
    CAPTURE(static_cast<int>(kind));
    check_against_loops(kind);
  }
}

TEST_CASE("adapter: derivatives are right", "[nn]") {
  for (const Kind kind : {Kind::lora, Kind::molora, Kind::mov}) {
    CAPTURE(static_cast<int>(kind));
    const Adapted m(config_of(kind));
    std::vector<Tensor> inputs = {m.x};
    if (m.c.low_rank()) inputs.push_back(m.dropped);
    for (const Parameter& p : m.adapter.parameters()) inputs.push_back(p.value);
    m.w.set_wants_gradient(false);
    CHECK(gradient_error([&](const std::vector<Tensor>&) { return m.run(); }, inputs) < 1e-7);
    CHECK(!m.w.has_gradient());
  }
}

TEST_CASE("adapter: a mixture of one expert is lora, bit by bit", "[nn]") {
  AdapterConfig one = config_of(Kind::molora);
  one.experts = 1;
  const Adapted lora(config_of(Kind::lora)), molora(one);
  for (const char* name : {"a", "b"})
    molora.parameter(name).from_host(lora.parameter(name).to_host());
  CHECK(molora.run().to_host() == lora.run().to_host());
}

TEST_CASE("adapter: alpha times c with B / c is the same function", "[nn]") {
  AdapterConfig scaled = config_of(Kind::lora);
  scaled.alpha *= 3;
  const Adapted before(config_of(Kind::lora)), after(scaled);
  std::vector<real> b = before.parameter("b").to_host();
  for (real& value : b) value /= 3;
  after.parameter("b").from_host(b);
  const std::vector<real> x = before.run().to_host(), y = after.run().to_host();
  for (std::size_t i = 0; i < x.size(); ++i)
    CHECK_THAT(double(y[i]), WithinAbs(double(x[i]), 10 * kClose));
}

TEST_CASE("adapter: how parameters begin, and which decay", "[nn]") {
  for (const Kind kind : {Kind::lora, Kind::molora, Kind::loramoe, Kind::mov}) {
    CAPTURE(static_cast<int>(kind));
    const Adapted m(config_of(kind));
    for (const Parameter& p : m.adapter.parameters()) {
      CAPTURE(p.name);
      const bool zero = p.name == "b" || p.name == "change";
      // U(-1/√in, 1/√in), Kaiming's uniform of PyTorch's linear layers, has the variance 1 / (3 in).
      const double deviation = kind == Kind::loramoe ? std::sqrt(1.0 / (3 * kIn)) : 0.02;
      CHECK((p.init.kind == Init::Kind::constant) == zero);
      CHECK_THAT(p.init.value, WithinAbs(zero ? 0 : deviation, 1e-15));
      CHECK(p.decay == (p.name != "change"));  // factors are not drawn to those of the start
    }
  }
}

TEST_CASE("adapter: experts have the products of one row with two matrices", "[nn]") {
  // Low rank: 2 · n r (in + out), and 2 in n of the router; factors: 2 n out.
  CHECK(Adapted(config_of(Kind::lora)).adapter.flops_per_row() == 2 * 2 * (5 + 4));
  CHECK(Adapted(config_of(Kind::molora)).adapter.flops_per_row() ==
        2 * 5 * 3 + 2 * 3 * 2 * (5 + 4));
  CHECK(Adapted(config_of(Kind::mov)).adapter.flops_per_row() == 2 * 5 * 3 + 2 * 3 * 4);
}

}  // namespace moesim::testing
