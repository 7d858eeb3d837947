// Tests upcycling: experts made of dense networks give the outputs of the dense model.
#include "sim/train/gate_sum.hpp"
#include "tests/support/catch.hpp"
#include "tests/train/upcycled.hpp"

#include <cmath>

namespace moesim::testing {
namespace {

constexpr double kSame = 1e-12;
TEST_CASE("upcycle: copies with gates that sum to 1 are the dense network", "[train][start]") {
  Source source;
  for (const char* k : {"2", "3", "4"})
    CHECK(Upcycled(source, choice({"k", k, "normalise", "sum"})).change.logit < kSame);
  const Upcycled one(source, choice({"k", "1", "normalise", "sum", "allow_constant_gate", "true"}));
  CHECK(one.change.logit <
        kSame);  // not to the bit: a row's sum depends on how many rows its product has
  // Whatever the router is.
  const Upcycled wild(source,
                      with(choice({"k", "2", "normalise", "sum"}), {"init.router_deviation", "5"}));
  CHECK(wild.change.logit < kSame);
  CHECK(wild.started.dropped == 0);
  CHECK(wild.change.before == one.change.before);
}

TEST_CASE("upcycle: pieces in virtual groups are the dense network", "[train][start]") {
  for (const Values& expert : std::vector<Values>{{"expert.name", "mlp"},
                                                  {"expert.name", "swiglu"},
                                                  {"expert.name", "geglu", "expert.geglu.bias",
                                                   "true", "expert.geglu.multiplier", "true"}}) {
    Source source(expert);
    for (const char* hidden : {"16", "8"})  // G = 2, 4
      for (const int times : {1, 2}) {
        const int groups = 32 / std::stoi(hidden);
        CAPTURE(expert, groups, times);
        const Upcycled pieces(
            source,
            with(with(expert, choice({"k", std::to_string(times * groups), "softmax", "after"})),
                 {"moe.experts", "8", "expert.hidden", hidden}));
        CHECK(pieces.change.logit < kSame);
      }
  }
}

TEST_CASE("upcycle: even scaling is exact for homogeneous activations", "[train][start]") {
  for (const auto& [activation, exact] :
       {std::pair("relu", true), {"relu_squared", true}, {"gelu", false}, {"silu", false}}) {
    CAPTURE(activation);
    const Values expert = {"expert.mlp.activation", activation};
    Source source(expert);
    const Upcycled even(source,
                        with(with(expert, choice({"k", "4", "normalise", "sum"})),
                             {"moe.experts", "8", "expert.hidden", "8", "init.scale", "even"}));
    CHECK((even.change.logit < kSame) == exact);
    CHECK(even.change.logit < 1);
  }
}

TEST_CASE("upcycle: softmax over all experts, with a router of zeros", "[train][start]") {
  Source source;
  for (const char* k : {"1", "2"}) {
    const Values base = choice({"k", k, "normalise", "none"});
    CHECK(Upcycled(source, with(base, {"init.router", "zero"})).change.logit < kSame);
    CHECK(Upcycled(source, with(base, {"init.router", "zero", "init.scale", "none"})).change.logit >
          100 * kSame);
    CHECK(Upcycled(source, base).change.logit > kSame);  // the router is not uniform
  }
  const Values pieces = with(choice({"k", "4", "normalise", "none"}),
                             {"moe.experts", "8", "expert.hidden", "16", "init.router", "zero"});
  CHECK(Upcycled(source, pieces).change.logit < kSame);
  // Calibrated: right on average.
  const Values wild = with(choice({"k", "1", "normalise", "none"}), {"init.router_deviation", "1"});
  CHECK(Upcycled(source, with(wild, {"init.scale", "calibrated"})).change.logit <
        Upcycled(source, wild).change.logit);
}

// The gates of a layer depend on the scales of those before it.
TEST_CASE("upcycle: calibrated scales are the inverse of the gates that tokens have",
          "[train][start]") {
  Source source;
  Upcycled made(source, with(choice({"k", "1", "normalise", "none"}),
                             {"init.router_deviation", "2", "init.scale", "calibrated"}));
  const Trainer& trainer = *made.sparse.trainer;
  const std::vector<GateSum> sums =
      gate_sums(*made.sparse.model,
                made.sparse.task->prepare(trainer.evaluator().posed(0), made.sparse.backend).input,
                trainer.evaluator().context(0));
  REQUIRE(sums.size() == 2);
  CHECK(std::abs(sums[0].mean - sums[1].mean) > 1e-3);
  for (std::size_t layer = 0; layer < 2; ++layer) {
    const std::string name = "blocks." + std::to_string(layer) + ".moe.experts.w2";
    const std::vector<real> dense = weights_of(source.run).at(name),
                            own = weights_of(made.sparse).at(name);
    for (std::size_t i = 0; i < own.size(); ++i)
      CHECK(std::abs(static_cast<double>(own[i]) * sums[layer].mean -
                     static_cast<double>(dense[i % dense.size()])) < kSame);
  }
}

TEST_CASE("upcycle: capacity that drops is no identity, and the share is counted",
          "[train][start]") {
  Source source;
  const Upcycled full(source,
                      choice({"k", "2", "normalise", "sum", "capacity_factor_eval", "0.5"}));
  CHECK(full.change.logit > 1e-4);
  CHECK(full.started.dropped > 0.4);
  CHECK(full.started.dropped <= 1);
  CHECK(full.started.summary.find("% of the tokens have dropped choices") != std::string::npos);
}

TEST_CASE("upcycle: gradients of all copies add up to that of the dense network",
          "[train][start]") {
  Source source;
  const Upcycled all(source, choice({"k", "4", "normalise", "none", "balance_weight", "0"}));
  // softmax over all four: gates sum to 1, and the scale is 1.
  const auto gradient = [](Transformer& model, const Training& training, const std::string& name) {
    const Batch batch = training.trainer->evaluator().posed(0);
    MicroBatch micro{.example = training.task->prepare(batch, training.backend),
                     .context = {.training = false},
                     .targets = batch.batch * batch.length};
    for (const Parameter& p : model.parameters()) p.value.clear_gradient();
    run_pass(model, micro);
    for (const Parameter& p : model.parameters())
      if (p.name == name) return p.value.gradient().to_host();
    return std::vector<real>();
  };
  for (const std::string name : {"blocks.0.moe.experts.w1", "blocks.1.moe.experts.b2"}) {
    const std::vector<real> dense = gradient(*source.run.model, source.run, name),
                            copies = gradient(*all.sparse.model, all.sparse, name);
    REQUIRE(copies.size() == 4 * dense.size());
    for (std::size_t i = 0; i < dense.size(); ++i) {
      double sum = 0;
      for (std::size_t e = 0; e < 4; ++e) sum += static_cast<double>(copies[e * dense.size() + i]);
      CHECK(std::abs(sum - static_cast<double>(dense[i])) < kSame);
    }
  }
}

TEST_CASE("upcycle: a router for groups has equal columns in a group", "[train][start]") {
  Source source;
  const Upcycled made(source, with(choice({"k", "2", "normalise", "sum"}),
                                   {"moe.experts", "8", "expert.hidden", "16"}));
  for (const NamedTensor& t : made.sparse.trainer->weights()) {
    if (t.name != "blocks.1.moe.router.weight") continue;
    const std::vector<real> w = t.value.to_host();
    for (std::size_t i = 0; i < w.size(); i += 2) CHECK(w[i] == w[i + 1]);
    CHECK(w[0] != w[2]);
  }
}

TEST_CASE("upcycle: every layer and dense blocks find their network", "[train][start]") {
  Source source;
  const Upcycled mixed(source, with(choice({"k", "2", "normalise", "sum"}), {"moe.every", "2"}));
  CHECK(mixed.change.logit < kSame);
  const Upcycled biased(source, {"router.bias_balanced.k", "2"}, "bias_balanced");
  CHECK(biased.change.logit < 1);  // its gates are sigmoids
}

TEST_CASE("upcycle: what cannot be made is refused", "[train][start]") {
  Source source;
  const auto refused = [&](const Values& more, const std::string& message) {
    CAPTURE(message);
    CHECK_THROWS_WITH(Upcycled(source, more), contains(message));
  };
  refused({"expert.hidden", "24"},
          "their hidden width 24 does not divide that of the dense network, 32");
  refused({"expert.hidden", "8", "moe.experts", "6"}, "moe.experts = 6 is no multiple of the 4");
  refused(with(choice({"k", "3"}), {"expert.hidden", "16"}), "a token takes 3 experts");
  refused({"expert.name", "swiglu"}, "has no dense network with w3");
  refused({"expert.name", "lora"}, "do not say which of their parameters");
  refused({"model.width", "8"}, "another width in the dense network");
  refused({"moe.experts", "1"}, "no layer to make");
  CHECK_THROWS_WITH(Training({"init.method", "upcycle"}, 1), contains("needs another run"));
}

TEST_CASE("student: parameters of equal name and shape are copied, others are drawn",
          "[train][start]") {
  Source source;
  Training student(with(kDense, {"expert.hidden", "16", "init.method", "student", "init.from",
                                 source.folder / ""}),
                   1);
  const std::vector<real> drawn = student.trainer->weights().front().value.to_host();
  student.trainer->take_start();
  for (const NamedTensor& t : student.trainer->weights())
    for (const NamedTensor& s : source.run.trainer->weights())
      if (s.name == t.name && s.value.shape() == t.value.shape())
        CHECK(s.value.to_host() == t.value.to_host());
}

}  // namespace
}  // namespace moesim::testing
