// Tests starts from another run's weights (init.from), and frozen parameters.
#include "sim/ops/ops.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"
#include "tests/train/kept.hpp"

#include <filesystem>
#include <set>

namespace moesim::testing {
namespace {

const Values kThreeSteps = {"run.steps", "3", "router.name", "token_choice", "eval.every", "0"};

TEST_CASE("freeze: frozen parameters keep their bits, the others learn", "[train][start]") {
  Training training(with(kThreeSteps, {"freeze.parameters", "*.router.* embedding"}), 1);
  const Weights before = weights_of(training);
  for (const auto& [name, shape] : training.trainer->shapes_of_state())
    CHECK(name.find("router") == std::string::npos);
  training.run();
  for (const auto& [name, values] : weights_of(training)) {
    CAPTURE(name);
    const bool frozen = name.find(".router.") != std::string::npos || name == "embedding";
    CHECK((values == before.at(name)) == frozen);
  }
}

// Low-rank adapters as experts on one frozen base: x W + x A_e B_e (Hu et al. 2021).
class Adapters : public Expert {
 public:
  explicit Adapters(const ExpertSite& site) : Expert(site) {
    constexpr index kRank = 2;
    base_ = frozen_parameter("base", {site.width, site.width}, Init::normal(0.1));
    down_ = parameter("down", {site.experts, site.width, kRank}, Init::normal(0.1));
    up_ = parameter("up", {site.experts, kRank, site.width}, Init::constant(0));
  }
  Tensor forward(const Rows& rows) const override {
    return add(matmul(rows.x, base_),
               grouped_linear(rows.with(grouped_linear(rows, down_, {})), up_, {}));
  }
  double flops_per_row() const override {
    return 2.0 * static_cast<double>(site().width * (site().width + 4));
  }

 private:
  Tensor base_, down_, up_;
};

// Registers it while it lives.
class WithAdapters {
 public:
  WithAdapters() {
    Registry<Expert>::add({"test_adapters", "for tests", [](const ExpertSite& site, Options&) {
                             return std::make_unique<Adapters>(site);
                           }});
  }
  ~WithAdapters() { Registry<Expert>::remove("test_adapters"); }
  WithAdapters(const WithAdapters&) = delete;
  WithAdapters& operator=(const WithAdapters&) = delete;
};

TEST_CASE("freeze: an expert's frozen base keeps its bits, and gradients flow through it",
          "[train][start]") {
  const WithAdapters registered;
  Training training(with(kThreeSteps, {"expert.name", "test_adapters"}), 1);
  const Weights before = weights_of(training);
  training.run();
  for (const auto& [name, values] : weights_of(training)) {
    CAPTURE(name);
    CHECK((values == before.at(name)) == (name.find(".base") != std::string::npos));
  }
  for (const auto& [name, shape] : training.trainer->shapes_of_state())
    CHECK(name.find(".base") == std::string::npos);
}

// A training that took its start.
struct StartedRun : Training {
  explicit StartedRun(const Values& values) : Training(values, 1) { trainer->take_start(); }
};

TEST_CASE("init.from: a run begins with the weights of another", "[train][start]") {
  const TemporaryFolder folder;
  Weights trained;
  {
    Kept first(kThreeSteps, folder / "");
    first.trainer->run({first.recorder.get(), &first.checkpointer});
    first.checkpointer.write("");
    trained = weights_of(first);
  }
  const std::string run = folder / "";
  CHECK(weights_of(StartedRun(with(kThreeSteps, {"init.from", run}))) == trained);
  CHECK(weights_of(StartedRun(with(kThreeSteps, {"init.from", run, "init.checkpoint", "3"}))) ==
        trained);
  CHECK(weights_of(Training(kThreeSteps, 1)) != trained);

  // Another router: what it does not have is drawn, or an error.
  const Values other =
      with(kThreeSteps, {"router.name", "expert_choice", "moe.experts", "8", "init.from", run});
  CHECK_THROWS_WITH(StartedRun(other), contains("has another shape"));
  const StartedRun drawn(with(other, {"init.missing", "draw"}));
  CHECK(weights_of(drawn).at("embedding") == trained.at("embedding"));
  CHECK(weights_of(drawn).at("blocks.0.moe.experts.w1") != trained.at("blocks.0.moe.experts.w1"));

  // The first block's norm for the second's.
  const StartedRun renamed(
      with(kThreeSteps, {"init.from", run, "init.missing", "draw", "init.rename",
                         "blocks.0.attention:blocks.1.attention blocks.1.attention:elsewhere"}));
  CHECK(weights_of(renamed).at("blocks.1.attention.qkv.weight") ==
        trained.at("blocks.0.attention.qkv.weight"));

  const auto rule = [&](const char* rename) {
    return StartedRun(
        with(kThreeSteps, {"init.from", run, "init.missing", "draw", "init.rename", rename}));
  };
  CHECK_THROWS_WITH(rule("blocks.0:blocks.1"), contains("become blocks.1"));
  CHECK_THROWS_WITH(rule("nosuch:x"), contains("no tensor of"));
  // The other run is read once: a run that has begun does without it.
  CHECK_NOTHROW(Training(with(kThreeSteps, {"init.from", folder / "nowhere"}), 1));
  CHECK_THROWS_WITH(StartedRun(with(kThreeSteps, {"init.from", folder / "nowhere"})),
                    contains("no checkpoint"));
  CHECK_THROWS_WITH(Training(with(kThreeSteps, {"init.checkpoint", "last"}), 1),
                    contains("newest, best or a step"));
}

TEST_CASE("init.checkpoint: best is the checkpoint of the lowest validation loss",
          "[train][start]") {
  std::set<index> found;
  for (const char* rate : {"0.01", "30"}) {  // the loss falls, and rises
    CAPTURE(rate);
    const Values values = {"run.steps",        "3", "router.name",    "dense",
                           "eval.every",       "1", "train.rate",     rate,
                           "checkpoint.every", "1", "train.schedule", "constant"};
    const TemporaryFolder folder;
    Kept run(values, folder / "");
    run.finish();
    run.checkpointer.write("");
    const std::vector<CheckpointInfo> all = intact_infos(folder / "");
    REQUIRE(all.size() >= 2);
    index best = -1;
    double least = 1e300;
    for (const CheckpointInfo& info : all)
      if (info.loss < least) least = info.loss, best = info.step;
    Training begun(with(values, {"init.from", folder / "", "init.checkpoint", "best"}), 1);
    CHECK(begun.trainer->take_start().step == best);
    found.insert(best);
  }
  CHECK(found.size() == 2);
}

TEST_CASE("checkpoints: buffers that a model runs with are among its weights", "[train][start]") {
  const Values values = {"run.steps", "2", "router.name", "bias_balanced", "eval.every", "0"};
  Training training(values, 1);
  bool found = false;
  for (const NamedTensor& t : training.trainer->weights())
    found |= t.name.find("bias") != std::string::npos && t.name.find("router") != std::string::npos;
  CHECK(found);
  for (const auto& [name, shape] : training.trainer->shapes_of_state())
    CHECK(name.rfind("adamw.", 0) == 0);
}

}  // namespace
}  // namespace moesim::testing
