// Compares bias_balanced with quantile balancing (Megatron, Kimi K3), DeepSeek-V4 and LongCat-Flash.
#include "sim/moe/layer.hpp"
#include "sim/ops/ops.hpp"
#include "tests/oracle/dialect.hpp"
#include "tests/oracle/micro_batch.hpp"
#include "tests/oracle/parts.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <cmath>

namespace moesim::testing {
namespace {

// The buffer of the router, with its initial values.
Tensor state_of(OracleLayer& layer) {
  const Tensor state = layer.router().buffers().at(0).value;
  if (!state.allocated()) initialise(layer.router().buffers(), layer.backend(), 0);
  return state;
}

std::vector<double> negative(std::vector<double> values) {
  for (double& value : values) value = -value;
  return values;
}

std::string score_function(const Oracle& oracle) {
  const std::string name = oracle.text("score_func");
  return name == "sqrtsoftplus" ? "sqrt_softplus" : name;
}

void quantile_balancing(Oracle& oracle) {
  OracleLayer layer(oracle);
  const index E = layer.site.experts, parts = oracle.integer("micro_batches");
  const index B = layer.site.batch, S = layer.site.length;
  const bool megatron = oracle.text("kind") == "megatron";
  oracle.require(megatron || oracle.text("kind") == "kimi", "of another peer");
  const bool softmax = oracle.text("score_func") == "softmax";
  const bool before = softmax && oracle.integer("pre_softmax") != 0;
  OptionValues asked = {{"k", option(oracle.number("top_k"))},
                        {"scores", score_function(oracle)},
                        {"scale", option(oracle.number("route_scale"))},
                        {"bias_average", option(oracle.number("ema"))},
                        {"normalise", before ? "none" : "auto"}};
  if (!megatron) asked["bias_bins"] = option(oracle.number("bins"));
  layer.make_router("bias_balanced",
                    as(megatron ? "megatron:quantile" : "torchtitan:kimi_k3", asked));
  layer.make_expert("mlp", oracle.integer("d_hidden"), {{"activation", "relu"}, {"bias", "none"}});
  layer.bind_router("router_weight", "weight");
  layer.bind_expert("experts/w1", "w1");
  layer.bind_expert("experts/w2", "w2");
  // Megatron subtracts its bias.
  const Tensor bias = state_of(layer);
  std::vector<real> start = oracle.values("params_nograd/expert_bias");
  if (megatron)
    for (real& value : start) value = -value;
  bias.from_host(start);

  const auto all = [&](const Tensor& x) { return tokens_of(x, parts * B, S, {}, layer.context); };
  layer.check_output([&](const Tensor& x) {
    return execute(layer.router().route(all(x)), all(x), layer.expert());
  });
  compare_choices(oracle, sent(layer.router().route(all(layer.input())), parts * B * S, E));

  layer.context.training = true;
  StepLoad load = no_load(layer.router().traits(), layer.backend());
  std::vector<double> quantiles;
  for (index part = 0; part < parts; ++part) {
    const Routing routing = layer.route(part_of(layer.input(), part, B * S));
    const std::vector<double> own = host(routing.totals.at(0));
    quantiles.insert(quantiles.end(), own.begin(), own.end());
    add(load, routing, B * S);
  }
  if (megatron)
    oracle.compare("state/local_quantile", negative(quantiles));
  else
    oracle.compare_exactly("state/histogram", host(load.totals.at(0)));
  layer.router().after_step({&load, 1}, 0);
  oracle.compare("state/bias_next", megatron ? negative(host(bias)) : host(bias));
}

// Adds a SwiGLU network with the stored weights PREFIX/gate, up, down.
std::function<Tensor(const Tensor&)> shared_swiglu(OracleLayer& layer, index hidden) {
  const Tensor gate = layer.bind_own("shared/gate"), up = layer.bind_own("shared/up"),
               down = layer.bind_own("shared/down");  // [in, out], as they are turned
  const index width = layer.site.width;
  return [=](const Tensor& x) {
    const Tensor inner =
        swiglu(matmul(x, gate.reshape({width, hidden})), matmul(x, up.reshape({width, hidden})));
    return matmul(inner, down.reshape({hidden, width}));
  };
}

void deepseek_v4(Oracle& oracle) {
  OracleLayer layer(oracle);
  const index E = layer.site.experts, T = layer.site.batch * layer.site.length;
  const bool hashed = oracle.text("kind") == "hash";
  layer.site.vocabulary = oracle.integer("vocab");
  layer.make_router("bias_balanced", {{"k", option(oracle.number("top_k"))},
                                      {"scores", score_function(oracle)},
                                      {"scale", option(oracle.number("route_scale"))},
                                      {"normalise", "sum"},
                                      {"hash_layers", hashed ? "1" : "0"},
                                      {"allow_constant_gate", "true"},
                                      {"balance_weight", "0"}});
  layer.make_expert("swiglu", oracle.integer("d_ff"));
  layer.bind_router("router_weight", "weight");
  layer.bind_each_expert("gate", "w1");
  layer.bind_each_expert("up", "w3");
  layer.bind_each_expert("down", "w2");
  Indices ids;
  if (hashed) {
    ids = Indices::of(oracle.integers("token_ids"), layer.backend());
    const std::vector<std::int32_t> table = oracle.integers("params_nograd/tid2eid");
    const auto k = static_cast<std::size_t>(oracle.integer("top_k"));
    std::vector<real> preference(static_cast<std::size_t>(layer.site.vocabulary * E), 0);
    for (std::size_t i = 0; i < table.size(); ++i)
      preference[i / k * static_cast<std::size_t>(E) + static_cast<std::size_t>(table[i])] = 1;
    state_of(layer).from_host(preference);
  } else {
    state_of(layer).from_host(oracle.values("params_nograd/expert_bias"));
  }
  const auto tokens = [&](const Tensor& x) {
    return tokens_of(x, layer.site.batch, layer.site.length, ids, layer.context);
  };
  oracle.compare("routing/logits", matmul(layer.input(), parameter_of(layer.router(), "weight")));
  compare_choices(oracle, sent(layer.router().route(tokens(layer.input())), T, E));
  const auto shared = shared_swiglu(layer, oracle.integer("d_ff"));
  layer.check_output([&](const Tensor& x) {
    return add(execute(layer.router().route(tokens(x)), tokens(x), layer.expert()), shared(x));
  });
}

// Stored experts/gate_up [e+z, 2h, d] and down [e, d, h] of real experts are the w1, w3 [e, d, h] and
// w2 [e, h, d] of swiglu.
struct LongCatExperts {
  Oracle& oracle;
  const Expert& expert;
  index E, Z, H, D;

