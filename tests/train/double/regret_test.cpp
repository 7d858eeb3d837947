// Tests that counterfactual losses are those of a pass in which one plan is another, and that regret
// is 0 where the chosen experts are known to be the best.
#include "sim/train/regret.hpp"

#include "sim/moe/choose.hpp"
#include "sim/ops/ops.hpp"
#include "sim/ops/state.hpp"
#include "tests/support/catch.hpp"
#include "tests/train/kept.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace moesim::testing {
namespace {

constexpr double kSameLoss = 1e-12;

// A model after a few steps, so that experts differ, and a batch of it.
struct Posed : Training {
  Context context;
  Example example;
  explicit Posed(const Values& values)
      : Training(with({"data.length", "8", "data.symbols", "12", "data.domains", "2", "run.steps",
                       "6", "train.rate", "0.02", "model.layers", "2", "eval.batch", "3",
                       "eval.sequences", "8"},
                      values),
                 1) {
    run();
    context = trainer->evaluator().context(0);
    example = task->prepare(trainer->evaluator().posed(0), backend);
  }
};

TEST_CASE("counterfactual: the experts of a token itself give its ordinary loss",
          "[train][regret]") {
  std::set<std::string> without;
  for (const std::string& router : Registry<Router>::names()) {
    CAPTURE(router);
    Posed model({"router.name", router});
    try {
      Counterfactuals all(*model.model, model.example, model.context, model.backend);
      for (std::size_t layer = 0; layer < all.layers(); ++layer) {
        std::vector<Alternative> same;
        for (index b = 0; b < 3; ++b)
          for (index s = 0; s < 8; ++s) same.push_back({b, s, all.experts_of(layer, b, s)});
        const std::vector<double> losses = all.losses(layer, same);
        REQUIRE(losses.size() == all.losses().size());
        for (std::size_t t = 0; t < losses.size(); ++t)
          CHECK_THAT(losses[t], WithinAbs(static_cast<double>(all.losses()[t]), kSameLoss));
      }
    } catch (const NoCounterfactual&) {
      without.insert(router);
    }
  }
  for (const char* router : {"dense", "soft", "lory", "smear", "mixture_of_tokens", "default_moe"})
    CHECK(without.contains(router));
  for (const char* router : {"hash", "token_choice", "expert_choice", "bias_balanced", "base",
                             "moe_plus_plus", "hierarchical", "relu"})
    CHECK(!without.contains(router));
}

// The rows of an assignment as a table of two choices per token, by falling gate.
struct Table2 {
  std::vector<std::int32_t> expert;
  std::vector<real> gate;
};

Table2 table_of(const Assignment& plan, std::size_t tokens) {
  Table2 table{std::vector<std::int32_t>(2 * tokens, -1), std::vector<real>(2 * tokens, 0)};
  const auto offset = plan.experts.offset.to_host(), token = plan.token.to_host();
  const auto gate = plan.gate.to_host();
  for (std::size_t e = 0; e + 1 < offset.size(); ++e)
    for (auto i = static_cast<std::size_t>(offset[e]); i < static_cast<std::size_t>(offset[e + 1]);
         ++i) {
      const auto first = 2 * static_cast<std::size_t>(token[i]);
      std::size_t at = first;
      if (table.expert[first] >= 0) {
        at = first + 1;
        if (gate[i] > table.gate[first]) {
          table.expert[at] = table.expert[first], table.gate[at] = table.gate[first];
          at = first;
        }
      }
      table.expert[at] = static_cast<std::int32_t>(e), table.gate[at] = gate[i];
    }
  return table;
}

TEST_CASE("counterfactual: every pair, against whole batches in which one choice is another",
          "[train][regret]") {
  Posed model({"router.name", "token_choice", "router.token_choice.k", "2",
               "router.token_choice.capacity_factor_eval", "0.8"});
  Counterfactuals all(*model.model, model.example, model.context, model.backend);
  // The naive way: the batch again and again, its plans recorded and one of them made by assign().
  std::vector<Routing> recorded;
  Context watching = model.context;
  watching.on_routing = [&](index, const Routing& routing) { recorded.push_back(routing); };
  std::vector<Loss> losses;
  model.model->forward(model.example.input, watching, losses);
  std::size_t compared = 0, different = 0;
  for (std::size_t layer = 0; layer < 2; ++layer)
    for (const std::size_t token :
         {std::size_t{0}, std::size_t{5}, std::size_t{11}, std::size_t{22}}) {
      const Table2 table = table_of(std::get<Assignment>(recorded[layer].plan), 24);
      const auto b = static_cast<index>(token / 8), s = static_cast<index>(token % 8);
      const std::vector<std::int32_t> own = all.experts_of(layer, b, s);
      for (const std::vector<std::int32_t>& experts : all_choices(4, own.size())) {
        CAPTURE(layer, token, own, experts);
        Table2 other = table;
        for (std::size_t i = 0; i < experts.size(); ++i) {
          CHECK(other.expert[2 * token + i] == own[i]);
          other.expert[2 * token + i] = experts[i];
        }
        const Indices choice = Indices::of(other.expert, model.backend);
        Context pass = model.context;
        std::size_t next = 0;
        pass.decide = [&](index, Routing& routing) {
          routing = recorded[next];
          if (next == layer)
            routing.plan =
                assign(choice, choice, 2, 4, Tensor::of({24, 2}, other.gate, model.backend));
          ++next;
          return true;
        };
        const std::vector<real> naive =
            cross_entropy_rows(model.model->forward(model.example.input, pass, losses),
                               model.example.targets)
                .to_host();
        const std::vector<Alternative> one = {{b, s, experts}};
        CHECK_THAT(all.losses(layer, one)[0],
                   WithinAbs(static_cast<double>(naive[token]), kSameLoss));
        ++compared;
        different += std::abs(static_cast<double>(naive[token] - all.losses()[token])) > 1e-4;
      }
    }
  CHECK(compared > 40);
  CHECK(different > 30);  // the experts of this model do differ
}

void set(const Parameter& parameter, const std::vector<real>& values, Backend& backend) {
  moesim::assign(parameter.value, Tensor::of(parameter.value.shape(), values, backend));
}

TEST_CASE("counterfactual: planted: the expert of a token's id predicts it, every other does not",
          "[train][regret]") {
  // Everything is 0 but the head, a unit matrix, and the experts' output biases: expert e adds to
  // the logit of the id that the table sends there.
  constexpr std::size_t V = 16;
  Training model(
      {"router.name", "hash", "data.symbols", "16", "model.width", "16", "moe.experts", "16",
       "model.layers", "1", "model.heads", "1", "model.tied", "false", "data.length", "6"},
      1);
  Example example;
  example.input.batch = V, example.input.length = 6;
  std::vector<std::int32_t> ids;
  for (std::size_t i = 0; i < 6 * V; ++i) ids.push_back(static_cast<std::int32_t>(i / 6));
  example.input.ids = Indices::of(ids, model.backend);
  example.targets = Indices::of(ids, model.backend);
  Context context;
  std::vector<std::size_t> expert_of(V);
  {
    const Counterfactuals before(*model.model, example, context, model.backend);
    for (std::size_t id = 0; id < V; ++id)
      expert_of[id] =
          static_cast<std::size_t>(before.experts_of(0, static_cast<index>(id), 0).at(0));
  }
  CHECK(std::set<std::size_t>(expert_of.begin(), expert_of.end()).size() == V);
  std::size_t biases = 0, heads = 0;
  for (const Parameter& p : model.model->parameters()) {
    const auto size = static_cast<std::size_t>(p.value.size());
    std::vector<real> values(size, 0);
    if (p.name == "norm.gain") values.assign(size, 1);
    if (p.name == "head" && ++heads > 0)
      for (std::size_t i = 0; i < V; ++i) values[i * V + i] = 1;
    if (p.name.find("experts.") != p.name.npos && p.name.ends_with("b2") && ++biases > 0)
      for (std::size_t id = 0; id < V; ++id) values[expert_of[id] * V + id] = 1;
    set(p, values, model.backend);
  }
  REQUIRE(heads == 1);
  REQUIRE(biases == 1);
  Counterfactuals planted(*model.model, example, context, model.backend);
  for (std::size_t id = 0; id < V; ++id) {
    std::vector<Alternative> all;
    for (const auto& experts : all_choices(16, 1))
      all.push_back({static_cast<index>(id), 3, experts});
    const std::vector<double> losses = planted.losses(0, all);
    const double chosen = losses[expert_of[id]];
    CHECK(chosen == *std::min_element(losses.begin(), losses.end()));
    CHECK_THAT(chosen, WithinAbs(static_cast<double>(planted.losses()[6 * id + 3]), kSameLoss));
    for (std::size_t e = 0; e < V; ++e)
      if (e != expert_of[id]) CHECK(losses[e] > chosen + 1);
  }
}

RegretSample sampled(Training& model, index count) {
  return measure_regret(*model.model, model.trainer->evaluator(), *model.task, model.backend,
                        count);
}

TEST_CASE("regret: sampled tokens, the same for every router", "[train][regret]") {
  Posed one({"router.name", "token_choice", "router.token_choice.capacity_factor_eval", "0"});
  Posed other({"router.name", "hash"});
  const RegretSample a = sampled(one, 21), b = sampled(other, 21);
  REQUIRE(a.tokens.size() == 42);  // two layers
  REQUIRE(b.tokens.size() == 42);
  std::map<index, std::size_t> of_sequence;
  const auto by_token = [](const RegretSample& sample) {
    std::set<std::pair<index, index>> all;
    for (const TokenRegret& token : sample.tokens) all.insert({token.sequence, token.position});
    return all;
  };
  CHECK(by_token(a) == by_token(b));
  CHECK(by_token(a).size() == 21);
  for (const auto& [sequence, position] : by_token(a)) ++of_sequence[sequence];
  CHECK(of_sequence.size() == 8);
  for (const auto& [sequence, count] : of_sequence) CHECK((count == 2 || count == 3));
  bool regrets = false, seconds = false;
  for (const TokenRegret& token : a.tokens) {
    CHECK(token.choices == 4);
    CHECK(token.best <= token.chosen);
    CHECK(token.best <= token.random);
    CHECK(token.second >= token.best);
    CHECK(token.domain >= 0);
    regrets = regrets || token.regret() > 0;
    seconds = seconds || token.second != token.chosen;
  }
  CHECK(regrets);
  CHECK(seconds);
  for (const TokenRegret& token : b.tokens) CHECK(std::isnan(token.second));  // no scores
  CHECK(a.unserved + a.too_many == 0);
}

TEST_CASE("regret: none with one expert; tokens without an expert, or with three, are left out",
          "[train][regret]") {
  Posed single({"router.name", "hash", "moe.experts", "1"});
  for (const TokenRegret& token : sampled(single, 10).tokens) {
    CHECK(token.choices == 1);
    CHECK(token.regret() == 0);
    CHECK(token.random == token.chosen);
  }
  Posed dropping(
      {"router.name", "token_choice", "router.token_choice.capacity_factor_eval", "0.5"});
  const RegretSample drops = sampled(dropping, 64);
  CHECK(drops.unserved > 0);
  CHECK(static_cast<index>(drops.tokens.size()) + drops.unserved == drops.sampled);
  Posed three({"router.name", "token_choice", "router.token_choice.k", "3",
               "router.token_choice.capacity_factor_eval", "0"});
  CHECK(sampled(three, 5).too_many == 10);
  CHECK(sampled(three, 5).tokens.empty());
}

TEST_CASE("regret: the choices of one expert and of pairs in order", "[train][regret]") {
  using Choices = std::vector<std::vector<std::int32_t>>;
  CHECK(all_choices(3, 1) == Choices{{0}, {1}, {2}});
  CHECK(all_choices(3, 2) == Choices{{0, 1}, {0, 2}, {1, 0}, {1, 2}, {2, 0}, {2, 1}});
  CHECK(all_choices(3, 0).empty());
  CHECK(all_choices(3, 3).empty());
  CHECK(all_choices(64, 2).size() == 64 * 63);
  CHECK(all_choices(65, 2).empty());
}

}  // namespace
}  // namespace moesim::testing
