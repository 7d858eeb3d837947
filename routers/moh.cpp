// Mixture of heads (Jin et al. 2024, "MoH: Multi-head attention as mixture-of-head attention",
// equations 5 to 8): attention whose heads are the experts, each weighted per token.
//
//   y = Σ_h g_h · head_h(x) O_h + b
//   routed heads: p = softmax(x W), top-k; g = k p / Σ p of the chosen · 2 a₂, else 0
//   shared heads: g = H_s softmax(x W_s) · 2 a₁                    a = softmax(x W_a)
//
// Without shared heads a₂ = 1/2. As in the released code all heads are computed. MoH-LLaMA has no
// router. moe.experts is the number of routed heads. Use it with moe.at = attention.
#include "sim/moe/losses.hpp"
#include "sim/moe/policies/gates.hpp"
#include "sim/moe/policies/heads.hpp"
#include "sim/moe/policies/loss_weights.hpp"
#include "sim/moe/router.hpp"
#include "sim/ops/attention.hpp"
#include "sim/ops/ops.hpp"

#include <algorithm>

namespace moesim {
namespace {

class Moh : public Router {
 public:
  Moh(const Site& site, Options& o) : D_(site.width), E_(site.experts), causal_(site.causal) {
    k_ = o.integer("k", std::min<index>(2, E_), {1, E_}, "routed heads per token");
    shared_ = o.integer("shared_heads", 2, {0, 1024}, "further heads that every token uses");
    d_ = o.integer("head_width", 0, {0, 1 << 16},
                   "width of a head; 0: model.width divided by the number of heads");
    if (d_ == 0) d_ = std::max<index>(1, D_ / (E_ + shared_));
    const bool bias = o.flag("qkv_bias", false, "queries, keys and values have biases");
    balance_ = read_balance_weight(o, 0.01, k_, E_);
    reject_constant_gate(o, k_ == 1 && E_ > 1, "k", "k = 2 or more");
    o.explain(Topic::gate, "k heads: k p / Σ p of the chosen · 2 a_2; shared: H_s softmax · 2 a_1");
    routed_part_ = part("", E_, bias);
    weight_ = parameter("weight", {D_, E_}, Init::normal(0.02));
    if (shared_ > 0) {
      shared_part_ = part("shared_", shared_, bias);
      shared_weight_ = parameter("shared_weight", {D_, shared_}, Init::normal(0.02));
      split_ = parameter("split", {D_, 2}, Init::normal(0.02));
    }
    bias_ = parameter("output_bias", {D_}, Init::constant(0), false);
    const index width = (E_ + shared_) * d_;
    traits_ = {.experts = E_,
               .sees = {.later_tokens = !causal_},
               .cost = {.rows_per_token = 0,
                        .router_flops = 8.0 * static_cast<double>(D_ * width) +
                                        attention_flops(width, site.length, causal_)},
               .assigns = false,  // not capturable: the load of a custom plan is read on the host
               .reroutes = causal_ ? Reroutes::never : Reroutes::always};
  }

  Routing route(const Tokens& tokens) override {
    const index T = tokens.x.rows();
    const Tensor scores = softmax(matmul(tokens.x, weight_));  // [T, E]
    const Indices choice = top_k(scores, k_);
    const Tensor chosen = at_choices(scores, choice);  // [T, k]
    const Tensor share =
        affine(div_column(chosen, sum_cols(chosen)), static_cast<real>(k_)).reshape({T * k_, 1});
    Tensor routed = combine_rows(share, {}, entries_of(choice, k_, E_), T * E_).reshape({T, E_});
    Tensor always;
    if (shared_ > 0) {
      const Tensor split = affine(softmax(matmul(tokens.x, split_)), 2);  // [T, 2]
      const auto column = [&](index c) {
        return pick(split,
                    map_indices({.shape = {T, 1, 1}, .add = {2}, .base = c}, split.backend()));
      };
      routed = mul_column(routed, column(1));
      always = mul_column(
          affine(softmax(matmul(tokens.x, shared_weight_)), static_cast<real>(shared_)), column(0));
    }
    const auto attended = [=, this](const Tensor& x, const Expert&) {
      const Tensor y = heads(x, routed_part_, routed, tokens);
      return add_row(always ? add(y, heads(x, shared_part_, always, tokens)) : y, bias_);
    };
    return {.plan = Custom{.apply = attended, .load = load_of(histogram(choice, E_))},
            .scores = scores,
            .losses = weighted_balance(balance_, scores, choice, k_)};
  }

 private:
  struct Part {
    Tensor qkv, bias, output;  // [3, D, H, d], [3, H, d] or empty, [H, d, D]
  };
  Part part(const std::string& name, index heads, bool bias) {
    Part made;
    made.qkv = parameter(name + "qkv", {3, D_, heads, d_}, Init::normal(0.02));
    if (bias) made.bias = parameter(name + "qkv_bias", {3, heads, d_}, Init::constant(0), false);
    made.output = parameter(name + "output", {heads, d_, D_}, Init::normal(0.02));
    return made;
  }
  // Σ_h gate[., h] head_h(x) O_h. gates [T, H] -> [T, D]
  Tensor heads(const Tensor& x, const Part& part, const Tensor& gates, const Tokens& tokens) const {
    const index H = gates.cols(), T = x.rows(), width = H * d_;
    const Tensor turned = swap_blocks(part.qkv, 3, D_, width).reshape({D_, 3 * width});
    const Tensor qkv = linear(x, turned, part.bias ? part.bias.reshape({3 * width}) : Tensor());
    const Tensor h = attend(qkv, tokens, {.owner = &part, .heads = H, .causal = causal_});
    const Tensor weighted = mul_column(h.reshape({T * H, d_}), gates.reshape({T * H}));
    return matmul(weighted.reshape({T, width}), part.output.reshape({width, D_}));
  }

  index D_, E_, k_ = 1, shared_ = 0, d_ = 1;
  bool causal_;
  double balance_ = 0;
  Part routed_part_, shared_part_;
  Tensor weight_, shared_weight_, split_, bias_;  // [D, E], [D, H_s], [D, 2], [D]
};

const RegisterRouter<Moh> moh(
    "moh", "attention whose heads are weighted per token (Jin et al. 2024); moe.at = attention",
    {{"no shared", "shared_heads=0 qkv_bias=true"},
     {"more", "k=3 shared_heads=1 head_width=5 balance_weight=0"},
     {"constant", "allow_constant_gate=true"}});

}  // namespace
}  // namespace moesim
