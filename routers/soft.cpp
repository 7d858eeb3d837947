// Soft MoE (Puigcerver et al. 2023, algorithms 1 and 2): every slot is a weighted mean of all
// tokens of the sequence, and every token a weighted mean of all slots. Fully differentiable, no
// drops, not causal.
//
//   l = x/‖x‖ · (scale · Φ/‖Φ‖)     dispatch = softmax over tokens     combine = softmax over slots
//   slots mix the raw x
#include "sim/moe/router.hpp"
#include "sim/ops/ops.hpp"

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

class Soft : public Router {
 public:
  Soft(const Site& site, Options& o) : D_(site.width), E_(site.experts) {
    const double factor =
        o.number("capacity_factor", 1, {1e-6, 1e6}, "slots per token, if slots = 0");
    p_ = o.integer("slots", 0, {0, 1 << 20},
                   "slots per expert; 0: length · capacity_factor / experts, rounded, at least 1");
    if (p_ == 0)
      p_ = std::max<index>(
          1, std::lround(static_cast<double>(site.length) * factor / static_cast<double>(E_)));
    normalise_ =
        o.flag("normalise", true, "unit norm of tokens and slot vectors, and a learned scale");
    const auto P = static_cast<double>(E_ * p_), D = static_cast<double>(D_);
    traits_ = {
        .experts = E_,
        .sees = {.later_tokens = true},
        .cost = {.rows_per_token = P / static_cast<double>(site.length), .router_flops = 6 * D * P},
        .assigns = false,
        .capturable = true};
    phi_ = parameter("phi", {D_, E_ * p_}, Init::normal(1 / std::sqrt(static_cast<double>(D_))));
    if (normalise_) scale_ = parameter("scale", {1}, Init::constant(1), false);
  }

  Routing route(const Tokens& tokens) override {
    const index B = tokens.batch(), S = tokens.length(), P = E_ * p_;
    const Tensor logits = normalise_ ? matmul(unit_norm(tokens.x, {B * S, D_, 1}),
                                              mul_scalar(unit_norm(phi_, {1, D_, P}), scale_))
                                     : matmul(tokens.x, phi_);  // [B·S, P]
    Mixing plan;
    plan.dispatch = softmax(logits, Along{B, S, P}).reshape({B, S, P});
    plan.combine = softmax(logits).reshape({B, S, P});
    plan.slots_per_expert = p_;
    // A token's score of an expert is the weight of the expert's slots in its output.
    const Tensor scores =
        sum_cols(plan.combine.detach().reshape({B * S * E_, p_})).reshape({B * S, E_});
    return {.plan = plan, .scores = scores};
  }

  double kept_values(index tokens) const override {
    // Logits, dispatch, combine and scores of every token and slot, and two gradients of them.
    const auto P = static_cast<double>(E_ * p_), D = static_cast<double>(D_);
    return 5 * static_cast<double>(tokens) * P + D * P;
  }

 private:
  index D_, E_, p_ = 1;
  bool normalise_ = true;
  Tensor phi_, scale_;  // [D, E·p], [1]
};

const RegisterRouter<Soft> soft("soft",
                                "slots are weighted means of all tokens (Puigcerver et al. 2023)",
                                {{"raw", "normalise=false capacity_factor=0.5"},
                                 {"three slots", "slots=3"}});

}  // namespace
}  // namespace moesim
