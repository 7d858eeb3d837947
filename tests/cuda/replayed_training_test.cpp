// Tests training with replayed steps against training with eager steps.
#include "sim/moe/choose.hpp"
#include "sim/moe/router.hpp"
#include "sim/ops/ops.hpp"
#include "tests/cuda/support.hpp"
#include "tests/train/support.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moesim::testing {
namespace {

using Words = std::vector<std::string>;

constexpr int kSteps = 8;

Words with(Words values, const Words& more) {
  values.insert(values.end(), more.begin(), more.end());
  return values;
}

const Words kBase = {"run.steps",    "8", "train.batch",  "4",   "data.length", "8",
                     "model.heads",  "1", "record.every", "100", "eval.every",  "0",
                     "model.layers", "1"};
// The first step is measured, the next three are called, two are replayed.
constexpr int kFewSteps = 6;
const Words kFew = with(kBase, {"run.steps", std::to_string(kFewSteps)});

struct Done {
  std::string fingerprint, replay;
  index replayed;
  bool capturable;
};

Done train(Backend& backend, const Words& values) {
  Training training(values, backend);
  training.run();
  return {training.fingerprint(), training.trainer->passes().replay(),
          training.trainer->passes().replayed_steps(),
          training.model->moe_layer(0).router().traits().capturable};
}

// -> what the one says that may be replayed
Done compare(Backend& cuda, const Words& values) {
  const Done asked = train(cuda, with(values, {"run.graphs", "off"}));
  const Done done = train(cuda, values);
  CHECK(done.fingerprint == asked.fingerprint);
  CHECK(asked.replayed == 0);
  CHECK(asked.replay == "run.graphs = off");
  return done;
}

// One expert, whose gate has a bias that learns on the device, from the gates of the step.
class Learning : public Router {
 public:
  explicit Learning(const Site& site) {
    traits_ = {.experts = 1, .capturable = true, .totals = {{1}}};
    weight_ = parameter("weight", {site.width, 1}, Init::normal(0.02));
    bias_ = buffer("bias", {1}, Init::constant(1));
  }
  Routing route(const Tokens& tokens) override {
    const Tensor gate = add_row(matmul(tokens.x, weight_), bias_);
    Assignment plan;
    plan.experts = equal_segments(1, tokens.x.rows(), tokens.x.backend());
    plan.gate = gate.reshape({tokens.x.rows()});
    return {.plan = plan, .totals = {sum(gate.detach())}};
  }
  void after_step(std::span<const StepLoad> layers, std::size_t own) override {
    assign(bias_, add(bias_, affine(layers[own].totals.front(), real(-0.01))));
  }

 private:
  Tensor weight_, bias_;
};

// One expert, whose gate the host counts up from step to step; it says, wrongly, that this does not
// matter.
class Counting : public Router {
 public:
  Counting() { traits_ = {.experts = 1, .capturable = true}; }
  Routing route(const Tokens& tokens) override {
    const index rows = tokens.x.rows();
    Assignment plan;
    plan.experts = equal_segments(1, rows, tokens.x.backend());
    plan.gate = Tensor::of({rows}, std::vector<real>(static_cast<std::size_t>(rows), gate_),
                           tokens.x.backend());
    return {.plan = plan};
  }
  void after_step(std::span<const StepLoad>, std::size_t) override { gate_ += real(0.25); }

