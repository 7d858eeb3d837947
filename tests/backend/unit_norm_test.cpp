// Tests normalisation to unit length, forward and backward.
#include "tests/support/kernel_test.hpp"
#include "tests/support/naive.hpp"

namespace moesim::testing {
namespace {

const Along kUnitShapes[] = {{0, 3, 1}, {1, 1, 1},   {3, 17, 1},   {4001, 8, 1}, {64, 257, 1},
                             {1, 3, 1}, {3, 17, 17}, {2, 64, 257}, {300, 8, 65}, {7, 130, 3}};

}  // namespace

TEST_CASE("unit_norm: vectors of length one along any axis", "[backend]") {
  for (const Along a : kUnitShapes) {
    const Reals x = random_reals(1, a.outer * a.n * a.inner);
    const naive::Normed want = naive::unit_norm(a, 1e-3, to_double(x));
    const auto lines = static_cast<std::size_t>(a.outer * a.inner);
    CAPTURE(a.outer, a.n, a.inner);
    Reals other(std::max(x.size(), lines));
    check_kernel(want.y, tolerance(a.n), false, [&](Backend& b, real* y, bool) {
      b.unit_norm(a, real(1e-3), x.data(), y, other.data());
    });
    check_kernel(want.inverse, tolerance(a.n), false, [&](Backend& b, real* inverse, bool) {
      b.unit_norm(a, real(1e-3), x.data(), other.data(), inverse);
    });
  }
}

TEST_CASE("unit_norm: pull-back, epsilon included", "[backend]") {
  for (const Along a : kUnitShapes) {
    const index size = a.outer * a.n * a.inner;
    const Reals x = random_reals(1, size), dy = random_reals(2, size);
    const naive::Normed forward = naive::unit_norm(a, 0.5, to_double(x));
    const Reals y(forward.y.begin(), forward.y.end());
    const Reals inverse(forward.inverse.begin(), forward.inverse.end());
    CAPTURE(a.outer, a.n, a.inner);
    check_kernel(naive::unit_norm_backward(a, 0.5, to_double(x), to_double(dy)), tolerance(a.n),
                 true, [&](Backend& b, real* dx, bool acc) {
                   b.unit_norm_backward(a, y.data(), inverse.data(), dy.data(), dx, acc);
                 });
  }
}

TEST_CASE("unit_norm: a vector of zeros stays zero", "[backend]") {
  const Reals x(8);
  Reals y(8, 1), inverse(1);
  backend().unit_norm({1, 8, 1}, real(1e-4), x.data(), y.data(), inverse.data());
  CHECK(y == x);
  CHECK_THAT(inverse[0], WithinRel(real(100), real(1e-5)));  // 1 / sqrt(1e-4)
}

}  // namespace moesim::testing
