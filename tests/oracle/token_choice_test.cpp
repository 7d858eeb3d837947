// Compares token_choice with Switch, Mixtral, MegaBlocks, GShard and V-MoE.
#include "sim/moe/choose.hpp"
#include "sim/moe/losses.hpp"
#include "sim/moe/policies/capacity.hpp"
#include "sim/ops/ops.hpp"
#include "tests/oracle/dialect.hpp"
#include "tests/oracle/top_k.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/oracle_layer.hpp"

#include <algorithm>

namespace moesim::testing {
namespace {

void switch_hf(Oracle& oracle) {
  OracleLayer layer(oracle);
  const index E = layer.site.experts, T = layer.site.batch * layer.site.length;
  layer.make_router("token_choice",
                    as("hf-switch", {{"capacity", option(oracle.number("expert_capacity"))},
                                     {"jitter", option(oracle.number("jitter"))},
                                     {"balance_weight", "1"},
                                     {"z_weight", "1"}}));
  layer.make_expert("mlp", oracle.integer("d_ff"), {{"activation", "relu"}, {"bias", "none"}});
  layer.bind_router("router_weight", "weight");
  layer.bind_each_expert("wi", "w1");
  layer.bind_each_expert("wo", "w2");
  oracle.require(oracle.integer("top_k") == 1, "k = 1 is all that is known of this family");

  const Routing routing = layer.route(layer.input());
  const Sent plan = sent(routing, T, E);
  const std::vector<double> scores = host(routing.scores), first = ranked(scores, E, 1);
  oracle.compare("routing/logits", logits_of(routing.scores, oracle.input("routing/logits"), E));
  oracle.compare("routing/probs", scores);
  oracle.compare_exactly("routing/expert_index", first);
  oracle.compare("routing/gate", at_columns(scores, E, first));
  const std::vector<double> keep = at_columns(plan.kept, E, first);
  oracle.compare_exactly("routing/keep", keep);

  layer.check_output();
  layer.check_loss("load_balance", {"balance"});
  layer.check_loss("z_loss", {"z"});
  // Hugging Face counts after drops, a dropped token as one of expert 0.
  std::vector<std::int32_t> counted;
  for (std::size_t t = 0; t < first.size(); ++t)
    counted.push_back(keep[t] > 0 ? static_cast<std::int32_t>(first[t]) : 0);
  layer.check_loss("load_balance_hf", [&](const Tensor& x) {
    return balance_loss(layer.route(x).scores, Indices::of(counted, layer.backend()), 1,
                        Counted::all, layer.site.batch);
  });
}

void mixtral_hf(Oracle& oracle) {
  OracleLayer layer(oracle);
  const index E = layer.site.experts, T = layer.site.batch * layer.site.length;
  const index k = oracle.integer("top_k");
  const OptionValues choices = {{"k", option(static_cast<double>(k))},
                                {"balance_weight", option(static_cast<double>(k))}};
  const auto build = [&](OracleLayer& one, const OptionValues& options) {
    one.make_router("token_choice", options);
    one.make_expert("swiglu", oracle.integer("d_ff"));
    one.bind_router("router_weight", "weight");
    for (const char* w : {"w1", "w2", "w3"}) one.bind_each_expert(w, w);
  };
  build(layer, as("hf-mixtral", choices));  // its loss is k at balance
  OracleLayer same(oracle);                 // FastMoE's gate without noise has the same formulas
  build(same, as("fastmoe:naive", choices));
  same.check_output();

  const Routing routing = layer.route(layer.input());
  oracle.compare("routing/logits", logits_of(routing.scores, oracle.input("routing/logits"), E));
  compare_top_k(oracle, sent(routing, T, E));
  layer.check_output();
  layer.check_loss("load_balance", {"balance"});
}

void megablocks_router(Oracle& oracle) {
  OracleLayer layer(oracle);
  const index E = layer.site.experts, T = layer.site.batch * layer.site.length;
  const index p = oracle.integer("normalize_p");
  oracle.require(p >= 0 && p <= 2, "only the norms 1 and 2 are known");
  layer.make_router("token_choice",
                    as("megablocks:dropless", {{"k", option(oracle.number("top_k"))},
                                               {"normalise", p == 0   ? "none"
                                                             : p == 1 ? "sum"
                                                                      : "l2"},
                                               {"balance_weight", "1"},
                                               {"z_weight", "1"}}));
  layer.bind_router("router_weight", "weight");
  mlp_experts(layer);

  const Routing routing = layer.route(layer.input());
  oracle.compare("routing/scores", routing.scores);
  compare_top_k(oracle, sent(routing, T, E));
  layer.check_output();
  layer.check_loss("load_balance", {"balance"});
  layer.check_loss("z_loss", {"z"});
}

// The places [B, S, E, C] of an expert in a sequence: first choices in order of tokens, then second
// ones.
std::vector<double> placed(const Sent& plan, const std::vector<double>& first, index length,
                           index places, const std::vector<double>& value) {
  std::vector<double> result(plan.kept.size() * static_cast<std::size_t>(places));
  for (index begin = 0; begin < plan.tokens; begin += length)
    for (index e = 0; e < plan.experts; ++e) {
      index place = 0;
      for (const bool wanted_first : {true, false})
        for (index t = begin; t < begin + length; ++t) {
          const auto at = static_cast<std::size_t>(t * plan.experts + e);
          const bool is_first = first[static_cast<std::size_t>(t)] == static_cast<double>(e);
          if (plan.kept[at] == 0 || is_first != wanted_first) continue;
          if (place < places)
            result[at * static_cast<std::size_t>(places) + static_cast<std::size_t>(place)] =
                value[at];
          ++place;
        }
    }
  return result;
}

void gshard(Oracle& oracle) {
  OracleLayer layer(oracle);
  const index E = layer.site.experts, B = layer.site.batch, S = layer.site.length;
  const std::string policy = oracle.text("second_policy");
  oracle.require(oracle.integer("top_k") == 2, "k = 2 is all that is known of this family");
  layer.make_router("token_choice",
                    {{"k", "2"},
                     {"normalise_epsilon", option(oracle.number("eps"))},
                     {"capacity_factor_eval", option(oracle.number("capacity_factor"))},
                     {"capacity_rounding", "floor"},
                     {"capacity_per_choice", "false"},
                     {"capacity_min", option(oracle.number("min_capacity"))},
                     {"fill", "choice"},
                     {"second_eval", policy},
                     {"second_threshold", option(oracle.number("second_threshold"))},
                     {"balance_counted", "first"},
                     {"balance_group", "sequence"},
                     {"balance_weight", "1"}});
  layer.context.given = [&](Purpose purpose, Shape shape) -> Tensor {
    if (purpose != Purpose::second_choice) return {};
    return oracle.tensor("noise/uniform", shape, layer.backend());
  };
  layer.bind_router("router_weight", "weight");
  mlp_experts(layer);
  if (policy != "random") oracle.excuse("noise/");  // no draw is asked for

  const index C = oracle.integer("capacity");
  const Capacity capacity{.factor = oracle.number("capacity_factor"),
                          .rounding = Rounding::floor,
                          .per_choice = false,
                          .minimum = oracle.integer("min_capacity")};
  oracle.require(capacity.rows(S, 2, E) == C, "another capacity");
  const Routing routing = layer.route(layer.input());
  const Sent plan = sent(routing, B * S, E);
  const std::vector<double> first = ranked(host(routing.scores), E, 1);
  oracle.compare("routing/logits", logits_of(routing.scores, oracle.input("routing/logits"), E));
  oracle.compare("routing/combine", placed(plan, first, S, C, plan.gate));
  oracle.compare_exactly("routing/dispatch", placed(plan, first, S, C, plan.kept));
  layer.check_output();
  layer.check_loss("load_balance", {"balance"});
}

void vmoe(Oracle& oracle) {
  OracleLayer layer(oracle);
  const index E = layer.site.experts, B = layer.site.batch, S = layer.site.length;
  const index k = oracle.integer("top_k");
  const bool noisy = oracle.number("noise_std") > 0;
  layer.make_router("token_choice",
                    as(oracle.integer("batch_priority") ? "vmoe:bpr" : "vmoe:top",
                       {{"k", option(static_cast<double>(k))},
                        {"capacity_factor", option(oracle.number("capacity_factor"))},
                        {"capacity_factor_eval", option(oracle.number("capacity_factor"))},
                        {"capacity_multiple", option(oracle.number("capacity_multiple_of"))},
                        {"noise_std", option(oracle.number("noise_std"))},
                        {"load_weight", "0"},
                        {"balance_weight", "1"},
                        {"importance_weight", "1"}}));
  layer.context.training = noisy;
  layer.context.given = [&](Purpose purpose, Shape shape) -> Tensor {
    if (purpose != Purpose::router_noise) return {};
    return oracle.tensor("noise/normal", shape, layer.backend());
  };
  layer.bind_router("router_weight", "weight");
  mlp_experts(layer);

  const Capacity capacity{.factor = oracle.number("capacity_factor"),
                          .multiple = oracle.integer("capacity_multiple_of")};
  oracle.require(capacity.rows(S, k, E) == std::min(S, oracle.integer("capacity")),
                 "another capacity");
  const Routing routing = layer.route(layer.input());
  const Sent plan = sent(routing, B * S, E);
  const std::vector<double> scores = host(routing.scores), chosen = ranked(scores, E, k);
  const std::vector<double> keep = at_columns(plan.kept, E, chosen);
  oracle.compare("routing/logits", logits_of(routing.scores, oracle.input("routing/logits"), E));
  oracle.compare_exactly("routing/topk_index", chosen);
  oracle.compare("routing/topk_gate", at_columns(scores, E, chosen));
  oracle.compare_exactly("routing/keep", keep);
  for (std::size_t i = 0; i < plan.gate.size(); ++i)
    oracle.require(plan.gate[i] == (plan.kept[i] > 0 ? scores[i] : 0), "a gate is not the score");
  layer.check_output();
  layer.check_loss("importance", {"importance"});
  layer.check_loss("gshard", {"balance"});
}

}  // namespace

TEST_CASE("oracle: switch_hf", "[oracle]") { check_oracles("switch_hf", switch_hf); }
TEST_CASE("oracle: mixtral_hf", "[oracle]") { check_oracles("mixtral_hf", mixtral_hf); }
TEST_CASE("oracle: megablocks_router", "[oracle]") {
  check_oracles("megablocks_router", megablocks_router);
}
TEST_CASE("oracle: gshard_top2_lucidrains", "[oracle]") {
  check_oracles("gshard_top2_lucidrains", gshard);
}
TEST_CASE("oracle: vmoe_topk_bpr", "[oracle]") { check_oracles("vmoe_topk_bpr", vmoe); }

}  // namespace moesim::testing
