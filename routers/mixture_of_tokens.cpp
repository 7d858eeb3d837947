// Mixture of Tokens (Antoniak et al. 2023): each expert receives one weighted mean of the tokens of
// a group, and its output is added to these tokens with the same weights.
//
//   w = softmax over the group of (x W / T)
//   m_e = Σ_i w[i, e] x_i     y_i = Σ_e v[i, e] expert_e(m_e),  v = w
//
// A group is the same position of `group_size` consecutive sequences, so no token sees later ones;
// groups along the sequence look ahead. At evaluation mixing can be switched off: every weight
// vector becomes its arg max. In generation nothing is mixed. If group_size does not divide a batch
// (eval.batch, or the end of an evaluation), its last groups have fewer tokens.
#include "sim/moe/policies/token_groups.hpp"
#include "sim/moe/router.hpp"
#include "sim/ops/ops.hpp"

#include <cmath>

namespace moesim {
namespace {

class MixtureOfTokens : public Router {
 public:
  MixtureOfTokens(const Site& site, Options& o) : E_(site.experts), groups_(site, o) {
    const std::string emit =
        o.choice("emit", "shared", {"shared", "separate"},
                 "weights of the outputs: the merge weights, or separate ones");
    emit_over_experts_ =
        o.choice("emit_softmax", "group", {"group", "experts"},
                 "emit weights sum to 1 over the group, or over experts") == "experts";
    temperature_ = o.number("temperature", 1, {1e-6, 1e6}, "temperature of both softmaxes");
    const bool learned =
        o.flag("learned_temperature", false, "temperatures are learned, from this one on");
    const bool one = o.choice("temperatures", "two", {"two", "one"},
                              "learned temperatures: one each for merging and emitting, or one for "
                              "both") == "one";
    if (one && !learned)
      o.reject("temperatures", "one is about learned ones; set learned_temperature = true");
    argmax_eval_ =
        o.choice("evaluation", "mixed", {"mixed", "argmax"},
                 "at evaluation: as in training, or each expert takes one token of the group") ==
        "argmax";
    o.explain(Topic::gate,
              "w = softmax over the group of x W / T; outputs return by " +
                  std::string(emit == "shared" ? "the same w" : "weights of their own"));
    o.explain(Topic::evaluation, argmax_eval_ ? "every weight vector becomes its arg max"
                                              : "groups of eval.batch sequences, as in training");
    o.explain(Topic::evaluation, "generation mixes nothing: a token is its own group");
    const auto D = static_cast<double>(site.width), E = static_cast<double>(E_);
    traits_ = {.experts = E_,
               .sees = groups_.sees(),
               .cost = {.rows_per_token = E / static_cast<double>(groups_.size()),
                        .router_flops = 6 * D * E},
               .assigns = false,
               .capturable = true,
               .reroutes = Reroutes::never};
    const Init init = Init::truncated_normal(0.1 / std::sqrt(D));
    weight_ = parameter("weight", {site.width, E_}, init);
    if (emit == "separate") emit_weight_ = parameter("emit_weight", {site.width, E_}, init);
    const auto log_temperature = [&](const char* name) {  // T = exp(τ) is always positive
      return parameter(name, {1}, Init::constant(std::log(temperature_)), false);
    };
    one_temperature_ = one;
    if (learned && one) {
      log_merge_ = log_emit_ = log_temperature("log_temperature");
    } else if (learned) {
      log_merge_ = log_temperature("log_temperature_merge");
      log_emit_ = log_temperature("log_temperature_emit");
    }
  }

  Routing route(const Tokens& tokens) override {
    if (tokens.context.generating != Generating::no) return unmixed(tokens);
    const GroupedTokens grouped = groups_.of(tokens);
    const index groups = grouped.groups, g = groups_.size();
    Mixing plan;
    plan.order = grouped.order;

    const Tensor logits = matmul(tokens.x, weight_);  // [T, E]
    const Along over_group{groups, g, E_}, over_experts{groups * g, E_, 1};
    const Tensor merge_logits = grouped.of(logits);
    const Tensor merge = softmax_at(merge_logits, log_merge_, over_group);
    const Along emit_axis = emit_over_experts_ ? over_experts : over_group;
    Tensor emit = merge;
    const bool own_temperature = log_emit_ && !one_temperature_;
    if (emit_weight_ || own_temperature || emit_over_experts_) {
      const Tensor emit_logits =
          emit_weight_ ? grouped.of(matmul(tokens.x, emit_weight_)) : merge_logits;
      emit = softmax_at(emit_logits, log_emit_, emit_axis);
    }
    if (argmax_eval_ && !tokens.context.trained_rules()) {
      emit = one_hot_of_largest(emit, emit_axis);
      plan.dispatch = one_hot_of_largest(merge, over_group).reshape({groups, g, E_});
    } else {
      plan.dispatch = merge.reshape({groups, g, E_});
    }
    plan.combine = emit.reshape({groups, g, E_});
    return {.plan = plan, .scores = softmax(logits.detach())};
  }

 private:
  // Without mixing a token fills every place of its group. The mean is the token itself, and one of
  // g equal places returns
  //   y = Σ_e expert_e(x) / g,   or   Σ_e softmax_e(x V)[e] expert_e(x)   (emit_softmax = experts)
  Routing unmixed(const Tokens& tokens) const {
    const index T = tokens.x.rows();
    Backend& backend = tokens.x.backend();
    const Tensor logits = matmul(tokens.x, weight_);  // [T, E]
    const Tensor emit =
        emit_over_experts_
            ? softmax_at(emit_weight_ ? matmul(tokens.x, emit_weight_) : logits, log_emit_,
                         {T, E_, 1})
            : Tensor::full({T, E_}, real(1) / static_cast<real>(groups_.size()), backend);
    Mixing plan;
    plan.dispatch = Tensor::full({T, 1, E_}, 1, backend);
    plan.combine = emit.reshape({T, 1, E_});
    return {.plan = plan, .scores = softmax(logits)};
  }

  Tensor softmax_at(const Tensor& logits, const Tensor& log_temperature, Along axis) const {
    if (log_temperature) return softmax(mul_scalar(logits, exp(affine(log_temperature, -1))), axis);
    return softmax(logits, axis, static_cast<real>(1 / temperature_));
  }

  index E_;
  TokenGroups groups_;
  bool emit_over_experts_ = false, argmax_eval_ = false, one_temperature_ = false;
  double temperature_ = 1;
  Tensor weight_, emit_weight_, log_merge_, log_emit_;  // [D, E], [D, E], [1], [1]
};

const RegisterRouter<MixtureOfTokens> mixture_of_tokens(
    "mixture_of_tokens",
    "experts work on weighted means over groups of tokens (Antoniak et al. 2023)",
    {{"separate", "emit=separate evaluation=argmax"},
     {"one temperature", "learned_temperature=true temperatures=one temperature=2"},
     {"over experts", "emit_softmax=experts temperature=0.5 group_size=2"},
     {"sequence", "groups=sequence learned_temperature=true emit=separate"}});

}  // namespace
}  // namespace moesim
