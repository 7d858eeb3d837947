// BASE layers (Lewis et al. 2021, "BASE layers: simplifying training of large, sparse models"): in
// training every expert gets the same number of tokens, by the assignment with the largest sum of
// affinities; in evaluation a token takes its best expert.
//
//   a = x C              training: at most ⌈n / E⌉ tokens of a group of n per expert, Σ a largest
//   gate σ(a) of the assigned expert                                  (section 3.1, equations 1, 2)
//
// The paper's y = σ(a) expert(x) + (1 - σ(a)) x, with experts that add x, is the residual stream
// plus σ(a) times what its experts compute: here the block adds x. The assignment is optimal; that
// of fairseq, by an auction that ends early, reaches up to 2 % less. fairseq shuffles tokens among
// workers first. Groups of the same position of all sequences do not look ahead; the paper's is the
// batch. No balancing loss is needed.
#include "sim/moe/choose.hpp"
#include "sim/moe/policies/balanced_assignment.hpp"
#include "sim/moe/policies/even_group.hpp"
#include "sim/moe/policies/gates.hpp"
#include "sim/moe/router.hpp"
#include "sim/ops/ops.hpp"

#include <cmath>

namespace moesim {
namespace {

class Base : public Router {
 public:
  Base(const Site& site, Options& o) : E_(site.experts) {
    group_ = read_even_group(o, site);
    o.explain(Topic::scores, "a = x C [T, E], the affinities");
    o.explain(Topic::selection,
              "training: at most ⌈n / E⌉ of the n tokens per expert, with the largest sum of a");
    o.explain(Topic::gate, "g = sigmoid(a) of the assigned expert");
    o.explain(Topic::evaluation, "a token takes the expert of its largest a, without a limit");
    // A tenth of orthogonal rows of length 1.
    weight_ = parameter("weight", {site.width, E_},
                        Init::normal(0.1 / std::sqrt(static_cast<double>(site.width))));
    traits_ = {
        .experts = E_,
        .sees = {.later_tokens = group_ != Group::position,
                 .other_sequences = group_ != Group::sequence},
        .cost = {.rows_per_token = 1, .router_flops = 2.0 * static_cast<double>(site.width * E_)},
        .reroutes = Reroutes::never};
    // Not capturable: the host assigns.
  }

  Routing route(const Tokens& tokens) override {
    const Tensor affinity = matmul(tokens.x, weight_);  // [T, E]
    const Indices choice = tokens.context.trained_rules() ? journaled(balanced(affinity, tokens))
                                                          : top_k(affinity, 1);  // [T]
    return {.plan = assign(choice, choice, 1, E_, sigmoid(at_choices(affinity, choice))),
            .scores = softmax(affinity)};
  }

 private:
  // Token i of group g of n is g n + i, or i G + g for the G groups by position.
  Indices balanced(const Tensor& affinity, const Tokens& tokens) const {
    const index T = affinity.rows();
    const index n =
        group_ == Group::batch ? T : group_size(group_, tokens.batch(), tokens.length());
    const index groups = T == 0 ? 0 : T / n, places = (n + E_ - 1) / E_;
    const bool by_position = group_ == Group::position;
    const std::vector<real> all = affinity.to_host();
    std::vector<std::int32_t> choice(static_cast<std::size_t>(T));
    std::vector<double> scores(static_cast<std::size_t>(n * E_));
    for (index g = 0; g < groups; ++g) {
      const auto token = [&](index i) { return by_position ? i * groups + g : g * n + i; };
      for (index i = 0; i < n * E_; ++i)
        scores[static_cast<std::size_t>(i)] =
            static_cast<double>(all[static_cast<std::size_t>(token(i / E_) * E_ + i % E_)]);
      const std::vector<std::int32_t> experts = balanced_assignment(scores, E_, places);
      for (index i = 0; i < n; ++i)
        choice[static_cast<std::size_t>(token(i))] = experts[static_cast<std::size_t>(i)];
    }
    return Indices::of(choice, affinity.backend());
  }

  index E_;
  Group group_ = Group::batch;
  Tensor weight_;  // [D, E]
};

const RegisterRouter<Base> base(
    "base", "tokens assigned evenly to experts with the largest affinity (Lewis et al. 2021)",
    {{"batch", "group=batch"}, {"sequence", "group=sequence"}});

}  // namespace
}  // namespace moesim