  std::size_t at(index e, index row, index col, index rows, index cols) const {
    return static_cast<std::size_t>((e * rows + row) * cols + col);
  }
  void load() const {
    const std::vector<real> gate_up = oracle.values("params/experts/gate_up"),
                            down = oracle.values("params/experts/down");
    std::vector<real> w1(static_cast<std::size_t>(E * D * H)), w2 = w1, w3 = w1;
    for (index e = 0; e < E; ++e)
      for (index h = 0; h < H; ++h)
        for (index d = 0; d < D; ++d) {
          w1[at(e, d, h, D, H)] = gate_up[at(e, h, d, 2 * H, D)];
          w3[at(e, d, h, D, H)] = gate_up[at(e, H + h, d, 2 * H, D)];
          w2[at(e, h, d, H, D)] = down[at(e, d, h, D, H)];
        }
    for (const auto& [name, values] :
         {std::pair("w1", &w1), std::pair("w2", &w2), std::pair("w3", &w3)}) {
      parameter_of(expert, name).allocate(test_backend());
      parameter_of(expert, name).from_host(*values);
    }
  }
  void compare_gradients() const {
    const auto of = [&](const char* name) { return gradient_or_zeros(parameter_of(expert, name)); };
    const std::vector<double> w1 = of("w1"), w2 = of("w2"), w3 = of("w3");
    std::vector<double> gate_up(static_cast<std::size_t>((E + Z) * 2 * H * D), 0),
        down(static_cast<std::size_t>(E * D * H));
    for (index e = 0; e < E; ++e)
      for (index h = 0; h < H; ++h)
        for (index d = 0; d < D; ++d) {
          gate_up[at(e, h, d, 2 * H, D)] = w1[at(e, d, h, D, H)];
          gate_up[at(e, H + h, d, 2 * H, D)] = w3[at(e, d, h, D, H)];
          down[at(e, d, h, D, H)] = w2[at(e, h, d, H, D)];
        }
    oracle.compare("grad/params/experts/gate_up", gate_up);
    oracle.compare("grad/params/experts/down", down);
  }
};

void longcat_zero_expert(Oracle& oracle) {
  OracleLayer layer(oracle);
  const index E = layer.site.experts, T = layer.site.batch * layer.site.length;
  const index Z = oracle.integer("zero_experts");
  layer.make_router("bias_balanced", {{"k", option(oracle.number("top_k"))},
                                      {"scores", "softmax"},
                                      {"scale", option(oracle.number("route_scale"))},
                                      {"normalise", "none"},
                                      {"identity_experts", option(static_cast<double>(Z))},
                                      {"balance_weight", "0"}});
  layer.make_expert("swiglu", oracle.integer("d_ff"));
  layer.bind_router("router_weight", "weight");
  const LongCatExperts experts{oracle, layer.expert(),         E,
                               Z,      oracle.integer("d_ff"), layer.site.width};
  experts.load();
  state_of(layer).from_host(oracle.values("params_nograd/expert_bias"));
  layer.check_output();
  experts.compare_gradients();

  // Choices of experts are the plan's, identity choices sum to its bypass.
  const Routing routing = layer.route(layer.input());
  const Tensor probs = softmax(matmul(layer.input(), parameter_of(layer.router(), "weight")));
  oracle.compare("routing/probs", probs);
  const std::vector<double> chosen = oracle.input("routing/topk_index").values;
  std::vector<double> gates = at_columns(host(probs), E + Z, chosen);
  for (double& gate : gates) gate *= oracle.number("route_scale");
  oracle.compare("routing/topk_gate", gates);
  std::vector<double> kept(static_cast<std::size_t>(T * E)), bypass(static_cast<std::size_t>(T));
  const std::size_t k = chosen.size() / bypass.size();
  for (std::size_t i = 0; i < chosen.size(); ++i)
    if (static_cast<index>(chosen[i]) < E)
      kept[i / k * static_cast<std::size_t>(E) + static_cast<std::size_t>(chosen[i])] = 1;
    else
      bypass[i / k] += gates[i];
  oracle.require(sent(routing, T, E).kept == kept, "other experts are chosen");
  const std::vector<double> got = host(std::get<Assignment>(routing.plan).bypass);
  for (std::size_t t = 0; t < got.size(); ++t)
    oracle.require(std::abs(got[t] - bypass[t]) < (kDouble ? 1e-12 : 1e-5), "another bypass");
}

}  // namespace

TEST_CASE("oracle: quantile_balancing", "[oracle]") {
  check_oracles("quantile_balancing", quantile_balancing);
}
TEST_CASE("oracle: deepseek_v4", "[oracle]") { check_oracles("deepseek_v4", deepseek_v4); }
TEST_CASE("oracle: longcat_zero_expert", "[oracle]") {
  check_oracles("longcat_zero_expert", longcat_zero_expert);
}

}  // namespace moesim::testing
