// Top-p routing (Huang et al. 2024, "Harder tasks need more experts: dynamic routing in MoE
// models"): a token takes as many experts as it needs for a given sum of scores.
//
//   s = softmax(x W), sorted     chosen: the shortest prefix whose sum exceeds p     gate s
//   rule = threshold             chosen: s > p, which may be none (XMoE)
//   entropy loss                 mean of -Σ s log s over tokens, so that tokens take few experts
//   balance loss                 E Σ f P, f: tokens that chose an expert over all tokens
//
// Gates are not renormalised. At balance the balance loss is the mean number of experts per token.
#include "sim/moe/choose.hpp"
#include "sim/moe/losses.hpp"
#include "sim/moe/policies/gates.hpp"
#include "sim/moe/policies/loss_weights.hpp"
#include "sim/moe/router.hpp"
#include "sim/ops/ops.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

class TopP : public Router {
 public:
  TopP(const Site& site, Options& o) : E_(site.experts) {
    p_ = o.number("p", 0.4, {0, 1}, "sum of scores that the experts of a token exceed");
    by_sum_ =
        o.choice("rule", "sum", {"sum", "threshold"},
                 "experts are taken until their sum exceeds p, or if their score does") == "sum";
    entropy_ = o.number("entropy_weight", 1e-4, {0, 1e6}, "weight of the entropy loss");
    balance_ = o.number("balance_weight", 0.01, {0, 1e6}, "weight of the load balance loss");
    o.explain(Topic::scores, "s = softmax over experts of x W");
    o.explain(Topic::selection,
              by_sum_ ? fmt::format("experts by falling s, until their sum exceeds {}: {} of {} at "
                                    "equal scores",
                                    p_, at_first(), E_)
                      : fmt::format("every expert with s > {}, perhaps none", p_));
    o.explain(Topic::gate, "g = s of the chosen, not divided");
    explain_loss(o, "entropy", entropy_, "mean over tokens of -Σ_e s_e log s_e", "",
                 "at equal scores", std::log(static_cast<double>(E_)));
    explain_loss(o, "balance", balance_, "E Σ_e f_e P_e; f_e: share of tokens that chose e", "",
                 "at balance, with as many experts as at equal scores,", at_first());
    weight_ = parameter("weight", {site.width, E_}, Init::normal(0.02));
    traits_ = {.experts = E_,
               .cost = {.rows_per_token = at_first(),
                        .router_flops = 2.0 * static_cast<double>(site.width * E_)},
               .capturable = true,
               .reroutes = Reroutes::never};
  }

  Routing route(const Tokens& tokens) override {
    Backend& backend = tokens.x.backend();
    const index T = tokens.x.rows();
    const Tensor scores = softmax(matmul(tokens.x, weight_));  // [T, E]
    const Indices order = top_k(scores, E_);                   // [T·E]
    const Tensor gates = at_choices(scores, order);            // [T, E], descending
    const Tensor limit = Tensor::full({T, E_}, static_cast<real>(p_), backend);
    const Indices choice = by_sum_ ? where_less(limit, sums_before(gates.detach()), {}, order)
                                   : where_less(limit, gates, order, {});
    Routing routing{.plan = assign(choice, choice, E_, E_, gates), .scores = scores};
    if (entropy_ > 0)
      routing.losses.push_back({"entropy", static_cast<real>(entropy_), entropy_loss(scores)});
    if (balance_ > 0)  // balance_loss divides by E choices per token
      routing.losses.push_back(
          {"balance", static_cast<real>(balance_),
           affine(balance_loss(scores, choice, E_, Counted::all, 1), static_cast<real>(E_))});
    return routing;
  }

  double expert_rows(index tokens) const override {
    return static_cast<double>(tokens) * std::min(at_first() + 1, static_cast<double>(E_));
  }
  double kept_values(index tokens) const override {
    return Router::kept_values(tokens) + 3 * static_cast<double>(tokens * E_);
  }

 private:
  // Experts per token while all scores are 1 / E.
  double at_first() const {
    const auto E = static_cast<double>(E_);
    return by_sum_ ? std::min(E, std::floor(p_ * E) + 1) : E / 2;
  }

  // Σ_{j < i} sorted[t, j]. -> [T, E]
  Tensor sums_before(const Tensor& sorted) const {
    const Indices distance = map_indices({.shape = {E_, E_, 1}, .add = {-1, 1}}, sorted.backend());
    return matmul(sorted, sign(relu(to_real(distance, {E_, E_}, 1))));
  }

  index E_;
  double p_ = 0, entropy_ = 0, balance_ = 0;
  bool by_sum_ = true;
  Tensor weight_;  // [D, E]
};

const RegisterRouter<TopP> top_p(
    "top_p", "a token takes experts until their scores sum to more than p (Huang et al. 2024)",
    {{"more", "p=0.8 balance_weight=0"},
     {"threshold", "rule=threshold p=0.3 entropy_weight=0.01"}});

}  // namespace
}  // namespace moesim
