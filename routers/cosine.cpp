// The cosine router chooses by the angle between token and expert in a low dimension (Chi et al.
// 2022, "On the representation collapse of sparse mixture of experts", section 3; Tutel).
//
//   z = x W + b     logits l_e = cos(z, v_e) / τ     p = softmax(l)     gates: p of the k largest
//   τ is learned: 1/τ = exp(min(s, log 100)), s initially -log(temperature)
//
// Peers differ. Tutel: the defaults, but for projection 256. XMoE's paper: no bias. Its code
// (torchscale): normalise_token = false, τ = 1, projection 16, capacity over the whole batch, a sampled
// second expert, gates renormalised after drops.
#include "sim/moe/losses.hpp"
#include "sim/moe/policies/gates.hpp"
#include "sim/moe/policies/loss_weights.hpp"
#include "sim/moe/policies/places.hpp"
#include "sim/moe/policies/sampled_choices.hpp"
#include "sim/moe/policies/second_choices.hpp"
#include "sim/ops/ops.hpp"

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

Tensor direction(const Tensor& x, Along along) { return unit_norm(x, along, real(1e-24)); }

class Cosine : public Router {
 public:
  Cosine(const Site& site, Options& o)
      : E_(site.experts),
        k_(o.integer("k", 1, {1, E_}, "experts per token")),
        P_(o.integer("projection", 16, {1, 1 << 16}, "dimension in which angles are measured")),
        divisor_(o, k_, 1e-20),
        places_(o, site, k_, 0, 0),
        second_(o) {
    long_ = !o.flag("normalise_token", true,
                    "logits are cosines; false: times the length of the projected token");
    scale_ = -std::log(o.number("temperature", 0.5, {1e-2, 1e6}, "τ at the start"));
    const bool learned = o.flag("learned_temperature", true, "τ is trained; it stays above 1/100");
    const bool bias = o.flag("bias", true, "the projection has a bias");
    after_drops_ = o.choice("normalised", "before", {"before", "after"},
                            "gates are divided before drops, or after") == "after";
    sampled_ = o.flag("sampled", false,
                      "second and later experts are sampled in proportion to their probability");
    balance_ = o.number("balance_weight", 0.01, {0, 1e6},
                        "weight of the load balance loss E/k Σ f P, which is 1 at balance");
    first_ = o.choice("balance_counted", "all", {"all", "first"},
                      "f counts all choices, or the first") == "first";
    z_ = read_z_weight(o, 0, E_);
    if (k_ == 1 && (sampled_ || after_drops_))
      o.reject(sampled_ ? "sampled" : "normalised", "needs k = 2 or more");
    reject_constant_gate(o, divisor_.constant(k_), "normalise", "normalise = none");
    o.explain(Topic::scores, "z = x W + b; l_e = cos(z, v_e) / τ; s = softmax over experts of l");
    o.explain(Topic::selection,
              sampled_ ? "the expert of the largest l; later ones drawn in proportion to s"
                       : "the experts of the k largest l");
    explain_balance(o, balance_, first_ ? 1 : k_, E_, "f and P of the micro-batch",
                    first_ ? "first choice, before drops" : "");
    const double deviation = 1 / std::sqrt(3 * static_cast<double>(site.width));
    projection_ = parameter("projection", {site.width, P_}, Init::normal(deviation));
    if (bias) bias_ = parameter("bias", {P_}, Init::constant(0), false);
    embedding_ = parameter("embedding", {P_, E_}, Init::normal(0.01));
    if (learned) log_scale_ = parameter("log_scale", {1}, Init::constant(scale_), false);
    traits_ = {
        .experts = E_,
        .sees = places_.sees(),
        .cost = {.rows_per_token = static_cast<double>(k_),
                 .router_flops = 2.0 * static_cast<double>(P_ * (site.width + E_))},
        .capturable = true,
        .surrogate = places_.straight_through(),
        .reroutes = sampled_ ? Reroutes::always : std::max(places_.reroutes(), second_.reroutes())};
  }

