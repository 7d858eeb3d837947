// SparseMixer (Liu et al. 2023, "Sparse backpropagation for MoE training"; version 2: Liu et al.
// 2024, "GRIN: gradient-informed MoE", also in Phi-3.5-MoE): experts are drawn among a token's
// largest logits, and the gradient of a gate estimates that of the expectation over draws.
//
//   l = x W      in each of k rounds, among experts not taken before: DrawnChoice
//                (sim/moe/policies/drawn_choice.hpp), whose formulas are those of both versions
//   version 1    k = 1, and the output is multiplied by ω [D], a parameter
//   version 2    each round has a softmax of its own, so that gates do not sum to 1
//
// The balance loss is taken over the softmax of the candidates (version 1), or of all logits. The
// published version 1 divides its counts by their sum plus 1e-6, here by their sum. The largest
// logit may be negative; few experts are then candidates. The plan of version 1 is custom, because
// ω scales the output.
#include "sim/moe/choose.hpp"
#include "sim/moe/layer.hpp"
#include "sim/moe/losses.hpp"
#include "sim/moe/policies/drawn_choice.hpp"
#include "sim/moe/policies/loss_weights.hpp"
#include "sim/ops/ops.hpp"

namespace moesim {
namespace {

class SparseMixer : public Router {
 public:
  SparseMixer(const Site& site, Options& o) : E_(site.experts), drawn_(o) {
    const bool first = drawn_.first_version();
    k_ = o.integer("k", 1, {1, E_}, "experts per token; version 1: 1");
    balance_ = read_balance_weight(o, 0.01, k_, E_);
    if (first && k_ > 1) o.reject("k", "must be 1 in version 1; set version = 2");
    weight_ = parameter("weight", {site.width, E_}, Init::normal(0.02));
    if (first) omega_ = parameter("omega", {site.width}, Init::constant(1), false);
    traits_ = {.experts = E_,
               .cost = {.rows_per_token = static_cast<double>(k_),
                        .router_flops = 2.0 * static_cast<double>(site.width * E_)},
               .assigns = !first,
               .capturable = !first,  // a custom plan reports its load from the host
               .surrogate = true,
               .reroutes = Reroutes::never};
  }

  Routing route(const Tokens& tokens) override {
    Backend& backend = tokens.x.backend();
    const index T = tokens.x.rows();
    const Tensor logits = matmul(tokens.x, weight_);  // [T, E]
    Tensor open = logits, taken = Tensor::zeros({T, E_}, backend), gates, shares;
    for (index round = 0; round < k_; ++round) {
      const auto drawn = drawn_.draw(logits, open, round, k_, tokens.context);
      const Tensor now = to_real(histogram(drawn.entries, T * E_), {T, E_}, 1);
      const Tensor gate =
          combine_rows(drawn.gate.reshape({T, 1}), {}, drawn.entries, T * E_).reshape({T, E_});
      open = add(open, affine(now, real(-1e30)));
      taken = add(taken, now);
      gates = gates ? add(gates, gate) : gate;
      shares = drawn_.first_version() ? drawn.shares : softmax(logits);
    }
    const Indices experts = map_indices({.shape = {T, E_, 1}, .add = {0, 1}}, backend);
    const Indices choice =
        where_less(Tensor::zeros({T, E_}, backend), taken, experts, {});  // [T·E]
    const Assignment plan = assign(choice, choice, E_, E_, gates, T * k_);
    Routing routing{.plan = plan, .scores = shares};
    if (drawn_.first_version()) routing.plan = scaled(plan, tokens);
    // balance_loss divides by E choices per token, the formula by k.
    const double unit = static_cast<double>(E_) / static_cast<double>(k_);
    if (balance_ > 0)
      routing.losses.push_back(
          {"balance", static_cast<real>(balance_),
           affine(balance_loss(shares, choice, E_, Counted::all, 1), static_cast<real>(unit))});
    return routing;
  }

  double kept_values(index tokens) const override {
    return Router::kept_values(tokens) +
           drawn_.kept_values() * static_cast<double>(k_ * tokens * E_);
  }

 private:
  // The plan, and its output times ω.
  Custom scaled(const Assignment& plan, const Tokens& tokens) const {
    Custom custom;
    for (const std::int32_t n : plan.demand.to_host()) custom.load.push_back(n);
    custom.apply = [plan, tokens, omega = omega_](const Tensor& x, const Expert& expert) {
      return mul_row(execute({.plan = plan}, tokens.with(x), expert), omega);
    };
    return custom;
  }

  index E_, k_ = 1;
  DrawnChoice drawn_;
  double balance_ = 0;
  Tensor weight_, omega_;  // [D, E], [D]
};

const RegisterRouter<SparseMixer> sparsemixer(
    "sparsemixer", "experts drawn, with estimated gradients: SparseMixer, GRIN (Phi-3.5-MoE)",
    {{"first", "version=1 jitter=0.5"},
     {"two", "k=2 jitter=1"},
     {"no loss", "k=3 balance_weight=0"}});

}  // namespace
}  // namespace moesim
