// Tests kernels that compute integers from integers, by hand and against loops.
#include "sim/ops/indices.hpp"

#include "tests/support/kernel_test.hpp"
#include "tests/support/plugin.hpp"

namespace moesim::testing {
namespace {

using Ints = std::vector<i32>;

// run(backend, y) for every number of threads; nothing is written behind the end.
void check_ints(const Ints& want, const std::function<void(Backend&, i32*)>& run) {
  for (const int threads : {1, 2, 3, 7}) {
    backend().set_threads(threads);
    Ints y(want.size() + 1, 77);
    run(backend(), y.data());
    REQUIRE(y.back() == 77);
    y.pop_back();
    REQUIRE(y == want);
  }
}

}  // namespace

TEST_CASE("map_indices: by hand", "[backend]") {
  // x is [2, 3]. Turned over, halved, times 10, and 100 for the row of the result.
  const Ints x = {4, -1, 7, 9, 2, -5};
  const IndexMap map{.shape = {3, 1, 2},
                     .from = {1, 0, 3},
                     .add = {100, 0, 1},
                     .scale = 10,
                     .divide = 2,
                     .base = 5};
  check_ints({25, 46, -1, 116, 235, -1},
             [&](Backend& b, i32* y) { b.map_indices(map, x.data(), y); });
  // Without x, places alone.
  check_ints({3, 4, 10, 11}, [&](Backend& b, i32* y) {
    b.map_indices({.shape = {2, 1, 2}, .add = {7, 5, 1}, .base = 3}, nullptr, y);
  });
  check_ints({}, [&](Backend& b, i32* y) { b.map_indices({.shape = {0, 3, 2}}, nullptr, y); });
}

TEST_CASE("map_indices: more than a piece", "[backend]") {
  const index A = 70, B = 60, C = 11;
  Ints x, want;
  for (index i = 0; i < A * B * C; ++i) x.push_back(static_cast<i32>(i * 7919 % 1000 - 3));
  for (index a = 0; a < A; ++a)
    for (index b = 0; b < B; ++b)
      for (index c = 0; c < C; ++c) {
        const i32 v = x[static_cast<std::size_t>(b * A * C + a * C + c)];
        want.push_back(v < 0 ? -1 : static_cast<i32>(3 * (v / 4) + 1 + 2 * a - b + 5 * c));
      }
  check_ints(want, [&](Backend& backend, i32* y) {
    backend.map_indices({.shape = {A, B, C},
                         .from = {C, A * C, 1},
                         .add = {2, -1, 5},
                         .scale = 3,
                         .divide = 4,
                         .base = 1},
                        x.data(), y);
  });
}

TEST_CASE("look_up, where_less, to_real", "[backend]") {
  constexpr real kNan = std::numeric_limits<real>::quiet_NaN();
  const Ints table = {10, 20, -1, 40}, at = {3, -1, 0, 2, 3};
  check_ints({40, -1, 10, -1, 40},
             [&](Backend& b, i32* y) { b.look_up(table.data(), at.data(), y, 5); });
  const Reals u = {1, 2, 3, kNan, 3}, v = {2, 2, 1, 1, kNan};
  const Ints yes = {1, 2, 3, 4, 5}, no = {6, 7, 8, 9, 0};
  check_ints({1, 7, 8, 9, 0}, [&](Backend& b, i32* y) {
    b.where_less(u.data(), v.data(), yes.data(), no.data(), y, 5);
  });
  check_ints({-1, 7, 8, 9, 0}, [&](Backend& b, i32* y) {
    b.where_less(u.data(), v.data(), nullptr, no.data(), y, 5);
  });
  check_ints({1, -1, -1, -1, -1}, [&](Backend& b, i32* y) {
    b.where_less(u.data(), v.data(), yes.data(), nullptr, y, 5);
  });
  check_kernel({5, -0.5, 0, -0.5, 20 * 0.5}, tolerance(1), false, [&](Backend& b, real* y, bool) {
    const Ints x = {10, -1, 0, -1, 20};
    b.to_real(x.data(), 0.5, y, 5);
  });
}

TEST_CASE("integers that do not fit are told", "[ops]") {
  const Indices x = Indices::of({1, 2, 3, 4, 5, 6}, test_backend());
  CHECK(entries_of(x, 2, 10).to_host() == Ints{1, 2, 13, 14, 25, 26});
  CHECK_THROWS_WITH(map_indices(x, {.shape = {3, 3, 1}, .from = {2, 1}}),
                    contains("place 6 of 6 integers"));
  const Tensor two = Tensor::of({2}, {1, 2}, test_backend());
  CHECK_THROWS_WITH(where_less(two, two, x, {}), contains("other sizes"));
  CHECK_THROWS_WITH(to_real(x, {5}, 1), contains("6 integers"));
}

}  // namespace moesim::testing
