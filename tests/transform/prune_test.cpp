// Tests pruning: experts that no token chose leave no trace, and removal is masking.
#include "sim/transform/prune.hpp"

#include "sim/transform/calibration.hpp"
#include "tests/support/catch.hpp"
#include "tests/transform/support.hpp"

namespace moesim::testing {
namespace {

constexpr double kPruned = 1e-12;

// The change of outputs when these experts are kept.
OutputChange pruned_change(Training& whole, const Values& more, const Groups& kept) {
  Values values = two_layers(more);
  values.insert(values.end(), {"moe.experts", std::to_string(kept.front().size())});
  Training small(values, 1);
  const HostTensors made =
      prune_experts(tensors_of(whole), *whole.model, kept, axes_of(whole, two_layers(more)));
  give(made, small);
  return change_of(whole, small);
}

void set(const Training& training, const std::string& name,
         const std::function<real(std::size_t, real)>& value) {
  bool found = false;
  for (const NamedTensor& t : training.trainer->weights()) {
    if (t.name != name) continue;
    std::vector<real> values = t.value.to_host();
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = value(i, values[i]);
    t.value.from_host(values);
    found = true;
  }
  REQUIRE(found);
}

// Gives expert e of every layer the logit -1600 for all tokens: the values of a LayerNorm with gain 1
// and bias 1 sum to D = 16, and its column of the router is -100.
void mask(const Training& training, std::size_t e) {
  for (const char* block : {"blocks.0.", "blocks.1."}) {
    set(training, std::string(block) + "norm_feed_forward.gain",
        [](std::size_t, real) { return real(1); });
    set(training, std::string(block) + "norm_feed_forward.bias",
        [](std::size_t, real) { return real(1); });
    set(training, std::string(block) + "moe.router.weight",
        [&](std::size_t i, real w) { return i % 4 == e ? real(-100) : w; });
  }
}

TEST_CASE("prune: keeping all experts changes nothing", "[transform]") {
  const Values more = {"router.name", "token_choice", "router.token_choice.k", "2"};
  Training whole(two_layers(more), 1);
  CHECK(pruned_change(whole, more, {{0, 1, 2, 3}, {0, 1, 2, 3}}).logit == 0);
}

TEST_CASE("prune: an expert that no token chooses leaves no trace", "[transform]") {
  for (const char* softmax : {"before", "after"}) {
    CAPTURE(softmax);
    const Values more = {
        "router.name", "token_choice", "router.token_choice.k", "2", "router.token_choice.softmax",
        softmax};
    Training whole(two_layers(more), 1);
    mask(whole, 1);
    const Evaluation evaluation = whole.trainer->evaluate(0);
    CHECK(evaluation.layers[0].demand[1] == 0);
    const Groups kept = kept_experts({.keep = 3}, evaluation.layers, 0);
    CHECK(kept == Groups{{0, 2, 3}, {0, 2, 3}});
    // Not to the bit: the product with a router of three columns rounds otherwise than that with four.
    const double change = pruned_change(whole, more, kept).logit;
    CHECK(change < kPruned);
    CHECK(pruned_change(whole, more, {{0, 1, 3}, {0, 2, 3}}).logit > 100 * kPruned);
  }
}

TEST_CASE("prune: removing an expert is masking its logit", "[transform]") {
  // The expert is used at first: masked in the model itself, outputs change and equal the pruned ones.
  const Values more = {"router.name", "token_choice", "router.token_choice.k", "1"};
  Training whole(two_layers(more), 1), masked(two_layers(more), 1);
  mask(whole, 9);  // the norms alone: no expert has this number
  mask(masked, 2);
  CHECK(pruned_change(whole, more, {{0, 1, 3}, {0, 1, 3}}).after ==
        Approx(pruned_change(masked, more, {{0, 1, 2, 3}, {0, 1, 2, 3}}).after).epsilon(kPruned));
}

TEST_CASE("prune: the experts with the highest scores stay, of equal ones the lower",
          "[transform]") {
  std::vector<LayerStatistics> use(2);
  use[0].demand = {3, 5, 3, 1}, use[0].importance = {1, 0.5, 2, 0.7};
  use[1].demand = {0, 0, 0, 9}, use[1].importance = {0, 0, 0, 9};
  using Score = Pruning::Score;
  CHECK(kept_experts({Score::usage, 2}, use, 0) == Groups{{0, 1}, {0, 3}});
  CHECK(kept_experts({Score::importance, 2}, use, 0) == Groups{{0, 2}, {0, 3}});
  CHECK(kept_experts({Score::usage, 4}, use, 0) == Groups{{0, 1, 2, 3}, {0, 1, 2, 3}});
  const Groups drawn = kept_experts({Score::random, 2}, use, 7);
  CHECK(drawn == kept_experts({Score::random, 2}, use, 7));
  bool differs = false;
  for (std::uint64_t seed = 0; seed < 8; ++seed)
    differs |= kept_experts({Score::random, 2}, use, seed) != drawn;
  CHECK(differs);
}

TEST_CASE("prune: every layer keeps the weights of its own experts", "[transform]") {
  const Values more = two_layers({"router.name", "token_choice"});
  const Training whole(more, 1);
  const HostTensors before = tensors_of(whole);
  const Groups kept = {{0, 2, 3}, {1, 2}};
  const HostTensors after = prune_experts(before, *whole.model, kept, axes_of(whole, more));
  for (std::size_t layer = 0; layer < 2; ++layer) {
    CAPTURE(layer);
    const std::string moe = "blocks." + std::to_string(layer) + ".moe.";
    const std::size_t m = kept[layer].size();
    const std::vector<real>&w1 = after.at(moe + "experts.w1").values,
          &router = after.at(moe + "router.weight").values;
    REQUIRE(w1.size() == m * 16 * 32);
    REQUIRE(router.size() == 16 * m);
    for (std::size_t i = 0; i < m; ++i) {
      const auto e = static_cast<std::size_t>(kept[layer][i]);
      for (std::size_t j = 0; j < 16 * 32; ++j)
        REQUIRE(w1[i * 16 * 32 + j] == before.at(moe + "experts.w1").values[e * 16 * 32 + j]);
      for (std::size_t d = 0; d < 16; ++d)
        CHECK(router[d * m + i] == before.at(moe + "router.weight").values[d * 4 + e]);
    }
  }
}

TEST_CASE("prune: parameters and buffers of other routers", "[transform]") {
  for (const char* router : {"bias_balanced", "expert_choice", "relu", "sinkhorn"}) {
    CAPTURE(router);
    const Values more = {"router.name", router};
    Training whole(two_layers(more), 1);
    require_prunable(*whole.model);
    CHECK(pruned_change(whole, more, {{0, 1, 2, 3}, {0, 1, 2, 3}}).logit == 0);
    CHECK(std::isfinite(pruned_change(whole, more, {{0, 2, 3}, {1, 2, 3}}).after));
  }
}

TEST_CASE("prune: what cannot be pruned is refused", "[transform]") {
  const auto refused = [](const Values& more, const std::string& message) {
    CAPTURE(message);
    const Training whole(two_layers(more), 1);
    CHECK_THROWS_WITH(require_prunable(*whole.model), contains(message));
  };
  refused({"router.name", "soft"}, "does not assign tokens");
  refused({"router.name", "hash"}, "chooses by token id");
  refused({"router.name", "moe_plus_plus"}, "choices that run no expert");
}

TEST_CASE("prune: axes of experts are found by comparison, not by length", "[transform]") {
  // The width of the projection is the number of experts.
  const Values cosine = two_layers({"router.name", "cosine", "moe.experts", "16"});
  const Training whole(cosine, 1);
  const ExpertAxes axes = axes_of(whole, cosine);
  for (const auto& [name, axis] : axes) CHECK(name.find("projection") == std::string::npos);
  std::size_t of_router = 0;
  for (const auto& [name, axis] : axes) of_router += name.starts_with("blocks.1.moe.router.");
  CHECK(of_router > 0);
  CHECK(axes.at("blocks.1.moe.experts.w1") == 0);
  // Codes of ⌈log₂ E⌉ bits have no entry per expert: five to eight experts have the same tensors.
  for (const char* experts : {"5", "8"}) {
    const Values codes = two_layers({"router.name", "dselect_k", "moe.experts", experts});
    const Training coded(codes, 1);
    const auto prune = [&] {
      prune_experts(tensors_of(coded), *coded.model, {{0, 1, 2, 3}, {0, 1, 2, 3}},
                    axes_of(coded, codes));
    };
    CHECK_THROWS_WITH(prune(), contains("choose another run"));
  }
}

// Affine experts without matrix add their bias: gate · ‖b_e‖ for every token.
TEST_CASE("prune: reap is the mean size of what an expert adds", "[transform]") {
  const Values more = {"router.name", "token_choice", "router.token_choice.k",
                       "2",           "expert.name",  "affine"};
  Training training(two_layers(more), 1);
  for (const char* block : {"blocks.0.", "blocks.1."}) {
    set(training, std::string(block) + "moe.experts.w", [](std::size_t, real) { return real(0); });
    set(training, std::string(block) + "moe.experts.b",
        [](std::size_t i, real) { return i / 16 == 2 ? real(0) : static_cast<real>(1 + i / 16); });
  }
  const auto saliency = expert_saliency(*training.model, training.backend, *training.task,
                                        training.trainer->evaluator());
  const std::vector<LayerStatistics> use =
      training.trainer->evaluator().run(0, [] { return false; })->layers;
  REQUIRE(saliency.size() == 2);
  for (std::size_t layer = 0; layer < 2; ++layer)
    for (std::size_t e = 0; e < 4; ++e) {
      CAPTURE(layer, e);
      const double norm = e == 2 ? 0 : 4 * static_cast<double>(e + 1);  // of 16 values
      CHECK(saliency[layer][e] ==
            Approx(norm * use[layer].importance[e] / use[layer].demand[e]).epsilon(kPruned * 1e3));
    }
  const Pruning how{.score = Pruning::Score::reap, .keep = 3};
  CHECK(kept_experts(how, use, 0, saliency) == Groups{{0, 1, 3}, {0, 1, 3}});
}

TEST_CASE("prune: a threshold on the usage of the living", "[transform]") {
  // Shares 0.5, 0.3, 0.15, 0.04, 0.01. Bound 0.5 / 5 = 0.1: two go. Of 95 the third has 0.158 <= 0.5 / 3.
  // Of 80 the second has 0.375 > 0.5 / 2.
  CHECK(living_experts({15, 50, 1, 30, 4}, 0.5, 1) == 2);
  CHECK(living_experts({15, 50, 1, 30, 4}, 0.5, 3) == 3);
  // Bound 0.1 / 5 = 0.02: the last goes. Of 99 the fourth has 0.0404 > 0.1 / 4.
  CHECK(living_experts({15, 50, 1, 30, 4}, 0.1, 1) == 4);
  CHECK(living_experts({15, 50, 1, 30, 4}, 0, 1) == 5);
  // Those at the bound go.
  CHECK(living_experts({1, 1, 1, 1}, 1, 2) == 2);
  CHECK(living_experts({1, 1, 1, 1}, 0.99, 2) == 4);
  CHECK(living_experts({3, 0, 5, 0}, 0, 1) == 2);
  CHECK(living_experts({0, 0, 0}, 0.5, 2) == 2);
  CHECK(living_experts({1, 2}, 0, 5) == 2);
}

TEST_CASE("prune: calibration counts the use of experts in training sequences", "[transform]") {
  Training run(two_layers({"router.name", "token_choice", "router.token_choice.k", "2"}), 1);
  const Calibration on{.data = *run.data,
                       .task = *run.task,
                       .model = *run.model,
                       .backend = run.backend,
                       .seed = 3,
                       .sequences = 40};
  const std::vector<LayerStatistics> use = expert_use(on);
  // The same from the rows of the experts: nothing is dropped.
  std::vector<std::vector<double>> rows(2, std::vector<double>(4));
  for (index first = 0, step = 0; first < 40; first += 32, ++step) {
    const index count = std::min<index>(32, 40 - first);
    Context context{.seed = 3};
    context.on_routing = [&](index layer, const Routing& routing) {
      const auto offset = std::get<Assignment>(routing.plan).experts.offset.to_host();
      for (std::size_t e = 0; e < 4; ++e)
        rows[static_cast<std::size_t>(layer)][e] += offset[e + 1] - offset[e];
    };
    std::vector<Loss> losses;
    const Batch batch = run.task->pose(run.data->batch(Split::train, 3, step, count),
                                       {.seed = 3, .step = step, .rows = count});
    run.model->forward(run.task->prepare(batch, run.backend).input, context, losses);
  }
  REQUIRE(use.size() == 2);
  for (std::size_t layer = 0; layer < 2; ++layer) {
    CHECK(use[layer].assignments == 2 * 16 * 40);
    CHECK(use[layer].demand == rows[layer]);
  }
  CHECK(expert_saliency(on).size() == 2);
  CHECK(expert_saliency(on) !=
        expert_saliency(*run.model, run.backend, *run.task, run.trainer->evaluator()));
}

}  // namespace
}  // namespace moesim::testing
