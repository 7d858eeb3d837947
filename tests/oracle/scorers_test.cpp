// Compares routers with other scores: cosine with torchscale and Tutel, dselect_k with a
// transcription of DSelect-k, peer with lucidrains' port.
#include "sim/moe/policies/capacity.hpp"
#include "sim/ops/ops.hpp"
#include "tests/oracle/dialect.hpp"
#include "tests/oracle/top_k.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/oracle_layer.hpp"

#include <cmath>

namespace moesim::testing {
namespace {

// [T, E, C]: value at the place of every row; first choices in the order of tokens, then second
// ones.
std::vector<double> placed(const Sent& plan, const std::vector<double>& first, index places,
                           const std::vector<double>& value) {
  std::vector<double> result(plan.kept.size() * static_cast<std::size_t>(places));
  for (index e = 0; e < plan.experts; ++e) {
    index place = 0;
    for (const bool is_first : {true, false})
      for (index t = 0; t < plan.tokens; ++t) {
        const auto at = static_cast<std::size_t>(t * plan.experts + e);
        const bool best = first[static_cast<std::size_t>(t)] == static_cast<double>(e);
        if (plan.kept[at] > 0 && best == is_first)
          result[at * static_cast<std::size_t>(places) + static_cast<std::size_t>(place++)] =
              value[at];
      }
  }
  return result;
}

void torchscale(Oracle& oracle) {
  OracleLayer layer(oracle);
  const index E = layer.site.experts, T = layer.site.batch * layer.site.length;
  const index k = oracle.integer("top_k"), C = oracle.integer("capacity");
  const bool train = oracle.integer("train") != 0;
  const std::string policy = oracle.text("second_policy");
  oracle.require(policy == "sampling" || policy == "random" || policy == "none" || policy == "all",
                 "second_policy " + policy);
  const double factor = oracle.number("capacity_factor");
  const auto equal = static_cast<index>(std::ceil(static_cast<double>(T) / static_cast<double>(E)));
  const double exact =
      train ? k == 1 ? std::floor(factor * static_cast<double>(equal))
                     : static_cast<double>(2 * equal)
            : std::ceil(oracle.number("eval_capacity_fraction") * static_cast<double>(T));
  oracle.require(exact == static_cast<double>(C), "another capacity");
  layer.make_router("cosine", {{"k", option(static_cast<double>(k))},
                               {"projection", option(oracle.number("proj_dim"))},
                               {"normalise_token", "false"},
                               {"temperature", "1"},
                               {"learned_temperature", "false"},
                               {"bias", "false"},
                               {"capacity", option(static_cast<double>(C))},
                               {"group", "batch"},
                               {"fill", "choice"},
                               {"normalise", k == 1 ? "none" : "sum"},
                               {"normalised", k == 1 ? "before" : "after"},
                               {"sampled", policy == "sampling" ? "true" : "false"},
                               {"second", policy == "random" ? "random" : "all"},
                               {"second_eval", policy == "random" ? "random" : "all"},
                               {"second_threshold", "0.5"},
                               {"balance_counted", "first"},
                               {"balance_weight", "1"}});
  layer.context.training = train;
  layer.context.given = [&](Purpose purpose, Shape shape) -> Tensor {
    if (purpose != Purpose::second_choice) return {};
    if (policy == "random") return oracle.tensor("noise/uniform", shape, layer.backend());
    std::vector<real> u;  // of which g = -log(-log u)
    for (const real g : oracle.values("noise/gumbel"))
      u.push_back(static_cast<real>(std::exp(-std::exp(-static_cast<double>(g)))));
    return Tensor::of(shape, u, layer.backend());
  };
  layer.bind_router_turned("proj_weight", "projection");
  layer.bind_router_turned("expert_embedding", "embedding");
  mlp_experts(layer);

  const Routing routing = layer.route(layer.input());
  const Sent plan = sent(routing, T, E);
  const std::vector<double> first = ranked(host(routing.scores), E, 1);
  oracle.compare("routing/logits", logits_of(routing.scores, oracle.input("routing/logits"), E));
  oracle.compare("routing/combine", placed(plan, first, C, plan.gate));
  oracle.compare_exactly("routing/dispatch", placed(plan, first, C, plan.kept));
  layer.check_output();
  layer.check_loss("load_balance", {"balance"});
}

void tutel_cosine(Oracle& oracle) {
  OracleLayer layer(oracle);
  const index E = layer.site.experts, T = layer.site.batch * layer.site.length;
  const index k = oracle.integer("top_k");
  layer.make_router("cosine",
                    as("tutel:cosine", {{"k", option(static_cast<double>(k))},
                                        {"projection", option(oracle.number("proj_dim"))}}));
  oracle.require(oracle.integer("capacity") == 0, "only dropless cases are known");
  layer.bind_router_turned("proj_weight", "projection");
  layer.bind_router("proj_bias", "bias");
  layer.bind_router("sim", "embedding");
  layer.bind_router("temperature", "log_scale");
  mlp_experts(layer);

  const Routing routing = layer.route(layer.input());
  const Sent plan = sent(routing, T, E);
  oracle.require(plan.rows == static_cast<double>(T * k), "an assignment was dropped");
  const std::vector<double> chosen = ranked(plan.gate, E, k);
  // In float the scores of logits below -50 are no longer numbers that logits can be read from.
  const StoredArray& logits = oracle.input("routing/logits");
  if (kDouble) oracle.compare("routing/logits", logits_of(routing.scores, logits, E));
  const std::vector<real> stored(logits.values.begin(), logits.values.end());
  const std::vector<double> want = host(softmax(Tensor::of({T, E}, stored, layer.backend())));
  const std::vector<double> scores = host(routing.scores);
  for (std::size_t i = 0; i < want.size(); ++i)
    oracle.require(std::abs(scores[i] - want[i]) < (kDouble ? 1e-12 : 1e-4), "another score");
  oracle.compare_exactly("routing/topk_index", chosen);
  oracle.compare("routing/topk_gate", at_columns(plan.gate, E, chosen));
  layer.check_output();
}

void xmoe_cosine(Oracle& oracle) {
  if (oracle.text("kind") == "tutel") return tutel_cosine(oracle);
  torchscale(oracle);
}

void dselect_k(Oracle& oracle) {
  OracleLayer layer(oracle);
  const index E = layer.site.experts, T = layer.site.batch * layer.site.length;
  const index k = oracle.integer("top_k"), bits = oracle.integer("bits");
  const bool per_token = oracle.integer("per_token") != 0;
  layer.make_router("dselect_k", {{"k", option(static_cast<double>(k))},
                                  {"gamma", option(oracle.number("gamma"))},
                                  {"per_token", per_token ? "true" : "false"},
                                  {"entropy_weight", "1"},
                                  {"reach_weight", "1"},
                                  {"losses", "sum"}});
  oracle.require(parameter_of(layer.router(), "z_bias").size() == k * bits, "another code length");
  if (per_token) layer.bind_router("z_weight", "z");
  layer.bind_router(per_token ? "z_bias" : "z_logits", "z_bias");
  for (const std::string part : {"w_weight", "w_bias", "w_logits"})
    if (oracle.has("params/" + part)) {
      if (k > 1)
        layer.bind_router(part, part == "w_weight" ? "w" : "w_bias");
      else
        layer.bind_own(part);  // the softmax of one weight is 1
    }
  mlp_experts(layer);

  const Routing routing = layer.route(layer.input());
  oracle.compare("routing/gate", sent(routing, T, E).gate);
  oracle.compare("routing/gate", routing.scores);
  oracle.excuse("routing/selectors");  // their weighted sum is the gate
  layer.check_output();
  layer.check_loss("entropy", {"entropy"});
  if (oracle.has("aux/reachable")) layer.check_loss("reachable", {"reach"});
}

// What the gates [B, S, h, k] of the file make of every expert. -> [T, experts]
std::vector<double> gates_of(Oracle& oracle, index experts, index per_head) {
  const std::vector<double> index_of = oracle.input("routing/index").values,
                            gate = oracle.input("routing/gate").values;
  const index h = oracle.integer("heads"), k = oracle.integer("experts_per_head");
  std::vector<double> all(index_of.size() / static_cast<std::size_t>(h * k) *
                          static_cast<std::size_t>(experts));
  for (std::size_t i = 0; i < gate.size(); ++i) {
    const auto choice = static_cast<index>(i), token = choice / (h * k), head = choice / k % h;
    all[static_cast<std::size_t>(token * experts + head * per_head +
                                 static_cast<index>(index_of[i]))] += gate[i];
  }
  return all;
}

void peer(Oracle& oracle) {
  OracleLayer layer(oracle);
  const index N = layer.site.experts, T = layer.site.batch * layer.site.length;
  const index h = oracle.integer("heads");
  const bool separate = oracle.integer("separate_embed") != 0;
  layer.make_router("peer", {{"heads", option(oracle.number("heads"))},
                             {"k", option(oracle.number("experts_per_head"))},
                             {"first_keys", option(oracle.number("num_keys"))},
                             {"candidates", option(oracle.number("product_key_topk"))},
                             {"key_width", option(oracle.number("d_key"))},
                             {"gates", oracle.integer("non_competing") != 0 ? "relu" : "softmax"},
                             {"allow_constant_gate", "true"},
                             {"separate", separate ? "true" : "false"}});
  layer.site.experts = layer.router().traits().experts;
  oracle.require(layer.site.experts == (separate ? N * h : N), "another number of experts");
  layer.make_expert("mlp", 1, {{"bias", "none"}});
  layer.bind_expert_as_stored("down", "w1");
  layer.bind_expert_as_stored("up", "w2");
  layer.bind_router_pieces("query", {"query_first", "query_second"});
  const Tensor halves[] = {parameter_of(layer.router(), "keys_first"),
                           parameter_of(layer.router(), "keys_second")};
  layer.bind_places("keys", [&](const std::vector<index>& at) {  // [h, n, 2, d]
    const Tensor& half = halves[at[2]];
    return OracleLayer::Place(half, (at[0] * half.dim(1) + at[1]) * half.dim(2) + at[3]);
  });
  // The norm is the block's: x / rms(x) · (γ + 1).
  const Tensor gamma = oracle.integer("pre_rmsnorm") != 0 ? layer.bind_own("norm_gamma") : Tensor();
  const auto normed = [&](const Tensor& x) {
    if (!gamma) return x;
    return normalize(NormKind::rms, x, affine(gamma, 1, 1), {}, real(1e-24));
  };
  const std::vector<double> gate =
      sent(layer.route(normed(layer.input())), T, layer.site.experts).gate;
  const std::vector<double> want = gates_of(oracle, layer.site.experts, separate ? N : 0);
  for (std::size_t i = 0; i < gate.size(); ++i)
    if (std::abs(gate[i] - want[i]) > (kDouble ? 1e-11 : 1e-4))
      oracle.require(false, "gate " + std::to_string(i) + " differs");
  layer.check_output([&](const Tensor& x) { return layer.run(normed(x)); });
}

}  // namespace

TEST_CASE("oracle: peer", "[oracle]") { check_oracles("peer", peer); }
TEST_CASE("oracle: xmoe_cosine", "[oracle]") { check_oracles("xmoe_cosine", xmoe_cosine); }
TEST_CASE("oracle: dselect_k", "[oracle]") { check_oracles("dselect_k", dselect_k); }

}  // namespace moesim::testing
