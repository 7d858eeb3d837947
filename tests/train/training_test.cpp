// Tests training: the initial loss, learning, memorisation, leaks of later tokens, tasks.
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

TEST_CASE("training: every router learns", "[train]") {
  for (const std::string& router : Registry<Router>::names()) {
    CAPTURE(router);
    Training training(
        {"router.name", router, "run.steps", "60", "train.rate", "0.01", "eval.every", "0"}, 1);
    const double before = training.trainer->evaluate(0).loss;
    training.run();
    CHECK(training.recorder->file().find("eval_loss")->values.back() < before - 0.3);
  }
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

TEST_CASE("training: one batch is learnt by heart", "[train]") {
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

TEST_CASE("training: a router that looks ahead is found on the built model", "[train]") {
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

TEST_CASE("training: the probe finds where a model looks ahead", "[train]") {
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

TEST_CASE("routed attention replaces the attention of a block, and needs no experts", "[train]") {
  for (const char* router : {"moa", "switchhead", "moh"}) {
    CAPTURE(router);
    Training training({"moe.at", "attention", "router.name", router, "feed_forward.name", "mlp",
                       "feed_forward.hidden", "8", "run.steps", "30", "train.rate", "0.01"},
                      1);
    CHECK(training.model->moe_layer(0).expert().parameters().empty());
    CHECK(training.run() == End::complete);
    const std::vector<double> losses = training.recorder->file().all_values("task_loss");
    CHECK(losses.back() < losses.front());
  }
}

TEST_CASE("mixture of depths: trains around whole blocks", "[train]") {
  Training training(
      {"moe.at", "block", "router.name", "mixture_of_depths",
       "router.mixture_of_depths.capacity_factor", "0.5", "run.steps", "30", "train.rate", "0.01"},
      1);
  CHECK(training.model->moe_layer(0).router().traits().cost.rows_per_token == 0.5);
  CHECK(training.run() == End::complete);
  const std::vector<double> losses = training.recorder->file().all_values("task_loss");
  CHECK(losses.back() < losses.front());
}

TEST_CASE("training: tasks", "[train]") {
  Training masked({"task.name", "masked_lm", "router.name", "soft", "run.steps", "20"}, 1);
  masked.run();
  const auto& losses = masked.recorder->file().find("eval_loss")->values;
  CHECK(losses.back() < losses.front());
  CHECK(to_string(masked.model->moe_layer(0).router().traits().sees) == "sequence");
}

}  // namespace
}  // namespace moesim::testing
