#include "sim/moe/policies/scores.hpp"

#include "sim/ops/ops.hpp"

#include <string>

namespace moesim {

ScoreFunction::ScoreFunction(Options& options) {
  const std::string name =
      options.choice("scores", "sigmoid", {"sigmoid", "softmax", "sqrt_softplus"},
                     "function from logits to scores: per expert, or over all experts (softmax)");
  kind_ = name == "softmax"         ? Kind::softmax
          : name == "sqrt_softplus" ? Kind::sqrt_softplus
                                    : Kind::sigmoid;
  options.explain(Topic::scores, is_softmax() ? "s = softmax over experts of the logits l"
                                 : unbounded()
                                     ? "s_e = √softplus(l_e) of each logit, without competition"
                                     : "s_e = sigmoid(l_e) of each logit, without competition");
}

Tensor ScoreFunction::of(const Tensor& logits) const {
  switch (kind_) {
    case Kind::softmax:
      return softmax(logits);
    case Kind::sqrt_softplus:
      return sqrt(softplus(logits));
    case Kind::sigmoid:
      break;
  }
  return sigmoid(logits);
}

Tensor ScoreFunction::shares(const Tensor& scores) const {
  if (is_softmax()) return scores;
  return div_column(scores, affine(sum_cols(scores), 1, real(1e-20)));
}

}  // namespace moesim
