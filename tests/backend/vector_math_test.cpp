// Tests vectorised exp, log and other functions to a few units in the last place.
#include "sim/backend/cpu/vector_math.hpp"

#include "sim/backend/cpu/vector_inline.hpp"
#include "tests/support/kernel_test.hpp"
#include "tests/support/naive.hpp"

#include <cmath>
#include <limits>

namespace moesim::testing {
namespace {

constexpr real kInf = std::numeric_limits<real>::infinity();
const real kNan = std::numeric_limits<real>::quiet_NaN();

// The largest error of f over n values from low to high, in units in the last place of the result.
template <class F, class G>
double worst_ulps(double low, double high, F f, G exact) {
  double worst = 0;
  for (int i = 0; i <= 200000; ++i) {
    const auto x = static_cast<real>(low + (high - low) * i / 200000);
    const double want = exact(static_cast<double>(x));
    const real size = std::max(std::abs(static_cast<real>(want)), std::numeric_limits<real>::min());
    const double ulp = std::nextafter(size, kInf) - size;
    worst = std::max(worst, std::abs(f(x) - want) / ulp);
  }
  return worst;
}

}  // namespace

TEST_CASE("vector math: functions are exact to a few units in the last place", "[backend]") {
  const auto vexp = [](real x) { return cpu::vexp(x); };
  CHECK(worst_ulps(-87.3, 88.7, vexp, [](double x) { return std::exp(x); }) <= kExpUlps);
  CHECK(worst_ulps(-1, 1, vexp, [](double x) { return std::exp(x); }) <= kExpUlps);
  const auto vlog = [](real x) { return cpu::vlog(x); };
  CHECK(worst_ulps(1e-30, 3, vlog, [](double x) { return std::log(x); }) <= kFunctionUlps);
  CHECK(worst_ulps(1, 1e30, vlog, [](double x) { return std::log(x); }) <= kFunctionUlps);
  CHECK(worst_ulps(
            -12, 12, [](real x) { return cpu::vtanh(x); }, [](double x) { return std::tanh(x); }) <=
        kFunctionUlps);
  CHECK(worst_ulps(
            -0.01, 0.01, [](real x) { return cpu::vtanh(x); },
            [](double x) { return std::tanh(x); }) <= kFunctionUlps);
  CHECK(worst_ulps(
            -80, 80, [](real x) { return cpu::vsigmoid(x); },
            [](double x) { return naive::sigmoid(x); }) <= kFunctionUlps);
  CHECK(worst_ulps(
            -80, 80, [](real x) { return cpu::vsoftplus(x); },
            [](double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }) <=
        kFunctionUlps);
}

TEST_CASE("vector math: the normal distribution is exact in absolute terms", "[backend]") {
  for (int i = -20000; i <= 20000; ++i) {
    const auto x = static_cast<real>(i * 1e-3);
    const auto normal = cpu::vnormal(x);
    REQUIRE(std::abs(normal.cdf - naive::cdf(x)) <= kCdfError);
    REQUIRE(std::abs(normal.density - naive::density(x)) <= kCdfError);
  }
}

TEST_CASE("vector math: functions saturate at the ends and let NaN through", "[backend]") {
  CHECK(cpu::vexp(-kInf) == 0);
  CHECK(cpu::vexp(real(-1e6)) == 0);
  CHECK(cpu::vexp(real(0)) == 1);
  CHECK(cpu::vexp(real(1e6)) == kInf);
  CHECK(cpu::vexp(kInf) == kInf);
  CHECK(cpu::vlog(real(0)) == -kInf);
  CHECK(cpu::vlog(real(1)) == 0);
  CHECK(cpu::vlog(kInf) == kInf);
  CHECK(std::isnan(cpu::vlog(real(-1))));
  CHECK(cpu::vtanh(kInf) == 1);
  CHECK(cpu::vtanh(-kInf) == -1);
  CHECK(std::signbit(cpu::vtanh(real(-0.0))));
  CHECK(cpu::vsigmoid(kInf) == 1);
  CHECK(cpu::vsigmoid(-kInf) == 0);
  CHECK(cpu::vsoftplus(-kInf) == 0);
  CHECK(cpu::vsoftplus(kInf) == kInf);
  CHECK(cpu::vnormal(kInf).cdf == 1);
  CHECK(cpu::vnormal(-kInf).cdf == 0);
  CHECK(std::isnan(cpu::vexp(kNan)));
  CHECK(std::isnan(cpu::vlog(kNan)));
  CHECK(std::isnan(cpu::vtanh(kNan)));
  CHECK(std::isnan(cpu::vsigmoid(kNan)));
  CHECK(std::isnan(cpu::vsoftplus(kNan)));
  CHECK(std::isnan(cpu::vnormal(kNan).cdf));
}

TEST_CASE("activate: value and derivative, with and without bias", "[backend]") {
  const std::pair<Activation, Unary> kinds[] = {{Activation::relu, Unary::relu},
                                                {Activation::gelu, Unary::gelu},
                                                {Activation::silu, Unary::silu},
                                                {Activation::tanh, Unary::tanh},
                                                {Activation::sigmoid, Unary::sigmoid}};
  for (const index n : {0, 1, 3, 17, 64, 257}) {
    Reals x = random_reals(1, n, -3, 3), bias = random_reals(2, n, -1, 1);
    if (n > 0) x[0] = bias[0] = 0;
    for (const bool biased : {false, true}) {
      Reals z = x;
      if (biased)
        for (std::size_t i = 0; i < z.size(); ++i) z[i] += bias[i];
      const real* b = biased ? bias.data() : nullptr;
      for (const auto& [activation, op] : kinds) {
        Doubles value, slope;
        for (const real v : z) {
          value.push_back(naive::unary(op, v));
          slope.push_back(naive::slope(op, v));
        }
        Reals y = x, got(z.size()), alone = x;
        cpu::activate(activation, b, y.data(), got.data(), n);
        require_close(y, value, tolerance());
        require_close(got, slope, tolerance());
        cpu::activate(activation, b, alone.data(), nullptr, n);
        require_close(alone, value, tolerance());
      }
      Reals y = x;
      cpu::activate(Activation::none, b, y.data(), nullptr, n);
      CHECK(y == z);
    }
  }
}

TEST_CASE("simd_sum and simd_max: any length", "[backend]") {
  for (index n = 0; n < 70; ++n) {
    CHECK(cpu::simd_sum<i32>(n, [](index i) { return static_cast<i32>(i); }) == n * (n - 1) / 2);
    for (index top = 0; top < n; ++top)
      REQUIRE(cpu::simd_max(n, [=](index i) { return i == top ? real(1) : real(-1); }) == 1);
  }
  CHECK(cpu::simd_max(0, [](index) { return real(0); }) == -kInf);
}

}  // namespace moesim::testing
