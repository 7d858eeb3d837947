// Autonomy of experts (Lv et al. 2025, "Autonomy-of-Experts models"): there is no router matrix. Every
// expert computes the first, low-rank factor of its gate matrix, and a token takes the experts where
// the result is largest.
//
//   c_e = x A_e     s_e = √(Σ c_e² + 1e-20)     chosen: the k largest s
//   y = Σ_{chosen} g_e · (silu(c_e B_e) ⊙ (x V_e)) O_e      g: softmax over the chosen s, and the
//                                                           options of gates as in token choice
//
// A_e [D, r], B_e [r, H], V_e [D, H], O_e [H, D]. The paper stores c_e of the chosen experts for the
// rest of their forward pass, as here, and balances with Switch's loss on the softmax of s. Rank and
// width are options of this router, because the experts are its own parameters.
#include "sim/moe/choose.hpp"
#include "sim/moe/losses.hpp"
#include "sim/moe/policies/gates.hpp"
#include "sim/moe/policies/heads.hpp"
#include "sim/moe/policies/loss_weights.hpp"
#include "sim/moe/router.hpp"
#include "sim/ops/ops.hpp"

#include <algorithm>

namespace moesim {
namespace {

class Autonomy : public Router {
 public:
  Autonomy(const Site& site, Options& o)
      : D_(site.width),
        E_(site.experts),
        k_(read_choices(o, std::min<index>(2, E_), E_)),
        gates_(o, k_) {
    gates_.reject_constant(o);
    H_ = o.integer("hidden", 0, {0, 1 << 20}, "hidden width of an expert; 0: 2 · model.width");
    if (H_ == 0) H_ = 2 * D_;
    r_ = o.integer("rank", 0, {0, 1 << 16}, "r, width of the first factor; 0: model.width / 4");
    if (r_ == 0) r_ = std::max<index>(1, D_ / 4);
    balance_ = read_balance_weight(o, 0.01, k_, E_);
    o.explain(Topic::scores, "c = x A of every expert; l = norm of c; s = softmax of l");
    o.explain(Topic::selection, "a token takes the k experts with the largest norm of c");
    const Init normal = Init::normal(0.02);
    first_ = parameter("first", {E_, D_, r_}, normal);
    second_ = parameter("second", {E_, r_, H_}, normal);
    value_ = parameter("value", {E_, D_, H_}, normal);
    output_ = parameter("output", {E_, H_, D_}, normal);
    traits_ = {
        .experts = E_,
        .cost = {.rows_per_token = 0,
                 .router_flops = 2.0 * static_cast<double>(D_ * E_ * r_ + k_ * H_ * (r_ + 2 * D_)),
                 .idle_parameters = static_cast<double>((E_ - k_) * H_ * (r_ + 2 * D_))},
        .assigns = false,  // not capturable: the load of a custom plan is read on the host
        .reroutes = Reroutes::never};
  }

  Routing route(const Tokens& tokens) override {
    const index T = tokens.x.rows();
    const Tensor first = swap_blocks(first_, E_, D_, r_).reshape({D_, E_ * r_});
    const Tensor c = matmul(tokens.x, first).reshape({T * E_, r_});
    const Tensor norms = sqrt(affine(sum_cols(square(c)), 1, real(1e-20))).reshape({T, E_});
    const Tensor scores = softmax(norms);
    const Indices choice = top_k(norms, k_);  // [T·k]
    const Tensor gates = gates_.over_kept(gates_.of(norms, scores, choice), choice);
    const Assignment plan = assign(choice, choice, k_, E_, gates);
    // The row of c for each row of the plan, which is sorted by expert.
    const Indices row = look_up(entries_of(choice, k_, E_), order_by(choice, E_).order);
    const auto finish = [=, this](const Tensor& x, const Expert&) {
      return completed(x, gather_rows(c, row), plan);
    };
    return {.plan = Custom{.apply = finish, .load = load_of(plan.demand)},
            .scores = scores,
            .losses = weighted_balance(balance_, scores, choice, k_)};
  }

  double kept_values(index tokens) const override {
    return Router::kept_values(tokens) +
           static_cast<double>(tokens * (2 * E_ * r_ + k_ * (4 * H_ + 2 * D_)));
  }

 private:
  Tensor completed(const Tensor& x, const Tensor& c, const Assignment& plan) const {
    const RowOrder by_token = order_by(plan.token, x.rows());
    const Tensor rows = gather_rows(x, plan.token, by_token);
    const Tensor h = swiglu(grouped_linear(c, second_, {}, plan.experts),
                            grouped_linear(rows, value_, {}, plan.experts));
    return combine_rows(grouped_linear(h, output_, {}, plan.experts), plan.gate, plan.token,
                        x.rows(), by_token);
  }

  index D_, E_, k_, H_ = 1, r_ = 1;
  Gates gates_;
  double balance_ = 0;
  Tensor first_, second_, value_, output_;
};

const RegisterRouter<Autonomy> autonomy(
    "autonomy", "experts choose themselves by the norm of their first product (Lv et al. 2025)",
    {{"one", "k=1 rank=3 hidden=5"},
     {"all", "k=0 rank=1 balance_weight=0"},
     {"raw", "rank=2 softmax=before normalise=none"},
     {"after", "k=3 softmax=after"},
     {"sum", "normalise=sum normalise_epsilon=1e-6 normalise_over=kept"},
     {"l2", "normalise=l2 allow_constant_gate=true"}});

}  // namespace
}  // namespace moesim
