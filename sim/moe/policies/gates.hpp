// Gates are the weights of a token's chosen experts.
//
//   softmax before selection: p_e of the chosen, as it is or divided by Σ p or √Σ p² (+ epsilon)
//   softmax after selection:  softmax over the logits of the chosen
#pragma once

#include "sim/config/options.hpp"
#include "sim/core/tensor.hpp"

namespace moesim {

class Gates {
 public:
  // The options `softmax`, `normalise` and `normalise_epsilon`.
  Gates(Options& options, index k);

  // choice [T·k], scores = softmax(logits) [T, E]. -> [T, k]
  Tensor of(const Tensor& logits, const Tensor& scores, const Indices& choice) const;
  // The option `allow_constant_gate`: without it, gates that are 1 whatever the logits are
  // rejected.
  void reject_constant(Options& options) const;

 private:
  enum class Divisor { none, sum, l2 };
  index k_;
  bool after_ = false;
  Divisor divisor_ = Divisor::none;
  double epsilon_ = 0;
};

// values [T, E] at the chosen places. -> [T, k]
Tensor at_choices(const Tensor& values, const Indices& choice);

}  // namespace moesim
