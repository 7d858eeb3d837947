// Tests products and linear layers with bfloat16 factors.
#include "sim/backend/cpu/bfloat16.hpp"

#include "sim/backend/cpu/gemm.hpp"
#include "sim/ops/ops.hpp"
#include "tests/support/kernel_test.hpp"

#include <cmath>
#include <limits>

namespace moesim::testing {
namespace {

// The nearest value with 8 significant bits, ties to even, by arithmetic; doubles become floats
// first.
double nearest(double value) {
  const double x = static_cast<float>(value);
  if (x == 0 || !std::isfinite(x)) return x;
  int exponent = 0;
  const double mantissa = std::frexp(x, &exponent) * 256;
  return std::ldexp(std::nearbyint(mantissa), exponent - 8);
}

Doubles rounded(const Reals& x) {
  Doubles y;
  for (const real v : x) y.push_back(nearest(v));
  return y;
}

}  // namespace

TEST_CASE("bfloat16: rounds to the nearest, ties to even", "[backend][bfloat16]") {
  const Reals x = {1,          1.00390625,  // half way between 1 and 1.0078125: to even, 1
                   1.01171875,              // half way above 1.0078125: to even, 1.015625
                   -3.14159,   0,          65504, real(1e-30)};
  const double want[] = {1, 1, 1.015625, -3.140625, 0, 65536, nearest(1e-30)};
  std::vector<cpu::bf16> y(x.size());
  cpu::to_bf16(x.data(), y.data(), static_cast<index>(x.size()));
  for (std::size_t i = 0; i < x.size(); ++i) {
    CHECK(double(cpu::from_bf16(cpu::to_bf16(x[i]))) == want[i]);
    CHECK(double(cpu::from_bf16(y[i])) == want[i]);
  }
  const real infinity = std::numeric_limits<real>::infinity();
  CHECK(cpu::from_bf16(cpu::to_bf16(infinity)) == infinity);
  CHECK(std::isnan(cpu::from_bf16(cpu::to_bf16(std::numeric_limits<real>::quiet_NaN()))));

  const Reals many = random_reals(7, 1000, -50, 50);  // long enough for vectors
  std::vector<cpu::bf16> low(many.size());
  cpu::to_bf16(many.data(), low.data(), 1000);
  const Doubles expected = rounded(many);
  for (std::size_t i = 0; i < many.size(); ++i)
    REQUIRE(double(cpu::from_bf16(low[i])) == expected[i]);
  check_kernel(expected, tolerance(), true, [&](CpuBackend& cpu, real* y_out, bool acc) {
    cpu.round_bfloat16(many.data(), y_out, acc, 1000);
  });
}

TEST_CASE("gemm_bf16: exact products, sums in real", "[backend][bfloat16]") {
  for (const bool ta : {false, true})
    for (const bool tb : {false, true})
      for (const bool acc : {false, true}) {
        const index m = 5, n = 37, k = 70;
        const Reals a = random_reals(1, m * k), b = random_reals(2, k * n),
                    c = random_reals(3, m * n);
        std::vector<cpu::bf16> la(a.size()), lb(b.size());
        cpu::to_bf16(a.data(), la.data(), m * k);
        cpu::to_bf16(b.data(), lb.data(), k * n);
        const Doubles ra = rounded(a), rb = rounded(b);
        Doubles want = acc ? to_double(c) : Doubles(c.size(), 0);
        for (index i = 0; i < m; ++i)
          for (index j = 0; j < n; ++j)
            for (index l = 0; l < k; ++l)
              want[static_cast<std::size_t>(i * n + j)] +=
                  ra[static_cast<std::size_t>(ta ? l * m + i : i * k + l)] *
                  rb[static_cast<std::size_t>(tb ? j * k + l : l * n + j)];
        Reals got = c;
        cpu::gemm_bf16(ta, tb, m, n, k, la.data(), ta ? m : k, lb.data(), tb ? k : n, acc,
                       got.data(), n);
        require_close(got, want, tolerance(k));
      }
}

// With factors that bfloat16 holds exactly nothing changes; with others, it is the factors that are
// rounded, and in the pull-backs those of dx and dw as well.
TEST_CASE("linear in bfloat16: rounded factors, full sums", "[backend][bfloat16]") {
  const index rows = 300, in = 33, out = 40, E = 3;
  const std::vector<i32> offset = {0, 100, 100, 300};
  const Reals x = random_reals(1, rows * in), w = random_reals(2, E * in * out),
              bias = random_reals(3, E * out), dy = random_reals(4, rows * out);
  const Doubles rx = rounded(x), rw = rounded(w), rd = rounded(dy);
  Linear l{.rows = rows,
           .in = in,
           .out = out,
           .segments = E,
           .offset = offset.data(),
           .x = x.data(),
           .w = w.data(),
           .bias = bias.data(),
           .compute = Compute::bfloat16};
  Doubles y(dy.size()), dx(x.size(), 0), dw(w.size(), 0);
  for (index e = 0; e < E; ++e)
    for (index r = offset[static_cast<std::size_t>(e)]; r < offset[static_cast<std::size_t>(e) + 1];
         ++r)
      for (index o = 0; o < out; ++o) {
        const auto at = static_cast<std::size_t>(r * out + o);
        y[at] = double(bias[static_cast<std::size_t>(e * out + o)]);
        for (index i = 0; i < in; ++i) {
          const auto xi = static_cast<std::size_t>(r * in + i),
                     wi = static_cast<std::size_t>((e * in + i) * out + o);
          y[at] += rx[xi] * rw[wi];
          dx[xi] += rd[at] * rw[wi];
          dw[wi] += rd[at] * rx[xi];
        }
      }
  const double limit = tolerance(rows) * 4;
  Reals worked = dy;
  check_kernel(y, limit, false, [&](CpuBackend& cpu, real* p, bool) { cpu.linear(l, nullptr, p); });
  check_kernel(dx, limit, true, [&](CpuBackend& cpu, real* p, bool acc) {
    cpu.linear_backward(l, nullptr, worked.data(), {.x = {p, acc}});
  });
  check_kernel(dw, limit, true, [&](CpuBackend& cpu, real* p, bool acc) {
    cpu.linear_backward(l, nullptr, worked.data(), {.w = {p, acc}});
  });
}

TEST_CASE("round_bfloat16: value and gradient are rounded", "[ops][bfloat16]") {
  CpuBackend cpu;
  Tensor x = Tensor::of({2}, {real(1.001), real(-2.718)}, cpu);
  x.set_wants_gradient(true);
  Tape tape;
  const Tape::Scope scope(&tape);
  const Tensor y = round_bfloat16(x);
  CHECK(y.to_host() == std::vector<real>{1, real(-2.71875)});
  tape.backward(y, Tensor::of({2}, {real(0.3333), 1}, cpu));
  CHECK(x.gradient().to_host() == std::vector<real>{real(nearest(0.3333)), 1});
}

}  // namespace moesim::testing
