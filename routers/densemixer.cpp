// DenseMixer (Yao et al. 2025, "DenseMixer: improving MoE post-training with precise router
// gradient"): top-k routing whose router gets the gradient of all experts, through a
// straight-through estimator. Training costs as much as all experts, evaluation as much as k.
//
//   p = softmax(x W)     chosen: the k largest p     gate w: p, divided by their sum n or not
//   value                Σ_{chosen} w_e E_e(x)
//   gradient for W       of Σ_e w_e E_e(x), with w = p / n of the others, n a constant
//
// The gradients of experts and of x through them are those of the value. With k = 1 and normalise =
// sum the gate is always 1, and the other experts teach the router. In training all experts have
// the same load; the choices show in evaluation.
#include "sim/moe/losses.hpp"
#include "sim/moe/policies/dense_gradient.hpp"
#include "sim/moe/policies/gates.hpp"
#include "sim/moe/policies/loss_weights.hpp"
#include "sim/moe/router.hpp"
#include "sim/ops/ops.hpp"

namespace moesim {
namespace {

class DenseMixer : public Router {
 public:
  DenseMixer(const Site& site, Options& o)
      : E_(site.experts), k_(o.integer("k", 2, {1, E_}, "experts per token")), divisor_(o, k_) {
    balance_ = read_balance_weight(o, 0.01, k_, E_);
    z_ = read_z_weight(o, 0, E_);
    o.explain(Topic::scores, "s = softmax over experts of x W; chosen: the k largest");
    o.explain(Topic::gate, "training runs all experts, so that W gets the gradient of all of them");
    o.explain(Topic::evaluation, "only the k chosen experts run; the value is the same");
    weight_ = parameter("weight", {site.width, E_}, Init::normal(0.02));
    traits_ = {.experts = E_,
               .cost = {.rows_per_token = static_cast<double>(E_),
                        .router_flops = 2.0 * static_cast<double>(site.width * E_)},
               .capturable = true,
               .surrogate = true,
               .reroutes = Reroutes::never};
  }

  Routing route(const Tokens& tokens) override {
    const Tensor logits = matmul(tokens.x, weight_), scores = softmax(logits);  // [T, E]
    const Indices choice = top_k(logits, k_);                                   // [T·k]
    const Tensor gates = divisor_.divide(at_choices(scores, choice));           // [T, k]
    Routing routing{.plan = dense_gradient(choice, gates, scores, tokens.context.training),
                    .scores = scores,
                    .losses = weighted_balance(balance_, scores, choice, k_)};
    if (z_ > 0) routing.losses.push_back({"z", static_cast<real>(z_), z_loss(logits)});
    return routing;
  }

  double kept_values(index tokens) const override {
    return Router::kept_values(tokens) + 4 * static_cast<double>(tokens * E_);
  }

 private:
  index E_, k_;
  Divisor divisor_;
  double balance_ = 0, z_ = 0;
  Tensor weight_;  // [D, E]
};

const RegisterRouter<DenseMixer> densemixer(
    "densemixer", "top-k, with the router's gradient of all experts (Yao et al. 2025)",
    {{"raw", "normalise=none balance_weight=0 z_weight=0.01"},
     {"one", "k=1 normalise=sum"},
     {"l2", "k=3 normalise=l2 normalise_epsilon=1e-6"}});

}  // namespace
}  // namespace moesim
