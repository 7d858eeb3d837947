// Bias-balanced routing: a bias per expert affects the choice of experts, but not their gates.
// After every step it moves towards an even load (Wang et al. 2024; DeepSeek-AI 2024,
// "DeepSeek-V3", section 2.1.2).
//
//   s = score(x W)     chosen: the k largest s + b, within a token's best groups of experts
//   gate: s of the chosen, divided by their sum or not, times `scale`
//   after a step       b_e += u · sign(mean(n) - n_e), n_e: tokens of the step that chose e; or
//                      another rule of sim/moe/policies/bias_update.hpp
//
// Identity experts are further choices that add gate · x and cost nothing (Meituan 2025,
// "LongCat-Flash"). In the first hash_layers blocks the token id determines the k experts, and the
// scores only their gates (DeepSeek-V4); its table is not published, here each id draws its experts.
// Megatron-LM's quantile balancing subtracts its bias from logits; here biases are added.
#include "sim/core/error.hpp"
#include "sim/moe/choose.hpp"
#include "sim/moe/policies/balance.hpp"
#include "sim/moe/policies/bias_update.hpp"
#include "sim/moe/policies/free_choices.hpp"
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
        n_(E_ + o.integer("identity_experts", 0, {0, 4096}, "further choices, which add gate · x")),
        k_(o.integer("k", 2, {1, n_}, "experts per token")),
        score_(o),
        limit_(o, k_, n_),
        divisor_(o, k_, 1e-20),
        update_(o, k_, E_, n_ - E_, score_),
        balance_(o, k_, 1e-4, "sequence") {
    scale_ = o.number("scale", 1, {1e-6, 1e6}, "factor on all gates; DeepSeek-V3: 2.5");
    hashed_ = site.layer < o.integer("hash_layers", 0, {0, 1 << 20},
                                     "number of first blocks whose MoE layers choose by token id");
    z_ = o.number("z_weight", 0, {0, 1e6}, "weight of the router z-loss");
    reject_constant_gate(o, divisor_.constant(k_), "normalise", "normalise = none");
    if (limit_.groups() > 1 && (n_ > E_ || update_.by_quantile()))
      o.reject("groups", "identity experts and quantiles know no groups; set groups = 1");
    if (hashed_ && site.vocabulary == 0)
      o.reject("hash_layers", "the data has no token ids; set hash_layers = 0");
    weight_ = parameter("weight", {site.width, n_}, Init::normal(0.02));
    // Of a hash layer: the k largest values of a token id are its experts.
    bias_ = hashed_ ? buffer("table", {site.vocabulary, n_}, Init::normal(1))
                    : buffer("bias", {n_}, Init::constant(0));
    traits_ = {.experts = E_,
               .cost = {.rows_per_token = update_.real_choices(),
                        .router_flops = 2.0 * static_cast<double>(site.width * n_)},
               .choices = n_,
               .expert_groups = limit_.groups(),
               .capturable = true};
    if (hashed_) return;
    balance_.declare(traits_, n_);
    update_.declare(traits_);
  }

  Routing route(const Tokens& tokens) override {
    const Tensor logits = matmul(tokens.x, weight_);  // [T, n]
    const Tensor scores = score_.of(logits), shares = score_.shares(scores);
    const Tensor values = update_.values(logits, scores);
    const Tensor biased = hashed_ ? of_ids(tokens.ids) : add_row(values, bias_);
    const Indices choice = top_k(limit_.within(biased), k_);  // [T·k]
    const Tensor gates =
        affine(divisor_.divide(at_choices(scores, choice)), static_cast<real>(scale_));  // [T, k]
    const Indices experts = choices_below(choice, E_, n_);
    Routing routing{.plan = assign(experts, experts, k_, E_, gates),
                    .scores = columns_of(shares, 0, E_)};
    add_identity(routing, gates, choice, E_, n_);
    if (!hashed_) {
      balance_.add_to(routing, scores, shares, choice, tokens);
      update_.add_to(routing, values, biased, bias_);
    }
    if (z_ > 0) routing.losses.push_back({"z", static_cast<real>(z_), z_loss(logits)});
    return routing;
  }

  void after_step(std::span<const StepLoad> layers, std::size_t own) override {
    if (!hashed_) update_.after_step(bias_, layers[own]);
  }

  double kept_values(index tokens) const override {
    return Router::kept_values(tokens) + score_.kept_values() * static_cast<double>(tokens * n_);
  }

 private:
  Tensor of_ids(const Indices& ids) const {
    if (ids.size() == 0) fail_in("bias_balanced", "hash_layers needs token ids");
    return gather_rows(bias_, ids);
  }

  index E_, n_, k_;  // n: experts and identity experts
  ScoreFunction score_;
  GroupLimit limit_;
  Divisor divisor_;
  BiasUpdate update_;
  BalanceLoss balance_;
  bool hashed_ = false;
  double scale_ = 1, z_ = 0;
  Tensor weight_, bias_;  // [D, n], [n]
};

const RegisterRouter<BiasBalanced> bias_balanced(
    "bias_balanced", "top-k by score plus a balancing bias, within groups of experts: DeepSeek-V3",
    {{"groups", "groups=2 group_best=1 scale=2.5 bias_speed=0.3"},
     {"softmax", "scores=softmax k=1 z_weight=0.01 balance_group=batch bias_speed=0.3"},
     {"proportional", "scores=sqrt_softplus bias_update=proportional bias_speed=0.3 normalise=l2"},
     {"raw", "normalise=none normalise_epsilon=0 balance_weight=0 bias_speed=0.3"},
     {"megatron", "groups=2 top_groups=2 group_best=0 k=3 balance_counted=unbiased normalise=sum"},
     {"quantile", "bias_update=quantile bias_on=logits bias_average=0.5 balance_group=running"},
     {"kimi", "bias_update=histogram bias_bins=50 balance_group=step"},
     {"longcat", "identity_experts=2 real_choices=1 scores=softmax bias_update=proportional"},
     {"deepseek-v4", "hash_layers=1 scores=sqrt_softplus scale=1.5"},
     {"constant", "k=2 allow_constant_gate=true"}});

}  // namespace
}  // namespace moesim
