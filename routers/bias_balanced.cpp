// Bias-balanced routing: a bias per expert affects the choice of experts, but not their gates.
// After every step it moves towards an even load (Wang et al. 2024; DeepSeek-AI 2024,
// "DeepSeek-V3", section 2.1.2).
//
//   s = score(x W)     chosen: the k largest s + b, within a token's best groups of experts
//   gate: s of the chosen, divided by their sum or not, times `scale`
//   after a step       b_e += u · sign(mean(n) - n_e), n_e: tokens of the step that chose e
#include "sim/moe/choose.hpp"
#include "sim/moe/losses.hpp"
#include "sim/moe/policies/gates.hpp"
#include "sim/moe/policies/group_limit.hpp"
#include "sim/moe/policies/scores.hpp"
#include "sim/moe/router.hpp"
#include "sim/ops/ops.hpp"

namespace moesim {
namespace {

class BiasBalanced : public Router {
 public:
  BiasBalanced(const Site& site, Options& o)
      : E_(site.experts),
        k_(o.integer("k", 2, {1, E_}, "experts per token")),
        score_(o),
        limit_(o, k_, E_),
        divisor_(o, k_, 1e-20) {
    scale_ = o.number("scale", 1, {1e-6, 1e6}, "factor on all gates; DeepSeek-V3: 2.5");
    proportional_ =
        o.choice("bias_update", "sign", {"sign", "proportional"},
                 "a step moves a bias by bias_speed towards an even load, or by "
                 "bias_speed times what the load lacks to the mean, as a share of it") ==
        "proportional";
    speed_ =
        o.number("bias_speed", 1e-3, {0, 10}, "change of a bias per step; 0: biases are constant");
    balance_ = o.number("balance_weight", 1e-4, {0, 1e6},
                        "weight of the load balance loss E/k Σ f P, which is 1 at balance");
    by_sequence_ = o.choice("balance_group", "sequence", {"sequence", "batch"},
                            "the loss per sequence, or over the batch") == "sequence";
    unbiased_ = o.choice("balance_counted", "chosen", {"chosen", "unbiased"},
                         "f counts the choices, or the k largest scores (Megatron)") == "unbiased";
    z_ = o.number("z_weight", 0, {0, 1e6}, "weight of the router z-loss");
    reject_constant_gate(o, divisor_.constant(k_), "normalise", "normalise = none");
    weight_ = parameter("weight", {site.width, E_}, Init::normal(0.02));
    bias_ = buffer("bias", {E_}, Init::constant(0));
    traits_ = {.experts = E_,
               .cost = {.rows_per_token = static_cast<double>(k_),
                        .router_flops = 2.0 * static_cast<double>(site.width * E_)},
               .expert_groups = limit_.groups(),
               .capturable = true};
  }

  Routing route(const Tokens& tokens) override {
    const Tensor logits = matmul(tokens.x, weight_);  // [T, E]
    const Tensor scores = score_.of(logits), shares = score_.shares(scores);
    const Indices choice = top_k(limit_.within(add_row(scores.detach(), bias_)), k_);  // [T·k]
    const Tensor gates =
        affine(divisor_.divide(at_choices(scores, choice)), static_cast<real>(scale_));  // [T, k]
    Routing routing{.plan = assign(choice, choice, k_, E_, gates), .scores = shares};
    if (balance_ > 0) {
      const Indices counted = unbiased_ ? top_k(scores, k_) : choice;
      const index groups = by_sequence_ ? tokens.batch() : 1;
      routing.losses.push_back({"balance", static_cast<real>(balance_),
                                balance_loss(shares, counted, k_, Counted::all, groups)});
    }
    if (z_ > 0) routing.losses.push_back({"z", static_cast<real>(z_), z_loss(logits)});
    return routing;
  }

  void after_step(std::span<const StepLoad> layers, std::size_t own) override {
    const StepLoad& load = layers[own];
    const double mean = static_cast<double>(load.tokens * k_) / static_cast<double>(E_);
    const Tensor lack = affine(to_real(load.demand, {E_}, 1), -1, static_cast<real>(mean));  // [E]
    const Tensor change = proportional_ ? affine(lack, static_cast<real>(speed_ / mean))
                                        : affine(sign(lack), static_cast<real>(speed_));
    assign(bias_, add(bias_, change));
  }

  double kept_values(index tokens) const override {
    return Router::kept_values(tokens) + score_.kept_values() * static_cast<double>(tokens * E_);
  }

 private:
  index E_, k_;
  ScoreFunction score_;
  GroupLimit limit_;
  Divisor divisor_;
  bool proportional_ = false, by_sequence_ = true, unbiased_ = false;
  double scale_ = 1, speed_ = 0, balance_ = 0, z_ = 0;
  Tensor weight_, bias_;  // [D, E], [E]
};

const RegisterRouter<BiasBalanced> bias_balanced(
    "bias_balanced", "top-k by score plus a balancing bias, within groups of experts: DeepSeek-V3",
    {{"groups", "groups=2 group_best=1 scale=2.5 bias_speed=0.3"},
     {"softmax", "scores=softmax k=1 z_weight=0.01 balance_group=batch bias_speed=0.3"},
     {"proportional", "scores=sqrt_softplus bias_update=proportional bias_speed=0.3 normalise=l2"},
     {"raw", "normalise=none normalise_epsilon=0 balance_weight=0 bias_speed=0.3"},
     {"megatron", "groups=2 top_groups=2 group_best=0 k=3 balance_counted=unbiased normalise=sum"},
     {"constant", "k=2 allow_constant_gate=true"}});

}  // namespace
}  // namespace moesim
