// Token choice: every token takes its k best experts (Shazeer et al. 2017; Lepikhin et al. 2021;
// Fedus et al. 2022; Riquelme et al. 2021; Jiang et al. 2024). Options cover the axes on which the
// published routers differ.
//
//   logits l = x W          h = l (+ noise)        p = softmax(h)
//   chosen: the k largest h     gate: p of the chosen, renormalised or not
//
// A choice without a place at its expert is dropped. Published dialects differ in who is, and in the
// sum that divides the gates; the help of the options names them.
#include "sim/moe/policies/auxiliary_losses.hpp"
#include "sim/moe/policies/format.hpp"
#include "sim/moe/policies/gates.hpp"
#include "sim/moe/policies/importance.hpp"
#include "sim/moe/policies/noise.hpp"
#include "sim/moe/policies/places.hpp"
#include "sim/moe/policies/second_choices.hpp"
#include "sim/moe/router.hpp"
#include "sim/ops/ops.hpp"

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

class TokenChoice : public Router {
 public:
  TokenChoice(const Site& site, Options& options)
      : D_(site.width),
        E_(site.experts),
        k_(read_choices(options, 1, E_)),
        gates_(options, k_),
        format_(options),
        places_(options, site, k_),
        second_(options),
        noise_(options),
        losses_(options, noise_.kind(), k_, E_) {
    gates_.reject_constant(options);
    options.explain(Topic::scores, "l = x W; s = softmax over experts of l");
    // Fedus et al. 2022, section 2.4: a tenth of the usual scale. Shazeer et al. 2017: zeros; noise
    // breaks the ties.
    const bool learned = noise_.kind() == Noise::Kind::learned;
    const double deviation = std::sqrt(0.1 / static_cast<double>(D_));
    weight_ = parameter("weight", {D_, E_},
                        learned ? Init::constant(0) : Init::truncated_normal(deviation));
    if (learned) noise_weight_ = parameter("noise_weight", {D_, E_}, Init::constant(0));
    traits_ = {.experts = E_,
               .sees = places_.sees(),
               .cost = {.rows_per_token = static_cast<double>(k_),
                        .router_flops = 2.0 * static_cast<double>(D_ * E_)},
               .expert_groups = losses_.devices(),
               .importance = true,
               .capturable = true,
               // Rounding has no derivative of its own.
               .surrogate = format_.rounded() || places_.straight_through(),
               .reroutes = std::max(places_.reroutes(), second_.reroutes())};
    losses_.declare(traits_, E_);
  }

  Routing route(const Tokens& tokens) override {
    const Context& context = tokens.context;
    const Tensor input = format_(noise_.jittered(tokens.x, context));
    const Tensor logits = format_(matmul(input, format_(weight_)));  // [T, E]
    const Noisy noisy = noise_.add_to(logits, input, noise_weight_, format_, context);
    const Tensor scores = format_(softmax(noisy.logits));
    const Importance importance(tokens.importance, k_);
    const Indices ranked = importance.demote(top_k(noisy.logits, k_));      // [T·k]
    const Tensor gates = format_(gates_.of(noisy.logits, scores, ranked));  // [T, k]
    const Indices choice = importance.without_padding(ranked);
    const Indices standing = second_.standing(choice, gates, context);
    const Indices kept = places_.keep(standing, gates, scores, noisy.logits, tokens);
    const Tensor applied = gates_.over_kept(gates, kept);
    const Decision decision{logits, noisy,  scores, choice, applied, importance.primary(),
                            kept,   weight_};
    Routing routing{.plan = places_.plan(standing, kept, applied, tokens), .scores = scores};
    routing.losses = losses_.of(decision, places_.group(), tokens.batch(), context, routing.totals);
    return routing;
  }

  double expert_rows(index tokens) const override { return places_.expert_rows(tokens); }
  double kept_values(index tokens) const override {
    return Router::kept_values(tokens) +
           (noise_.kept_values() + losses_.kept_values()) * static_cast<double>(tokens * E_);
  }

 private:
  index D_, E_, k_;
  // The constructors read the options in this order.
  Gates gates_;
  Format format_;
  Places places_;
  SecondChoices second_;
  Noise noise_;
  AuxiliaryLosses losses_;
  Tensor weight_, noise_weight_;  // [D, E]
};

const RegisterRouter<TokenChoice> token_choice(
    "token_choice",
    "every token takes its k best experts: Switch, GShard, Mixtral, V-MoE, noisy top-k",
    {{"dropless", "capacity_factor=0 capacity_factor_eval=0 jitter=0.1 z_weight=0.01"},
     {"top-2", "k=2 normalise=sum capacity_factor=0.5 capacity_factor_eval=0.5 second=threshold"},
     {"gshard", "k=2 fill=choice capacity_factor=0.5 second=random second_eval=random"},
     {"priority", "k=2 fill=priority capacity_factor=0.5 capacity_rounding=floor dropped=input"},
     {"l2", "k=2 normalise=l2 normalise_epsilon=1e-6 second_eval=threshold second_threshold=0.5"},
     {"balance", "k=2 normalise=none balance_counted=first balance_group=sequence"},
     {"shazeer", "k=2 noise=learned noise_epsilon=0.02 balance_weight=0 load_weight=0.1"},
     {"v-moe", "k=2 noise=gaussian noise_std=2 importance_weight=0.1 load_weight=0.1"},
     {"softmax after", "k=3 softmax=after capacity=3 fill=token second=none second_eval=none"},
     {"whole share",
      "k=2 capacity_factor=0.4 capacity_min=2 capacity_share=whole balance_group=step"},
     {"multiple", "k=2 capacity_factor=0.4 capacity_multiple=2 allow_constant_gate=true"},
     {"batch", "k=2 group=batch fill=choice capacity_factor=0.3 capacity_per_choice=false"},
     {"low", "precision=bfloat16 capacity_factor=0 capacity_rounding=round balance_group=running"},
     {"deepspeed", "k=2 group=batch fill=random capacity_factor=0.5 normalise_over=kept"},
     {"by gate", "k=2 fill=gate capacity_factor=0.5 orthogonal_weight=1 weight_penalty=0.1"},
     {"by logit", "k=2 fill=logit capacity_factor=0.7 normalise=l2 normalise_over=kept"},
     {"st-moe", "k=2 straight_through=true fill=choice second=random balance_over=kept"},
     {"davidmrau", "k=2 noise=learned cv_variance=sample load_threshold=scores load_weight=0.1"},
     {"mixture", "k=0 orthogonal_weight=1 orthogonal=gram entropy_weight=0.1"},
     {"devices", "k=2 devices=2 device_weight=1 communication_weight=1 token_devices=1"},
     {"marginal", "marginal_entropy_weight=0.1"}});

}  // namespace
}  // namespace moesim
