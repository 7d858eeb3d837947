// Tests rotary position embeddings.
#include "tests/support/kernel_test.hpp"

#include <cmath>

namespace moesim::testing {
namespace {

Attention describe(index batch, index length, index heads, index head_size) {
  Attention a;
  a.batch = batch;
  a.length = length;
  a.heads = heads;
  a.head_size = head_size;
  return a;
}

}  // namespace

TEST_CASE("rotary: turns pairs of q and k by the position, leaves v", "[backend]") {
  const index shapes[][4] = {{0, 3, 1, 4},  {1, 1, 1, 1},   {2, 3, 2, 2},  {3, 17, 2, 5},
                             {3, 17, 2, 4}, {2, 257, 3, 8}, {2, 64, 4, 32}};
  for (const auto& [B, S, H, d] : shapes)
    for (const int sign : {1, -1}) {
      const Attention a = describe(B, S, H, d);
      const Reals start = random_reals(1, B * S * 3 * H * d);
      Doubles want = to_double(start);
      const index half = d / 2;
      for (index row = 0; row < B * S; ++row)
        for (index head = 0; head < 2 * H; ++head)
          for (index i = 0; i < half; ++i) {
            const auto at = static_cast<std::size_t>(row * 3 * H * d + head * d + i);
            const double angle =
                sign * static_cast<double>(row % S) *
                std::pow(10000.0, -2.0 * static_cast<double>(i) / static_cast<double>(d));
            const double u = want[at], v = want[at + static_cast<std::size_t>(half)];
            want[at] = u * std::cos(angle) - v * std::sin(angle);
            want[at + static_cast<std::size_t>(half)] = u * std::sin(angle) + v * std::cos(angle);
          }
      CAPTURE(B, S, H, d, sign);
      check_kernel(want, tolerance(), false, [&](Backend& b, real* qkv, bool) {
        std::copy(start.begin(), start.end(), qkv);
        b.rotary(a, real(10000), sign, qkv);
      });
    }
}

TEST_CASE("rotary: the opposite sign undoes it", "[backend]") {
  const Attention a = describe(2, 33, 2, 6);
  const Reals start = random_reals(1, 2 * 33 * 3 * 12);
  Reals qkv = start;
  backend().rotary(a, real(500), 1, qkv.data());
  backend().rotary(a, real(500), -1, qkv.data());
  require_close(qkv, to_double(start), tolerance());
}

}  // namespace moesim::testing
