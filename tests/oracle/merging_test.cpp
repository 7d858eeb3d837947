// Compares lory and smear with references of the papers.
#include "sim/ops/ops.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/oracle_layer.hpp"

namespace moesim::testing {
namespace {

void lory(Oracle& oracle) {
  OracleLayer layer(oracle, true);
  const std::string mode = oracle.text("mode");
  OptionValues options = {{"mode", mode == "prefix" ? "prefix" : "causal"}};
  if (mode == "prompt")
    options["prompt"] = option(oracle.number("prompt_len"));
  else
    options["segment"] = option(oracle.number("segment"));
  layer.make_router("lory", options);
  layer.make_expert("swiglu", oracle.integer("d_hidden"));
  layer.bind_router("router_weight", "weight");
  for (const char* name : {"w1", "w2", "w3"})
    layer.bind_expert(std::string("experts/") + name, name);
  layer.context.training = mode != "prompt";

  const Routing routing = layer.route(layer.input());
  oracle.compare("routing/weights", std::get<Merging>(routing.plan).weights);
  layer.check_output();
}

void smear(Oracle& oracle) {
  OracleLayer layer(oracle);
  const bool normalised = oracle.integer("normalize_router_weights") != 0;
  const bool bias = oracle.integer("router_bias") != 0;
  oracle.require(oracle.number("layernorm_eps") == 1e-5, "another epsilon of the LayerNorm");
  layer.make_router("smear", {{"bias", bias ? "true" : "false"},
                              {"normalise_weight", normalised ? "true" : "false"},
                              {"expert_dropout", "0"}});
  layer.make_expert("mlp", oracle.integer("d_hidden"), {{"activation", "silu"}, {"bias", "first"}});
  layer.bind_router("router_weight", "weight");
  layer.bind_router("router_ln_weight", "norm.gain");
  layer.bind_router("router_ln_bias", "norm.bias");
  if (bias) layer.bind_router("router_bias", "bias");
  if (normalised) {
    layer.bind_router("router_weight_ln_weight", "weight_norm.gain");
    layer.bind_router("router_weight_ln_bias", "weight_norm.bias");
  }
  layer.bind_expert("down_w", "w1");
  layer.bind_expert("down_b", "b1");
  layer.bind_expert("up_w", "w2");
  const Tensor gain = layer.bind_own("pre_ln_weight"), shift = layer.bind_own("pre_ln_bias");
  // The adapter's own LayerNorm stands before the layer.
  const auto normed = [&](const Tensor& x) {
    return normalize(NormKind::layer, x, gain, shift, real(1e-5));
  };

  const Routing routing = layer.route(normed(layer.input()));
  const Tensor& weights = std::get<Merging>(routing.plan).weights;
  oracle.compare("routing/probs", weights);
  oracle.compare("routing/logits",
                 logits_of(weights, oracle.input("routing/logits"), layer.site.experts));
  layer.check_output([&](const Tensor& x) { return layer.run(normed(x)); });
}

}  // namespace

TEST_CASE("oracle: lory", "[oracle]") { check_oracles("lory", lory); }
TEST_CASE("oracle: smear", "[oracle]") { check_oracles("smear", smear); }

}  // namespace moesim::testing
