// Tests arrays of random numbers: each draw has its place, moments are right.
#include "tests/support/kernel_test.hpp"

#include <cmath>

namespace moesim::testing {
namespace {

// A seed of 64 bits and a layer, so that every word of key and counter is in use.
const Stream kStream{0x123456789abcdef0ull, Purpose::router_noise, 41, 7};

}  // namespace

TEST_CASE("uniform: draw i stands at place i", "[backend]") {
  for (const index n : {0, 1, 3, 17, 64, 257, 50003}) {
    Doubles want;
    for (index i = 0; i < n; ++i)
      want.push_back(-1 + 4 * random_uniform(kStream, static_cast<std::uint64_t>(i)));
    check_kernel(want, tolerance(), false,
                 [&](Backend& b, real* y, bool) { b.uniform(kStream, -1, 3, y, n); });
  }
}

TEST_CASE("uniform: never reaches the upper end", "[backend]") {
  // In float 1 + 2^-23 u rounds up for half of all u.
  const real high = std::nextafter(real(1), real(2));
  Reals y(1000);
  backend().uniform(kStream, 1, high, y.data(), 1000);
  for (const real v : y) REQUIRE(v == 1);
  backend().uniform(kStream, 2, 2, y.data(), 1000);
  for (const real v : y) REQUIRE(v == 2);
}

TEST_CASE("normal: draw i stands at place i", "[backend]") {
  for (const index n : {0, 1, 3, 17, 64, 257, 50003}) {
    Doubles want;
    for (index i = 0; i < n; ++i)
      want.push_back(random_normal(kStream, static_cast<std::uint64_t>(i)));
    check_kernel(want, tolerance(), false,
                 [&](Backend& b, real* y, bool) { b.normal(kStream, y, n); });
  }
}

TEST_CASE("normal: mean 0, variance 1", "[backend]") {
  const index n = 200000;
  Reals y(static_cast<std::size_t>(n));
  backend().normal(kStream, y.data(), n);
  double mean = 0, square = 0;
  for (const real v : y) {
    mean += v / static_cast<double>(n);
    square += double(v) * v / static_cast<double>(n);
  }
  CHECK(std::abs(mean) < 0.01);          // four standard errors, 4 / sqrt(n) = 0.009
  CHECK(std::abs(square - 1) < 0.0127);  // 4 sqrt(2 / n)
}

}  // namespace moesim::testing
