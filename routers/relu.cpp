// ReMoE (Wang et al. 2024, "ReMoE: Fully differentiable Mixture-of-Experts with ReLU routing"): a
// token takes every expert with a positive gate, and an L1 loss controls their number.
//
//   gate g = relu(x W)     chosen: g > 0
//   L1 = λ E / (k T²) · Σ_e n_e Σ_t g[t, e]     n_e: tokens that chose e, a constant
//   after a step           λ *= α^sign((1 - k / E) - S)
//
// S is the share of zero gates over all MoE layers. On average a token takes k experts.
#include "sim/moe/choose.hpp"
#include "sim/moe/losses.hpp"
#include "sim/moe/policies/positive_choices.hpp"
#include "sim/moe/router.hpp"
#include "sim/ops/ops.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

class Relu : public Router {
 public:
  Relu(const Site& site, Options& o) : E_(site.experts) {
    k_ = o.integer("k", 1, {1, E_}, "mean number of experts per token that λ is adapted to");
    growth_ = o.number("lambda_growth", 1.2, {1, 10}, "α, the factor on λ per step");
    const double start = o.number("lambda_start", 1e-8, {1e-30, 1e6},
                                  "λ before the first step, the weight of the L1 loss");
    o.explain(Topic::selection, "a token takes every expert with g > 0, as many as there are");
    o.explain(Topic::gate, "g = relu(x W)");
    o.explain(
        Topic::losses,
        fmt::format(
            "l1: λ · E / (k T²) · Σ_e n_e Σ_t g[t, e], n_e: tokens that "
            "chose e; λ starts at {}; at balance, n_e = {} T / {}, it is λ · mean over tokens of "
            "Σ_e g[t, e], which has no fixed value",
            start, k_, E_));
    o.explain(Topic::state, fmt::format("after a step: λ *= {}^sign((1 - {}/{}) - S), S: share of "
                                        "zero gates over all MoE layers",
                                        growth_, k_, E_));
    weight_ = parameter("weight", {site.width, E_}, Init::normal(0.02));
    lambda_ = buffer("lambda", {1}, Init::constant(start));
    traits_ = {.experts = E_,
               .cost = {.rows_per_token = static_cast<double>(k_),
                        .router_flops = 2.0 * static_cast<double>(site.width * E_)},
               .capturable = true,
               .reroutes = Reroutes::never};
  }

  Routing route(const Tokens& tokens) override {
    const index T = tokens.x.rows();
    const Tensor gates = relu(matmul(tokens.x, weight_));  // [T, E]
    const Indices choice = positive_choices(gates);
    const Assignment plan = assign(choice, choice, E_, E_, gates);
    // balance_loss divides by E choices per token, the formula by k.
    const Tensor l1 = affine(balance_loss(gates, choice, E_, Counted::all, 1),
                             static_cast<real>(static_cast<double>(E_) / static_cast<double>(k_)));
    const Tensor sparsity = affine(active_share(plan.demand, T), -1, 1);
    return {.plan = plan,
            .scores = div_column(gates.detach(), affine(sum_cols(gates.detach()), 1, real(1e-20))),
            .losses = {{"l1", 1, mul_scalar(l1, lambda_)}},
            .metrics = {{"lambda", lambda_}, {"sparsity", sparsity}}};
  }

  void after_step(std::span<const StepLoad> layers, std::size_t) override {
    // (1 - k / E) - S = (share of positive gates) - k / E.
    Tensor surplus =
        Tensor::full({1}, static_cast<real>(-static_cast<double>(k_) / static_cast<double>(E_)),
                     lambda_.backend());
    for (const StepLoad& layer : layers)
      surplus = add(surplus, affine(active_share(layer.demand, layer.tokens),
                                    real(1) / static_cast<real>(layers.size())));
    // 1e-30 is far below λ, and allows a λ of zero to grow again.
    const Tensor factor = exp(affine(sign(surplus), static_cast<real>(std::log(growth_))));
    assign(lambda_, affine(mul(lambda_, factor), 1, real(1e-30)));
  }

  // Half of the gates are positive before λ has grown.
  double expert_rows(index tokens) const override {
    return static_cast<double>(tokens) *
           std::max(traits_.cost.rows_per_token, 0.5 * static_cast<double>(E_));
  }

 private:
  // Σ_e n_e / (T E). -> [1]
  static Tensor active_share(const Indices& demand, index tokens) {
    const index E = demand.size();
    return sum(to_real(demand, {E}, 1 / static_cast<double>(tokens * E)));
  }

  index E_, k_ = 1;
  double growth_ = 1;
  Tensor weight_, lambda_;  // [D, E], [1]
};

const RegisterRouter<Relu> relu_router(
    "relu", "a token takes the experts of positive gate; an L1 loss keeps them few: ReMoE",
    {{"two", "k=2 lambda_start=0.1"}, {"quick", "lambda_growth=2"}});

}  // namespace
}  // namespace moesim
