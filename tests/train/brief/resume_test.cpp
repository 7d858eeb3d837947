// Tests that a run stopped and resumed has the bits of an uninterrupted one with either optimiser,
// with micro-batches and with evaluations under other rules.
#include "tests/support/catch.hpp"
#include "tests/train/kept.hpp"

namespace moesim::testing {
namespace {

TEST_CASE("resume: both optimisers, accumulation, regular checkpoints", "[train][resume][brief]") {
  const std::vector<Values> variants = {
      {"train.optimiser", "sgd"},
      {"train.optimiser", "sgd", "train.momentum", "0"},
      {"eval.also", "dropless, training", "router.name", "token_choice",
       "router.token_choice.capacity_factor", "0.5", "router.token_choice.capacity_factor_eval",
       "1"},
      {"train.accumulate", "2", "router.name", "token_choice",
       "router.token_choice.capacity_factor", "1.25", "router.token_choice.balance", "0.01"}};
  for (const Values& variant : variants) {
    CAPTURE(variant);
    check_resumed(with({"run.steps", "6", "checkpoint.every", "2"}, variant));
  }
}

}  // namespace
}  // namespace moesim::testing
