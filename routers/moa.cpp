// Mixture of attention heads (Zhang et al. 2022, "Mixture of attention heads: Selecting attention
// heads per token", equations 4 to 9): every token chooses k of E queries and outputs; keys and
// values are shared.
//
//   p = softmax(x W + ε ⊙ (softplus(x W_n) + noise_epsilon))     chosen: the k largest p
//   y = Σ_{chosen} g_e · attention(x Q_e, x K, x V) O_e          g = p / sg(Σ p of the chosen + 1e-6)
//
// ε is normal noise, in training. The released code does not divide (normalise = none); JetMoE takes
// a softmax over the chosen, and several key heads. Use it with moe.at = attention.
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

class Moa : public Router {
 public:
  Moa(const Site& site, Options& o) : D_(site.width), E_(site.experts), causal_(site.causal) {
    k_ = o.integer("k", std::min<index>(2, E_), {1, E_}, "heads per token");
    d_ = o.integer("head_width", 0, {0, 1 << 16}, "width of a head; 0: half of model.width");
    if (d_ == 0) d_ = std::max<index>(1, D_ / 2);
    detached_ =
        o.choice("normalise", "detached", {"detached", "none"},
                 "gates divided by their sum, which passes no gradient; or not") == "detached";
    const bool noisy = o.flag("noisy", false, "learned noise on the logits in training");
    epsilon_ = o.number("noise_epsilon", 0.01, {0, 10}, "least deviation of the noise");
    importance_ = o.number("importance_weight", 0, {0, 1e6}, "weight of the loss CV² of the gates");
    balance_ = read_balance_weight(o, 0.01, k_, E_);
    z_ = read_z_weight(o, 0.001, E_);
    if (importance_ > 0 && E_ < 2) o.reject("importance_weight", "needs moe.experts = 2 or more");
    explain_loss(o, "importance", importance_,
                 "CV² over heads of Σ_t g[t, e] / Σ g; sample variance", "", "at balance", 0);
    o.explain(Topic::selection, "a token takes the k heads with the largest p = softmax of x W");
    o.explain(Topic::gate, detached_ ? "g = p / sg(Σ p of the chosen)" : "g = p");
    weight_ = parameter("weight", {D_, E_}, Init::normal(0.02));
    if (noisy) noise_ = parameter("noise_weight", {D_, E_}, Init::constant(0));
    query_ = parameter("query", {E_, D_, d_}, Init::normal(0.02));
    key_ = parameter("key", {D_, d_}, Init::normal(0.02));
    value_ = parameter("value", {D_, d_}, Init::normal(0.02));
    output_ = parameter("output", {E_, d_, D_}, Init::normal(0.02));
    const double products = 2.0 * static_cast<double>(D_ * (E_ + 2 * d_ * (k_ + 1)));
    traits_ = {.experts = E_,
               .sees = {.later_tokens = !causal_},
               .cost = {.rows_per_token = 0,
                        .router_flops = products + attention_flops(k_ * d_, site.length, causal_),
                        .idle_parameters = 2.0 * static_cast<double>((E_ - k_) * D_ * d_)},
               .assigns = false,  // not capturable: the load of a custom plan is read on the host
               .surrogate = detached_,
               .reroutes = causal_ ? Reroutes::never : Reroutes::always};
  }

  Routing route(const Tokens& tokens) override {
    const index T = tokens.x.rows();
    Backend& backend = tokens.x.backend();
    Tensor logits = matmul(tokens.x, weight_);  // [T, E]
    if (noise_ && tokens.context.training) {
      const Tensor deviation =
          affine(softplus(matmul(tokens.x, noise_)), 1, static_cast<real>(epsilon_));
      logits = add(logits,
                   mul(deviation, tokens.context.normal(Purpose::router_noise, {T, E_}, backend)));
    }
    const Tensor scores = softmax(logits);
    const Indices choice = top_k(scores, k_);
    Tensor gates = at_choices(scores, choice);  // [T, k]
    if (detached_) gates = div_column(gates, stop_gradient(affine(sum_cols(gates), 1, real(1e-6))));
    const Assignment plan = assign(choice, choice, k_, E_, gates);

    Routing routing{
        .plan = {}, .scores = scores, .losses = weighted_balance(balance_, scores, choice, k_)};
    if (importance_ > 0) {
      const Tensor all =
          combine_rows(gates.reshape({T * k_, 1}), {}, entries_of(choice, k_, E_), T * E_);
      const Tensor sums = sum_rows(all.reshape({T, E_}));
      routing.losses.push_back(
          {"importance", static_cast<real>(importance_),
           importance_loss(mul_scalar(sums, reciprocal(sum(sums))), 1, Variance::sample)});
    }
    if (z_ > 0) routing.losses.push_back({"z", static_cast<real>(z_), z_loss(logits)});
    routing.plan = Custom{
        .apply = [=, this](const Tensor& x, const Expert&) { return attended(x, plan, tokens); },
        .load = load_of(plan.demand)};
    return routing;
  }

 private:
  // The output of a plan with k rows for every token.
  Tensor attended(const Tensor& x, const Assignment& plan, const Tokens& tokens) const {
    const index T = x.rows(), N = T * k_;
    const Indices slots = order_by(plan.token, T).order.first(N);  // rows by token
    const Tensor q = grouped_linear(gather_rows(x, plan.token), query_, {}, plan.experts);
    const auto repeated = [&](const Tensor& one) {  // for each of the k heads
      const Indices row = map_indices({.shape = {T, k_, 1}, .add = {1}}, x.backend());
      return gather_rows(one, row).reshape({T, k_ * d_});
    };
    const Tensor h = attend(gather_rows(q, slots).reshape({T, k_ * d_}), repeated(matmul(x, key_)),
                            repeated(matmul(x, value_)), tokens,
                            {.owner = this, .heads = k_, .kv_heads = 1, .causal = causal_});
    const Tensor sorted = combine_rows(h.reshape({N, d_}), {}, slots, N);
    return combine_rows(grouped_linear(sorted, output_, {}, plan.experts), plan.gate, plan.token,
                        T);
  }

  index D_, E_, k_ = 1, d_ = 1;
  bool causal_, detached_ = true;
  double epsilon_ = 0, importance_ = 0, balance_ = 0, z_ = 0;
  Tensor weight_, noise_, query_, key_, value_, output_;
};

const RegisterRouter<Moa> moa(
    "moa", "every token chooses k of E attention heads (Zhang et al. 2022); moe.at = attention",
    {{"noisy", "noisy=true noise_epsilon=0.1 importance_weight=0.1"},
     {"released", "normalise=none k=1 head_width=2 balance_weight=0 z_weight=0"}});

}  // namespace
}  // namespace moesim
