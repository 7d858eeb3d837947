// Tests expert_choice over positions, sequences and the batch.
#include "tests/support/catch.hpp"
#include "tests/support/naive.hpp"
#include "tests/support/plugin.hpp"

#include <cmath>
#include <vector>

namespace moesim::testing {
namespace {

using Numbers = std::vector<std::int32_t>;

// Two experts on numbers, with logits x · (1, -1): expert 0 prefers large tokens, expert 1 small
// ones.
struct Chosen {
  Numbers token, offset;
  std::vector<double> gate, scores;
};

Chosen choose(const OptionValues& options) {
  TinyLayer layer({.width = 1, .experts = 2, .batch = 3, .length = 2}, "expert_choice", options);
  layer.set("weight", {1, -1});
  const Routing routing = layer.route(Tensor::of({6, 1}, {1, 5, -2, 4, 3, -6}, test_backend()));
  const auto& plan = std::get<Assignment>(routing.plan);
  return {plan.token.to_host(), plan.experts.offset.to_host(), host(plan.gate),
          host(routing.scores)};
}

}  // namespace

TEST_CASE("expert choice: by position, the best sequence at each", "[routers]") {
  // Three tokens at each position, 2/3 of 3 / 2 = 1 place. Position 0 holds 1, -2, 3 (tokens 0, 2,
  // 4), position 1 holds 5, 4, -6 (tokens 1, 3, 5).
  const Chosen chosen = choose({{"group", "position"}, {"capacity_factor", "0.66666666666666663"}});
  CHECK(chosen.token == Numbers{4, 1, 2, 5});
  CHECK(chosen.offset == Numbers{0, 2, 4});
  // softmax(x, -x): 1 / (1 + e^(-2|x|)) for the expert that is wanted.
  const std::vector<double> want = {naive::sigmoid(6), naive::sigmoid(10), naive::sigmoid(4),
                                    naive::sigmoid(12)};
  for (std::size_t i = 0; i < want.size(); ++i)
    CHECK_THAT(chosen.gate[i], WithinAbs(want[i], kDouble ? 1e-14 : 1e-6));
}

TEST_CASE("expert choice: over a sequence, over the batch", "[routers]") {
  // Two tokens per sequence, one place each.
  CHECK(choose({{"group", "sequence"}}).token == Numbers{1, 3, 4, 0, 2, 5});
  // Six tokens, three places each, best first.
  CHECK(choose({{"group", "batch"}}).token == Numbers{1, 3, 4, 5, 2, 0});
}

TEST_CASE("expert choice: scores over tokens sum to one per expert and group", "[routers]") {
  const Chosen chosen = choose({{"group", "position"}, {"softmax", "tokens"}});
  for (std::size_t s = 0; s < 2; ++s)
    for (std::size_t e = 0; e < 2; ++e) {
      double sum = 0;
      for (std::size_t b = 0; b < 3; ++b) sum += chosen.scores[(b * 2 + s) * 2 + e];
      CHECK_THAT(sum, WithinAbs(1, kDouble ? 1e-14 : 1e-6));
    }
}

}  // namespace moesim::testing
