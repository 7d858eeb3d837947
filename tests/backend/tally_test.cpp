// Tests the kernels that count routed rows by expert and domain.
#include "tests/support/kernel_test.hpp"

#include <cmath>

namespace moesim::testing {
namespace {

using Ints = std::vector<i32>;

// n numbers in -1 .. bound-1.
Ints random_keys(std::uint64_t key, index n, index bound) {
  Ints keys;
  for (const real u : random_reals(key, n, 0, 1))
    keys.push_back(static_cast<i32>(std::floor(double(u) * double(bound + 1))) - 1);
  return keys;
}

// Doubles that do not depend on the number of threads; values near `want`, nothing written behind.
template <class Kernel>
void check_doubles(const Doubles& want, Kernel kernel) {
  Doubles first;
  for (const int threads : {1, 2, 3, 7}) {
    backend().set_threads(threads);
    Doubles y(want.size() + 1, 123);
    kernel(backend(), y.data());
    REQUIRE(y.back() == 123);
    y.pop_back();
    if (threads == 1) first = y;
    REQUIRE(y == first);
  }
  for (std::size_t i = 0; i < want.size(); ++i) CHECK_THAT(first[i], WithinRel(want[i], 1e-13));
}

TEST_CASE("label_rows: segment of a row and domain of its token", "[backend]") {
  // Segments of 0, 3, 0, 2, 0 rows.
  const Ints offset = {0, 0, 3, 3, 5, 5}, token = {2, 0, -1, 1, 2}, domain = {1, 0, 2};
  Ints key(5);
  const auto label = [&](const i32* of, index segments, const i32* t, const i32* d) {
    backend().label_rows(of, segments, t, d, key.data(), 5);
    return key;
  };
  CHECK(label(offset.data(), 5, nullptr, nullptr) == Ints{1, 1, 1, 3, 3});
  CHECK(label(offset.data(), 5, token.data(), nullptr) == Ints{1, 1, -1, 3, 3});
  CHECK(label(offset.data(), 5, token.data(), domain.data()) == Ints{11, 6, -1, 3, 13});
  CHECK(label(nullptr, 1, token.data(), domain.data()) == Ints{2, 1, -1, 0, 2});
  CHECK(label(nullptr, 1, nullptr, nullptr) == Ints{0, 0, 0, 0, 0});

  // Longer than a piece: every piece finds its first segment.
  const index n = 20000;
  Ints ends = {0}, want(static_cast<std::size_t>(n));
  for (const i32 by : {1, 4095, 0, 1, 5000, 10903}) ends.push_back(ends.back() + by);
  for (std::size_t s = 0; s + 1 < ends.size(); ++s)
    std::fill(want.begin() + ends[s], want.begin() + ends[s + 1], static_cast<i32>(s));
  Ints got(static_cast<std::size_t>(n));
  backend().label_rows(ends.data(), 6, nullptr, nullptr, got.data(), n);
  CHECK(got == want);
}

TEST_CASE("sum_by_key: against a loop", "[backend]") {
  const index shapes[][4] = {{0, 2, 3, 1},
                             {1, 1, 1, 1},
                             {17, 3, 4, 2},
                             {9001, 5, 3, 1},
                             {12289, 40, 1, 1}};  // rows, keys, cols, inner
  for (const auto& [n, keys, cols, inner] : shapes) {
    CAPTURE(n, keys, cols, inner);
    const index width = cols * inner, rows = n / 2 + 1;
    const Reals x = random_reals(1, std::max(n, rows) * width);
    const Ints key = random_keys(2, n, keys);
    Ints row = random_keys(3, n, rows);
    for (i32& r : row) r = std::max(r, 0);
    for (const bool valued : {true, false})
      for (const bool keyed : {true, false})
        for (const bool moved : {true, false}) {
          Doubles want(static_cast<std::size_t>(keys * cols));
          for (index i = 0; i < n; ++i) {
            const auto at = static_cast<std::size_t>(i);
            const index k = keyed ? key[at] : 0, r = moved ? row[at] : i;
            if (k < 0) continue;
            for (index j = 0; j < width; ++j)
              want[static_cast<std::size_t>(k * cols + j / inner)] +=
                  valued ? double(x[static_cast<std::size_t>(r * width + j)]) : 1;
          }
          check_doubles(want,
                        [&, n = n, keys = keys, cols = cols, inner = inner](Backend& b, double* y) {
                          b.sum_by_key(valued ? x.data() : nullptr, moved ? row.data() : nullptr,
                                       keyed ? key.data() : nullptr, y, n, keys, cols, inner);
                        });
        }
  }
}

TEST_CASE("sum_by_key: double holds what float would lose", "[backend]") {
  Reals x(30000, 1);
  x[0] = real(16777216);  // 2^24: a float sum would never move again
  double y = 0;
  backend().sum_by_key(x.data(), nullptr, nullptr, &y, 30000, 1, 1, 1);
  CHECK(y == 16777216 + 29999);
}

TEST_CASE("sum_entropy: by hand and against a loop", "[backend]") {
  // ln 2, 0, nothing positive, and weights 1 and 3 of 4: ln 4 - 3/4 ln 3.
  const Reals hand = {real(0.5), real(0.5), 1, 0, 0, 0, 1, 3};
  double y = 0;
  backend().sum_entropy(hand.data(), &y, 4, 2);
  CHECK_THAT(y, WithinRel(std::log(2.0) + std::log(4.0) - 0.75 * std::log(3.0), 1e-14));
  for (const index rows : {0, 1, 9001}) {
    const Reals x = random_reals(1, rows * 5, 0, 1);
    Doubles want(1);
    for (index r = 0; r < rows; ++r) {
      double sum = 0;
      for (index c = 0; c < 5; ++c) sum += double(x[static_cast<std::size_t>(r * 5 + c)]);
      for (index c = 0; c < 5; ++c) {
        const double p = double(x[static_cast<std::size_t>(r * 5 + c)]) / sum;
        if (p > 0) want[0] -= p * std::log(p);
      }
    }
    check_doubles(
        want, [&, rows = rows](Backend& b, double* to) { b.sum_entropy(x.data(), to, rows, 5); });
  }
}

}  // namespace
}  // namespace moesim::testing
