// Tests that regret has the same bits on any number of threads, and is exactly 0 with one expert.
#include "sim/train/regret.hpp"
#include "tests/support/catch.hpp"
#include "tests/train/kept.hpp"

#include <cmath>
#include <map>
#include <string>
#include <utility>

namespace moesim::testing {
namespace {

// The sizes are larger than one tile of the kernels, so that several threads have work.
RegretSample regret_of(const Values& more, int threads) {
  Training training(
      with({"data.length", "24", "data.symbols", "40", "eval.batch", "6", "model.layers", "2",
            "model.width", "40", "expert.hidden", "300", "train.rate", "0.02"},
           more),
      threads);
  training.run();
  return measure_regret(*training.model, training.trainer->evaluator(), *training.task,
                        training.backend, 21);
}

std::string bytes_of(const RegretSample& sample) {
  std::string bytes;
  for (const TokenRegret& token : sample.tokens)
    for (const double value : {token.chosen, token.best, token.random, token.second})
      bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  return bytes;
}

TEST_CASE("regret: the same bits on 1, 2, 3 and 7 threads", "[train][regret][determinism]") {
  for (const Values& arm :
       {Values{"router.name", "token_choice", "router.token_choice.capacity_factor_eval", "0"},
        {"router.name", "token_choice", "router.token_choice.k", "2",
         "router.token_choice.capacity_factor_eval", "0.8"},
        {"router.name", "hash"}}) {
    CAPTURE(arm);
    const std::string one = bytes_of(regret_of(arm, 1));
    CHECK(one.size() > 30 * 4 * sizeof(double));
    for (const int threads : {2, 3, 7}) CHECK(bytes_of(regret_of(arm, threads)) == one);
    CHECK(bytes_of(regret_of(with(arm, {"train.rate", "0.0200001"}), 1)) != one);
  }
}

TEST_CASE("regret: exactly 0 with one expert, and a token's loss is the same in all layers",
          "[train][regret]") {
  const RegretSample sample = regret_of({"router.name", "hash", "moe.experts", "1"}, 1);
  CHECK(sample.tokens.size() == 42);  // two layers
  std::map<std::pair<index, index>, double> loss;
  for (const TokenRegret& token : sample.tokens) {
    CHECK(token.regret() == 0);
    CHECK(token.random == token.chosen);
    const auto [first, is_first] =
        loss.emplace(std::pair(token.sequence, token.position), token.chosen);
    CHECK(is_first == (token.layer == 0));
    CHECK(std::abs(token.chosen - first->second) < 1e-5);
    CHECK(token.chosen > 0);
  }
}

}  // namespace
}  // namespace moesim::testing
