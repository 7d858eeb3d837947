// Compares token choice and expert choice with llm-random, and expert choice with the paper.
#include "sim/moe/choose.hpp"
#include "sim/ops/ops.hpp"
#include "tests/oracle/dialect.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/oracle_layer.hpp"

#include <algorithm>

namespace moesim::testing {
namespace {

void lin_experts(OracleLayer& layer) {
  layer.make_expert("mlp", layer.oracle().integer("expert_size"),
                    {{"activation", "relu"}, {"bias", "none"}});
  layer.bind_expert("lin1", "w1");
  layer.bind_expert("lin2", "w2");
}

void token_choice(Oracle& oracle) {
  OracleLayer layer(oracle);
  const index E = layer.site.experts, T = layer.site.batch * layer.site.length;
  const index k = oracle.integer("top_k"), C = oracle.integer("capacity");
  layer.make_router(
      "token_choice",
      as("llm-random:token_choice", {{"k", option(static_cast<double>(k))},
                                     {"capacity_factor", option(oracle.number("capacity_factor"))},
                                     {"balance_weight", option(static_cast<double>(k))},
                                     {"z_weight", "1"}}));
  layer.bind_router("router_weight", "weight");
  if (oracle.text("expert") == "silu_gated") {  // lin2(silu(x gate) ⊙ (x lin1))
    layer.make_expert("swiglu", oracle.integer("expert_size"));
    layer.bind_expert("gate", "w1");
    layer.bind_expert("lin1", "w3");
    layer.bind_expert("lin2", "w2");
  } else {
    oracle.require(oracle.text("expert") == "relu", "unknown expert " + oracle.text("expert"));
    lin_experts(layer);
  }

  // Which of an expert's choices find room is left open by the peer: the mask is an input, and our
  // router has to keep as many.
  const std::vector<double> keep = oracle.input("routing/keep").values;
  const Routing own = layer.route(layer.input());
  const Sent plan = sent(own, T, E);
  const std::vector<double> scores = host(own.scores), chosen = ranked(scores, E, k);
  oracle.compare("routing/logits", logits_of(own.scores, oracle.input("routing/logits"), E));
  oracle.compare_exactly("routing/topk_index", chosen);
  for (index e = 0; e < E; ++e) {
    double ours = 0, theirs = 0;
    for (auto at = static_cast<std::size_t>(e); at < keep.size(); at += static_cast<std::size_t>(E))
      ours += plan.kept[at], theirs += keep[at];
    oracle.require(ours == theirs && ours <= static_cast<double>(C), "another number of kept rows");
  }
  // A place of an expert holds a kept token and its gate, or 0.
  const std::vector<double> place = oracle.input("routing/slot_token").values;
  std::vector<double> gate;
  for (std::size_t i = 0; i < place.size(); ++i) {
    const auto at = static_cast<std::size_t>(place[i]) * static_cast<std::size_t>(E) +
                    i % static_cast<std::size_t>(E);
    gate.push_back(keep[at] * scores[at]);
  }
  oracle.compare("routing/slot_gate", gate);

  std::vector<std::int32_t> asked, kept;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const auto e = static_cast<std::int32_t>(chosen[i]);
    asked.push_back(e);
    kept.push_back(keep[i / static_cast<std::size_t>(k) * static_cast<std::size_t>(E) +
                        static_cast<std::size_t>(e)] > 0
                       ? e
                       : -1);
  }
  const Indices choice = Indices::of(asked, layer.backend());
  layer.check_output([&](const Tensor& x) {
    Routing routing = layer.route(x);
    const Tensor gates = pick(routing.scores, entries_of(choice, k, E)).reshape({T, k});
    routing.plan = assign(choice, Indices::of(kept, layer.backend()), k, E, gates);
    return execute(routing, layer.tokens(x), layer.expert());
  });
  layer.check_loss("load_balance", {"balance"});
  layer.check_loss("z_loss", {"z"});
}

// topk_index and topk_value: of every expert the k best rows, best first, as [E, k] token numbers;
// by position, the j-th best of each position one after the other: [E, k·S] token numbers or
// [E, k, S] sequence numbers. In our plan an expert's rows stand group by group.
void compare_chosen(OracleLayer& layer, const Routing& routing, bool by_position) {
  Oracle& oracle = layer.oracle();
  const auto& plan = std::get<Assignment>(routing.plan);
  const std::vector<std::int32_t> token = plan.token.to_host();
  const std::vector<double> gate = host(plan.gate);
  const bool sequence_numbers = oracle.input("routing/topk_index").dims.size() == 3;
  const index E = layer.site.experts, S = layer.site.length, groups = by_position ? S : 1;
  const index k = plan.experts.rows / (E * groups);
  std::vector<double> rows, gates;
  for (index e = 0; e < E; ++e)
    for (index j = 0; j < k; ++j)
      for (index g = 0; g < groups; ++g) {
        const auto at = static_cast<std::size_t>((e * groups + g) * k + j);
        rows.push_back(static_cast<double>(sequence_numbers ? token[at] / S : token[at]));
        gates.push_back(gate[at]);
      }
  oracle.compare_exactly("routing/topk_index", rows);
  oracle.compare("routing/topk_value", gates);
}

void expert_choice(Oracle& oracle) {
  OracleLayer layer(oracle);
  // Groups of g sequences: the batch is read as g rows of B/g sequences each.
  const index g = oracle.integer("group_size");
  if (g > 1) layer.site.length *= layer.site.batch / g, layer.site.batch = g;
  const bool by_position = oracle.integer("group_by_batch") != 0;
  const double experts_per_token =
      oracle.number("topk_fraction") * static_cast<double>(layer.site.experts);
  layer.make_router("expert_choice",
                    as("llm-random:expert_choice", {{"capacity_factor", option(experts_per_token)},
                                                    {"group", by_position ? "position" : "batch"},
                                                    {"softmax", oracle.text("softmax_over")},
                                                    {"z_weight", "1"}}));
  layer.bind_router("router_weight", "weight");
  lin_experts(layer);
  Tensor gain, bias;
  if (oracle.integer("out_layernorm")) {
    gain = layer.bind_own("ln_weight");
    bias = layer.bind_own("ln_bias");
  }

  compare_chosen(layer, layer.route(layer.input()), by_position);
  layer.check_output([&](const Tensor& x) {
    const Tensor y = layer.run(x);
    return gain ? normalize(NormKind::layer, y, gain, bias, real(1e-5)) : y;
  });
  layer.check_loss("z_loss", {"z"});
}

void expert_choice_paper(Oracle& oracle) {
  OracleLayer layer(oracle);
  const index E = layer.site.experts, B = layer.site.batch, S = layer.site.length;
  const index C = oracle.integer("capacity");
  const std::string rounding = oracle.text("capacity_rounding");
  const bool flaxformer = rounding == "round" && oracle.integer("capacity_multiple_of") == 1;
  layer.make_router("expert_choice",
                    as(flaxformer ? "flaxformer:experts_choose" : "vmoe:expert_choice",
                       {{"capacity_factor", option(oracle.number("capacity_factor"))},
                        {"capacity_rounding", rounding},
                        {"capacity_multiple", option(oracle.number("capacity_multiple_of"))}}));
  layer.make_expert("mlp", oracle.integer("d_hidden"), {{"activation", "relu"}, {"bias", "none"}});
  layer.bind_router("router_weight", "weight");
  layer.bind_expert("experts/w1", "w1");
  layer.bind_expert("experts/w2", "w2");

  const Routing routing = layer.route(layer.input());
  const auto& plan = std::get<Assignment>(routing.plan);
  oracle.require(plan.experts.rows == E * B * C, "another capacity");
  oracle.compare("routing/logits", logits_of(routing.scores, oracle.input("routing/logits"), E));
  // Rows of our plan are [E, B, C], best first.
  const std::vector<std::int32_t> token = plan.token.to_host();
  const std::vector<double> gate = host(plan.gate);
  const auto size = static_cast<std::size_t>(E * B * C);
  std::vector<double> chosen(size), value(size), selected(static_cast<std::size_t>(B * E * S));
  for (std::size_t i = 0; i < std::min(size, token.size()); ++i) {
    const auto row = static_cast<index>(i);
    const index e = row / (B * C), b = row / C % B, c = row % C, s = token[i] % S;
    oracle.require(token[i] / S == b, "a row of another sequence");
    const auto at = static_cast<std::size_t>((b * E + e) * C + c);
    chosen[at] = static_cast<double>(s), value[at] = gate[i];
    selected[static_cast<std::size_t>((b * E + e) * S + s)] += 1;
  }
  oracle.compare_exactly("routing/topk_index", chosen);
  oracle.compare("routing/topk_value", value);
  oracle.compare_exactly("routing/selected", selected);
  layer.check_output();
}

}  // namespace

TEST_CASE("oracle: token_choice_llmrandom", "[oracle]") {
  check_oracles("token_choice_llmrandom", token_choice);
}
TEST_CASE("oracle: expert_choice_llmrandom", "[oracle]") {
  check_oracles("expert_choice_llmrandom", expert_choice);
}
TEST_CASE("oracle: expert_choice_paper", "[oracle]") {
  check_oracles("expert_choice_paper", expert_choice_paper);
}

}  // namespace moesim::testing
