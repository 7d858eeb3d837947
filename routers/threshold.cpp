// Threshold routing: causal expert choice. An expert takes the tokens whose score exceeds its
// threshold, a moving average of the score of the last token that expert choice would give it.
//
//   s = score(x W)     expert e takes the tokens with s[t, e] > τ_e; gate s
//   after a step       τ_e ← β τ_e + (1 - β) · mean over micro-batches of the C-th largest s[., e]
//   C = c T / E        rows of an expert in a micro-batch of T tokens; c experts per token on average
//
// A token takes 0 to E experts, and its choices depend on earlier steps alone, unlike those of
// expert choice (Zhou et al. 2022). Means are weighted by tokens. τ starts near the score
// of a logit of 0, so that about half of the experts are taken at first. No published code.
#include "sim/moe/choose.hpp"
#include "sim/moe/losses.hpp"
#include "sim/moe/policies/capacity.hpp"
#include "sim/moe/policies/loss_weights.hpp"
#include "sim/moe/policies/scores.hpp"
#include "sim/moe/router.hpp"
#include "sim/ops/ops.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

class Threshold : public Router {
 public:
  Threshold(const Site& site, Options& o) : E_(site.experts), score_(o) {
    capacity_.factor = o.number("capacity_factor", 1, {1e-6, 1e6},
                                "experts per token, on average, that thresholds aim at");
    decay_ = o.number("decay", 0.9, {0, 1}, "β, the share of a threshold that a step keeps");
    z_ = read_z_weight(o, 0, E_);
    const double start =
        o.number("threshold_start", score_.is_softmax() ? 1.0 / static_cast<double>(E_) : 0.5,
                 {0, 1e3}, "thresholds before the first step");
    if (score_.is_softmax() && E_ == 1)
      o.reject("scores", "with one expert every softmax is 1; set scores = sigmoid");
    o.explain(Topic::selection, "expert e takes the tokens with s[t, e] > τ_e, of earlier steps");
    o.explain(Topic::gate, "g = s[t, e]");
    o.explain(Topic::state,
              "after a step: τ_e = β τ_e + (1 - β) · mean over micro-batches of the "
              "C-th largest s[., e], β = decay");
    o.explain(Topic::capacity,
              fmt::format("aimed at: C = {} of {}; no limit",
                          capacity_.formula(std::max<index>(1, site.batch * site.length), 1, E_),
                          describe_group(Group::batch, site.batch * site.length)));
    weight_ = parameter("weight", {site.width, E_}, Init::normal(0.02));
    threshold_ = buffer("threshold", {E_}, Init::constant(start));
    traits_ = {.experts = E_,
               .cost = {.rows_per_token = std::min(capacity_.factor, static_cast<double>(E_)),
                        .router_flops = 2.0 * static_cast<double>(site.width * E_)},
               .capturable = true,
               .totals = {{E_}},
               .reroutes = Reroutes::never};
  }

  Routing route(const Tokens& tokens) override {
    Backend& backend = tokens.x.backend();
    const index T = tokens.x.rows();
    const Tensor logits = matmul(tokens.x, weight_), scores = score_.of(logits);  // [T, E]
    const Tensor limit = add_row(Tensor::zeros({T, E_}, backend), threshold_);
    const Indices experts = map_indices({.shape = {T, E_, 1}, .add = {0, 1}}, backend);
    const Indices choice = where_less(limit, scores, experts, {});
    Routing routing{.plan = assign(choice, choice, E_, E_, scores),
                    .scores = score_.shares(scores)};
    if (z_ > 0) routing.losses.push_back({"z", static_cast<real>(z_), z_loss(logits)});
    const index C = capacity_.rows(T, 1, E_);
    const Indices best = top_k_rows(scores, 1, C);  // [E·C] tokens, best first
    const Indices entries =
        map_indices(best, {.shape = {E_, C, 1}, .from = {C, 1}, .add = {1}, .scale = E_});
    const Indices last = map_indices({.shape = {E_, 1, 1}, .add = {C}, .base = C - 1}, backend);
    routing.totals = {affine(pick(pick(scores.detach(), entries), last), static_cast<real>(T))};
    return routing;
  }

  void after_step(std::span<const StepLoad> layers, std::size_t own) override {
    const StepLoad& load = layers[own];
    const Tensor mean = affine(load.totals[0], real(1) / static_cast<real>(load.tokens));  // [E]
    const Tensor change = affine(sub(mean, threshold_), static_cast<real>(1 - decay_));
    moesim::assign(threshold_, add(threshold_, change));
  }

  double expert_rows(index tokens) const override {
    return static_cast<double>(tokens) *
           std::max(traits_.cost.rows_per_token, 0.5 * static_cast<double>(E_));
  }
  double kept_values(index tokens) const override {
    return Router::kept_values(tokens) + score_.kept_values() * static_cast<double>(tokens * E_);
  }

 private:
  index E_;
  ScoreFunction score_;
  Capacity capacity_;
  double decay_ = 0, z_ = 0;
  Tensor weight_, threshold_;  // [D, E], [E]
};

const RegisterRouter<Threshold> threshold(
    "threshold", "an expert takes the tokens above its moving threshold: causal expert choice",
    {{"softmax", "scores=softmax capacity_factor=2 z_weight=0.01"},
     {"quick", "scores=sqrt_softplus decay=0.5 threshold_start=0.8"}});

}  // namespace
}  // namespace moesim
