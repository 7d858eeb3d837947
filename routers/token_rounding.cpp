// Token rounding (Guo et al. 2025, "SonicMoE"): token choice, after which the number of tokens of
// every expert is rounded to a multiple of the tile of the matrix products.
//
//   p = softmax(x W)     chosen: the k largest p     g: p of the chosen, divided by their sum
//   n_e                  tokens that chose e, rounded up, down, or to the nearest multiple of tile
//                        (half to even), at most the number of tokens
//   expert e takes       the first n_e of its tokens: those that chose it by descending g, then the
//                        others by descending p
//   gate                 g of those that chose e, p of the added ones
//
// Evaluation does not round. SonicMoE's benchmark fixes the tile at 128. Rounding looks ahead: a
// token's experts depend on all tokens of the micro-batch.
#include "sim/moe/choose.hpp"
#include "sim/moe/losses.hpp"
#include "sim/moe/policies/gates.hpp"
#include "sim/moe/policies/loss_weights.hpp"
#include "sim/moe/policies/service.hpp"
#include "sim/moe/router.hpp"
#include "sim/ops/ops.hpp"

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

class TokenRounding : public Router {
 public:
  TokenRounding(const Site& site, Options& o)
      : E_(site.experts), k_(o.integer("k", 2, {1, E_}, "experts per token")), divisor_(o, k_) {
    tile_ = o.integer("tile", 16, {1, 1 << 20}, "rows per expert are a multiple of this");
    mode_ = o.choice("round", "nearest", {"nearest", "up", "down"}, "direction of rounding");
    balance_ = read_balance_weight(o, 0.01, k_, E_);
    reject_constant_gate(o, divisor_.constant(k_), "normalise", "normalise = none");
    o.explain(Topic::scores, "s = softmax over experts of x W; chosen: the k largest");
    o.explain(Topic::selection, "training: rows of an expert become a multiple of tile = " +
                                    std::to_string(tile_) + ", rounded: " + mode_);
    o.explain(Topic::evaluation, "rows are not rounded");
    weight_ = parameter("weight", {site.width, E_}, Init::normal(0.02));
    traits_ = {.experts = E_,
               .sees = {.later_tokens = true, .other_sequences = true},
               .cost = {.rows_per_token = static_cast<double>(k_),
                        .router_flops = 2.0 * static_cast<double>(site.width * E_)},
               .capturable = true,
               .reroutes = Reroutes::never};
  }

  Routing route(const Tokens& tokens) override {
    const Tensor scores = softmax(matmul(tokens.x, weight_));          // [T, E]
    const Indices choice = top_k(scores, k_);                          // [T·k]
    const Tensor gates = divisor_.divide(at_choices(scores, choice));  // [T, k]
    return {.plan = tokens.context.trained_rules()
                        ? rounded(choice, gates, scores, tokens.context.traced)
                        : assign(choice, choice, k_, E_, gates),
            .scores = scores,
            .losses = weighted_balance(balance_, scores, choice, k_)};
  }

  double expert_rows(index tokens) const override {
    const auto added = static_cast<double>(mode_ == "down" ? 0 : E_ * (tile_ - 1));
    return std::min(static_cast<double>(tokens * k_) + added, static_cast<double>(tokens * E_));
  }
  double kept_values(index tokens) const override {
    return Router::kept_values(tokens) + 2 * static_cast<double>(tokens * E_);
  }

 private:
  Assignment rounded(const Indices& choice, const Tensor& gates, const Tensor& scores,
                     bool traced) const {
    Backend& backend = scores.backend();
    const index T = scores.rows();
    const Indices entries = entries_of(choice, k_, E_);
    const Tensor chose = to_real(histogram(entries, T * E_), {T, E_}, 1);
    const Tensor own = combine_rows(gates.reshape({T * k_, 1}), {}, entries, T * E_);
    const Tensor weights = add(own.reshape({T, E_}), mul(scores, affine(chose, -1, 1)));
    // Gates and scores are at most 1: those that chose an expert come first.
    const Indices ranked = top_k_rows(add(affine(chose, 2), weights.detach()), 1, T);  // [E·T]
    std::vector<std::int32_t> rows_of, demand_of;  // by the number that chose an expert
    for (index n = 0; n <= T; ++n) {
      rows_of.push_back(static_cast<std::int32_t>(std::min(T, round(n))));
      demand_of.push_back(std::max(static_cast<std::int32_t>(n), rows_of.back()));
    }
    const Indices count = histogram(choice, E_);
    const Indices rows = look_up(Indices::of(rows_of, backend), count);  // [E]
    const Indices place = map_indices({.shape = {E_, T, 1}, .add = {0, 1}}, backend);
    const Indices expert = map_indices({.shape = {E_, T, 1}, .add = {1}}, backend);
    const Tensor limit = to_real(map_indices(rows, {.shape = {E_, T, 1}, .from = {1}}), {E_, T}, 1);
    const Indices taken = where_less(to_real(place, {E_, T}, 1), limit, expert, {});  // [E·T]
    const Indices at = map_indices(  // entries of the ranked tokens
        ranked, {.shape = {E_, T, 1}, .from = {T, 1}, .add = {1}, .scale = E_});
    Assignment plan =
        assign(taken, taken, 1, E_, pick(weights, at), static_cast<index>(expert_rows(T)));
    plan.token = look_up(ranked, plan.token);
    plan.demand = look_up(Indices::of(demand_of, backend), count);
    if (traced)
      plan.demanded = demand_of_experts(plan.demand, rows, ranked, pick(weights.detach(), at));
    return plan;
  }

  index round(index n) const {
    if (mode_ == "nearest")
      return static_cast<index>(
                 std::nearbyint(static_cast<double>(n) / static_cast<double>(tile_))) *
             tile_;
    return (n + (mode_ == "up" ? tile_ - 1 : 0)) / tile_ * tile_;
  }

  index E_, k_;
  Divisor divisor_;
  index tile_ = 1;
  std::string mode_;
  double balance_ = 0;
  Tensor weight_;  // [D, E]
};

const RegisterRouter<TokenRounding> token_rounding(
    "token_rounding", "top-k, with rows per expert rounded to whole tiles (Guo et al. 2025)",
    {{"up", "round=up tile=4 normalise=none"},
     {"down", "round=down tile=3 normalise=l2 normalise_epsilon=1e-6 balance_weight=0"},
     {"nearest", "k=3 tile=2 normalise=sum allow_constant_gate=true"}});

}  // namespace
}  // namespace moesim
