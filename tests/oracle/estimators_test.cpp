// Compares densemixer, default_moe and sparsemixer with their peers. Their gradients are not the
// derivatives of their values.
#include "sim/ops/ops.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/oracle_layer.hpp"

#include <cmath>

namespace moesim::testing {
namespace {

void relu_experts(OracleLayer& layer) {
  layer.make_expert("mlp", layer.oracle().integer("d_hidden"),
                    {{"activation", "relu"}, {"bias", "none"}});
  layer.bind_expert("experts/w1", "w1");
  layer.bind_expert("experts/w2", "w2");
}

void densemixer(Oracle& oracle) {
  OracleLayer layer(oracle);
  const index E = layer.site.experts, T = layer.site.batch * layer.site.length;
  const index k = oracle.integer("top_k");
  layer.make_router("densemixer",
                    {{"k", option(static_cast<double>(k))},
                     {"normalise", oracle.integer("norm_topk_prob") != 0 ? "sum" : "none"}});
  layer.make_expert("swiglu", oracle.integer("d_ff"));
  layer.bind_router("router_weight", "weight");
  layer.bind_each_expert("gate", "w1");
  layer.bind_each_expert("up", "w3");
  layer.bind_each_expert("down", "w2");

  oracle.compare("routing/logits", matmul(layer.input(), parameter_of(layer.router(), "weight")));
  layer.context.training = false;
  const Routing routing = layer.route(layer.input());
  const Sent plan = sent(routing, T, E);
  const std::vector<double> chosen = ranked(host(routing.scores), E, k);
  oracle.compare_exactly("routing/topk_index", chosen);
  oracle.compare("routing/topk_gate", at_columns(plan.gate, E, chosen));
  oracle.require(plan.rows == static_cast<double>(T * k), "an assignment was dropped");
  layer.context.training = true;
  oracle.require(sent(layer.route(layer.input()), T, E).gate == plan.gate,
                 "training has other gates than evaluation");
  layer.check_output();
}

void default_moe(Oracle& oracle) {
  OracleLayer layer(oracle);
  const index E = layer.site.experts, D = layer.site.width, k = oracle.integer("top_k");
  layer.make_router("default_moe", {{"k", option(static_cast<double>(k))},
                                    {"decay", option(oracle.number("beta"))}});
  relu_experts(layer);
  layer.bind_router("router_weight", "weight");
  layer.context.training = oracle.integer("train") != 0;
  const Tensor state = layer.router().buffers().at(0).value;
  initialise(layer.router().buffers(), layer.backend(), 0);
  state.from_host(oracle.values("params_nograd/default"));

  const Routing routing = layer.route(layer.input());
  oracle.compare("routing/probs", routing.scores);
  oracle.compare_exactly("routing/topk_index", ranked(host(routing.scores), E, k));
  layer.check_output();

  execute(routing, layer.tokens(layer.input()), layer.expert());
  StepLoad load = no_load(layer.router().traits(), layer.backend());
  add(load, routing, layer.site.batch * layer.site.length);
  if (layer.context.training) layer.router().after_step({&load, 1}, 0);
  oracle.compare("state/default_next", state.reshape({E, D}));
}

void sparsemixer(Oracle& oracle) {
  OracleLayer layer(oracle);
  const index E = layer.site.experts, D = layer.site.width;
  const index T = layer.site.batch * layer.site.length, k = oracle.integer("top_k");
  const bool first = oracle.text("version") == "v1";
  layer.make_router("sparsemixer", {{"version", first ? "1" : "2"},
                                    {"k", option(static_cast<double>(k))},
                                    {"jitter", option(oracle.number("jitter_eps"))},
                                    {"balance_weight", "1"}});
  layer.bind_router("router_weight", "weight");
  if (first) layer.bind_router("omega", "omega");
  layer.context.training = oracle.integer("train") != 0;
  layer.context.given = [&](Purpose purpose, Shape shape) {
    if (purpose == Purpose::router_jitter)
      return oracle.tensor("noise/uniform", shape, layer.backend());
    std::vector<real> draws = oracle.values("noise/exponential");  // -log u
    for (real& draw : draws) draw = std::exp(-draw);
    return Tensor::of(shape, draws, layer.backend());
  };

  const Tensor logits = matmul(layer.input(), parameter_of(layer.router(), "weight"));
  std::vector<double> l = host(logits);
  const std::vector<double>& want = oracle.input("routing/logits").values;
  for (std::size_t i = 0; i < l.size(); ++i)
    if (std::isinf(want[i])) l[i] = want[i];  // version 1 masks its caller's logits
  oracle.compare("routing/logits", l);
  const Routing routing = layer.route(layer.input());
  const std::vector<double> index_of = oracle.input("routing/index").values;
  if (first) {  // a custom plan
    std::vector<double> load(static_cast<std::size_t>(E));
    for (const double e : index_of) load[static_cast<std::size_t>(e)] += 1;
    oracle.require(std::get<Custom>(routing.plan).load == load, "another load");
    // The output of experts that are the identity, of a token of ones, is the multiplier.
    layer.make_expert("affine", 0);
    for (const Parameter& p : layer.expert().parameters()) {
      std::vector<real> values(static_cast<std::size_t>(p.value.size()));
      if (p.value.size() == E * D) values.assign(values.size(), 1);  // b
      p.value.allocate(layer.backend());
      p.value.from_host(values);
    }
    oracle.compare("routing/multiplier",
                   execute(routing, layer.tokens(layer.input()), layer.expert()));
  } else {
    const Sent plan = sent(routing, T, E);
    std::vector<double> kept(plan.kept.size());
    for (std::size_t i = 0; i < index_of.size(); ++i)
      kept[i / static_cast<std::size_t>(k) * static_cast<std::size_t>(E) +
           static_cast<std::size_t>(index_of[i])] += 1;
    oracle.require(plan.kept == kept, "other choices");
    oracle.compare("routing/multiplier", at_columns(plan.gate, E, index_of));
  }
  relu_experts(layer);
  layer.check_output();
  if (first)  // the counts of the peer are divided by their sum plus 1e-6
    layer.check_loss("load_balance", [&](const Tensor& x) {
      const auto n = static_cast<double>(T);
      return affine(layer.route(x).losses.at(0).value, static_cast<real>(n / (n + 1e-6)));
    });
}

}  // namespace

TEST_CASE("oracle: densemixer", "[oracle]") { check_oracles("densemixer", densemixer); }
TEST_CASE("oracle: default_moe", "[oracle]") { check_oracles("default_moe", default_moe); }
TEST_CASE("oracle: sparsemixer", "[oracle]") { check_oracles("sparsemixer", sparsemixer); }

}  // namespace moesim::testing
