// Tests that an evaluation does not depend on the batches of training, to the bit.
#include "sim/train/evaluator.hpp"
#include "tests/support/catch.hpp"
#include "tests/train/support.hpp"

namespace moesim::testing {
namespace {

Evaluation evaluated_first(const std::vector<std::string>& values) {
  Training training(values, 1);
  return training.trainer->evaluate(0);
}

TEST_CASE("evaluation: the same to the bit whatever training's batches are", "[train][eval]") {
  for (const std::string task : {"causal_lm", "masked_lm"})
    for (const std::string& router : Registry<Router>::names()) {
      CAPTURE(task, router);
      std::vector<Evaluation> all;
      for (const auto& [batch, accumulate] : {std::pair("8", "1"), {"32", "1"}, {"32", "8"}})
        all.push_back(
            evaluated_first({"router.name", router, "task.name", task, "train.batch", batch,
                             "train.accumulate", accumulate, "eval.batches", "2"}));
      for (const Evaluation& e : all) {
        CHECK(e.sequences == 16);
        CHECK(e.loss == all[0].loss);
        CHECK(e.accuracy == all[0].accuracy);
        for (std::size_t d = 0; d < e.domain_loss.size(); ++d)
          CHECK((e.domain_loss[d] == all[0].domain_loss[d] || e.domain_targets[d] == 0));
        CHECK(e.domain_targets == all[0].domain_targets);
        CHECK(e.layers[0].demand == all[0].layers[0].demand);
      }
    }
}

}  // namespace
}  // namespace moesim::testing
