// ScoreFunction maps logits to scores: softmax(l), sigmoid(l), or √softplus(l).
#pragma once

#include "sim/config/options.hpp"
#include "sim/core/tensor.hpp"

namespace moesim {

class ScoreFunction {
 public:
  // Reads the option `scores`.
  explicit ScoreFunction(Options& options);

  bool is_softmax() const { return kind_ == Kind::softmax; }
  bool unbounded() const { return kind_ == Kind::sqrt_softplus; }  // may exceed 1
  Tensor of(const Tensor& logits) const;                           // [T, E]
  Tensor shares(const Tensor& scores) const;  // normalised per token: s_e / Σ s
  // Values kept for backward per token and expert, besides those of a softmax.
  double kept_values() const { return is_softmax() ? 0 : 3; }

 private:
  enum class Kind { sigmoid, softmax, sqrt_softplus };
  Kind kind_ = Kind::sigmoid;
};

}  // namespace moesim
