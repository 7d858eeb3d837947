// Tests the merging of experts: identities, and groups worked out by hand.
#include "sim/transform/merge.hpp"

#include "sim/transform/prune.hpp"
#include "tests/support/catch.hpp"
#include "tests/transform/support.hpp"

#include <algorithm>
#include <cmath>

namespace moesim::testing {
namespace {

using Layers = std::vector<std::vector<MergeGroup>>;
constexpr double kMerged = 1e-12;
const Values kTop2 = {"router.name", "token_choice", "router.token_choice.k", "2"};

// The outputs of a model whose experts are merged into these groups, against its own.
double merged_change(Training& whole, const ExpertMerge& how, const Layers& layers,
                     const Values& more) {
  Training merged(two_layers(more), 1);
  HostTensors tensors = tensors_of(whole);
  merge_experts(how, layers, *whole.model, tensors);
  give(tensors, merged);
  return change_of(whole, merged).logit;
}

Layers all_in_one(const std::vector<double>& share) {
  const MergeGroup group{0, {0, 1, 2, 3}, share};
  return {{group}, {group}};
}

// Makes every expert a copy of the first whose hidden units are rotated by `turn` for each expert.
void copy_rotated(Training& training, index turn) {
  HostTensors tensors = tensors_of(training);
  for (auto& [name, tensor] : tensors) {
    if (name.find(".experts.") == std::string::npos) continue;
    const bool in = name.ends_with("w1"), out = name.ends_with("w2"), bias = name.ends_with("b1");
    const index H = 32, D = 16, each = in || out ? D * H : bias ? H : D;
    for (index e = 1; e < 4; ++e)
      for (index i = 0; i < each; ++i) {
        const auto rotated = [&](index unit) { return (unit + e * turn) % H; };
        const index from = in     ? i / H * H + rotated(i % H)
                           : out  ? rotated(i / D) * D + i % D
                           : bias ? rotated(i)
                                  : i;
        tensor.values[static_cast<std::size_t>(e * each + i)] =
            tensor.values[static_cast<std::size_t>(from)];
      }
  }
  give(tensors, training);
}

// Biases start at 0, which no permutation changes.
void wake_biases(Training& training) {
  HostTensors tensors = tensors_of(training);
  for (auto& [name, tensor] : tensors)
    if (name.find(".experts.b") != std::string::npos)
      for (std::size_t i = 0; i < tensor.values.size(); ++i)
        tensor.values[i] = real(0.1) * static_cast<real>(std::sin(static_cast<double>(i)));
  give(tensors, training);
}

TEST_CASE("merge: groups of one change nothing", "[transform]") {
  Training whole(two_layers(kTop2), 1);
  const std::vector<MergeGroup> alone = {
      {0, {0}, {1}}, {1, {1}, {1}}, {2, {2}, {1}}, {3, {3}, {1}}};
  CHECK(merged_change(whole, {}, {alone, alone}, kTop2) == 0);
}

TEST_CASE("merge: equal experts, and those equal up to the order of their units", "[transform]") {
  using Align = ExpertMerge::Align;
  for (const index turn : {0, 5}) {
    CAPTURE(turn);
    Training whole(two_layers(kTop2), 1);
    wake_biases(whole);
    copy_rotated(whole, turn);
    for (const auto& share :
         std::vector<std::vector<double>>{{0.25, 0.25, 0.25, 0.25}, {0.7, 0.1, 0.2, 0}}) {
      CHECK(merged_change(whole, {.align = Align::weights}, all_in_one(share), kTop2) < kMerged);
      const double plain = merged_change(whole, {.align = Align::none}, all_in_one(share), kTop2);
      CHECK((turn == 0 ? plain < kMerged : plain > 100 * kMerged));
    }
  }
}

// Outputs are (g₁ + g₂) times the merged expert, also where gates do not sum to 1.
TEST_CASE("merge: a token that chose two members of a group has the sum of their gates",
          "[transform]") {
  for (const char* normalise : {"none", "sum"}) {
    CAPTURE(normalise);
    const Values more = {"router.name",
                         "token_choice",
                         "router.token_choice.k",
                         "2",
                         "router.token_choice.normalise",
                         normalise};
    Training whole(two_layers(more), 1);
    wake_biases(whole);
    copy_rotated(whole, 0);
    const MergeGroup odd{1, {1, 3}, {0.4, 0.6}}, even{0, {0, 2}, {0.3, 0.7}};
    const std::vector<MergeGroup> pairs = {even, odd};
    CHECK(merged_change(whole, {.align = ExpertMerge::Align::none}, {pairs, pairs}, more) <
          kMerged);
  }
}

TEST_CASE("merge: the permutation of units leaves the function of an expert", "[transform]") {
  // All of the weight is that of expert 2, whose units are moved to match those of expert 0.
  for (const char* expert : {"mlp", "swiglu", "geglu"}) {
    CAPTURE(expert);
    Values more = kTop2;
    more.insert(more.end(), {"expert.name", expert});
    Training whole(two_layers(more), 1);
    Training merged(two_layers(more), 1), plain(two_layers(more), 1);
    const Layers layers = all_in_one({0, 0, 1, 0});
    for (Training* made : {&merged, &plain}) {
      HostTensors tensors = tensors_of(whole);
      merge_experts(
          {.align = made == &merged ? ExpertMerge::Align::weights : ExpertMerge::Align::none},
          layers, *whole.model, tensors);
      give(tensors, *made);
    }
    CHECK(change_of(merged, plain).logit < kMerged);
    CHECK(change_of(whole, plain).logit > 100 * kMerged);
    const HostTensors moved = tensors_of(merged), unmoved = tensors_of(plain);
    const auto differs = [&](const auto& entry) {
      return entry.second.values != unmoved.at(entry.first).values;
    };
    CHECK(std::any_of(moved.begin(), moved.end(), differs));
  }
}

// All of the weight is that of expert e: the merged one is e with the order of units that, of all 24,
// has the largest inner product with the core, summed over w1, b1 and w2.
TEST_CASE("merge: units are matched by all of their weights", "[transform]") {
  const std::size_t H = 4, D = 16;
  Values more = kTop2;
  more.insert(more.end(), {"expert.hidden", "4"});
  Training whole(two_layers(more), 1);
  wake_biases(whole);
  const HostTensors before = tensors_of(whole);
  for (std::size_t e = 1; e < 4; ++e) {
    HostTensors after = before;
    const std::vector<MergeGroup> pair = {{0, {0, static_cast<index>(e)}, {0, 1}}};
    merge_experts({.align = ExpertMerge::Align::weights}, {pair, pair}, *whole.model, after);
    for (const std::string block : {"blocks.0.moe.experts.", "blocks.1.moe.experts."}) {
      CAPTURE(e, block);
      // Weight i of a unit of an expert: D of w1, that of b1, and D of w2.
      const auto at = [&](const HostTensors& tensors, std::size_t expert, std::size_t unit,
                          std::size_t i) {
        if (i < D) return tensors.at(block + "w1").values[(expert * D + i) * H + unit];
        if (i == D) return tensors.at(block + "b1").values[expert * H + unit];
        return tensors.at(block + "w2").values[(expert * H + unit) * D + i - D - 1];
      };
      std::vector<std::size_t> order = {0, 1, 2, 3}, best;
      double most = -1e30;
      do {
        double gain = 0;
        for (std::size_t unit = 0; unit < H; ++unit)
          for (std::size_t i = 0; i < 2 * D + 1; ++i)
            gain += static_cast<double>(at(before, 0, unit, i)) *
                    static_cast<double>(at(before, e, order[unit], i));
        if (gain > most) most = gain, best = order;
      } while (std::next_permutation(order.begin(), order.end()));
      for (std::size_t unit = 0; unit < H; ++unit)
        for (std::size_t i = 0; i < 2 * D + 1; ++i)
          CHECK(at(after, 0, unit, i) == at(before, e, best[unit], i));
    }
  }
}

TEST_CASE("merge: the weights of a group are its weighted mean", "[transform]") {
  const Training whole(two_layers(kTop2), 1);
  const HostTensors before = tensors_of(whole);
  HostTensors after = before;
  const std::vector<MergeGroup> pair = {{1, {1, 3}, {0.25, 0.75}}, {0, {0}, {1}}, {2, {2}, {1}}};
  merge_experts({.align = ExpertMerge::Align::none}, {pair, pair}, *whole.model, after);
  for (const auto& [name, tensor] : before) {
    const std::vector<real>& made = after.at(name).values;
    if (name.find(".experts.") == std::string::npos) {
      CHECK(made == tensor.values);
      continue;
    }
    const std::size_t each = tensor.values.size() / 4;
    for (std::size_t i = 0; i < each; ++i) {
      const real mean =
          real(0.25) * tensor.values[each + i] + real(0.75) * tensor.values[3 * each + i];
      CHECK(std::abs(static_cast<double>(made[each + i] - mean)) < 1e-7);
      CHECK(made[3 * each + i] == made[each + i]);
      CHECK(made[i] == tensor.values[i]);
    }
  }
}

TEST_CASE("merge: cores are the most used, others join the most similar", "[transform]") {
  LayerStatistics use;
  use.demand = {4, 10, 1, 10, 3};
  // Expert 0 is as similar to both cores, 2 to core 3, 4 to core 1.
  std::vector<double> similarity(25, 0);
  similarity[2 * 5 + 3] = 0.5, similarity[2 * 5 + 1] = 0.4, similarity[4 * 5 + 1] = 0.1;
  const auto groups =
      merge_groups({.groups = 2, .weights = ExpertMerge::Weights::usage}, use, similarity);
  REQUIRE(groups.size() == 2);
  CHECK(groups[0].core == 1);
  CHECK(groups[0].members == std::vector<index>{0, 1, 4});
  CHECK(groups[0].share == std::vector<double>{4.0 / 17, 10.0 / 17, 3.0 / 17});
  CHECK(groups[1].core == 3);
  CHECK(groups[1].members == std::vector<index>{2, 3});
  const auto even =
      merge_groups({.groups = 2, .weights = ExpertMerge::Weights::mean}, use, similarity);
  CHECK(even[1].share == std::vector<double>{0.5, 0.5});
  use.demand = {0, 0, 0, 0, 0};  // unused experts have equal shares
  CHECK(merge_groups({.groups = 1}, use, similarity)[0].share == std::vector<double>(5, 0.2));
}

TEST_CASE("merge: similarity of the columns of a router", "[transform]") {
  Training whole(two_layers(kTop2), 1);
  HostTensors tensors = tensors_of(whole);
  HostTensor& weight = tensors.at("blocks.1.moe.router.weight");  // [16, 4]
  for (std::size_t d = 0; d < 16; ++d) {
    weight.values[d * 4] = 1, weight.values[d * 4 + 1] = -2;
    weight.values[d * 4 + 2] = d < 8 ? 3 : 0, weight.values[d * 4 + 3] = 0;
  }
  const auto s = expert_similarity(ExpertMerge::Similarity::router, tensors, *whole.model, 1,
                                   axes_of(whole, two_layers(kTop2)));
  CHECK(s[0] == Approx(1));
  CHECK(s[1] == Approx(-1));
  CHECK(s[2] == Approx(std::sqrt(0.5)));
  CHECK(s[3] == 0);
  CHECK(s[4] == s[1]);
  const auto of_weights =
      expert_similarity(ExpertMerge::Similarity::weights, tensors, *whole.model, 1, {});
  CHECK(of_weights[5] == Approx(1));
  CHECK(std::abs(of_weights[6]) < 0.5);
}

TEST_CASE("merge: folded routers keep one column per group", "[transform]") {
  Training whole(two_layers(kTop2), 1);
  HostTensors tensors = tensors_of(whole);
  const std::vector<real> before = tensors.at("blocks.0.moe.router.weight").values;
  const std::vector<MergeGroup> groups = {{0, {0, 2}, {0.5, 0.5}}, {3, {1, 3}, {0.25, 0.75}}};
  const ExpertAxes axes = axes_of(whole, two_layers(kTop2));
  fold_routers({groups, groups}, *whole.model, axes, tensors);
  const HostTensors folded = prune_experts(tensors, *whole.model, {{0, 3}, {0, 3}}, axes);
  const std::vector<real>& after = folded.at("blocks.0.moe.router.weight").values;
  REQUIRE(after.size() == 32);
  for (std::size_t d = 0; d < 16; ++d) {
    CHECK(std::abs(static_cast<double>(after[2 * d] - (before[4 * d] + before[4 * d + 2]) / 2)) <
          1e-7);
    CHECK(std::abs(static_cast<double>(after[2 * d + 1] - before[4 * d + 1] / 4 -
                                       before[4 * d + 3] * 3 / 4)) < 1e-7);
  }
}

}  // namespace
}  // namespace moesim::testing
