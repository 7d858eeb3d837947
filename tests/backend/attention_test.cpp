// Tests the attention kernel against the softmax over the whole matrix.
#include "tests/support/attention_reference.hpp"
#include "tests/support/kernel_test.hpp"
#include "tests/support/naive_layers.hpp"

#include <cmath>

namespace moesim::testing {
namespace {

struct Shape {
  index batch, length, heads, head_size;
};
// Lengths around the blocks of 48 queries and 256 keys, and below.
const Shape kShapes[] = {{0, 4, 1, 4},   {1, 1, 1, 1},    {2, 3, 3, 1},
                         {3, 17, 2, 5},  {1, 48, 2, 16},  {2, 49, 1, 8},
                         {1, 257, 2, 3}, {1, 300, 1, 33}, {1, 520, 1, 4}};

Attention describe(const Shape& s, bool causal, const Reals& qkv) {
  Attention a;
  a.batch = s.batch;
  a.length = s.length;
  a.heads = s.heads;
  a.head_size = s.head_size;
  a.causal = causal;
  a.scale = static_cast<real>(1 / std::sqrt(static_cast<double>(s.head_size)));
  a.qkv = qkv.data();
  return a;
}

}  // namespace

TEST_CASE("attention: equals the softmax over the whole matrix", "[backend]") {
  for (const Shape& s : kShapes)
    for (const bool causal : {true, false}) {
      const index size = s.batch * s.length * s.heads * s.head_size;
      const Reals qkv = random_reals(1, 3 * size), dy = random_reals(2, size);
      const Attention a = describe(s, causal, qkv);
      const auto want = naive::attention(a, to_double(qkv), to_double(dy));
      CAPTURE(s.batch, s.length, s.heads, s.head_size, causal);
      Reals y(want.y.size()), lse(want.lse.size());
      check_kernel(want.y, tolerance(s.length), false,
                   [&](Backend& b, real* to, bool) { b.attention(a, to, lse.data()); });
      check_kernel(want.lse, tolerance(s.length), false,
                   [&](Backend& b, real* to, bool) { b.attention(a, y.data(), to); });
      check_kernel(want.dqkv, tolerance(s.length), false, [&](Backend& b, real* to, bool) {
        b.attention_backward(a, y.data(), lse.data(), dy.data(), to);
      });
    }
}

// Odd lengths and sizes leave half a pair, few columns less than a vector.
TEST_CASE("attention in bfloat16: rounded factors, full sums, same bits on any threads",
          "[backend][bfloat16]") {
  for (const Shape& s :
       {Shape{1, 1, 1, 1}, Shape{1, 2, 1, 16}, Shape{1, 48, 2, 16}, Shape{1, 49, 3, 32},
        Shape{1, 100, 1, 33}, Shape{1, 257, 2, 3}, Shape{1, 300, 1, 7}, Shape{1, 520, 1, 2}})
    for (const bool causal : {true, false}) {
      if (kDouble && s.length > 64) continue;  // slow, and the same loops as in float
      CAPTURE(s.length, s.heads, s.head_size, causal);
      const index size = s.length * s.heads * s.head_size;
      const Reals qkv = random_reals(1, 3 * size), dy = random_reals(2, size);
      Attention a = describe(s, causal, qkv);
      a.compute = Compute::bfloat16;
      a.scale *= 2;  // weights that differ
      Reals first;
      for (const int threads : {1, 3}) {
        CpuBackend cpu(threads);
        Reals y(dy.size()), lse(static_cast<std::size_t>(s.length * s.heads)), dqkv(qkv.size());
        cpu.attention(a, y.data(), lse.data());
        cpu.attention_backward(a, y.data(), lse.data(), dy.data(), dqkv.data());
        Reals all = y;
        for (const Reals* part : {&lse, &dqkv}) all.insert(all.end(), part->begin(), part->end());
        if (threads > 1) {
          REQUIRE(all == first);
          continue;
        }
        first = all;
        const auto factors = [](const Reals& values) {
          Doubles low;
          for (const real v : values) low.push_back(rounded(Compute::bfloat16, double(v)));
          return low;
        };
        AttentionReference reference{a, 256, factors(qkv), {}, {}};
        reference.y.resize(y.size()), reference.dqkv.resize(qkv.size());
        reference.run(factors(dy), to_double(dy));
        check_attention("y", a.compute, y, reference.y);
        check_attention("dqkv", a.compute, dqkv, reference.dqkv);
      }
    }
}

TEST_CASE("attention: under the causal mask the future does not matter, bit for bit", "[backend]") {
  const Shape s{1, 200, 2, 8};
  const index width = s.heads * s.head_size, cut = 101;
  for (const Compute compute : {Compute::float32, Compute::bfloat16}) {
    Reals qkv = random_reals(1, s.length * 3 * width);
    Attention a = describe(s, true, qkv);
    a.compute = compute;
    Reals y(static_cast<std::size_t>(s.length * width)),
        lse(static_cast<std::size_t>(s.length * 2));
    backend().attention(a, y.data(), lse.data());
    for (index i = cut * 3 * width; i < s.length * 3 * width; ++i)
      qkv[static_cast<std::size_t>(i)] = 9;
    Reals other(y.size());
    backend().attention(a, other.data(), lse.data());
    for (index i = 0; i < cut * width; ++i)
      REQUIRE(y[static_cast<std::size_t>(i)] == other[static_cast<std::size_t>(i)]);
  }
}

TEST_CASE("attention: large scores neither overflow nor lose the largest", "[backend]") {
  // One head of size 1 with q = 100, k = ±100: every query takes v of the first key, 3.
  Reals qkv;
  for (int i = 0; i < 300; ++i)
    qkv.insert(qkv.end(), {real(100), i == 0 ? real(100) : real(-100), i == 0 ? real(3) : real(5)});
  Reals y(300), lse(300);
  Attention a = describe({1, 300, 1, 1}, true, qkv);
  backend().attention(a, y.data(), lse.data());
  for (const real v : y) CHECK(v == 3);
}

TEST_CASE("attention: allocates nothing once warm", "[backend]") {
  const Reals qkv = random_reals(1, 2 * 70 * 3 * 8);
  Reals y(2 * 70 * 8), lse(2 * 70 * 2), dqkv(qkv.size());
  const Attention a = describe({2, 70, 2, 4}, true, qkv);
  backend().attention(a, y.data(), lse.data());
  backend().attention_backward(a, y.data(), lse.data(), y.data(), dqkv.data());
  const std::size_t before = backend().allocations();
  backend().attention(a, y.data(), lse.data());
  backend().attention_backward(a, y.data(), lse.data(), y.data(), dqkv.data());
  CHECK(backend().allocations() == before);
}

}  // namespace moesim::testing
