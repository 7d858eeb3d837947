// Product keys (He 2024, "Mixture of a million experts", PEER; Lample et al. 2019): each head splits
// its query in two, and scores expert (i, j) by the sum of one key for i and one for j, so that
// √N keys rank N experts.
//
//   q¹, q² = halves of x W per head     u_i = q¹ · k¹_i     v_j = q² · k²_j
//   candidates: the κ largest u times the κ largest v     chosen: the k largest u_i + v_j
//   gate: softmax over the chosen of a head, or relu(u_i + v_j)
//
// Heads share the experts, and their gates for the same expert add up. The plan is an assignment,
// so that load, cost and all expert banks are those of any router; the paper's experts are single
// neurons: expert.name = mlp, hidden = 1, bias = none. Keys need not form a square.
// The default of lucidrains' port is relu with one expert per head; its norm is model.norm here.
#include "sim/backend/backend.hpp"
#include "sim/moe/choose.hpp"
#include "sim/moe/policies/gates.hpp"
#include "sim/moe/policies/merged_choices.hpp"
#include "sim/moe/router.hpp"
#include "sim/ops/ops.hpp"

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

class Peer : public Router {
 public:
  Peer(const Site& site, Options& o) : D_(site.width), N_(site.experts) {
    h_ = o.integer("heads", 2, {1, 256}, "heads; each chooses k experts");
    k_ = o.integer("k", 2, {1, N_}, "experts per head; PEER: 16");
    n_[0] = o.integer("first_keys", 0, {0, N_},
                      "keys of the first half; the second has moe.experts / first_keys; 0: the "
                      "largest divisor up to the root");
    if (n_[0] == 0)
      for (n_[0] = static_cast<index>(std::sqrt(static_cast<double>(N_)) + 1e-9); N_ % n_[0] != 0;)
        --n_[0];
    if (N_ % n_[0] != 0)
      o.reject("first_keys", "does not divide moe.experts = " + std::to_string(N_));
    n_[1] = N_ / n_[0];
    const index kept = o.integer("candidates", 0, {0, N_}, "κ, best keys of a half; 0: k");
    for (const int p : {0, 1}) c_[p] = std::min(n_[p], kept == 0 ? k_ : kept);
    if (c_[0] * c_[1] < k_) o.reject("candidates", "fewer than k pairs of keys; set k or more");
    d_ = o.integer("key_width", 0, {0, 1 << 16}, "width of a key; 0: half of model.width");
    if (d_ == 0) d_ = std::max<index>(1, D_ / 2);
    softmax_ = o.choice("gates", "softmax", {"softmax", "relu"},
                        "softmax over the experts of a head, or relu of each score") == "softmax";
    separate_ = o.flag("separate", false, "every head has moe.experts experts of its own");
    reject_constant_gate(o, k_ == 1 && softmax_, "gates", "gates = relu");
    o.explain(Topic::selection, "per head the k largest u_i + v_j of its product keys");
    o.explain(Topic::gate, softmax_ ? "g = softmax over a head's chosen" : "g = relu(u_i + v_j)");
    for (const int p : {0, 1}) {
      const std::string half = p == 0 ? "first" : "second";
      query_[p] = parameter("query_" + half, {h_, d_, D_},
                            Init::normal(1 / std::sqrt(static_cast<double>(D_))));
      keys_[p] = parameter("keys_" + half, {h_, n_[p], d_},
                           Init::normal(1 / std::sqrt(static_cast<double>(d_))));
    }
    traits_ = {
        .experts = separate_ ? N_ * h_ : N_,
        .cost = {.rows_per_token = static_cast<double>(h_ * k_),
                 .router_flops = 2.0 * static_cast<double>(h_ * d_ * (2 * D_ + n_[0] + n_[1]))},
        .expert_groups = separate_ ? 1 : n_[0],
        .capturable = true,
        .reroutes = Reroutes::never};
  }

  Routing route(const Tokens& tokens) override {
    const index T = tokens.x.rows(), R = T * h_, pairs = c_[0] * c_[1];
    const Tensor u = scores_of(tokens.x, 0), v = scores_of(tokens.x, 1);  // [T·h, n]
    const Indices best_u = top_k(u.detach(), c_[0]), best_v = top_k(v.detach(), c_[1]);
    // Entry (i, j) of a table [T·h, κ, κ]: the i-th best of u, and the j-th best of v.
    const auto of_u = [&](index row, index scale) {
      return map_indices(
          best_u,
          {.shape = {R, c_[0], c_[1]}, .from = {c_[0], 1, 0}, .add = {row, 0, 0}, .scale = scale});
    };
    const auto of_v = [&](index row) {
      return map_indices(best_v,
                         {.shape = {R, c_[0], c_[1]}, .from = {c_[1], 0, 1}, .add = {row, 0, 0}});
    };
    const Tensor sums = add(pick(u, of_u(n_[0], 1)), pick(v, of_v(n_[1]))).reshape({R, pairs});
    const Indices best = top_k(sums, k_);
    const Tensor scores = at_choices(sums, best);  // [T·h, k]
    const Tensor gates = (softmax_ ? softmax(scores) : relu(scores)).reshape({T, h_ * k_});
    const Indices expert = of_v(0), first = of_u(0, n_[1]);
    expert.backend().add_indices(first.data(), expert.data(), expert.size());
    const Indices choice = map_indices(
        look_up(expert, entries_of(best, k_, pairs)),
        {.shape = {T, h_, k_}, .from = {h_ * k_, k_, 1}, .add = {0, separate_ ? N_ : 0}});
    if (h_ == 1 || separate_)
      return {.plan = assign(choice, choice, h_ * k_, traits_.experts, gates)};
    return {.plan = assign_merged(choice, gates, N_)};
  }

  double kept_values(index tokens) const override {
    return static_cast<double>(tokens * h_) *
           static_cast<double>(4 * d_ + 2 * (n_[0] + n_[1]) + 6 * c_[0] * c_[1] + 2 * h_ * k_ * k_);
  }

 private:
  // The scores of one half of the keys. -> [T·h, n]
  Tensor scores_of(const Tensor& x, int p) const {
    const index T = x.rows();
    const Tensor q = matmul(x, query_[p].reshape({h_ * d_, D_}), {.b = true});
    const Tensor by_head = swap_blocks(q, T, h_, d_).reshape({h_, T, d_});
    return swap_blocks(batched_matmul(by_head, keys_[p], {.b = true}), h_, T, n_[p])
        .reshape({T * h_, n_[p]});
  }

  index D_, N_, h_ = 1, k_ = 1, d_ = 1, n_[2] = {1, 1}, c_[2] = {1, 1};
  bool softmax_ = true, separate_ = false;
  Tensor query_[2], keys_[2];  // [h, d, D], [h, n, d]
};

const RegisterRouter<Peer> peer(
    "peer", "product keys: two halves of a query choose among N experts by 2 √N keys (PEER)",
    {{"relu", "heads=3 k=1 gates=relu key_width=5 candidates=2"},
     {"separate", "separate=true candidates=1 k=1 gates=relu"},
     {"flat", "heads=1 k=3 first_keys=1 candidates=3"},
     {"constant", "k=3 allow_constant_gate=true"}});

}  // namespace
}  // namespace moesim
