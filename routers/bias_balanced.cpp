// Bias-balanced routing: a bias per expert affects the choice of experts, but not their gates, and
// moves towards an even load after every step (Wang et al. 2024; DeepSeek-AI 2024, section 2.1.2).
//
//   s = score(x W)     chosen: the k largest s + b, within a token's best groups of experts
//   gate: s of the chosen, divided by their sum or not, times `scale`
//   after a step       b_e += u · sign(mean(n) - n_e), n_e: tokens of the step that chose e
//
// Other rules, and where peers differ: sim/moe/policies/bias_update.hpp. Identity experts are further
// choices that add gate · x and cost nothing (Meituan 2025, "LongCat-Flash"). In the first hash_layers
// blocks the token id determines the experts, and the scores their gates (DeepSeek-V4, which does not
// publish its table: here each id draws its experts).
#include "sim/moe/policies/balance.hpp"
#include "sim/moe/policies/bias_update.hpp"
#include "sim/moe/policies/free_choices.hpp"
#include "sim/moe/policies/gates.hpp"
#include "sim/moe/policies/group_limit.hpp"
#include "sim/moe/policies/id_table.hpp"
#include "sim/moe/policies/places.hpp"
#include "sim/moe/policies/scores.hpp"
#include "sim/moe/router.hpp"
#include "sim/ops/ops.hpp"

#include <algorithm>

namespace moesim {
namespace {

class BiasBalanced : public Router {
 public:
  BiasBalanced(const Site& site, Options& o)
      : E_(site.experts),
        n_(E_ + o.integer("identity_experts", 0, {0, 4096}, "further choices, which add gate · x")),
        k_(o.integer("k", 2, {1, n_}, "experts per token")),
        score_(o),
        limit_(o, k_, n_),
        divisor_(o, k_, 1e-20),
        update_(o, k_, E_, n_ - E_, limit_.groups(), score_),
        balance_(o, k_, n_, 1e-4, "sequence"),
        places_(o, site, k_, 0, 0),
        hash_(o, site) {
    scale_ = o.number("scale", 1, {1e-6, 1e6}, "factor on all gates; DeepSeek-V3: 2.5");
    z_ = read_z_weight(o, 0, n_);
    o.explain(Topic::gate, "then times scale; no bias");
    reject_constant_gate(o, divisor_.constant(k_), "normalise", "normalise = none");
    weight_ = parameter("weight", {site.width, n_}, Init::normal(0.02));
    bias_ = hash_.used() ? buffer("table", {site.vocabulary, n_}, Init::normal(1))
                         : buffer("bias", {n_}, Init::constant(0));
    traits_ = {.experts = E_,
               .sees = places_.sees(),
               .cost = {.rows_per_token = update_.real_choices(),
                        .router_flops = 2.0 * static_cast<double>(site.width * n_)},
               .choices = n_,
               .expert_groups = limit_.groups(),
               .capturable = true,
               .surrogate = places_.straight_through(),
               .reroutes = places_.reroutes()};
    if (!hash_.used()) balance_.declare(traits_, n_), update_.declare(traits_);
  }

  Routing route(const Tokens& tokens) override {
    const Tensor logits = matmul(tokens.x, weight_);  // [T, n]
    const Tensor scores = score_.of(logits), shares = score_.shares(scores);
    const Tensor values = update_.values(logits, scores);
    const Tensor biased = hash_.used() ? hash_.values(bias_, tokens) : add_row(values, bias_);
    const Indices choice = top_k(limit_.within(biased), k_);  // [T·k]
    const Tensor gates =
        affine(divisor_.divide(at_choices(scores, choice)), static_cast<real>(scale_));  // [T, k]
    Routing routing{.plan = {}, .scores = columns_of(shares, 0, E_)};
    routing.plan = places_.assign(choices_below(choice, E_, n_), gates, routing.scores, tokens,
                                  columns_of(logits, 0, E_));
    add_identity(routing, gates, choice, E_, n_);
    if (!hash_.used()) {
      balance_.add_to(routing, scores, shares, choice, tokens);
      update_.add_to(routing, values, biased, bias_);
    }
    if (z_ > 0) routing.losses.push_back({"z", static_cast<real>(z_), z_loss(logits)});
    return routing;
  }

  void after_step(std::span<const StepLoad> layers, std::size_t own) override {
    if (!hash_.used()) update_.after_step(bias_, layers[own]);
  }

  double expert_rows(index tokens) const override {
    return std::min(Router::expert_rows(tokens), places_.expert_rows(tokens));
  }
  double kept_values(index tokens) const override {
    return Router::kept_values(tokens) + score_.kept_values() * static_cast<double>(tokens * n_);
  }

 private:
  index E_, n_, k_;  // n: experts and identity experts
  ScoreFunction score_;
  GroupLimit limit_;
  Divisor divisor_;
  BiasUpdate update_;
  BalanceLoss balance_;
  Places places_;
  IdTable hash_;
  double scale_ = 1, z_ = 0;
  Tensor weight_, bias_;  // [D, n]; [n], in hash layers [vocabulary, n]
};

const RegisterRouter<BiasBalanced> bias_balanced(
    "bias_balanced", "top-k by score plus a balancing bias, within groups of experts: DeepSeek-V3",
    {{"groups", "groups=2 group_best=1 scale=2.5 bias_speed=0.3 capacity=2 fill=priority"},
     {"softmax", "scores=softmax k=1 z_weight=0.01 balance_group=batch bias_speed=0.3"},
     {"proportional", "scores=sqrt_softplus bias_update=proportional bias_speed=0.3 normalise=l2"},
     {"raw", "normalise=none normalise_epsilon=0 balance_weight=0 bias_speed=0.3"},
     {"megatron", "groups=2 top_groups=2 group_best=0 k=3 balance_counted=unbiased normalise=sum"},
     {"drops", "fill=gate group=batch capacity_factor=0.7 capacity_factor_eval=0.7"},
     {"few", "fill=logit capacity_factor=0.7 capacity_per_choice=false capacity_rounding=floor"},
     {"whole", "fill=choice capacity_factor=0.5 capacity_share=whole straight_through=true"},
     {"chance", "fill=random capacity_factor=0.4 capacity_min=2 capacity_multiple=2 dropped=input"},
     {"quantile", "bias_update=quantile bias_on=logits bias_average=0.5 balance_group=running"},
     {"kimi", "bias_update=histogram bias_bins=50 balance_group=step"},
     {"longcat", "identity_experts=2 real_choices=1 scores=softmax bias_update=proportional"},
     {"deepseek-v4", "hash_layers=1 scores=sqrt_softplus scale=1.5"},
     {"constant", "k=2 allow_constant_gate=true capacity_rounding=round"}});

}  // namespace
}  // namespace moesim
