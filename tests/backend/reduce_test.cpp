// Tests sums and norms over rows, columns and whole arrays.
#include "tests/support/kernel_test.hpp"

#include <cmath>
#include <limits>

namespace moesim::testing {

TEST_CASE("sum_rows: column sums of every group", "[backend]") {
  const index shapes[][3] = {{1, 0, 3},     {0, 4, 3},     {1, 1, 1},
                             {3, 17, 64},   {2, 257, 17},  {1, 4096, 8},
                             {5, 300, 257}, {4001, 3, 17}, {1, 1023, 512}};
  for (const auto& [groups, rows, cols] : shapes) {
    const Reals x = random_reals(1, groups * rows * cols);
    Doubles want(static_cast<std::size_t>(groups * cols));
    for (index i = 0; i < groups * rows * cols; ++i)
      want[static_cast<std::size_t>(i / (rows * cols) * cols + i % cols)] +=
          x[static_cast<std::size_t>(i)];
    CAPTURE(groups, rows, cols);
    check_kernel(want, tolerance(), true,
                 [&, g = groups, r = rows, c = cols](Backend& b, real* y, bool acc) {
                   b.sum_rows(x.data(), y, acc, g, r, c);
                 });
  }
}

TEST_CASE("sum_cols and dot_cols: one value per row", "[backend]") {
  const index shapes[][2] = {{0, 3}, {3, 0}, {1, 1}, {17, 3}, {64, 257}, {3, 5000}, {9001, 8}};
  for (const auto& [rows, cols] : shapes) {
    const Reals a = random_reals(1, rows * cols), b = random_reals(2, rows * cols);
    Doubles sum(static_cast<std::size_t>(rows)), dot = sum;
    for (index i = 0; i < rows * cols; ++i) {
      const auto r = static_cast<std::size_t>(i / cols), at = static_cast<std::size_t>(i);
      sum[r] += a[at];
      dot[r] += double(a[at]) * b[at];
    }
    CAPTURE(rows, cols);
    check_kernel(sum, tolerance(), true, [&, r = rows, c = cols](Backend& k, real* y, bool acc) {
      k.sum_cols(a.data(), y, acc, r, c);
    });
    check_kernel(dot, tolerance(), true, [&, r = rows, c = cols](Backend& k, real* y, bool acc) {
      k.dot_cols(a.data(), b.data(), y, acc, r, c);
    });
  }
}

TEST_CASE("sum_all and squared_norm: the whole array", "[backend]") {
  for (const index n : {0, 1, 3, 17, 64, 257, 100003}) {
    const Reals x = random_reals(1, n);
    double sum = 0, square = 0;
    for (const real v : x) {
      sum += v;
      square += double(v) * v;
    }
    check_kernel({sum}, tolerance(), true,
                 [&](Backend& b, real* y, bool acc) { b.sum_all(x.data(), y, acc, n); });
    double first = 0;
    for (const int threads : {1, 2, 3, 7}) {
      backend().set_threads(threads);
      const double got = backend().squared_norm(x.data(), n);
      if (threads == 1) first = got;
      CHECK(got == first);
      CHECK_THAT(got, WithinRel(square, 1e-12));
    }
  }
}

TEST_CASE("sum_all: double holds what float would lose", "[backend]") {
  // 2^24 + 1 - 2^24 + 1 - ...: every single 1 is below the resolution of a float sum.
  Reals x;
  for (int i = 0; i < 1000; ++i) x.insert(x.end(), {real(16777216), real(1), real(-16777216)});
  real y = 0;
  backend().sum_all(x.data(), &y, false, static_cast<index>(x.size()));
  CHECK(y == 1000);
}

TEST_CASE("all_finite: finds one infinity or NaN anywhere", "[backend]") {
  for (const index n : {1, 17, 257, 40001}) {
    Reals x = random_reals(1, n);
    CHECK(backend().all_finite(x.data(), n));
    for (const real bad :
         {std::numeric_limits<real>::infinity(), -std::numeric_limits<real>::infinity(),
          std::numeric_limits<real>::quiet_NaN()})
      for (const index at : {index{0}, n / 2, n - 1}) {
        const real kept = std::exchange(x[static_cast<std::size_t>(at)], bad);
        CHECK_FALSE(backend().all_finite(x.data(), n));
        x[static_cast<std::size_t>(at)] = kept;
      }
  }
  CHECK(backend().all_finite(nullptr, 0));
}

}  // namespace moesim::testing
