// ScoreFunction makes scores of logits: softmax(l), sigmoid(l), or √softplus(l).
#pragma once

#include "sim/config/options.hpp"
#include "sim/core/tensor.hpp"

namespace moesim {

class ScoreFunction {
 public:
  // The option `scores`.
  explicit ScoreFunction(Options& options);

  bool is_softmax() const { return kind_ == Kind::softmax; }
  Tensor of(const Tensor& logits) const;      // [T, E]
  Tensor shares(const Tensor& scores) const;  // of each token's sum: s_e / Σ s
  // Values that a training pass keeps besides those of a softmax, per token and expert.
  double kept_values() const { return is_softmax() ? 0 : 3; }

 private:
  enum class Kind { sigmoid, softmax, sqrt_softplus };
  Kind kind_ = Kind::sigmoid;
};

}  // namespace moesim
