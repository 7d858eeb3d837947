// Expert choice (Zhou et al. 2022): every expert takes its C best tokens, so load is perfectly
// balanced; a token gets 0 to E experts.
//
//   S = softmax_E(x W)
//   expert e takes the C tokens of its group with the largest S[., e]; gate = S
//
// Groups of tokens of one sequence look ahead. Groups of the same position of all sequences do not,
// but mix sequences; they are the default for causal tasks.
#include "sim/moe/choose.hpp"
#include "sim/moe/losses.hpp"
#include "sim/moe/policies/capacity.hpp"
#include "sim/moe/policies/loss_weights.hpp"
#include "sim/moe/policies/penalties.hpp"
#include "sim/moe/router.hpp"
#include "sim/ops/ops.hpp"

#include <algorithm>

namespace moesim {
namespace {

class ExpertChoice : public Router {
 public:
  ExpertChoice(const Site& site, Options& o) : D_(site.width), E_(site.experts) {
    capacity_.factor = o.number("capacity_factor", 1, {1e-6, 1e6}, "experts per token, on average");
    capacity_.rounding = read_rounding(o, "round", "of C to whole tokens; round: half to even");
    capacity_.multiple =
        o.integer("capacity_multiple", 1, {1, 1 << 20}, "C is rounded up to a multiple of this");
    group_ = read_group(
        o, site.causal ? "position" : "sequence", {"sequence", "position", "batch"},
        "an expert chooses among a sequence, the same position of all sequences, or all tokens");
    over_tokens_ = o.choice("softmax", "experts", {"experts", "tokens"},
                            "scores sum to 1 over experts, or over the group's tokens") == "tokens";
    if (E_ == 1 && !over_tokens_ && capacity_.factor < 1)
      o.reject(
          "softmax",
          "with one expert every score over experts is 1, so the expert takes the first tokens "
          "and the router never learns; set softmax = tokens");
    z_ = read_z_weight(o, 0, E_);
    penalties_ = Penalties(o);
    o.explain(Topic::scores,
              "S = softmax over " + std::string(over_tokens_ ? "tokens" : "experts"));
    o.explain(Topic::selection, "an expert takes the C tokens of its group with the largest S");
    o.explain(Topic::gate, "g = S[t, e], not divided: a token gets 0 to E experts");
    const index size =
        group_size(group_, std::max<index>(1, site.batch), std::max<index>(1, site.length));
    explain_capacity(o, site, group_, 1, capacity_, capacity_);
    o.explain(Topic::drops, "every expert is full; a token that none takes outputs 0");
    const double rows_per_token =
        static_cast<double>(capacity_.rows(size, 1, E_) * E_) / static_cast<double>(size);
    traits_ = {.experts = E_,
               .sees = {.later_tokens = group_ != Group::position,
                        .other_sequences = group_ != Group::sequence},
               .cost = {.rows_per_token = rows_per_token,
                        .router_flops = 2.0 * static_cast<double>(D_ * E_)},
               .capturable = true,
               .reroutes = group_ == Group::position ? Reroutes::never : Reroutes::always};
    weight_ = parameter("weight", {D_, E_}, Init::normal(0.02));
  }

  Routing route(const Tokens& tokens) override {
    // In generation the text is alone: other sequences of the pass are other texts.
    const bool alone = group_ == Group::position && tokens.context.generating != Generating::no;
    const index B = alone ? 1 : tokens.batch(), S = alone ? tokens.x.rows() : tokens.length();
    const Tensor logits = matmul(tokens.x, weight_);  // [T, E]
    const Tensor scores = over_tokens_ ? softmax(logits, token_axis(B, S)) : softmax(logits);

    // Groups are consecutive rows: for groups by position, [B, S, E] is first transposed to [S, B,
    // E].
    const bool by_position = group_ == Group::position;
    const index size = group_size(group_, B, S), groups = B * S / size;
    const index C = capacity_.rows(size, 1, E_);
    const Tensor arranged =
        by_position ? swap_blocks(scores.detach(), B, S, E_).reshape({B * S, E_}) : scores.detach();
    const Indices chosen = top_k_rows(arranged, groups, C);  // [groups, E, C] places in a group

    // Rows are sorted by expert, then group, best first. Place p of group g is token p S + g for
    // groups by position, else g size + p.
    const index stride = by_position ? S : 1, next_group = by_position ? 1 : size;
    const auto in_order = [&](index factor, index expert) {
      return map_indices(chosen, {.shape = {E_, groups, C},
                                  .from = {C, E_ * C, 1},
                                  .add = {expert, factor * next_group},
                                  .scale = factor * stride});
    };
    Assignment plan;
    plan.token = in_order(1, 0);
    plan.experts = equal_segments(E_, groups * C, tokens.x.backend());
    plan.gate = pick(scores, in_order(E_, 1));

    Routing routing{.plan = plan, .scores = scores};
    if (z_ > 0) routing.losses.push_back({"z", static_cast<real>(z_), z_loss(logits)});
    if (penalties_.any())
      penalties_.add_to(routing.losses, over_tokens_ ? softmax(logits) : scores, weight_);
    return routing;
  }

 private:
  Along token_axis(index B, index S) const {
    if (group_ == Group::batch) return {1, B * S, E_};
    return group_ == Group::position ? Along{1, B, S * E_} : Along{B, S, E_};
  }

  index D_, E_;
  Capacity capacity_;
  Group group_ = Group::sequence;
  bool over_tokens_ = false;
  double z_ = 0;
  Penalties penalties_;
  Tensor weight_;  // [D, E]
};

const RegisterRouter<ExpertChoice> expert_choice(
    "expert_choice", "every expert takes its best tokens (Zhou et al. 2022)",
    {{"sequence", "group=sequence capacity_factor=1.25 capacity_rounding=ceil z_weight=0.01"},
     {"batch",
      "group=batch softmax=tokens capacity_rounding=floor capacity_multiple=4 entropy_weight=0.1"},
     {"penalties", "orthogonal_weight=1 weight_penalty=0.1 marginal_entropy_weight=0.1"},
     {"gram", "orthogonal_weight=1 orthogonal=gram"},
     {"over tokens", "group=position softmax=tokens capacity_factor=2"}});

}  // namespace
}  // namespace moesim
