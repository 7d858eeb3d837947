// Tests the first steps of training: the weighted losses of a step, what an evaluation measured, a
// weight that is NaN, and memory.
#include "sim/core/error.hpp"
#include "tests/support/catch.hpp"
#include "tests/train/support.hpp"

#include <cmath>

namespace moesim::testing {
namespace {

// Weighted auxiliary losses of the first step.
std::vector<std::pair<std::string, double>> first_losses(std::vector<std::string> values) {
  class Look : public Hook {
   public:
    void on_step(const StepReport& report) override { aux = report.aux; }
    std::vector<std::pair<std::string, double>> aux;
  };
  values.insert(values.end(), {"router.name", "token_choice", "run.steps", "1", "eval.every", "0"});
  Training training(values, 1);
  Look look;
  training.trainer->run({&look});
  return look.aux;
}

TEST_CASE("training: each of several auxiliary losses is reported", "[train][brief]") {
  const std::string key = "router.token_choice.";
  const std::vector<std::string> balance = {key + "balance_weight", "0.5"},
                                 z = {key + "z_weight", "0.25"},
                                 importance = {key + "importance_weight", "2"},
                                 none = {key + "balance_weight", "0"};
  const auto join = [](std::vector<std::string> a, const std::vector<std::string>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  };
  const auto all = first_losses(join(join(balance, z), importance));
  auto each = first_losses(balance);
  for (const auto& more : {importance, z})
    for (const auto& loss : first_losses(join(none, more))) each.push_back(loss);
  REQUIRE(each.size() == 3);
  CHECK(all == each);
  CHECK(each[0].second != each[1].second);
  CHECK(each[1].second != each[2].second);
}

TEST_CASE("training: NaN stops in its step and names the tensor", "[train][brief]") {
  Training training({"router.name", "token_choice"}, 1);
  for (const Parameter& p : training.model->parameters())
    if (p.name == "blocks.1.moe.router.weight") {
      std::vector<real> values = p.value.to_host();
      values[3] = std::nanf("");
      p.value.from_host(values);
    }
  try {
    training.run();
    FAIL("nothing was noticed");
  } catch (const Error& error) {
    CHECK(error.code() == Exit::diverged);
    CHECK_THAT(error.what(), contains("step 0") && contains("blocks.1.moe.router.weight"));
  }
}

TEST_CASE("training: the first evaluation says what kind of plan it measured", "[train][brief]") {
  // Before any training step: of masses the run file must not ask what it asks of counts.
  Training training({"router.name", "smear"}, 1);
  training.recorder->on_evaluation(training.trainer->evaluate(0));
  CHECK(std::get<std::string>(training.recorder->file().attributes().at("plan_kind")) == "merging");
}

TEST_CASE("training: after the first step nothing is allocated", "[train][brief]") {
  Training training({"router.name", "expert_choice", "run.steps", "3", "eval.every", "0"}, 1);
  training.run();
  const std::size_t blocks = training.backend.allocations();
  training.trainer->resume({}, 0);  // once more from step 0
  training.run();
  CHECK(training.backend.allocations() == blocks);
}

}  // namespace
}  // namespace moesim::testing