  Routing route(const Tokens& tokens) override {
    const Tensor logits = logits_of(tokens.x), scores = softmax(logits);  // [T, E]
    const Indices ranked =
        sampled_ ? sample_choices(logits, k_, tokens.context) : top_k(logits, k_);
    const Tensor all = divisor_.divide(at_choices(scores, ranked));  // [T, k]
    const Indices choice =
        second_.standing(ranked, after_drops_ ? at_choices(scores, ranked) : all, tokens.context);
    const Indices kept = places_.keep(choice, all, scores, logits, tokens);
    const Tensor gates = after_drops_ ? divisor_.divide(at_choices(scores, kept)) : all;
    Routing routing{.plan = places_.plan(choice, kept, gates, tokens), .scores = scores};
    if (balance_ > 0)
      routing.losses.push_back(
          {"balance", static_cast<real>(balance_),
           balance_loss(scores, ranked, k_, first_ ? Counted::first : Counted::all, 1)});
    if (z_ > 0) routing.losses.push_back({"z", static_cast<real>(z_), z_loss(logits)});
    return routing;
  }

  double expert_rows(index tokens) const override { return places_.expert_rows(tokens); }
  double kept_values(index T) const override {
    return Router::kept_values(T) + static_cast<double>(T * (2 * P_ + E_));
  }

 private:
  Tensor logits_of(const Tensor& x) const {
    const Tensor z = linear(x, projection_, bias_);  // [T, P]
    const Tensor cosines =
        matmul(long_ ? z : direction(z, {z.rows(), P_, 1}), direction(embedding_, {1, P_, E_}));
    if (!log_scale_) return affine(cosines, static_cast<real>(std::exp(scale_)));
    const auto most = static_cast<real>(std::log(100.0));  // min(s, most) = most - relu(most - s)
    const Tensor s = affine(relu(affine(log_scale_, -1, most)), -1, most);
    return mul_scalar(cosines, exp(s));
  }

  index E_, k_, P_;
  Divisor divisor_;
  Places places_;
  SecondChoices second_;
  bool long_ = false, after_drops_ = false, sampled_ = false, first_ = false;
  double balance_ = 0, z_ = 0, scale_ = 0;
  Tensor projection_, bias_, embedding_, log_scale_;  // [D, P], [P], [P, E], [1]
};

const RegisterRouter<Cosine> cosine(
    "cosine", "top-k by the angle to experts in a low dimension: XMoE, Tutel",
    {{"top-2", "k=2 temperature=0.1 z_weight=0.01 second=threshold second_threshold=0.5"},
     {"torchscale",
      "normalise_token=false temperature=1 learned_temperature=false bias=false capacity_factor=1 "
      "capacity_factor_eval=1 group=batch balance_counted=first projection=3"},
     {"sampled",
      "k=2 sampled=true normalised=after capacity_factor=0.7 capacity_factor_eval=0.7 "
      "fill=choice normalise_epsilon=1e-9"},
     {"priority", "k=2 fill=priority capacity_factor=0.5 capacity_rounding=floor dropped=input"},
     {"places", "k=2 capacity_factor=0.4 capacity_min=2 capacity_multiple=2 normalise=none"},
     {"whole", "k=2 capacity_factor=0.5 capacity_share=whole fill=gate straight_through=true"},
     {"chance", "k=2 capacity_factor=0.5 capacity_factor_eval=0.5 fill=random"},
     {"by logit", "k=2 capacity_factor=0.5 fill=logit"},
     {"l2", "k=3 normalise=l2 second=none second_eval=none capacity=3 balance_weight=0"},
     {"random", "k=2 second=random second_eval=random capacity_per_choice=false normalise=sum"},
     {"constant", "k=2 allow_constant_gate=true capacity_rounding=round second_eval=threshold"}});

}  // namespace
}  // namespace moesim
