// Compares sinkhorn with Megatron's and lucidrains' routers, and base with fairseq's BASE layers.
#include "sim/moe/policies/balanced_assignment.hpp"
#include "sim/moe/policies/sinkhorn.hpp"
#include "sim/ops/ops.hpp"
#include "tests/oracle/dialect.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/oracle_layer.hpp"
#include "tests/support/policy.hpp"

#include <cmath>

namespace moesim::testing {
namespace {

// The logits, and what Sinkhorn makes of them.
void compare_sinkhorn(OracleLayer& layer, const OptionValues& options) {
  Oracle& oracle = layer.oracle();
  const Tensor logits = matmul(layer.input(), parameter_of(layer.router(), "weight"));
  oracle.compare("routing/logits", logits);
  oracle.compare("routing/sinkhorn", policy<Sinkhorn>(options).balance(logits));
}

void sinkhorn_megatron(Oracle& oracle) {
  OracleLayer layer(oracle);
  const index E = layer.site.experts, T = layer.site.batch * layer.site.length;
  const OptionValues balance = {{"tolerance", option(oracle.number("tol"))}};
  layer.make_router("sinkhorn", as("megatron:sinkhorn", {{"k", option(oracle.number("top_k"))},
                                                         {"tolerance", balance.at("tolerance")}}));
  layer.make_expert("mlp", oracle.integer("d_hidden"), {{"activation", "relu"}, {"bias", "none"}});
  layer.bind_router("router_weight", "weight");
  layer.bind_expert("experts/w1", "w1");
  layer.bind_expert("experts/w2", "w2");
  layer.context.training = oracle.integer("train") != 0;

  compare_sinkhorn(layer, balance);
  const Sent plan = sent(layer.route(layer.input()), T, E);
  oracle.compare_exactly("routing/map", plan.kept);
  oracle.compare("routing/probs", plan.gate);
  layer.check_output();
}

void sinkhorn_lucidrains(Oracle& oracle) {
  OracleLayer layer(oracle);
  const index E = layer.site.experts, T = layer.site.batch * layer.site.length;
  const index each = oracle.integer("tokens_per_expert");
  const OptionValues balance = {{"values", "linear"},
                                {"temperature", option(oracle.number("temperature"))},
                                {"iterations", option(oracle.number("sinkhorn_iters"))}};
  OptionValues options = balance;
  options["choose"] = "experts";
  options["capacity_factor"] = option(static_cast<double>(each * E) / static_cast<double>(T));
  options["gate"] = oracle.integer("competitive") != 0 ? "straight" : "sigmoid";
  options["threshold"] = "0.5";
  options["mean"] = "true";
  layer.make_router("sinkhorn", options);
  layer.bind_router("router_weight", "weight");
  layer.context.training = oracle.integer("train") != 0;
  const Tensor experts = layer.bind_own("experts");  // x · W_e

  compare_sinkhorn(layer, balance);
  const auto routing = layer.route(layer.input());
  const auto& plan = std::get<Assignment>(routing.plan);
  const std::vector<std::int32_t> token = plan.token.to_host();
  std::vector<double> by_place;  // [m, E]
  for (index place = 0; place < each; ++place)
    for (index e = 0; e < E; ++e)
      by_place.push_back(token[static_cast<std::size_t>(e * each + place)]);
  oracle.compare_exactly("routing/expert_token", by_place);
  layer.check_output([&](const Tensor& x) {
    const auto own = std::get<Assignment>(layer.route(x).plan);
    const Tensor u =
        grouped_linear(gather_rows(x, own.token),
                       experts.reshape({E, layer.site.width, layer.site.width}), {}, own.experts);
    return combine_rows(u, own.gate, own.token, T);
  });
}

// Σ affinity[t, choice[t]]
double score(const std::vector<double>& affinity, index E, const std::vector<double>& choice) {
  double sum = 0;
  for (const double a : at_columns(affinity, E, choice)) sum += a;
  return sum;
}

void base_layer(Oracle& oracle) {
  OracleLayer layer(oracle);
  const index D = layer.site.width, E = layer.site.experts;
  const index T = layer.site.batch * layer.site.length;
  const bool train = oracle.integer("train") != 0;
  layer.make_router("base", {{"group", "batch"}});
  layer.make_expert("mlp", oracle.integer("d_ff"), {{"activation", "relu"}, {"bias", "both"}});
  layer.bind_router("expert_centroids", "weight");
  for (const char* w : {"w1", "b1", "w2", "b2"}) layer.bind_each_expert(w, w);
  std::vector<Tensor> gains, shifts;  // the layer norm of each expert
  for (index e = 0; e < E; ++e) {
    const std::string of = "experts/" + std::to_string(e);
    gains.push_back(layer.bind_own(of + "/ln_w").reshape({1, D}));
    shifts.push_back(layer.bind_own(of + "/ln_b").reshape({1, D}));
  }

  const Tensor affinity = matmul(layer.input(), parameter_of(layer.router(), "weight"));
  oracle.compare("routing/affinity", affinity);
  // Our assignment is optimal; the peer's, of an auction, is an input.
  const std::vector<double> values = host(affinity);
  const std::vector<double> assignment = oracle.input("routing/assignment").values;
  const std::vector<std::int32_t> balanced = balanced_assignment(values, E, (T + E - 1) / E);
  const double best = score(values, E, {balanced.begin(), balanced.end()});
  oracle.compare("routing/optimal_balanced_score", {best});
  oracle.compare("routing/total_score", {score(values, E, assignment)});
  layer.context.training = train;
  const Sent own = sent(layer.route(layer.input()), T, E);
  if (train)
    oracle.require(score(values, E, ranked(own.kept, E, 1)) == best, "another assignment");
  else
    oracle.compare_exactly("routing/assignment", ranked(own.kept, E, 1));

  Journal given;  // of the discrete choices of a pass: the one of the router
  given.indices = {Indices::of(oracle.integers("routing/assignment"), layer.backend())};
  const auto routed = [&](const Tensor& x) {
    given.rewind();
    Tape::current()->journal = &given;
    const auto plan = std::get<Assignment>(layer.route(x).plan);
    Tape::current()->journal = nullptr;
    return plan;
  };
  Tape tape;
  {
    const Tape::Scope scope(&tape);
    const Sent plan = sent({.plan = routed(layer.input())}, T, E);
    oracle.compare("routing/alpha", at_columns(plan.gate, E, assignment));
  }
  tape.clear();
  // y = x + α ff2(relu(ff1(LN x))), as α expert(x) + (1 - α) x with expert(x) = x + ff2(…).
  layer.check_output([&](const Tensor& x) {
    const Assignment plan = routed(x);
    std::vector<std::int32_t> expert;
    const std::vector<std::int32_t> offset = plan.experts.offset.to_host();
    for (index e = 0; e < E; ++e)
      expert.resize(static_cast<std::size_t>(offset[static_cast<std::size_t>(e + 1)]),
                    static_cast<std::int32_t>(e));
    const Indices of_row = Indices::of(expert, layer.backend());
    const Tensor unit = normalize(NormKind::layer, x, {}, {});
    const Tensor rows =
        add(mul(gather_rows(unit, plan.token), gather_rows(concat_rows(gains), of_row)),
            gather_rows(concat_rows(shifts), of_row));
    const Tensor u =
        layer.expert().apply({.x = rows, .segments = plan.experts, .token = plan.token});
    return add(x, combine_rows(u, plan.gate, plan.token, T));
  });
}

}  // namespace

TEST_CASE("oracle: sinkhorn_megatron", "[oracle]") {
  check_oracles("sinkhorn_megatron", sinkhorn_megatron);
}
TEST_CASE("oracle: sinkhorn_lucidrains", "[oracle]") {
  check_oracles("sinkhorn_lucidrains", sinkhorn_lucidrains);
}
TEST_CASE("oracle: base_layer", "[oracle]") { check_oracles("base_layer", base_layer); }

}  // namespace moesim::testing
