// Default MoE (Panda et al. 2025, "Dense backpropagation improves training for sparse
// Mixture-of-Experts"): experts that are not chosen contribute a default vector, so that the router
// gets a gradient for every expert at the cost of k.
//
//   p = softmax(x W)    y = Σ_{chosen} p_e E_e(x) + Σ_{others} p_e d_e      chosen: the k largest p
//   after a step        d_e ← β d_e + (1 - β) · mean of E_e(x) over the step's tokens that chose e
//
// d_e has no gradient, starts at 0, and stays where no token chose e. A step uses the vectors from
// before it, so that outputs do not depend on other tokens of the step. The plan is custom, because
// the update needs the outputs of the experts.
#include "sim/moe/choose.hpp"
#include "sim/moe/expert.hpp"
#include "sim/moe/losses.hpp"
#include "sim/moe/policies/gates.hpp"
#include "sim/moe/policies/loss_weights.hpp"
#include "sim/moe/router.hpp"
#include "sim/ops/ops.hpp"

namespace moesim {
namespace {

class DefaultMoe : public Router {
 public:
  DefaultMoe(const Site& site, Options& o)
      : E_(site.experts), k_(o.integer("k", 2, {1, E_}, "experts per token")) {
    decay_ = o.number("decay", 0.95, {0, 1}, "β, the share of a default vector that a step keeps");
    balance_ = read_balance_weight(o, 0.01, k_, E_);
    o.explain(Topic::scores, "p = softmax over experts of x W; chosen: the k largest");
    o.explain(Topic::gate, "y = Σ_chosen p_e E_e(x) + Σ_others p_e d_e, d_e: a default vector");
    o.explain(Topic::state, "after a step: d_e = β d_e + (1 - β) · mean of E_e(x) over its tokens");
    weight_ = parameter("weight", {site.width, E_}, Init::normal(0.02));
    default_ = buffer("default", {E_, site.width}, Init::constant(0));
    traits_ = {.experts = E_,
               .cost = {.rows_per_token = static_cast<double>(k_),
                        .router_flops = 4.0 * static_cast<double>(site.width * E_)},
               .assigns = false,
               .totals = {{E_, site.width}, {E_}},
               .reroutes = Reroutes::never};
    // Not capturable: a custom plan reports its load from the host.
  }

  Routing route(const Tokens& tokens) override {
    Backend& backend = tokens.x.backend();
    const index T = tokens.x.rows();
    const Tensor logits = matmul(tokens.x, weight_), scores = softmax(logits);  // [T, E]
    const Indices choice = top_k(logits, k_);                                   // [T·k]
    const Assignment plan = assign(choice, choice, k_, E_, at_choices(scores, choice));
    const Tensor chosen = to_real(histogram(entries_of(choice, k_, E_), T * E_), {T, E_}, 1);
    const Tensor addend = matmul(mul(scores, affine(chosen, -1, 1)), default_.detach());  // [T, D]
    Custom custom;
    for (const std::int32_t n : plan.demand.to_host()) custom.load.push_back(n);
    const Tensor sums = Tensor::zeros({E_, tokens.x.cols()}, backend);
    const bool training = tokens.context.training;
    // Rows by expert: row r of the plan is of the expert whose segment holds it.
    const Indices rows = map_indices({.shape = {plan.token.size(), 1, 1}, .add = {1}}, backend);
    custom.apply = [plan, tokens, sums, rows, addend, training, T, E = E_](const Tensor& x,
                                                                           const Expert& expert) {
      const RowOrder by_token = order_by(plan.token, T);
      const Tensor u = expert.apply({.x = gather_rows(x, plan.token, by_token),
                                     .segments = plan.experts,
                                     .token = plan.token,
                                     .tokens = &tokens});
      if (training)
        moesim::assign(sums, combine_rows(u.detach(), {}, rows, E, {plan.experts.offset, rows}));
      return add(combine_rows(u, plan.gate, plan.token, T, by_token), addend);
    };
    return {.plan = custom,
            .scores = scores,
            .losses = weighted_balance(balance_, scores, choice, k_),
            .totals = {sums, to_real(plan.demand, {E_}, 1)}};
  }

  // d += (1 - β) · used · (sum / count - d); used: 1 where the count is not 0.
  void after_step(std::span<const StepLoad> layers, std::size_t own) override {
    const Tensor &sums = layers[own].totals[0], &count = layers[own].totals[1];
    const Tensor used = sign(count);
    const Tensor means = div_column(sums, add(count, affine(used, -1, 1)));
    const Tensor change = mul_column(sub(means, default_), used);
    assign(default_, add(default_, affine(change, static_cast<real>(1 - decay_))));
  }

  double kept_values(index tokens) const override {
    return Router::kept_values(tokens) + 2 * static_cast<double>(tokens * E_);
  }

 private:
  index E_, k_;
  double decay_ = 0, balance_ = 0;
  Tensor weight_, default_;  // [D, E], [E, D]
};

const RegisterRouter<DefaultMoe> default_moe(
    "default_moe", "top-k, with a default vector for every expert that is not chosen",
    {{"one", "k=1 decay=0.5"}, {"no loss", "k=3 balance_weight=0"}});

}  // namespace
}  // namespace moesim
