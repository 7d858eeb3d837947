// Compares routed attention with the published code: moa, switchhead, moh.
#include "sim/ops/ops.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/oracle_layer.hpp"

namespace moesim::testing {
namespace {

// The rows per expert of the routing, and those of the choices that the file has. experts: of a
// group; choice i is of group i / k % groups.
void compare_load(Oracle& oracle, const Routing& routing, const std::string& choices, index experts,
                  index k, index groups) {
  const std::vector<double>& load = std::get<Custom>(routing.plan).load;
  std::vector<double> want(load.size(), 0);
  const std::vector<double> stored = oracle.input(choices).values;
  for (std::size_t i = 0; i < stored.size(); ++i)
    ++want.at(static_cast<std::size_t>(static_cast<index>(i) / k % groups * experts +
                                       static_cast<index>(stored[i])));
  oracle.require(load == want, "another load than by " + choices);
}

void moa(Oracle& oracle) {
  OracleLayer layer(oracle, oracle.integer("causal") != 0);
  const index E = layer.site.experts, k = oracle.integer("top_k");
  const bool noisy = oracle.integer("noisy") != 0, normalise = oracle.integer("normalise") != 0;
  layer.make_router("moa", {{"k", option(oracle.number("top_k"))},
                            {"head_width", option(oracle.number("d_head"))},
                            {"normalise", normalise ? "detached" : "none"},
                            {"noisy", noisy ? "true" : "false"},
                            {"noise_epsilon", option(oracle.number("noise_epsilon"))},
                            {"importance_weight", "1"},
                            {"balance_weight", "1"},
                            {"z_weight", "1"}});
  layer.context.training = oracle.integer("train") != 0;
  layer.context.given = [&](Purpose, Shape shape) {
    return oracle.tensor("noise/normal", shape, layer.backend());
  };
  layer.bind_router("router_weight", "weight");
  if (noisy) layer.bind_router("noise_weight", "noise_weight");
  if (noisy && !layer.context.training) oracle.excuse("noise/");
  layer.bind_router("wq", "query");
  layer.bind_router("wo", "output");
  layer.bind_router_turned("wk", "key");
  layer.bind_router_turned("wv", "value");
  layer.make_expert("affine", 1);

  const Routing routing = layer.route(layer.input());
  const std::vector<double> scores = host(routing.scores), chosen = ranked(scores, E, k);
  std::vector<double> gates = at_columns(scores, E, chosen);
  if (normalise)
    for (std::size_t t = 0; t < gates.size(); t += static_cast<std::size_t>(k)) {
      double total = 1e-6;
      for (std::size_t j = t; j < t + static_cast<std::size_t>(k); ++j) total += gates[j];
      for (std::size_t j = t; j < t + static_cast<std::size_t>(k); ++j) gates[j] /= total;
    }
  oracle.compare("routing/logits", logits_of(routing.scores, oracle.input("routing/logits"), E));
  oracle.compare("routing/probs", scores);
  oracle.compare_exactly("routing/topk_index", chosen);
  oracle.compare("routing/topk_gate", gates);
  compare_load(oracle, routing, "routing/topk_index", E, k, 1);
  layer.check_output();
  layer.check_loss("cv", {"importance"});
  layer.check_loss("switch", {"balance"});
  layer.check_loss("z_loss", {"z"});
}

void switchhead(Oracle& oracle) {
  OracleLayer layer(oracle, true);
  const index E = oracle.integer("n_experts"), h = oracle.integer("n_heads");
  const index d = oracle.integer("d_head"), D = layer.site.width;
  const std::string variant = oracle.text("variant");
  oracle.require(variant == "rope" || variant == "xl", "variant " + variant);
  oracle.require(oracle.number("expert_dropout") == 0, "no draws are known of this family");
  const bool rope = variant == "rope";
  layer.site.experts = E;
  layer.make_router("switchhead",
                    {{"heads", option(static_cast<double>(h))},
                     {"k", option(oracle.number("top_k"))},
                     {"head_width", option(static_cast<double>(d))},
                     {"positions", rope ? "rotary" : "relative"},
                     {"rotated", option(oracle.number("rotate_fraction"))},
                     {"rotary_base", rope ? option(oracle.number("rope_base")) : "10000"}});
  layer.make_expert("affine", 1);
  layer.bind_router_turned("q", "query");
  layer.bind_router_turned("k", "key");
  layer.bind_router_turned("sel_o", "target");
  if (!rope) layer.bind_router_turned("pos_to_pk", "distance");
  if (E > 1) {
    layer.bind_router_turned("sel_v", "source");
    layer.bind_router("v", "value");
    layer.bind_router("o", "output");
  } else {  // dense: [h·d, D] and [D, h·d]
    layer.bind_places("v", [&, v = parameter_of(layer.router(), "value")](auto at) {
      return OracleLayer::Place(v, (at[0] / d * D + at[1]) * d + at[0] % d);
    });
    layer.bind_router_turned("o", "output");
  }
  const Routing routing = layer.route(layer.input());
  for (const auto& [side, weight] : {std::pair("v", "source"), std::pair("o", "target")}) {
    const std::string logits = std::string("routing/") + side + "_logits";
    if (oracle.has(logits))
      oracle.compare(logits, matmul(layer.input(), parameter_of(layer.router(), weight)));
  }
  if (oracle.has("routing/o_index"))
    compare_load(oracle, routing, "routing/o_index", E, oracle.integer("top_k"), h);
  oracle.excuse("routing/");  // the plan is a function: gates show in y and gradients
  layer.check_output();
}

void moh(Oracle& oracle) {
  OracleLayer layer(oracle, oracle.integer("causal") != 0);
  const index H = oracle.integer("num_heads"), shared = oracle.integer("shared_heads");
  const index E = H - shared, k = oracle.integer("routed_heads"), D = layer.site.width, d = D / H;
  const bool bias = oracle.integer("qkv_bias") != 0;
  layer.site.experts = E;
  layer.make_router("moh", {{"k", option(static_cast<double>(k))},
                            {"shared_heads", option(static_cast<double>(shared))},
                            {"head_width", option(static_cast<double>(d))},
                            {"qkv_bias", bias ? "true" : "false"},
                            {"allow_constant_gate", "true"},
                            {"balance_weight", option(static_cast<double>(k))}});  // k at balance
  layer.make_expert("affine", 1);
  layer.context.training = oracle.integer("train") != 0;
  const auto parameter = [&](const std::string& name, index head) {
    return parameter_of(layer.router(), (head < shared ? "shared_" : "") + name);
  };
  const auto heads_beside = [&](index head) { return head < shared ? shared : E; };
  const auto own = [&](index head) { return head < shared ? head : head - shared; };
  // Stored rows are [3, H, d], the shared heads first.
  layer.bind_places("qkv_weight", [&](const std::vector<index>& at) {
    const index kind = at[0] / (H * d), head = at[0] / d % H, c = at[0] % d;
    return OracleLayer::Place(parameter("qkv", head),
                              ((kind * D + at[1]) * heads_beside(head) + own(head)) * d + c);
  });
  if (bias)
    layer.bind_places("qkv_bias", [&](const std::vector<index>& at) {
      const index kind = at[0] / (H * d), head = at[0] / d % H, c = at[0] % d;
      return OracleLayer::Place(parameter("qkv_bias", head),
                                (kind * heads_beside(head) + own(head)) * d + c);
    });
  layer.bind_places("proj_weight", [&](const std::vector<index>& at) {  // [D, H·d]
    const index head = at[1] / d;
    return OracleLayer::Place(parameter("output", head), (own(head) * d + at[1] % d) * D + at[0]);
  });
  layer.bind_router("proj_bias", "output_bias");
  layer.bind_router_turned("router_weight", "weight");
  if (shared > 0) {
    layer.bind_router_turned("router_shared", "shared_weight");
    layer.bind_router_turned("router_split", "split");
  }
  const Routing routing = layer.route(layer.input());
  oracle.compare_exactly("routing/topk_index", ranked(host(routing.scores), E, k));
  compare_load(oracle, routing, "routing/topk_index", E, k, 1);
  oracle.excuse("routing/gates");  // the plan is a function: they show in y and gradients
  layer.check_output();
  layer.check_loss("load_balance", {"balance"});
}

}  // namespace

TEST_CASE("oracle: moa", "[oracle]") { check_oracles("moa", moa); }
TEST_CASE("oracle: switchhead", "[oracle]") { check_oracles("switchhead", switchhead); }
TEST_CASE("oracle: moh", "[oracle]") { check_oracles("moh", moh); }

}  // namespace moesim::testing
