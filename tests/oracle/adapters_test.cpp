// Compares banks of low-rank adapters with LoRAMoE and MixLoRA.
#include "sim/moe/losses.hpp"
#include "sim/ops/ops.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/oracle_layer.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

namespace moesim::testing {
namespace {

void fill(const Tensor& tensor, Backend& backend, real value) {
  tensor.allocate(backend);
  tensor.from_host(std::vector<real>(static_cast<std::size_t>(tensor.size()), value));
}

// Writes a frozen matrix [out, in] into a parameter [in, out], which may be larger.
void set_frozen(Oracle& oracle, const std::string& array, const Tensor& tensor, Backend& backend) {
  const StoredArray& stored = oracle.input("params_nograd/" + array);
  fill(tensor, backend, 0);
  std::vector<real> values = tensor.to_host();
  for (index i = 0; i < stored.size(); ++i) {
    const index out = i / stored.dims[1], in = i % stored.dims[1];
    values[static_cast<std::size_t>(in * tensor.dim(1) + out)] =
        static_cast<real>(stored.values[static_cast<std::size_t>(i)]);
  }
  tensor.from_host(values);
}

// Binds A [r, in] and B [out, r] of expert e.
void bind_adapter(OracleLayer& layer, const std::string& stored, index e, const Tensor& a,
                  const Tensor& b) {
  layer.bind_places(stored + "/a", [&](const std::vector<index>& at) {
    return OracleLayer::Place(a, (e * a.dim(1) + at[1]) * a.dim(2) + at[0]);
  });
  layer.bind_places(stored + "/b", [&](const std::vector<index>& at) {
    return OracleLayer::Place(b, (e * b.dim(1) + at[1]) * b.dim(2) + at[0]);
  });
}

// The first rows of a unit matrix: pads rows of `from` values with zeros, or cuts them, to `to`.
Tensor fitting(index from, index to, Backend& backend) {
  std::vector<real> unit(static_cast<std::size_t>(from * to), 0);
  for (index i = 0; i < std::min(from, to); ++i) unit[static_cast<std::size_t>(i * to + i)] = 1;
  return Tensor::of({from, to}, unit, backend);
}

void loramoe(Oracle& oracle) {
  OracleLayer layer(oracle);
  Backend& backend = layer.backend();
  const index E = layer.site.experts, D = layer.site.width, B = layer.site.batch;
  const index out = oracle.integer("d_out"), width = std::max(D, out);
  const auto experts = static_cast<double>(E);
  layer.make_router("token_choice", {{"k", option(experts)},
                                     {"normalise", "none"},
                                     {"capacity_factor", "0"},
                                     {"capacity_factor_eval", "0"}});
  layer.bind_router("router_weight", "weight");
  const std::unique_ptr<Expert> bank =
      make_expert("lora", {.width = width, .experts = E, .hidden = 1},
                  {{"base", "linear"},
                   {"rank", option(oracle.number("rank"))},
                   {"alpha", option(oracle.number("lora_alpha"))}});
  set_frozen(oracle, "base_weight", parameter_of(*bank, "base"), backend);
  const Tensor a = parameter_of(*bank, "a"), b = parameter_of(*bank, "b");
  fill(a, backend, 0), fill(b, backend, 0);
  for (index e = 0; e < E; ++e) bind_adapter(layer, "experts/" + std::to_string(e), e, a, b);
  oracle.require(std::abs(oracle.number("scaling") -
                          oracle.number("lora_alpha") / oracle.number("rank")) < 1e-12,
                 "another scale");

  oracle.compare("routing/probs", layer.route(layer.input()).scores);
  const Tensor pad = fitting(D, width, backend), cut = fitting(width, out, backend);
  layer.check_output([&](const Tensor& x) {
    const Tokens wide = layer.tokens(x).with(matmul(x, pad));
    return matmul(execute(layer.route(x), wide, *bank), cut);
  });
  if (!oracle.has("aux/localized_balance")) {
    if (oracle.has("task_type")) oracle.excuse("task_type");
    return;
  }
  const double more = oracle.number("blc_alpha");
  const std::vector<double> task = oracle.input("task_type").values;
  std::vector<real> preference;
  for (index s = 0; s < B; ++s)
    for (index e = 0; e < E; ++e)
      preference.push_back(static_cast<real>(
          (task[static_cast<std::size_t>(s)] == 1) == (e < E / 2) ? 1 + more : 1 - more));
  const Tensor prefer = Tensor::of({B, E}, preference, backend);
  layer.check_loss("localized_balance", [&](const Tensor& x) {
    return localised_balance_loss(layer.route(x).scores, prefer);
  });
}

// Norms of the columns of a matrix [in, out].
std::vector<double> column_norms(const Tensor& matrix) {
  const std::vector<double> values = host(matrix);
  const auto out = static_cast<std::size_t>(matrix.dim(1));
  std::vector<double> norms(out, 0);
  for (std::size_t i = 0; i < values.size(); ++i) norms[i % out] += values[i] * values[i];
  for (double& norm : norms) norm = std::sqrt(norm);
  return norms;
}

void mixlora(Oracle& oracle) {
  OracleLayer layer(oracle);
  Backend& backend = layer.backend();
  const index E = layer.site.experts, T = layer.site.batch * layer.site.length;
  const index k = oracle.integer("top_k");
  const bool dora = oracle.integer("dora") != 0;
  const std::string targets = "," + oracle.text("targets") + ",";
  const auto adapted = [&](const std::string& name) {
    return targets.find("," + name + ",") != std::string::npos;
  };
  OptionValues options = {{"rank", option(oracle.number("rank"))},
                          {"alpha", option(oracle.number("lora_alpha"))},
                          {"rslora", oracle.integer("rslora") != 0 ? "true" : "false"},
                          {"dora", dora ? "true" : "false"}};
  for (const std::string name : {"gate", "up", "down"})
    options["adapt_" + name] = adapted(name) ? "true" : "false";
  layer.make_router("token_choice", {{"k", option(static_cast<double>(k))},
                                     {"normalise", "sum"},
                                     {"allow_constant_gate", "true"},
                                     {"capacity_factor", "0"},
                                     {"capacity_factor_eval", "0"},
                                     {"balance_weight", option(static_cast<double>(k))}});
  layer.make_expert("lora", oracle.integer("d_ff"), options);
  layer.bind_router("router_weight", "weight");
  // The file has the magnitude m = μ ‖W‖.
  struct Magnitude {
    std::string stored;
    Tensor size;
    index expert;
    std::vector<double> norm;
  };
  std::vector<Magnitude> magnitudes;
  for (const std::string name : {"gate", "up", "down"}) {
    const Tensor base = parameter_of(layer.expert(), name + "_base");
    set_frozen(oracle, "base/" + name, base, backend);
    if (!adapted(name)) continue;
    const Tensor a = parameter_of(layer.expert(), name + "_a"),
                 b = parameter_of(layer.expert(), name + "_b");
    if (dora) fill(parameter_of(layer.expert(), name + "_size"), backend, 1);
    for (index e = 0; e < E; ++e) {
      const std::string stored = "experts/" + std::to_string(e) + "/" + name;
      bind_adapter(layer, stored, e, a, b);
      if (!dora) continue;
      const Tensor size = parameter_of(layer.expert(), name + "_size");
      const std::vector<double> norm = column_norms(base),
                                m = oracle.input("params/" + stored + "/magnitude").values;
      std::vector<real> sizes = size.to_host();
      for (std::size_t c = 0; c < m.size(); ++c)
        sizes[static_cast<std::size_t>(e) * m.size() + c] = static_cast<real>(m[c] / norm[c]);
      size.from_host(sizes);
      magnitudes.push_back({stored + "/magnitude", size, e, norm});
    }
  }
  const Sent plan = sent(layer.route(layer.input()), T, E);
  // A single gate is 1: the kept choice.
  const std::vector<double> chosen = ranked(plan.gate, E, k);
  oracle.compare_exactly("routing/topk_index", chosen);
  oracle.compare("routing/topk_gate", at_columns(plan.gate, E, chosen));
  layer.check_output();
  for (const Magnitude& one : magnitudes) {
    const std::vector<double> all = gradient_or_zeros(one.size);
    std::vector<double> gradient;
    for (std::size_t c = 0; c < one.norm.size(); ++c)
      gradient.push_back(all[static_cast<std::size_t>(one.expert) * one.norm.size() + c] /
                         one.norm[c]);
    oracle.compare("grad/params/" + one.stored, gradient);
  }
  if (oracle.has("aux/load_balance")) layer.check_loss("load_balance", {"balance"});
}

}  // namespace

TEST_CASE("oracle: loramoe", "[oracle]") { check_oracles("loramoe", loramoe); }
TEST_CASE("oracle: mixlora", "[oracle]") { check_oracles("mixlora", mixlora); }

}  // namespace moesim::testing
