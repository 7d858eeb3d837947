// Soft MoE (Puigcerver et al. 2023, algorithms 1 and 2): every slot is a weighted mean of all
// tokens of the sequence, and every token a weighted mean of all slots. No drops, not causal.
//
//   l = n(x) · (scale · n(Φ))     dispatch = softmax over tokens     combine = softmax over slots
//   slots mix x or n(x); n: unit norm by default
//
// Padding (Tokens::importance 0) has no weight in any slot, and takes all slots equally. In
// published code slots mix x (paper, V-MoE; fkodom: no norm) or n(x) (bwconrad: unit norm;
// lucidrains: RMS or layer norm with gains, no scale, Gumbel noise).
#include "sim/moe/policies/importance.hpp"
#include "sim/moe/policies/noise.hpp"
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
    norm_ = o.choice("norm", "unit", {"unit", "rms", "layer"},
                     "norm of tokens and slot vectors: unit norm and one learned scale, or RMS "
                     "norm or layer norm with learned gains");
    epsilon_ = static_cast<real>(o.number("norm_epsilon", 1e-6, {0, 1},
                                          "added to the squared norm, mean square or variance"));
    mixes_normalised_ =
        o.choice("slots_mix", "tokens", {"tokens", "normalised"},
                 "what slots are means of: the tokens, or the normalised ones") == "normalised";
    const std::string noise =
        o.choice("noise", "none", {"none", "normal", "gumbel"}, "noise on the logits in training");
    const double scale = o.number("noise_scale", 1, {0, 1e3}, "factor on the noise");
    noise_ = noise == "none" ? 0 : static_cast<real>(scale), gumbel_ = noise == "gumbel";
    if (!normalise_ && (norm_ != "unit" || mixes_normalised_))
      o.reject("normalise", "false, but norm or slots_mix asks for it; leave it out");
    o.explain(Topic::scores, "l = n(x) · n(Φ) · scale, of tokens and slots");
    o.explain(Topic::gate, "dispatch: softmax of l over tokens; combine: softmax of l over slots");
    o.explain(Topic::capacity, std::to_string(p_) + " slots per expert and sequence; no drops");
    const auto P = static_cast<double>(E_ * p_), D = static_cast<double>(D_);
    traits_ = {
        .experts = E_,
        .sees = {.later_tokens = true},
        .cost = {.rows_per_token = P / static_cast<double>(site.length), .router_flops = 6 * D * P},
        .assigns = false,
        .importance = true,
        .capturable = true};
    phi_ = parameter("phi", {D_, E_ * p_}, Init::normal(1 / std::sqrt(static_cast<double>(D_))));
    if (normalise_ && norm_ == "unit") scale_ = parameter("scale", {1}, Init::constant(1), false);
    if (norm_ == "unit") return;
    gain_ = parameter("gain", {D_}, Init::constant(1), false);
    slot_gain_ = parameter("slot_gain", {D_}, Init::constant(1), false);
  }

  Routing route(const Tokens& tokens) override {
    const index B = tokens.batch(), S = tokens.length(), P = E_ * p_;
    const Tensor x = normalised(tokens.x, gain_, {B * S, D_, 1});
    const Tensor logits =
        without_padding(noisy(logits_of(x), tokens.context), tokens.importance);  // [T, P]
    Mixing plan;
    plan.dispatch = softmax(logits, Along{B, S, P}).reshape({B, S, P});
    plan.combine = softmax(logits).reshape({B, S, P});
    plan.slots_per_expert = p_;
    if (mixes_normalised_) plan.x = x;
    // A token's score of an expert is the weight of the expert's slots in its output.
    const Tensor scores =
        sum_cols(plan.combine.detach().reshape({B * S * E_, p_})).reshape({B * S, E_});
    return {.plan = plan, .scores = scores};
  }

  double kept_values(index tokens) const override {
    // Logits, dispatch, combine and scores of every token and slot, and two gradients of them.
    const auto P = static_cast<double>(E_ * p_), D = static_cast<double>(D_);
    return (noise_ > 0 ? 7 : 5) * static_cast<double>(tokens) * P + D * P;
  }

 private:
  Tensor normalised(const Tensor& x, const Tensor& gain, Along along) const {
    if (!normalise_) return x;
    if (norm_ == "unit") return unit_norm(x, along, epsilon_);
    return normalize(norm_ == "rms" ? NormKind::rms : NormKind::layer, x, gain, {}, epsilon_);
  }
  Tensor logits_of(const Tensor& x) const {
    if (!normalise_) return matmul(x, phi_);
    const index P = phi_.cols();
    if (norm_ == "unit") return matmul(x, mul_scalar(normalised(phi_, {}, {1, D_, P}), scale_));
    const Tensor slots = swap_blocks(phi_, D_, P, 1).reshape({P, D_});
    return matmul(x, normalised(slots, slot_gain_, {P, D_, 1}), {.b = true});
  }
  Tensor noisy(const Tensor& logits, const Context& context) const {
    if (!context.training || noise_ == 0) return logits;
    const auto noise = gumbel_ ? gumbel_noise : normal_noise;
    return add(logits, affine(noise(context, logits.shape(), logits.backend()), noise_));
  }

  index D_, E_, p_ = 1;
  bool normalise_ = true, mixes_normalised_ = false, gumbel_ = false;
  std::string norm_;
  real epsilon_ = 0, noise_ = 0;
  Tensor phi_, scale_, gain_, slot_gain_;  // [D, E·p], [1], [D], [D]
};

const RegisterRouter<Soft> soft("soft",
                                "slots are weighted means of all tokens (Puigcerver et al. 2023)",
                                {{"raw", "normalise=false capacity_factor=0.5 noise=normal"},
                                 {"three slots", "slots=3"},
                                 {"bwconrad", "norm_epsilon=1e-24 slots_mix=normalised"},
                                 {"lucidrains",
                                  "norm=rms slots_mix=normalised noise=gumbel noise_scale=0.5"},
                                 {"layer norm", "norm=layer norm_epsilon=1e-5"}});

}  // namespace
}  // namespace moesim
