// Compares mixture_of_depths with mixture of recursions, astramind and a transcription of the paper.
#include "sim/ops/attention.hpp"
#include "sim/ops/ops.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/oracle_layer.hpp"

namespace moesim::testing {
namespace {

// The block of the files, with its residual: [h = x + attention of one head], h + relu(h W1) W2.
class OracleBlock : public Expert {
 public:
  OracleBlock(const ExpertSite& site, OracleLayer& layer, bool attention)
      : Expert(site), attention_(attention) {
    const index D = site.width, H = site.hidden;
    const auto bind = [&](const char* name, Shape shape) {
      weights_.push_back(layer.bind_own(std::string("block/") + name).reshape(shape));
    };
    bind("w1", {D, H}), bind("w2", {H, D});
    if (attention)
      for (const char* name : {"wq", "wk", "wv", "wo"}) bind(name, {D, D});
  }
  Tensor forward(const Rows& rows) const override {
    Tensor x = rows.x;
    if (x.rows() == 0) return x;
    if (attention_) {
      const index N = x.rows(), D = x.cols(), B = rows.tokens->batch();
      const Tensor parts =
          concat_rows({matmul(x, weights_[2]), matmul(x, weights_[3]), matmul(x, weights_[4])});
      const Indices order = map_indices({.shape = {N, 3, 1}, .add = {1, N}}, x.backend());
      const Tensor qkv = gather_rows(parts, order).reshape({N, 3 * D});
      x = add(x, matmul(attention(qkv, {B, N / B, 1, true}), weights_[5]));
    }
    return add(x, matmul(relu(matmul(x, weights_[0])), weights_[1]));
  }
  double flops_per_row() const override { return 1; }

 private:
  bool attention_;
  std::vector<Tensor> weights_;
};

void mod(Oracle& oracle) {
  OracleLayer layer(oracle, true);
  const index T = layer.site.batch * layer.site.length;
  const std::string peer = oracle.text("peer"), function = oracle.text("router_func"),
                    sampling = oracle.text("sampling"), block = oracle.text("block");
  oracle.require(peer == "mor" || peer == "astramind" || peer == "paper", "peer " + peer);
  oracle.require(block == "ffn" || block == "attention+ffn", "block " + block);
  oracle.require(
      function == "sigmoid" || function == "tanh" || function == "none" || function == "raw",
      "router_func " + function);
  const bool raw = function == "none" || function == "raw";
  const bool bias = oracle.has("params/router_bias");
  layer.make_router("mixture_of_depths",
                    {{"capacity_factor", option(oracle.number("capacity_factor"))},
                     {"weight", raw ? "raw" : function},
                     {"alpha", raw || peer == "paper" ? "1" : option(oracle.number("alpha"))},
                     {"combine", peer == "mor"     ? "weighted"
                                 : peer == "paper" ? "difference"
                                                   : "replace"},
                     {"inference", sampling == "aux_router" ? "predictor"
                                   : sampling == "aux_loss" ? "router"
                                                            : "top"},
                     {"training", "top"},
                     {"strict", peer == "astramind" ? "true" : "false"},
                     {"sampling_weight", "1"},
                     {"bias", bias ? "true" : "false"}});
  layer.context.training = peer == "mor" || (peer == "paper" && oracle.integer("train") != 0);
  layer.bind_router("router_weight", "weight");
  if (bias) layer.bind_router("router_bias", "bias");
  if (sampling == "aux_router") layer.bind_router("predictor_weight", "predictor");
  const OracleBlock expert(
      {.width = layer.site.width, .experts = 1, .hidden = oracle.integer("d_hidden")}, layer,
      block == "attention+ffn");

  const Routing routing = layer.route(layer.input());
  const Sent plan = sent(routing, T, 1);
  const Tensor r = linear(layer.input(), parameter_of(layer.router(), "weight"),
                          bias ? parameter_of(layer.router(), "bias") : Tensor());
  oracle.compare("routing/logits", r);
  oracle.compare_exactly("routing/selected", plan.kept);
  std::vector<double> weights = oracle.input("routing/weights").values;
  for (std::size_t t = 0; t < weights.size(); ++t)
    if (plan.kept[t] == 0) weights[t] = 0;  // the file has those of all tokens
  for (std::size_t t = 0; t < weights.size(); ++t)
    oracle.require(std::abs(weights[t] - plan.gate[t]) < (kDouble ? 1e-11 : 1e-4),
                   "another weight");
  layer.check_output(
      [&](const Tensor& x) { return add(x, execute(layer.route(x), layer.tokens(x), expert)); });
  if (oracle.has("aux/sampling")) layer.check_loss("sampling", {"sampling"});
}

}  // namespace

TEST_CASE("oracle: mod", "[oracle]") { check_oracles("mod", mod); }

}  // namespace moesim::testing
