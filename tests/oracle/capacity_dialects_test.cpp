// Compares token_choice with DeepSpeed's gates, Tutel's batch prioritised routing, and ST-MoE.
#include "sim/moe/losses.hpp"
#include "sim/moe/policies/capacity.hpp"
#include "sim/ops/ops.hpp"
#include "tests/oracle/dialect.hpp"
#include "tests/oracle/top_k.hpp"
#include "tests/oracle/tutel_loss.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/oracle_layer.hpp"

#include <cmath>

namespace moesim::testing {
namespace {

std::string text(index value) { return std::to_string(value); }

// combine and dispatch [T, E, C]: a kept choice has its gate at one place of its expert, which no
// other token of the group has.
void compare_places(Oracle& oracle, const Sent& plan, index group) {
  const StoredArray& dispatch = oracle.input("routing/dispatch");
  const auto E = static_cast<std::size_t>(plan.experts),
             C = static_cast<std::size_t>(dispatch.dims.back());
  std::vector<double> combine(dispatch.values.size()), kept(plan.kept.size());
  std::vector<double> taken(static_cast<std::size_t>(plan.tokens / group) * E * C);
  for (std::size_t i = 0; i < combine.size(); ++i) {
    if (dispatch.values[i] == 0) continue;
    combine[i] = plan.gate[i / C];
    kept[i / C] += 1;
    taken[i / (static_cast<std::size_t>(group) * E * C) * E * C + i % (E * C)] += 1;
  }
  oracle.require(kept == plan.kept, "other choices are kept");
  for (const double times : taken) oracle.require(times <= 1, "a place is taken twice");
  oracle.compare("routing/combine", combine);
}

// Rows per expert as the file says. DeepSpeed computes them in single precision, so that rounding
// up may add one.
OptionValues capacity_of(Oracle& oracle, OptionValues options, const Capacity& rule, index n) {
  const index k = oracle.integer("top_k"), want = oracle.integer("capacity");
  const index rows = rule.rows(n, k, oracle.integer("num_experts"));
  oracle.require(rows == std::min(n, want) || rows + 1 == want, "another capacity");
  if (rows != std::min(n, want)) options["capacity"] = text(want);
  return options;
}

void deepspeed(Oracle& oracle) {
  OracleLayer layer(oracle);
  const index E = layer.site.experts, T = layer.site.batch * layer.site.length;
  const index k = oracle.integer("top_k");
  const std::string mode = oracle.text("mode");
  const bool top1 = mode == "top1" || mode == "top1_rts", top2 = mode == "top2";
  oracle.require(top1 || top2 || mode == "topk_position" || mode == "topk_probs", "another mode");
  const Capacity rule{.factor = oracle.number("capacity_factor"),
                      .minimum = oracle.integer("min_capacity")};
  const OptionValues options = as(top1                      ? "deepspeed:top1"
                                  : top2                    ? "deepspeed:top2"
                                  : mode == "topk_position" ? "deepspeed:topk_position"
                                                            : "deepspeed:topk",
                                  {{"k", text(k)},
                                   {"capacity_factor", option(rule.factor)},
                                   {"capacity_factor_eval", option(rule.factor)},
                                   {"capacity_min", text(rule.minimum)},
                                   {"balance_weight", "1"}});
  layer.make_router("token_choice", capacity_of(oracle, options, rule, T));
  layer.bind_router("router_weight", "weight");
  mlp_experts(layer);
  // A token is kept by the draw for its expert.
  const std::vector<double> logits = oracle.input("routing/logits").values;
  const std::vector<double> draws =
      at_columns(oracle.input("noise/uniform").values, E, ranked(logits, E, 1));
  layer.context.given = [&](Purpose purpose, Shape shape) -> Tensor {
    if (purpose != Purpose::places) return {};
    return Tensor::of(shape, {draws.begin(), draws.end()}, layer.backend());
  };

  const Routing routing = layer.route(layer.input());
  oracle.compare("routing/logits", logits_of(routing.scores, oracle.input("routing/logits"), E));
  std::vector<double> counts;
  for (const std::int32_t n : std::get<Assignment>(routing.plan).demand.to_host())
    counts.push_back(n);
  oracle.compare_exactly("routing/exp_counts", counts);
  compare_places(oracle, sent(routing, T, E), T);
  layer.check_output();
  layer.check_loss("load_balance", {"balance"});
}

void tutel(Oracle& oracle) {
  OracleLayer layer(oracle);
  const index E = layer.site.experts, T = layer.site.batch * layer.site.length;
  const index k = oracle.integer("top_k");
  // A negative factor limits the capacity to the largest load, which drops no less.
  const Capacity rule{.factor = std::abs(oracle.number("capacity_factor")),
                      .rounding = Rounding::floor,
                      .whole_share = true};
  const bool limited = rule.factor > 0 && oracle.number("capacity_factor") > 0;
  OptionValues options = as(oracle.integer("batch_prioritized") ? "tutel:bpr" : "tutel:top",
                            {{"k", text(k)},
                             {"capacity_factor", option(rule.factor)},
                             {"capacity_factor_eval", option(rule.factor)},
                             {"normalise", oracle.integer("normalize_gate") ? "auto" : "none"},
                             {"balance_weight", "1"}});
  if (limited) options = capacity_of(oracle, options, rule, T);
  layer.make_router("token_choice", options);
  layer.bind_router("router_weight", "weight");
  mlp_experts(layer);

  const Routing routing = layer.route(layer.input());
  const std::vector<double> scores = host(routing.scores), chosen = ranked(scores, E, k);
  const Sent plan = sent(routing, T, E);
  oracle.compare("routing/logits", logits_of(routing.scores, oracle.input("routing/logits"), E));
  oracle.compare_exactly("routing/topk_index", chosen);
  const std::vector<double> keep = at_columns(plan.kept, E, chosen);
  oracle.compare_exactly("routing/keep", keep);
  // Gates of dropped choices are stored, too.
  const std::vector<double>& stored = oracle.input("routing/topk_gate").values;
  std::vector<double> gates = at_columns(plan.gate, E, chosen);
  for (std::size_t i = 0; i < gates.size(); ++i)
    if (keep[i] == 0) gates[i] = stored[i];
  oracle.compare("routing/topk_gate", gates);
  // Places: those of kept choices are 0 .. C - 1, each once per expert.
  const std::vector<double>& place = oracle.input("routing/location").values;
  const auto C = static_cast<double>(oracle.integer("capacity"));
  for (std::size_t i = 0; i < place.size(); ++i)
    oracle.require((place[i] < C) == (keep[i] > 0), "a place beyond the capacity is kept");
  layer.check_output();
  layer.check_loss("load_balance", {"balance"});
  layer.check_loss("load_importance", [&](const Tensor& x) {
    return tutel_load_importance(layer.route(x).scores, k);
  });
}

void st_moe(Oracle& oracle) {
  OracleLayer layer(oracle);
  const index E = layer.site.experts, B = layer.site.batch, S = layer.site.length;
  const index k = oracle.integer("top_k");
  const double balance = oracle.number("balance_loss_coef"),
               z = oracle.number("router_z_loss_coef");
  const Capacity rule{.factor = oracle.number("capacity_factor"),
                      .rounding = Rounding::floor,
                      .per_choice = false,
                      .minimum = oracle.integer("min_capacity")};
  oracle.require(rule.rows(S, k, E) == oracle.integer("capacity"), "another capacity");
  layer.make_router("token_choice",
                    as("st-moe", {{"k", text(k)},
                                  {"capacity_factor", option(rule.factor)},
                                  {"capacity_factor_eval", option(rule.factor)},
                                  {"capacity_min", text(rule.minimum)},
                                  {"second_threshold", option(oracle.number("threshold"))},
                                  {"straight_through",
                                   oracle.integer("straight_through_dispatch") ? "true" : "false"},
                                  {"balance_weight", option(balance)},
                                  {"z_weight", option(z)}}));
  layer.bind_router("router_weight", "weight");
  layer.make_expert("geglu", oracle.integer("d_hidden"),
                    {{"bias", "true"}, {"multiplier", "true"}});
  layer.bind_expert_parts("w1", {"up", "gate"});
  layer.bind_expert_parts("b1", {"up_bias", "gate_bias"});
  layer.bind_each_expert("mult_bias", "multiplier");
  layer.bind_each_expert("w2", "down");
  layer.bind_each_expert("b2", "down_bias");
  layer.context.training = oracle.integer("train") != 0;
  // Stored are draws of every choice, [k, T].
  const std::vector<double> draws = oracle.input("noise/uniform").values;
  layer.context.given = [&](Purpose purpose, Shape shape) -> Tensor {
    if (purpose != Purpose::second_choice) return {};
    std::vector<real> later;
    for (index t = 0; t < B * S; ++t)
      for (index j = 1; j < k; ++j)
        later.push_back(static_cast<real>(draws[static_cast<std::size_t>(j * B * S + t)]));
    return Tensor::of(shape, later, layer.backend());
  };

  const Routing routing = layer.route(layer.input());
  oracle.compare("routing/logits", logits_of(routing.scores, oracle.input("routing/logits"), E));
  compare_places(oracle, sent(routing, B * S, E), S);
  layer.check_output();
  layer.check_loss("total", {"balance", "z"});
  const auto unweighted = [&](std::size_t i) {
    return [&layer, i](const Tensor& x) { return layer.route(x).losses.at(i).value; };
  };
  layer.check_loss("load_balance", unweighted(0));
  layer.check_loss("z_loss", unweighted(1));
  layer.check_loss("load_balance_predrop", [&](const Tensor& x) {
    const Tensor scores = layer.route(x).scores;
    return balance_loss(scores, top_k(scores, k), k, Counted::first, B);
  });
}

}  // namespace

TEST_CASE("oracle: deepspeed_gates", "[oracle]") { check_oracles("deepspeed_gates", deepspeed); }
TEST_CASE("oracle: tutel_bpr", "[oracle]") { check_oracles("tutel_bpr", tutel); }
TEST_CASE("oracle: st_moe_lucidrains", "[oracle]") { check_oracles("st_moe_lucidrains", st_moe); }

}  // namespace moesim::testing
