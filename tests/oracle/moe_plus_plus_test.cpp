// Compares moe_plus_plus with the published code of MoE++.
#include "sim/moe/layer.hpp"
#include "sim/ops/ops.hpp"
#include "tests/oracle/parts.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>

namespace moesim::testing {
namespace {

void moe_plus_plus(Oracle& oracle) {
  OracleLayer layer(oracle);
  const auto flag = [&](const char* key) { return oracle.integer(key) != 0; };
  const index all = layer.site.experts, T = layer.site.batch * layer.site.length;
  const index E = layer.site.experts = oracle.integer("ffn_experts");
  const bool residual = flag("gate_residual"), two = flag("two_layer_gate");
  layer.site.before = residual ? 1 : 0;
  layer.make_router(
      "moe_plus_plus",
      {{"k", option(oracle.number("top_k"))},
       {"constant_experts", option(oracle.number("constant_experts"))},
       {"copy_experts", option(oracle.number("copy_experts"))},
       {"zero_experts", option(oracle.number("zero_experts"))},
       {"gate", two ? "two_layers" : "linear"},
       {"residual", residual ? "true" : "false"},
       {"logits_deviation", flag("logits_norm") ? option(oracle.number("gate_norm_std")) : "0"},
       {"softmax", flag("mixtral_gating") ? "after" : "before"},
       {"input_times_k", flag("multiply_input_by_topk") ? "true" : "false"},
       {"allow_constant_gate", "true"},
       {"balance_weight", "0"}});
  layer.make_expert("swiglu", oracle.integer("d_ff"));
  layer.bind_each_expert("gate", "w1");
  layer.bind_each_expert("up", "w3");
  layer.bind_each_expert("down", "w2");
  const auto of = [&](const char* name) { return parameter_of(layer.router(), name); };
  std::vector<Part> parts;
  if (two) {
    parts.push_back({.stored = "gate_w1", .value = of("hidden"), .turned = true});
    parts.push_back({.stored = "gate_w2", .value = of("weight"), .turned = true});
  } else {
    parts.push_back({.stored = "gate_w", .value = of("weight"), .turned = true});
  }
  if (residual) parts.push_back({.stored = "gate_map", .value = of("map"), .turned = true});
  for (index c = 0; c < oracle.integer("constant_experts"); ++c) {
    const std::string name = "constant/" + std::to_string(c);
    const index D = layer.site.width;
    parts.push_back({.stored = name + "/vector", .value = of("constant"), .first = c * D});
    parts.push_back(
        {.stored = name + "/weight", .value = of("constant_weight"), .first = c * 2 * D});
  }
  for (const Part& part : parts) part.load(oracle);
  const Tensor carry =
      residual ? oracle.tensor("gate_residual", {T, all}, layer.backend()) : Tensor();
  const auto run = [&](const Tensor& x) {
    layer.context.carry = carry;
    return layer.run(x);
  };
  layer.check_output(run);
  for (const Part& part : parts) part.compare_gradient(oracle);

  layer.context.carry = carry;
  const Routing routing = layer.route(layer.input());
  const Sent plan = sent(routing, T, E);
  oracle.compare("routing/logits", routing.carry);
  // Gates of experts are those of the plan, the others appear in y alone.
  const std::vector<double> chosen = oracle.input("routing/topk_index").values,
                            gate = oracle.input("routing/topk_gate").values;
  std::vector<double> own = gate;
  const std::size_t k = chosen.size() / static_cast<std::size_t>(T);
  double rows = 0;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    if (static_cast<index>(chosen[i]) >= E) continue;
    const std::size_t at =
        i / k * static_cast<std::size_t>(E) + static_cast<std::size_t>(chosen[i]);
    oracle.require(plan.kept[at] == 1, "another expert is chosen");
    own[i] = plan.gate[at];
    ++rows;
  }
  oracle.require(plan.rows == rows, "another number of experts is chosen");
  oracle.compare("routing/topk_gate", own);
}

}  // namespace

TEST_CASE("oracle: moe_plus_plus", "[oracle]") { check_oracles("moe_plus_plus", moe_plus_plus); }

}  // namespace moesim::testing
