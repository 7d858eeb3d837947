// Compares relu with ReMoE.
#include "sim/ops/ops.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/oracle_layer.hpp"

namespace moesim::testing {
namespace {

void remoe(Oracle& oracle) {
  OracleLayer layer(oracle);
  const index E = layer.site.experts, T = layer.site.batch * layer.site.length;
  layer.make_router("relu", {{"k", option(oracle.number("top_k"))},
                             {"lambda_start", option(oracle.number("l1_coeff"))}});
  layer.make_expert("mlp", oracle.integer("d_hidden"), {{"activation", "relu"}, {"bias", "none"}});
  layer.bind_router("router_weight", "weight");
  layer.bind_expert("experts/w1", "w1");
  layer.bind_expert("experts/w2", "w2");
  initialise(layer.router().buffers(), layer.backend(), 0);

  const Routing routing = layer.route(layer.input());
  const Sent plan = sent(routing, T, E);
  oracle.compare("routing/logits", matmul(layer.input(), parameter_of(layer.router(), "weight")));
  oracle.compare_exactly("routing/map", plan.kept);
  oracle.compare("routing/probs", plan.gate);
  for (const Metric& metric : routing.metrics)
    if (metric.name == "sparsity") oracle.compare("routing/sparsity", metric.value);
  layer.check_output();
  layer.check_loss("l1_reg", {"l1"});
}

}  // namespace

TEST_CASE("oracle: remoe", "[oracle]") { check_oracles("remoe", remoe); }

}  // namespace moesim::testing
