// Sinkhorn routing: choices are made among scores that Sinkhorn's algorithm has balanced between
// the experts (Clark et al. 2022, "Unified scaling laws for routed language models", appendix B;
// Megatron-LM). No balancing loss is needed.
//
//   l = x W      S = sinkhorn(l) over a group of tokens, a constant
//   training     chosen: the k largest S of a token       evaluation   the k largest l
//   gate         sigmoid(l) for k = 1, else softmax(l), not renormalised
//
// lucidrains: choose = experts, values = linear. An expert takes the C tokens of the batch with the
// largest S, in evaluation too; gates are 0 where S ≤ threshold, else 1 with the gradient of S
// (gate = straight), or sigmoid(l); `mean` divides outputs of a token by their number plus 1. Groups of the same position of all sequences do not look ahead; Megatron's is the batch.
#include "sim/moe/policies/sinkhorn.hpp"

#include "sim/moe/choose.hpp"
#include "sim/moe/policies/even_group.hpp"
#include "sim/moe/policies/gates.hpp"
#include "sim/moe/router.hpp"
#include "sim/ops/ops.hpp"

namespace moesim {
namespace {

class SinkhornRouter : public Router {
 public:
  SinkhornRouter(const Site& site, Options& o)
      : E_(site.experts), k_(o.integer("k", 1, {1, E_}, "experts per token")), sinkhorn_(o) {
    group_ = read_even_group(o, site);
    by_experts_ = o.choice("choose", "tokens", {"tokens", "experts"},
                           "tokens choose k experts, or experts choose tokens") == "experts";
    gate_ = o.choice("gate", "auto", {"auto", "sigmoid", "softmax", "straight"},
                     "weight of a choice; auto: sigmoid for k = 1, else softmax; straight: 1, with "
                     "the gradient of the balanced score");
    capacity_.factor = o.number("capacity_factor", 1, {1e-6, 1e6},
                                "choose = experts: experts per token, on average");
    threshold_ = o.number("threshold", 0, {0, 1},
                          "choose = experts: gates of balanced scores up to this are 0");
    mean_ = o.flag("mean", false,
                   "choose = experts: divide the outputs of a token by their number plus 1");
    if (gate_ == "auto") gate_ = k_ == 1 ? "sigmoid" : "softmax";
    o.explain(Topic::selection, by_experts_ ? "an expert takes the C tokens of its largest S"
                                            : "training: a token takes its k largest S");
    if (!by_experts_) o.explain(Topic::evaluation, "a token takes its k largest l, unbalanced");
    o.explain(Topic::gate, "g = " + gate_ + " of the logits of the chosen, not divided");
    if (by_experts_ && (k_ > 1 || group_ != Group::batch))
      o.reject("choose", "experts choose among all tokens; set k = 1 and group = batch");
    if (!by_experts_ && (capacity_.factor != 1 || threshold_ > 0 || mean_))
      o.reject("choose", "capacity_factor, threshold and mean need choose = experts");
    if (gate_ == "straight" && (!by_experts_ || !sinkhorn_.fixed()))
      o.reject("gate", "straight needs choose = experts, and iterations above 0");
    weight_ = parameter("weight", {site.width, E_}, Init::normal(0.02));
    traits_ = {.experts = E_,
               .sees = {.later_tokens = group_ != Group::position,
                        .other_sequences = group_ != Group::sequence},
               .cost = {.rows_per_token = by_experts_ ? capacity_.factor : static_cast<double>(k_),
                        .router_flops = 2.0 * static_cast<double>(site.width * E_)},
               .capturable = sinkhorn_.fixed(),  // else the host counts iterations
               .surrogate = gate_ == "straight",
               .reroutes = by_experts_ ? Reroutes::always : Reroutes::never};
  }

  Routing route(const Tokens& tokens) override {
    const Tensor logits = matmul(tokens.x, weight_), scores = softmax(logits);  // [T, E]
    const Tensor weights = gate_ == "softmax" ? scores : sigmoid(logits);
    if (by_experts_)
      return {.plan = of_experts(balanced(logits, tokens), weights, tokens), .scores = scores};
    const Indices choice =
        top_k(tokens.context.trained_rules() ? balanced(logits, tokens) : logits, k_);  // [T·k]
    return {.plan = assign(choice, choice, k_, E_, at_choices(weights, choice)), .scores = scores};
  }

  double kept_values(index tokens) const override {
    const double kept = gate_ == "straight" ? sinkhorn_.kept_values() : 1;
    return Router::kept_values(tokens) + kept * static_cast<double>(tokens * E_);
  }

 private:
  Tensor balanced(const Tensor& logits, const Tokens& tokens) const {
    const Tensor from = gate_ == "straight" ? logits : stop_gradient(logits);
    if (group_ == Group::batch) return sinkhorn_.balance(from);
    return sinkhorn_.balance(from, group_, tokens.batch(), tokens.length());
  }

  Assignment of_experts(const Tensor& balanced, const Tensor& weights, const Tokens& tokens) const {
    const index T = balanced.rows(), C = capacity_.rows(T, 1, E_);
    Backend& backend = balanced.backend();
    const Indices chosen = top_k_rows(balanced, 1, C);  // [E·C] tokens
    const Indices entries =
        map_indices(chosen, {.shape = {E_, C, 1}, .from = {C, 1}, .add = {1}, .scale = E_});
    const Tensor share = pick(balanced, entries);  // [E·C]
    const Tensor limit = Tensor::full(share.shape(), static_cast<real>(threshold_), backend);
    const Indices one = map_indices({.shape = {E_ * C, 1, 1}, .base = 1}, backend);
    const Indices above = where_less(limit, share, one, {});  // 1 or -1
    const Tensor hard = affine(to_real(above, share.shape(), 1), real(0.5), real(0.5));
    Assignment plan{.token = chosen, .experts = equal_segments(E_, C, backend)};
    if (gate_ != "straight")
      plan.gate = mul(pick(weights, entries), hard);
    else
      plan.gate = tokens.context.training ? add(hard, sub(share, stop_gradient(share))) : hard;
    if (mean_) {
      const Tensor count = affine(to_real(histogram(chosen, T), {T}, 1), 1, 1);
      plan.gate = div(plan.gate, pick(count, chosen));
    }
    return plan;
  }

  index E_, k_;
  Sinkhorn sinkhorn_;
  Group group_ = Group::batch;
  bool by_experts_ = false, mean_ = false;
  std::string gate_;
  Capacity capacity_;
  double threshold_ = 0;
  Tensor weight_;  // [D, E]
};

const RegisterRouter<SinkhornRouter> sinkhorn(
    "sinkhorn", "top-k of scores that Sinkhorn's algorithm balances: S-BASE, Megatron",
    {{"batch", "group=batch k=2 tolerance=0.01 gate=softmax"},
     {"sequence", "group=sequence iterations=3 temperature=0.5 gate=sigmoid"},
     {"experts", "group=batch choose=experts iterations=4 threshold=0.2 capacity_factor=0.5"},
     {"lucidrains",
      "group=batch choose=experts values=linear iterations=8 gate=straight mean=true"}});

}  // namespace
}  // namespace moesim
