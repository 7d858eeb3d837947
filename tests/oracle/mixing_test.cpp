// Compares soft and mixture_of_tokens with published implementations.
#include "sim/ops/ops.hpp"
#include "tests/oracle/dialect.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/oracle_layer.hpp"

namespace moesim::testing {
namespace {

// Dispatch and combine weights [B, S, E, p] of Soft MoE; its logits are seen through combine.
void compare_mixing(OracleLayer& layer) {
  Oracle& oracle = layer.oracle();
  const Routing routing = layer.route(layer.input());
  const auto& plan = std::get<Mixing>(routing.plan);
  oracle.compare("routing/dispatch", plan.dispatch);
  oracle.compare("routing/combine", plan.combine);
  if (layer.importance) return;
  oracle.compare("routing/logits", logits_of(plan.combine, oracle.input("routing/logits"),
                                             plan.combine.shape().last()));
}

void soft_moe_paper(Oracle& oracle) {
  OracleLayer layer(oracle);
  OptionValues options = as("vmoe:soft", {{"slots", option(oracle.number("num_slots"))}});
  if (oracle.integer("normalize") == 0) options["normalise"] = "false";
  layer.make_router("soft", options);
  layer.make_expert("mlp", oracle.integer("d_hidden"), {{"activation", "gelu"}, {"bias", "both"}});
  oracle.require(oracle.number("eps") == 1e-6, "another epsilon of the unit norm");
  layer.bind_router("phi", "phi");
  layer.bind_router("scale", "scale");
  for (const char* name : {"w1", "b1", "w2", "b2"})
    layer.bind_expert(std::string("experts/") + name, name);
  compare_mixing(layer);
  layer.check_output();
}

void soft_moe_fkodom(Oracle& oracle) {
  OracleLayer layer(oracle);
  layer.make_router("soft", {{"slots", option(oracle.number("num_slots"))},
                             {"normalise", oracle.integer("normalize") ? "true" : "false"}});
  layer.make_expert("affine", 0);
  layer.bind_router("phi", "phi");
  layer.bind_expert("experts/weight", "w");
  layer.bind_expert("experts/bias", "b");
  compare_mixing(layer);
  layer.check_output();
}

void soft_moe_bwconrad(Oracle& oracle) {
  OracleLayer layer(oracle);
  layer.make_router("soft", {{"slots", option(oracle.number("num_slots"))},
                             {"normalise", oracle.integer("normalize") ? "true" : "false"},
                             {"norm_epsilon", "1e-24"},  // of the square: |x| is at least 1e-12
                             {"slots_mix", oracle.integer("normalize") ? "normalised" : "tokens"}});
  layer.make_expert("mlp", oracle.integer("d_hidden"), {{"activation", "gelu"}, {"bias", "both"}});
  layer.bind_router("phi", "phi");
  if (oracle.integer("normalize")) layer.bind_router("scale", "scale");
  for (const char* name : {"w1", "b1", "w2", "b2"}) layer.bind_each_expert(name, name, true);
  compare_mixing(layer);
  layer.check_output();
}

void soft_moe_lucidrains(Oracle& oracle) {
  OracleLayer layer(oracle);
  const bool rms = oracle.text("norm") == "rmsnorm", geglu = oracle.text("expert") == "geglu";
  oracle.require(rms || oracle.text("norm") == "layernorm", "another norm");
  oracle.require(geglu || oracle.text("expert") == "gelu", "another expert");
  layer.make_router("soft", {{"slots", option(oracle.number("num_slots"))},
                             {"norm", rms ? "rms" : "layer"},
                             {"norm_epsilon", rms ? "1e-24" : "1e-5"},
                             {"slots_mix", "normalised"}});
  layer.bind_router("norm_gamma", "gain");
  layer.bind_router("slot_norm_gamma", "slot_gain");
  layer.bind_router("slot_embeds", "phi");
  const index hidden = oracle.input("params/experts/0/w2").dims.back();
  if (geglu) {
    layer.make_expert("geglu", hidden, {{"bias", "true"}});
    layer.bind_expert_parts("w1", {"up", "gate"});
    layer.bind_expert_parts("b1", {"up_bias", "gate_bias"});
    layer.bind_each_expert("w2", "down");
    layer.bind_each_expert("b2", "down_bias");
  } else {
    layer.make_expert("mlp", hidden, {{"activation", "gelu"}, {"bias", "both"}});
    for (const char* name : {"w1", "b1", "w2", "b2"}) layer.bind_each_expert(name, name);
  }
  if (oracle.integer("masked"))
    layer.importance =
        oracle.tensor("mask", {layer.site.batch * layer.site.length}, layer.backend());
  if (layer.importance) oracle.excuse("routing/logits");  // those of padding are one constant
  compare_mixing(layer);
  layer.check_output();
}

// 1 at the largest of each vector along n of [outer, n, inner].
std::vector<double> one_hot(const std::vector<double>& w, Along axis) {
  std::vector<double> result(w.size());
  for (index o = 0; o < axis.outer; ++o)
    for (index i = 0; i < axis.inner; ++i) {
      const auto at = [&](index n) {
        return static_cast<std::size_t>((o * axis.n + n) * axis.inner + i);
      };
      index best = 0;
      for (index n = 1; n < axis.n; ++n)
        if (w[at(n)] > w[at(best)]) best = n;
      result[at(best)] = 1;
    }
  return result;
}

// Our groups are [n_groups, free, g] or [free, n_groups, g]; stored are [free, n_groups, g, E].
std::vector<double> as_stored(const std::vector<double>& ours, index groups, index free,
                              index block, bool along_sequence) {
  if (along_sequence) return ours;
  std::vector<double> result(ours.size());
  for (index n = 0; n < groups; ++n)
    for (index f = 0; f < free; ++f)
      for (index i = 0; i < block; ++i)
        result[static_cast<std::size_t>((f * groups + n) * block + i)] =
            ours[static_cast<std::size_t>((n * free + f) * block + i)];
  return result;
}

void mot(Oracle& oracle) {
  OracleLayer layer(oracle);
  const index E = layer.site.experts, B = layer.site.batch, S = layer.site.length;
  const index g = oracle.integer("group_size");
  const bool along_sequence = oracle.integer("sparsity_dim") == 1;
  const bool over_experts = oracle.integer("emit_softmax_over_experts") != 0;
  const bool learned = oracle.integer("learned_temperature") != 0;
  // Of one temperature for both uses the file holds either name.
  const bool two = oracle.has("params/temperature_merge") && oracle.has("params/temperature_emit");
  layer.make_router("mixture_of_tokens",
                    as("llm-random:mixture_of_tokens",
                       {{"groups", along_sequence ? "sequence" : "batch"},
                        {"group_size", option(static_cast<double>(g))},
                        {"emit_softmax", over_experts ? "experts" : "group"},
                        {"temperature", option(oracle.number("temperature"))},
                        {"learned_temperature", learned ? "true" : "false"},
                        {"temperatures", learned && !two ? "one" : "two"},
                        {"evaluation", oracle.integer("discrete") ? "argmax" : "mixed"}}));
  layer.make_expert("mlp", oracle.integer("expert_size"),
                    {{"activation", "relu"}, {"bias", "none"}});
  layer.bind_router("controller", "weight");
  layer.bind_expert("lin1", "w1");
  layer.bind_expert("lin2", "w2");
  if (learned && !two) {
    layer.bind_log(oracle.has("params/temperature") ? "temperature" : "temperature_merge",
                   "log_temperature");
  } else if (learned) {
    layer.bind_log("temperature_merge", "log_temperature_merge");
    layer.bind_log("temperature_emit", "log_temperature_emit");
  }

  // The stored weights are those before the arg max.
  layer.context.training = true;
  const Routing routing = layer.route(layer.input());
  const auto& plan = std::get<Mixing>(routing.plan);
  const index free = along_sequence ? B : S, groups = B * S / (g * free);
  const auto stored = [&](const std::vector<double>& ours) {
    return as_stored(ours, groups, free, g * E, along_sequence);
  };
  oracle.compare("routing/merge_weights", stored(host(plan.dispatch)));
  oracle.compare("routing/emit_weights", stored(host(plan.combine)));
  // The router's scores [T, E] at their places in the groups show the logits.
  const Tensor placed = plan.order ? gather_rows(routing.scores, plan.order) : routing.scores;
  const Tensor in_order = Tensor::of(
      placed.shape(),
      [&] {
        const std::vector<double> values = stored(host(placed));
        return std::vector<real>(values.begin(), values.end());
      }(),
      layer.backend());
  oracle.compare("routing/merge_logits",
                 logits_of(in_order, oracle.input("routing/merge_logits"), E));

  layer.context.training = false;
  if (oracle.integer("discrete")) {
    const Along over_group{groups * free, g, E}, rows{groups * free * g, E, 1};
    const auto check = [&](const Tensor& ours, const std::string& name, Along axis) {
      oracle.require(stored(host(ours)) == one_hot(oracle.input("routing/" + name).values, axis),
                     "discrete weights are not the arg max of " + name);
    };
    const Routing discrete = layer.route(layer.input());
    check(std::get<Mixing>(discrete.plan).dispatch, "merge_weights", over_group);
    check(std::get<Mixing>(discrete.plan).combine, "emit_weights",
          over_experts ? rows : over_group);
  }
  layer.check_output();
}

}  // namespace

TEST_CASE("oracle: soft_moe_paper", "[oracle]") { check_oracles("soft_moe_paper", soft_moe_paper); }
TEST_CASE("oracle: soft_moe_fkodom", "[oracle]") {
  check_oracles("soft_moe_fkodom", soft_moe_fkodom);
}
TEST_CASE("oracle: soft_moe_bwconrad", "[oracle]") {
  check_oracles("soft_moe_bwconrad", soft_moe_bwconrad);
}
TEST_CASE("oracle: soft_moe_lucidrains", "[oracle]") {
  check_oracles("soft_moe_lucidrains", soft_moe_lucidrains);
}
TEST_CASE("oracle: mot", "[oracle]") { check_oracles("mot", mot); }

}  // namespace moesim::testing
