// Compares token_choice with noisy top-k gating: FastMoE, and the port of davidmrau.
#include "sim/moe/losses.hpp"
#include "sim/ops/ops.hpp"
#include "tests/oracle/dialect.hpp"
#include "tests/oracle/top_k.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/oracle_layer.hpp"

namespace moesim::testing {
namespace {

void fastmoe(Oracle& oracle) {
  OracleLayer layer(oracle);
  const index E = layer.site.experts, T = layer.site.batch * layer.site.length;
  const index k = oracle.integer("top_k");
  const bool train = oracle.integer("train") != 0;
  const bool smooth = train && k < E;  // else the load is a hard count, without gradient
  layer.make_router("token_choice",
                    as("fastmoe:noisy", {{"k", option(static_cast<double>(k))},
                                         {"noise_epsilon", option(oracle.number("noise_epsilon"))},
                                         {"importance_weight", "1"},
                                         {"load_weight", smooth ? "1" : "0"}}));
  layer.context.training = train;
  layer.context.given = [&](Purpose purpose, Shape shape) -> Tensor {
    if (purpose != Purpose::router_noise) return {};
    return oracle.tensor("noise/normal", shape, layer.backend());
  };
  layer.bind_router("router_weight", "weight");
  layer.bind_router("noise_weight", "noise_weight");
  mlp_experts(layer);
  if (!train) oracle.excuse("noise/");

  const Sent plan = sent(layer.route(layer.input()), T, E);
  if (k > 1) {
    compare_top_k(oracle, plan);
  } else {  // every gate is 1
    oracle.compare_exactly("routing/topk_index", ranked(plan.kept, E, 1));
    oracle.compare("routing/topk_gate", std::vector<double>(static_cast<std::size_t>(T), 1));
    oracle.require(plan.gate == plan.kept, "a single gate is not 1");
  }
  layer.check_output();
  if (smooth) return layer.check_loss("importance_load", {"importance", "load"});
  const std::vector<real> kept(plan.kept.begin(), plan.kept.end());
  layer.check_loss("importance_load", [&](const Tensor& x) {
    const Tensor hard =
        importance_loss(Tensor::of({T, E}, kept, layer.backend()), 1, Variance::sample);
    return add(layer.route(x).losses.at(0).value, hard);
  });
}

// davidmrau's experts end in a softmax.
class SoftmaxOutput : public Expert {
 public:
  explicit SoftmaxOutput(const Expert& inner) : Expert(inner.site()), inner_(inner) {}
  Tensor forward(const Rows& rows) const override { return softmax(inner_.forward(rows)); }
  double flops_per_row() const override { return inner_.flops_per_row(); }

 private:
  const Expert& inner_;
};

void davidmrau(Oracle& oracle) {
  OracleLayer layer(oracle);
  const index E = layer.site.experts, T = layer.site.batch * layer.site.length;
  const index k = oracle.integer("top_k");
  const bool train = oracle.integer("train") != 0;
  const bool smooth = train && k < E;  // else the load is a hard count, without gradient
  layer.make_router("token_choice", {{"k", option(static_cast<double>(k))},
                                     {"normalise", "sum"},
                                     {"normalise_epsilon", "1e-6"},
                                     {"allow_constant_gate", k == 1 ? "true" : "false"},
                                     {"capacity_factor", "0"},
                                     {"capacity_factor_eval", "0"},
                                     {"noise", "learned"},
                                     {"noise_epsilon", option(oracle.number("noise_epsilon"))},
                                     {"cv_variance", "sample"},
                                     {"balance_weight", "0"},
                                     {"importance_weight", "1"},
                                     {"load_threshold", "scores"},
                                     {"load_weight", smooth ? "1" : "0"}});
  layer.make_expert("mlp", oracle.integer("d_hidden"), {{"activation", "relu"}, {"bias", "both"}});
  layer.context.training = train;
  layer.context.given = [&](Purpose purpose, Shape shape) -> Tensor {
    if (purpose != Purpose::router_noise) return {};
    return oracle.tensor("noise/normal", shape, layer.backend());
  };
  layer.bind_router("router_weight", "weight");
  layer.bind_router("noise_weight", "noise_weight");
  for (const char* name : {"w1", "b1", "w2", "b2"}) layer.bind_each_expert(name, name, true);
  if (!train) oracle.excuse("noise/");

  const Sent plan = sent(layer.route(layer.input()), T, E);
  oracle.compare("routing/gates", plan.gate);
  const std::vector<real> kept(plan.kept.begin(), plan.kept.end());
  const SoftmaxOutput expert(layer.expert());
  layer.check_output(
      [&](const Tensor& x) { return execute(layer.route(x), layer.tokens(x), expert); });
  if (smooth) {
    oracle.excuse("routing/load");  // seen through the loss
    return layer.check_loss("importance_load", {"importance", "load"});
  }
  oracle.compare("routing/load", sum_rows(Tensor::of({T, E}, kept, layer.backend())));
  layer.check_loss("importance_load", [&](const Tensor& x) {
    const Tensor hard =
        importance_loss(Tensor::of({T, E}, kept, layer.backend()), 1, Variance::sample);
    return add(layer.route(x).losses.at(0).value, hard);
  });
}

void shazeer(Oracle& oracle) {
  const std::string peer = oracle.text("peer");
  oracle.require(peer == "fastmoe" || peer == "davidmrau", "another peer");
  return peer == "davidmrau" ? davidmrau(oracle) : fastmoe(oracle);
}

}  // namespace

TEST_CASE("oracle: shazeer_noisy_topk", "[oracle]") {
  check_oracles("shazeer_noisy_topk", shazeer);
}

}  // namespace moesim::testing
