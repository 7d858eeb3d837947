// Tests softmax and log-sum-exp, forward and backward.
#include "tests/support/kernel_test.hpp"
#include "tests/support/naive.hpp"

#include <cmath>
#include <limits>

namespace moesim::testing {
namespace {

constexpr real kInfinity = std::numeric_limits<real>::infinity();

// Rows and columns, short and long, one tile and many.
const Along kSoftmaxShapes[] = {{0, 3, 1},    {1, 1, 1},    {3, 17, 1},   {4001, 8, 1},
                                {300, 64, 1}, {64, 257, 1}, {5, 4099, 1}, {1, 1, 3},
                                {3, 17, 17},  {2, 64, 257}, {300, 8, 65}, {7, 130, 3}};

}  // namespace

TEST_CASE("softmax: along any axis", "[backend]") {
  for (const Along a : kSoftmaxShapes)
    for (const double scale : {1.0, 3.0}) {
      const Reals x = random_reals(1, a.outer * a.n * a.inner);
      CAPTURE(a.outer, a.n, a.inner, scale);
      check_kernel(
          naive::softmax(a, scale, to_double(x)), tolerance(a.n), false,
          [&](Backend& b, real* y, bool) { b.softmax(a, static_cast<real>(scale), x.data(), y); });
    }
}

TEST_CASE("softmax: pull-back", "[backend]") {
  for (const Along a : kSoftmaxShapes) {
    const index size = a.outer * a.n * a.inner;
    const Doubles y = naive::softmax(a, 2, to_double(random_reals(1, size)));
    const Reals y_real(y.begin(), y.end()), dy = random_reals(2, size);
    CAPTURE(a.outer, a.n, a.inner);
    check_kernel(naive::softmax_backward(a, 2, to_double(y_real), to_double(dy)), tolerance(a.n),
                 true, [&](Backend& b, real* dx, bool acc) {
                   b.softmax_backward(a, 2, y_real.data(), dy.data(), dx, acc);
                 });
  }
}

TEST_CASE("softmax: large and masked scores", "[backend]") {
  for (const index inner : {1, 5}) {
    Reals x, y(static_cast<std::size_t>(3 * inner));
    for (const real v : {real(1e4), real(1e4), -kInfinity})
      x.insert(x.end(), static_cast<std::size_t>(inner), v);
    backend().softmax({1, 3, inner}, 1, x.data(), y.data());
    for (index i = 0; i < 3 * inner; ++i)
      CHECK(y[static_cast<std::size_t>(i)] == (i < 2 * inner ? real(0.5) : real(0)));
  }
}

TEST_CASE("softmax: in place", "[backend]") {
  for (const Along a : {Along{70, 8, 1}, Along{3, 300, 1}, Along{3, 17, 70}}) {
    Reals x = random_reals(1, a.outer * a.n * a.inner);
    const Doubles want = naive::softmax(a, 1, to_double(x));
    backend().softmax(a, 1, x.data(), x.data());
    require_close(x, want, tolerance(a.n));
  }
}

TEST_CASE("log_sum_exp: every row, without overflow", "[backend]") {
  for (const Along a : kSoftmaxShapes) {
    if (a.inner > 1) continue;
    Reals x = random_reals(1, a.outer * a.n);
    if (!x.empty()) x[0] = 1000;
    const Doubles exact = to_double(x);
    Doubles want;
    for (index r = 0; r < a.outer; ++r)
      want.push_back(naive::log_sum_exp(exact.data() + r * a.n, a.n));
    check_kernel(want, tolerance(a.n), false,
                 [&](Backend& b, real* y, bool) { b.log_sum_exp(x.data(), y, a.outer, a.n); });
  }
}

}  // namespace moesim::testing
