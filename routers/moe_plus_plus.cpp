// MoE++ (Jin et al. 2024, "MoE++: Accelerating Mixture-of-Experts methods with zero-computation
// experts"): a token chooses among the experts and choices that cost nothing, constant, copy and zero
// experts, numbered in this order.
//
//   logits l = W2 tanh(W1 x) or W x, plus G · l of the MoE layer before (gating residual)
//   p = softmax(l)     chosen: the k largest p     gate: p, 0 for a zero expert, divided by their sum
//   constant expert    a_0 · x + a_1 · v, a = softmax(W_c x)      copy: x      zero: 0
//   balance loss       n/k · Σ_e η_e f_e P_e, η = 1 of experts, `tau` of the other choices
//
// The share of a zero expert goes to the token's other choices, unless softmax = after. Published code
// feeds k · x to all experts, by an in-place product (input_times_k). The paper has capacities, the
// code and this router have none. With zero experts alone it is AdaMoE (Zeng et al. 2024).
#include "sim/moe/choose.hpp"
#include "sim/moe/policies/balance.hpp"
#include "sim/moe/policies/free_choices.hpp"
#include "sim/moe/policies/free_experts.hpp"
#include "sim/moe/policies/gates.hpp"
#include "sim/moe/router.hpp"
#include "sim/ops/ops.hpp"

namespace moesim {
namespace {

class MoePlusPlus : public Router {
 public:
  MoePlusPlus(const Site& site, Options& o)
      : E_(site.experts),
        free_(o, E_),
        n_(free_.all()),
        k_(o.integer("k", 2, {1, n_}, "choices per token")),
        balance_(o, k_, n_, 0.01, "batch", free_.mean_weight()) {
    const bool two = o.choice("gate", "two_layers", {"two_layers", "linear"},
                              "from x to logits: two layers with tanh, or one") == "two_layers";
    const bool residual = o.flag("residual", true, "adds G · logits of the MoE layer before");
    deviation_ = o.number("logits_deviation", 0, {0, 1e6},
                          "standard deviation that a token's logits are scaled to; 0: any");
    after_ = o.choice("softmax", "before", {"before", "after"},
                      "over all choices, or over the chosen, zero experts included") == "after";
    times_k_ = o.flag("input_times_k", false, "all experts get k · x (published code)");
    reject_constant_gate(o, k_ == 1, "k", "k = 2 or more");
    o.explain(Topic::gate, after_ ? "softmax over the chosen" : "p / Σ p of the chosen; zero: 0");
    const index D = site.width, hidden = two ? 8 * n_ : 0;
    if (two) hidden_ = parameter("hidden", {D, hidden}, Init::normal(0.02));
    weight_ = parameter("weight", {two ? hidden : D, n_}, Init::normal(0.02));
    if (residual && site.before > 0) map_ = parameter("map", {n_, n_}, Init::normal(0.02));
    if (const index C = free_.constants(); C > 0) {
      constant_weight_ = parameter("constant_weight", {C, 2, D}, Init::normal(0.02));
      constant_ = parameter("constant", {C, D}, Init::normal(0.02));
    }
    const double share = static_cast<double>(k_) / static_cast<double>(n_);
    traits_ = {.experts = E_,
               .cost = {.rows_per_token = share * static_cast<double>(E_),
                        .router_flops = 2.0 * static_cast<double>(D * hidden + weight_.size())},
               .choices = n_,
               .capturable = true,
               .reroutes = Reroutes::never};
    balance_.declare(traits_, n_);
  }

  Routing route(const Tokens& tokens) override {
    Backend& backend = tokens.x.backend();
    const Tensor carried = logits_of(tokens), logits = scaled(carried);  // [T, n]
    const Tensor scores = softmax(logits);
    const Indices choice = top_k(logits, k_);  // [T·k]
    const Tensor gates = after_ ? softmax(at_choices(logits, choice)) : shares_of(scores, choice);
    const Indices experts = choices_below(choice, E_, n_);
    Assignment plan = assign(experts, experts, k_, E_, gates);
    const real factor = times_k_ ? static_cast<real>(k_) : 1;
    if (times_k_) plan.scale = Tensor::full({plan.token.size()}, factor, backend);
    free_.add_to(plan, gates, choice, tokens.x, factor, constant_weight_, constant_);
    Routing routing{.plan = plan,
                    .scores = columns_of(scores, 0, E_),
                    .metrics = {real_choices(plan, tokens.x.rows())},
                    .carry = carried};
    balance_.add_to(routing, logits, mul_row(scores, free_.weights(backend)), choice, tokens);
    return routing;
  }

 private:
  Tensor logits_of(const Tokens& tokens) const {
    const Tensor x = hidden_ ? tanh(matmul(tokens.x, hidden_)) : tokens.x;
    const Tensor own = matmul(x, weight_);
    const Tensor& before = tokens.context.carry;
    return map_ && before ? add(own, matmul(before, map_)) : own;
  }
  // l · deviation / std(l), with the sample variance.
  Tensor scaled(const Tensor& logits) const {
    if (deviation_ == 0) return logits;
    const Tensor centred =
        sub_column(logits, affine(sum_cols(logits), real(1) / static_cast<real>(n_)));
    const Tensor var = affine(sum_cols(square(centred)), real(1) / static_cast<real>(n_ - 1));
    return affine(div_column(logits, sqrt(affine(var, 1, real(1e-20)))),
                  static_cast<real>(deviation_));
  }
  // Scores of the chosen, those of zero experts replaced by 0, divided by their sum. -> [T, k]
  Tensor shares_of(const Tensor& scores, const Indices& choice) const {
    const Tensor kept =
        pick(scores, entries_of(free_.that_add(choice), k_, n_)).reshape({scores.rows(), k_});
    return div_column(kept, affine(sum_cols(kept), 1, real(1e-20)));
  }

  index E_;
  FreeExperts free_;
  index n_, k_;  // n: all choices
  BalanceLoss balance_;
  double deviation_ = 0;
  bool after_ = false, times_k_ = false;
  Tensor hidden_, weight_, map_;       // [D, 8n], [8n or D, n], [n, n]
  Tensor constant_weight_, constant_;  // [C, 2, D], [C, D]
};

const RegisterRouter<MoePlusPlus> moe_plus_plus(
    "moe_plus_plus", "experts, and constant, copy and zero experts that cost nothing: MoE++",
    {{"linear", "gate=linear k=3 softmax=after logits_deviation=1.5 constant_experts=1 tau=1"},
     {"published", "input_times_k=true copy_experts=2 balance_group=sequence"},
     {"norm", "logits_deviation=0.8 zero_experts=2 balance_group=running balance_weight=0.1"},
     {"no constant", "constant_experts=0 residual=false balance_group=step"},
     {"unbiased", "balance_counted=unbiased allow_constant_gate=true"}});

}  // namespace
}  // namespace moesim
