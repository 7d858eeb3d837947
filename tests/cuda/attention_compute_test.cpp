// Tests attention in every compute type against sums in double of factors rounded here.
#include "tests/cuda/array.hpp"
#include "tests/cuda/support.hpp"
#include "tests/support/attention_reference.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>

namespace moesim::testing {
namespace {

constexpr index kTile = kDouble ? 32 : 64;  // keys that share a maximum

struct Case {
  Compute compute;
  index length, heads, size;
  bool causal;
  index shift;
};

void run(Backend& cuda, const Case& c) {
  CAPTURE(static_cast<int>(c.compute), c.length, c.heads, c.size, c.causal, c.shift);
  std::vector<std::vector<real>> first;
  for (int repetition = 0; repetition < repetitions(); ++repetition) {
    arrange(repetition);
    Attention a;
    a.batch = 1, a.length = c.length, a.heads = c.heads, a.head_size = c.size;
    a.causal = c.causal, a.compute = c.compute;
    a.scale = static_cast<real>(2 / std::sqrt(static_cast<double>(c.size)));
    const index n = c.length * c.heads * c.size;
    const Array qkv(cuda, 1, 3 * n, c.shift), y(cuda, 2, n, c.shift), dy(cuda, 3, n, c.shift);
    const Array lse(cuda, 4, c.length * c.heads, c.shift), dqkv(cuda, 5, 3 * n, c.shift);
    a.qkv = qkv.p();
    cuda.attention(a, y.p(), lse.p());
    cuda.attention_backward(a, y.p(), lse.p(), dy.p(), dqkv.p());
    const std::vector<std::vector<real>> got = {y.now(), dqkv.now(), lse.now()};
    if (repetition > 0) {
      REQUIRE(got == first);  // to the bit
      continue;
    }
    first = got;
    AttentionReference reference{a, kTile, qkv.factor(c.compute), {}, {}};
    reference.y.resize(got[0].size()), reference.dqkv.resize(got[1].size());
    reference.run(dy.factor(c.compute), dy.factor(Compute::float32));
    check_attention("y", c.compute, got[0], reference.y, !emulated());
    check_attention("dqkv", c.compute, got[1], reference.dqkv, !emulated());
  }
}

TEST_CASE("cuda: attention in every type of factors", "[cuda]") {
  Backend* cuda = card("attention in every type of factors");
  if (!cuda) return;
  for (const Compute compute : {Compute::float32, Compute::bfloat16, Compute::tf32}) {
    if (kDouble && compute == Compute::tf32) continue;  // which that build does not have
    run(*cuda, {compute, 1, 1, 16, true, 0});
    run(*cuda, {compute, 64, 1, 32, true, 0});
    run(*cuda, {compute, 65, 2, 16, true, 0});
    run(*cuda, {compute, 63, 1, 64, false, 0});
    run(*cuda, {compute, 130, 1, 32, false, 1});
    run(*cuda, {compute, 130, 2, 40, true, 1});
    run(*cuda, {compute, 70, 1, 128, true, 0});
    run(*cuda, {compute, 66, 1, 150, false, 0});
  }
}

}  // namespace
}  // namespace moesim::testing