 private:
  real gate_ = 1;
};

// One expert, of which the router promises nothing.
class Unsure : public Router {
 public:
  Unsure() { traits_.experts = 1; }
  Routing route(const Tokens& tokens) override {
    Assignment plan;
    plan.experts = equal_segments(1, tokens.x.rows(), tokens.x.backend());
    return {.plan = plan};
  }
};

const Registered<Router> unsure("test_unsure", "says nothing of replays",
                                [](const Site&, Options&) { return std::make_unique<Unsure>(); });
const Registered<Router> learning("test_learning", "a bias that learns on the device",
                                  [](const Site& site, Options&) {
                                    return std::make_unique<Learning>(site);
                                  });
const Registered<Router> counting("test_counting", "a gate that the host counts up",
                                  [](const Site&, Options&) {
                                    return std::make_unique<Counting>();
                                  });

const std::vector<Words> kCapturable = {
    {"router.name", "dense"},
    {"router.name", "soft"},
    {"router.name", "mixture_of_tokens"},
    {"router.name", "mixture_of_tokens", "router.mixture_of_tokens.group_size", "4",
     "router.mixture_of_tokens.groups", "sequence"},
    {"router.name", "lory"},
    {"router.name", "smear"},
    {"router.name", "smear", "router.smear.expert_dropout", "0"},
    {"router.name", "expert_choice"},
    {"router.name", "hash"},
    {"router.name", "task"},
    {"router.name", "token_choice"},
    {"router.name", "token_choice", "router.token_choice.capacity_factor", "0"},
    {"router.name", "dense", "model.dropout", "0.1", "train.accumulate", "2"},
    {"router.name", "token_choice", "train.accumulate", "4"},
    {"router.name", "token_choice", "expert.dropout", "0.3", "moe.shared", "1"},
    {"router.name", "token_choice", "freeze.parameters", "*.experts.*", "freeze.rate", "head:0.5"},
    {"router.name", "test_learning"},
    {"router.name", "test_learning", "train.accumulate", "4"},
    {"router.name", "dense", "model.layers", "2", "model.positions", "rotary", "model.norm", "rms",
     "model.tied", "true", "expert.name", "swiglu", "moe.shared", "1"},
    {"router.name", "dense", "model.kv_heads", "1", "model.qk_norm", "head", "train.z_weight",
     "0.01"}};

TEST_CASE("cuda: replayed steps are steps to the bit", "[cuda][replay]") {
  Backend* cuda = card_that_replays("replayed steps are steps to the bit");
  if (!cuda || left_to_other_type("replayed steps are steps to the bit", false)) return;
  arrange(0);
  for (const Words& router : kCapturable) {
    CAPTURE(router);
    const Done done = compare(*cuda, with(kFew, router));
    CHECK(done.replay == "replayed");
    CHECK(done.replayed == kFewSteps - 4);
  }
}

// Whatever a variant chooses by, the device has it; where it does not, the router says so.
TEST_CASE("cuda: every variant of every router is replayed", "[cuda][replay][slow]") {
  Backend* cuda = card_that_replays("every variant of every router is replayed");
  if (!cuda || left_to_other_type("every variant of every router is replayed", false)) return;
  arrange(0);
  for (const std::string& router : Registry<Router>::names()) {
    if (router.starts_with("test_")) continue;  // of this file, with cases of their own
    const std::vector<Variant> variants = variants_to_run(router);
    for (const Variant& variant : variants) {
      CAPTURE(router, variant.name);
      if (emulated() && &variant != &variants.front()) {
        fmt::print("{}, {}: not replayed under the emulation\n", router, variant.name);
        break;
      }
      const Words settings = settings_of(router, variant);
      if (std::find(kCapturable.begin(), kCapturable.end(), settings) != kCapturable.end())
        continue;  // of the case before
      const Done done = compare(*cuda, with(kFew, settings));
      CHECK(done.replayed == (done.capturable ? kFewSteps - 4 : 0));
      CHECK(done.replay == (done.capturable
                                ? "replayed"
                                : "the router's kernel launches may change from step to step"));
    }
  }
}

TEST_CASE("cuda: measured steps, evaluations and micro-batches between replays", "[cuda][replay]") {
  Backend* cuda =
      card_that_replays("measured steps, evaluations and micro-batches between replays");
  if (!cuda ||
      left_to_other_type("measured steps, evaluations and micro-batches between replays", false))
    return;
  arrange(0);
  for (const char* router : {"dense", "soft", "lory"}) {
    CAPTURE(router);
    // Measured: 0 and 5, called: 1, 2, 3; or 0, 2, 4, 6, and 1, 3, 5.
    for (const auto& [every, replayed] : {std::pair("5", 3), std::pair("2", 1)}) {
      const Done done = compare(*cuda, with(kBase, {"router.name", router, "record.every", every,
                                                    "eval.every", "2", "train.accumulate", "2"}));
      CHECK(done.replayed == replayed);
    }
  }
}

TEST_CASE("cuda: a step with another number of targets is asked for", "[cuda][replay]") {
  Backend* cuda = card_that_replays("a step with another number of targets is asked for");
  if (!cuda || left_to_other_type("a step with another number of targets is asked for", false))
    return;
  arrange(0);
  // Of hidden tokens there are more or less.
  const Done masked =
      compare(*cuda, with(kBase, {"router.name", "dense", "task.name", "masked_lm"}));
  CHECK(masked.replayed < kSteps - 4);
  // The step's number counts, not that of a micro-batch.
  const Words parts = with(kBase, {"router.name", "dense", "task.name", "masked_lm",
                                   "train.accumulate", "2", "task.mask_rate"});
  CHECK(compare(*cuda, with(parts, {"0.15"})).replayed < kSteps - 4);
  CHECK(compare(*cuda, with(parts, {"1"})).replayed == kSteps - 4);
}

TEST_CASE("cuda: what cannot be replayed is asked for", "[cuda][replay]") {
  Backend* cuda = card_that_replays("what cannot be replayed is asked for");
  if (!cuda || left_to_other_type("what cannot be replayed is asked for", false)) return;
  arrange(0);
  const Done free = compare(*cuda, with(kBase, {"router.name", "test_unsure"}));
  CHECK(free.replayed == 0);
  CHECK(free.replay == "the router's kernel launches may change from step to step");
  const Done counted = compare(*cuda, with(kBase, {"router.name", "test_counting"}));
  CHECK(counted.replayed == 0);
  CHECK(counted.replay == "kernel launches differ between steps");
}

TEST_CASE("cuda: steps whose parts are timed are asked for", "[cuda][replay]") {
  Backend* cuda = card_that_replays("steps whose parts are timed are asked for");
  if (!cuda) return;
  arrange(1);
  const Words values = with(kBase, {"router.name", "dense"});
  Profile profile(cuda->timeline());
  const Profile::Scope scope(profile);
  CHECK(train(*cuda, values).replayed == 0);
  CHECK(profile.take()[static_cast<std::size_t>(Part::attention)] > 0);
}

std::vector<NamedTensor> everything(Trainer& trainer) {
  std::vector<NamedTensor> all = trainer.state();
  for (const Parameter& p : trainer.parameters()) all.push_back({p.name, p.value});
  return all;
}

TEST_CASE("cuda: a training that goes on, here or elsewhere, is replayed to the same bits",
          "[cuda][replay]") {
  Backend* cuda =
      card_that_replays("a training that goes on, here or elsewhere, is replayed to the same bits");
  if (!cuda ||
      left_to_other_type("a training that goes on, here or elsewhere, is replayed to the same bits",
                         false))
    return;
  arrange(0);
  const Words values = with(kBase, {"router.name", "soft"});
  Training whole(values, *cuda);
  whole.trainer->run({});
  const auto weights = [](Training& training) {
    std::vector<std::vector<real>> all;
    for (const NamedTensor& t : everything(*training.trainer)) all.push_back(t.value.to_host());
    return all;
  };
  Training begun(values, *cuda), resumed(values, *cuda);
  StopBefore stop(6);
  REQUIRE(begun.trainer->run({&stop}) == End::stopped);
  CHECK(begun.trainer->passes().replayed_steps() == 3);
  const std::vector<NamedTensor> from = everything(*begun.trainer),
                                 to = everything(*resumed.trainer);
  for (std::size_t i = 0; i < from.size(); ++i) to[i].value.from_host(from[i].value.to_host());
  resumed.trainer->resume(begun.trainer->position(), begun.trainer->updates());
  begun.trainer->run({});
  resumed.trainer->run({});
  CHECK(begun.trainer->passes().replayed_steps() == 5);
  CHECK(weights(begun) == weights(whole));
  CHECK(weights(resumed) == weights(whole));
}

}  // namespace
}  // namespace moesim::testing
