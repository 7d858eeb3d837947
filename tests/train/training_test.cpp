// Tests training: the initial loss, memorisation, records, errors.
#include "sim/core/error.hpp"
#include "sim/train/probe.hpp"
#include "tests/support/catch.hpp"
#include "tests/train/support.hpp"

#include <cmath>

namespace moesim::testing {
namespace {

TEST_CASE("training: the loss at the start is ln V", "[train]") {
  for (const std::string& router : Registry<Router>::names()) {
    CAPTURE(router);
    Training training({"router.name", router, "run.steps", "1", "data.symbols", "64"}, 1);
    const double loss = training.trainer->evaluate(0).loss;
    CHECK_THAT(loss, WithinRel(std::log(64.0), 0.02));
  }
}

TEST_CASE("training: every router learns", "[train][once]") {
  for (const std::string& router : Registry<Router>::names()) {
    CAPTURE(router);
    Training training(
        {"router.name", router, "run.steps", "60", "train.rate", "0.01", "eval.every", "0"}, 1);
    const double before = training.trainer->evaluate(0).loss;
    training.run();
    CHECK(training.recorder->file().find("eval_loss")->values.back() < before - 0.3);
  }
}

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

TEST_CASE("training: of several auxiliary losses each is told", "[train][brief]") {
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

// A data set of one batch, for learning by heart.
class OneBatch : public Dataset {
 public:
  explicit OneBatch(const Dataset& source)
      : info_(source.info()), batch_(source.batch(Split::train, 0, 0, 8)) {}
  const DatasetInfo& info() const override { return info_; }
  Batch batch(Split, std::uint64_t, index, index) const override { return batch_; }

 private:
  DatasetInfo info_;
  Batch batch_;
};

TEST_CASE("training: one batch is learnt by heart", "[train][once]") {
  // 128 random symbols after their predecessors cannot be told from 16 symbols alone, but from
  // place and past they can.
  Training training({"router.name", "token_choice", "router.token_choice.k", "2", "run.steps",
                     "400", "train.rate", "0.01", "train.weight_decay", "0", "data.symbols", "300",
                     "train.schedule", "constant", "eval.every", "0", "model.width", "32"},
                    2);
  const OneBatch data(*training.data);
  Trainer trainer(training.settings, data, *training.task, *training.model, training.backend, 0);
  trainer.run({training.recorder.get()});
  CHECK(training.recorder->file().find("task_loss")->values.back() < 0.01);
}

TEST_CASE("training: a router that looks ahead is found on the built model", "[train][once]") {
  for (const std::string& router : Registry<Router>::names()) {
    CAPTURE(router);
    Training training({"router.name", router}, 1);
    const bool declared = training.model->moe_layer(0).router().traits().sees.later_tokens;
    const FutureLeak leak =
        future_leak(*training.model, *training.task, *training.data, 8, training.backend);
    INFO("leak " << std::scientific << leak.change);
    CHECK(leak.leaks() == declared);
    CHECK((leak.first >= 0 && leak.first <= leak.last && leak.last < 16) == declared);
  }
}

TEST_CASE("training: the probe finds where a model looks ahead", "[train][once]") {
  const auto probed = [](const std::vector<std::string>& values, const char* length) {
    std::vector<std::string> all = {"router.name", "lory", "data.length", length};
    all.insert(all.end(), values.begin(), values.end());
    Training training(all, 1);
    const FutureLeak leak =
        future_leak(*training.model, *training.task, *training.data, 8, training.backend);
    return std::pair(leak.first, leak.last);
  };
  using Positions = std::pair<index, index>;
  // Positions of the first segment, of which only the last has no later tokens.
  CHECK(probed({"router.lory.segment", "4"}, "16") == Positions{0, 2});
  CHECK(probed({"router.lory.segment", "2"}, "40") == Positions{0, 0});
  CHECK(probed({"router.lory.segment", "10"}, "40") == Positions{0, 8});
  // One segment; all positions on the weights of the first segment.
  CHECK(probed({"router.lory.segment", "16"}, "16") == Positions{0, 14});
  CHECK(probed({"router.lory.segment", "8", "router.lory.mode", "prefix"}, "16") ==
        Positions{0, 6});
  for (const char* first : {"uniform", "learned"})
    CHECK(probed({"router.lory.segment", "4", "router.lory.first", first}, "16") ==
          Positions{-1, -1});
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

TEST_CASE("training: tasks", "[train]") {
  Training masked({"task.name", "masked_lm", "router.name", "soft", "run.steps", "20"}, 1);
  masked.run();
  const auto& losses = masked.recorder->file().find("eval_loss")->values;
  CHECK(losses.back() < losses.front());
  CHECK(to_string(masked.model->moe_layer(0).router().traits().sees) == "sequence");
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
