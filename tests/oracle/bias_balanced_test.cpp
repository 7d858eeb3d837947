// Compares bias_balanced with DeepSeek-V3 and Megatron.
#include "sim/moe/layer.hpp"
#include "sim/ops/ops.hpp"
#include "tests/oracle/dialect.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/oracle_layer.hpp"

#include <algorithm>
#include <cmath>

namespace moesim::testing {
namespace {

Tensor bias_of(OracleLayer& layer) {
  const Tensor bias = layer.router().buffers().at(0).value;
  if (!bias.allocated()) initialise(layer.router().buffers(), layer.backend(), 0);
  return bias;
}

void bind_bias(OracleLayer& layer, bool stored) {
  const Tensor bias = bias_of(layer);
  if (stored) bias.from_host(layer.oracle().values("params_nograd/expert_bias"));
}

// Raw scores of the stored router, by a loop of its own. -> [T, E]
std::vector<double> score(const StoredArray& x, const StoredArray& weight,
                          const std::string& function) {
  const auto E = static_cast<std::size_t>(weight.dims[0]),
             D = static_cast<std::size_t>(weight.dims[1]);
  std::vector<double> all;
  for (std::size_t t = 0; t < x.values.size() / D; ++t) {
    std::vector<double> row;
    for (std::size_t e = 0; e < E; ++e) {
      double l = 0;
      for (std::size_t d = 0; d < D; ++d) l += x.values[t * D + d] * weight.values[e * D + d];
      row.push_back(function == "sigmoid"   ? 1 / (1 + std::exp(-l))
                    : function == "softmax" ? std::exp(l)
                                            : std::sqrt(std::log1p(std::exp(l))));
    }
    double sum = 0;
    for (const double s : row) sum += s;
    for (double& s : row) all.push_back(function == "softmax" ? s / sum : s);
  }
  return all;
}

OptionValues common(Oracle& oracle, const std::string& scores) {
  return {{"k", option(oracle.number("top_k"))},
          {"scores", scores},
          {"allow_constant_gate", "true"},
          {"balance_weight", "1"},
          {"balance_counted", "unbiased"}};
}

void deepseek_v3(Oracle& oracle) {
  OracleLayer layer(oracle);
  const index E = layer.site.experts, T = layer.site.batch * layer.site.length;
  const index k = oracle.integer("top_k");
  const bool biased = oracle.integer("bias") != 0;
  const std::string scores = oracle.text("score_func");
  OptionValues options = common(oracle, scores);
  options["groups"] = option(oracle.number("n_groups"));
  options["top_groups"] = option(oracle.number("topk_groups"));
  options["group_best"] = biased ? "2" : "1";
  options["normalise"] = scores == "sigmoid" ? "sum" : "none";
  options["scale"] = option(oracle.number("route_scale"));
  if (scores == "sigmoid") options = as("torchtitan:topk", options);  // the same formulas
  layer.make_router("bias_balanced", options);
  layer.make_expert("swiglu", oracle.integer("d_ff"));
  layer.bind_router("router_weight", "weight");
  bind_bias(layer, biased);
  for (const char* w : {"w1", "w2", "w3"}) layer.bind_each_expert(w, w);

  const Sent plan = sent(layer.route(layer.input()), T, E);
  oracle.require(plan.rows == static_cast<double>(T * k), "an assignment was dropped");
  // Chosen experts by score and bias, the others below them.
  std::vector<double> value =
      score(oracle.input("x"), oracle.input("params/router_weight"), scores);
  const std::vector<double> bias = host(bias_of(layer));
  for (std::size_t i = 0; i < value.size(); ++i)
    value[i] = plan.kept[i] > 0 ? value[i] + bias[i % bias.size()] : -1e9;
  const std::vector<double> chosen = ranked(value, E, k);
  oracle.compare_exactly("routing/topk_index", chosen);
  oracle.compare("routing/topk_gate", at_columns(plan.gate, E, chosen));

  const index width = layer.site.width,
              hidden = oracle.integer("n_shared") * oracle.integer("d_ff");
  const Tensor w1 = layer.bind_own("shared/w1"), w2 = layer.bind_own("shared/w2"),
               w3 = layer.bind_own("shared/w3");  // [in, out], as they are turned
  layer.check_output([&](const Tensor& x) {
    const Tensor up =
        swiglu(matmul(x, w1.reshape({width, hidden})), matmul(x, w3.reshape({width, hidden})));
    return add(layer.run(x), matmul(up, w2.reshape({hidden, width})));
  });
}

// Rows of Megatron's order t = s · batch + b, as rows b · length + s.
std::vector<double> by_sequence(const StoredArray& rows, index batch, index length) {
  const index cols = rows.dims.back();
  std::vector<double> turned(rows.values.size());
  for (index b = 0; b < batch; ++b)
    for (index s = 0; s < length; ++s)
      std::copy_n(rows.values.begin() + (s * batch + b) * cols, cols,
                  turned.begin() + (b * length + s) * cols);
  return turned;
}
std::vector<double> by_position(const std::vector<double>& rows, index cols, index batch,
                                index length) {
  StoredArray array;
  array.dims = {batch * length, cols}, array.values = rows;
  return by_sequence(array, length, batch);
}

void megatron_topk(Oracle& oracle) {
  const double capacity = oracle.number("capacity_factor");
  const std::string policy = oracle.text("drop_policy");
  if (capacity > 0 && policy == "position")
    return oracle.set_apart("drops unspecified tokens: a top-k of ones");
  OracleLayer layer(oracle);
  const index E = layer.site.experts, B = layer.site.batch, S = layer.site.length;
  const bool biased = oracle.integer("expert_bias") != 0;
  const std::string function = oracle.text("score_function");
  OptionValues asked = {{"k", option(oracle.number("top_k"))},
                        {"capacity_factor", option(capacity)},
                        {"balance_weight", "1"},
                        {"z_weight", "1"}};
  if (oracle.integer("num_groups") > 0) {
    asked["groups"] = option(oracle.number("num_groups"));
    asked["top_groups"] = option(oracle.number("group_topk"));
  }
  if (oracle.number("scaling_factor") > 0) asked["scale"] = option(oracle.number("scaling_factor"));
  oracle.require(capacity == 0 || policy == "probs", "another policy of drops");
  const bool pre_softmax = oracle.integer("pre_softmax") != 0;
  OptionValues options = as(function == "sigmoid"        ? "megatron:sigmoid"
                            : function == "sqrtsoftplus" ? "megatron:sqrtsoftplus"
                            : pre_softmax                ? "megatron:pre_softmax"
                                                         : "megatron:softmax",
                            asked);
  oracle.require(options["scores"] == (function == "sqrtsoftplus" ? "sqrt_softplus" : function),
                 "another score function");
  options["bias_speed"] = "1e-3";  // of the stored update, which is of every case
  const auto build = [&](OracleLayer& one) {
    one.make_router("bias_balanced", options);
    one.make_expert("mlp", oracle.integer("d_hidden"), {{"activation", "relu"}, {"bias", "none"}});
    one.bind_router("router_weight", "weight");
    one.bind_expert("experts/w1", "w1");
    one.bind_expert("experts/w2", "w2");
    bind_bias(one, biased);
  };
  build(layer);
  const Routing routing = layer.route(layer.input());
  const Sent plan = sent(routing, B * S, E);
  oracle.compare_exactly("routing/map", by_position(plan.kept, E, B, S));
  options["capacity_factor"] = options["capacity_factor_eval"] = "0";
  OracleLayer dropless(oracle);
  build(dropless);
  const Sent before = sent(dropless.route(layer.input()), B * S, E);
  oracle.compare_exactly("routing/map_before_drop", by_position(before.kept, E, B, S));
  oracle.compare("routing/probs", by_position(plan.gate, E, B, S));
  oracle.compare(
      "routing/logits",
      by_position(host(matmul(layer.input(), parameter_of(layer.router(), "weight"))), E, B, S));
  layer.check_output();
  layer.check_loss("load_balance", {"balance"});
  layer.check_loss("z_loss", {"z"});
  options["balance_group"] = "sequence";
  OracleLayer by_sequence(oracle);
  build(by_sequence);
  by_sequence.check_loss("seq_load_balance", {"balance"});

  if (!oracle.has("routing/updated_expert_bias_rate_1e-3")) return;
  StepLoad load;
  load.demand = std::get<Assignment>(routing.plan).demand;
  load.tokens = B * S;
  layer.router().after_step({&load, 1}, 0);
  oracle.compare("routing/updated_expert_bias_rate_1e-3", bias_of(layer));
}

}  // namespace

TEST_CASE("oracle: deepseek_v3", "[oracle]") { check_oracles("deepseek_v3", deepseek_v3); }
TEST_CASE("oracle: megatron_topk", "[oracle]") { check_oracles("megatron_topk", megatron_topk); }

}  // namespace moesim::testing
