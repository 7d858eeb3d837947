// Tests NaN and infinite losses, gradients and weights: named, skipped, or rewound.
#include "sim/checkpoint/safetensors.hpp"
#include "sim/moe/choose.hpp"
#include "sim/ops/ops.hpp"
#include "sim/train/diagnose.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"
#include "tests/train/kept.hpp"

#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>

namespace moesim::testing {
namespace {

enum class Spot { logits, gradient, loss };

// Top-1 token choice that goes wrong in block 1 on one batch of the training data.
class Faulty : public Router {
 public:
  Faulty(const moesim::Site& site, Spot where, const std::vector<std::int32_t>& batch)
      : experts_(site.experts), layer_(site.layer), where_(where), batch_(batch) {
    traits_.experts = experts_;
    weight_ = parameter("weight", {site.width, experts_}, Init::normal(0.02));
  }
  Routing route(const Tokens& tokens) override {
    const bool bad = layer_ == 1 && tokens.context.training && tokens.ids.to_host() == batch_;
    Backend& backend = tokens.x.backend();
    const Tensor nan = Tensor::full({1}, std::numeric_limits<real>::quiet_NaN(), backend);
    Tensor logits = matmul(tokens.x, weight_);
    if (bad && where_ == Spot::logits)
      logits = add(logits, Tensor::full(logits.shape(), nan.item(), backend));
    if (bad && where_ == Spot::gradient) {
      const Tensor sound = logits;
      logits = Tensor::of(sound.shape(), sound.to_host(), backend);
      record(logits, {sound}, [=](const Tensor& dy) {
        const GradientSlot dx = gradient_slot(sound);
        dy.backend().scale(nan.item(), dy.data(), dx.p, dx.accumulate, dy.size());
      });
    }
    const Tensor scores = softmax(logits);
    const Indices choice = top_k(scores, 1);
    const Tensor gates =
        pick(scores, entries_of(choice, 1, experts_)).reshape({tokens.x.rows(), 1});
    Routing routing{.plan = assign(choice, choice, 1, experts_, gates), .scores = scores};
    if (bad && where_ == Spot::loss)
      routing.losses.push_back({"faulty", 1, add(sum(square(weight_)), nan)});
    return routing;
  }

 private:
  index experts_, layer_;
  Spot where_;
  std::vector<std::int32_t> batch_;
  Tensor weight_;
};

// Registers it while it lives.
class WithFault {
 public:
  WithFault(Spot where, index step) {
    Training training({}, 1);
    const std::vector<std::int32_t> ids = training.data->batch(Split::train, 0, step, 8).ids;
    Registry<Router>::add({"faulty", "for tests", [=](const moesim::Site& site, Options&) {
                             return std::make_unique<Faulty>(site, where, ids);
                           }});
  }
  ~WithFault() { Registry<Router>::remove("faulty"); }
  WithFault(const WithFault&) = delete;
  WithFault& operator=(const WithFault&) = delete;
};

TEST_CASE("not finite: found in its step and named", "[train][finite]") {
  const std::pair<Spot, std::string> sites[] = {
      {Spot::logits, "routing of blocks.1"},
      {Spot::gradient, "the gradient of blocks.1.moe.router.weight"},
      {Spot::loss, "auxiliary loss faulty"}};
  for (const auto& [site, name] : sites) {
    CAPTURE(name);
    const WithFault fault(site, 2);
    Training training({"router.name", "faulty", "run.steps", "5"}, 1);
    try {
      training.run();
      FAIL("nothing was noticed");
    } catch (const Error& error) {
      CHECK(error.code() == Exit::diverged);
      CHECK_THAT(error.what(), contains("step 2:") && contains(name));
    }
    // What came before is recorded, and the parameters are as they were.
    CHECK(training.recorder->file().find("step")->values.size() == 2);
    CHECK(damaged_parameter(training.trainer->parameters()).empty());
  }
}

TEST_CASE("not finite: a weight, before any token meets it", "[train][finite]") {
  const TemporaryFolder folder;
  Kept training({"router.name", "hash", "checkpoint.every", "100"}, folder / "");
  training.finish();
  const Parameter p = training.trainer->parameters().back();
  std::vector<real> values = p.value.to_host();
  values.back() = std::numeric_limits<real>::infinity();
  p.value.from_host(values);
  training.trainer->resume({.step = 3}, 3);
  CHECK_THROWS_WITH(training.checkpointer.write(""), contains("values of " + p.name));
  CHECK(checkpoint_steps(folder / "").empty());  // and no checkpoint is spoilt
}

TEST_CASE("not finite: skip makes no update and goes on", "[train][finite]") {
  const WithFault fault(Spot::gradient, 2);
  const Values values = {"router.name", "faulty", "run.steps", "5", "train.not_finite", "skip"};
  Training training(values, 1);
  CHECK(training.run() == End::complete);
  CHECK(training.trainer->position().not_finite == 1);
  CHECK(training.trainer->updates() == 4);
  const auto& norms = training.recorder->file().find("grad_norm")->values;
  REQUIRE(norms.size() == 5);
  for (std::size_t i = 0; i < norms.size(); ++i) CHECK(std::isfinite(norms[i]) == (i != 2));
  CHECK(damaged_parameter(training.trainer->parameters()).empty());

  // Every step bad: the limit ends it.
  Training hopeless(with(values, {"train.not_finite_limit", "3", "train.rate", "0"}), 1);
  for (const Parameter& p : hopeless.trainer->parameters())
    if (p.name == "embedding")
      p.value.from_host(std::vector<real>(static_cast<std::size_t>(p.value.size()),
                                          std::numeric_limits<real>::quiet_NaN()));
  CHECK_THROWS_WITH(hopeless.run(), contains("not_finite_limit = 3"));
}

TEST_CASE("not finite: rewind goes back and leaves the batches out", "[train][finite][resume]") {
  const WithFault fault(Spot::loss, 4);
  const Values values = {"router.name",      "faulty", "run.steps",        "8",
                         "train.not_finite", "rewind", "checkpoint.every", "3"};
  const TemporaryFolder folder, other;
  Kept straight(values, folder / "");
  straight.finish();
  // Failed in step 4, back to step 3, batches 3 and 4 left out.
  CHECK(straight.trainer->position().skipped_batches == 2);
  CHECK(straight.trainer->position().not_finite == 1);
  const auto& steps = straight.recorder->file().find("step")->values;
  REQUIRE(steps.size() == 8);
  for (std::size_t i = 0; i < steps.size(); ++i) CHECK(steps[i] == static_cast<double>(i));

  // Stopped by signals before and after, the same bits.
  for (const index questions : {6, 8, 12}) {
    CAPTURE(questions);
    std::filesystem::remove_all(other / "checkpoint");
    {
      Kept first(values, other / "");
      StopAfter stop(questions);
      try {
        first.trainer->run({first.recorder.get(), &first.checkpointer, &stop});
      } catch (const Error&) {
        REQUIRE(first.checkpointer.rewind([](const std::string&) {}));
        first.trainer->run({first.recorder.get(), &first.checkpointer, &stop});
      }
      first.checkpointer.write("");
    }
    Kept second(values, other / "");
    REQUIRE(second.resume());
    second.finish();
    CHECK(second.fingerprint() == straight.fingerprint());
  }
}

TEST_CASE("not finite: going back needs fixed places to go to", "[train][finite]") {
  CHECK_THROWS_WITH(Kept({"train.not_finite", "rewind"}, ""), contains("checkpoint.every"));
}

}  // namespace
}  // namespace moesim::testing
