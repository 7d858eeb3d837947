// DrawnChoice draws one expert per token, and estimates the gradient of the expectation over draws
// (SparseMixer, Liu et al. 2023; version 2, GRIN, Liu et al. 2024).
//
//   candidates   e with (m - l_e) / max(|l_e|, m) ≤ 2 jitter; m: the largest of the open logits
//   p            softmax over the candidates
//   choice s     in training drawn from p (argmax of log p - log ε, ε ~ Exp(1)), else the argmax
//   gate         p_s h; h = 1 if s is the argmax or u > q, u ~ U(0, 1), else b; in evaluation 1
//   version 1    gradient of 2 p_s (evaluation: p_s); q = b = 1/2, the mid-point method
//   version 2    gradient of p_s; q = 3/4, b = 0.3333, Heun's third-order method
#pragma once

#include "sim/config/options.hpp"
#include "sim/core/tensor.hpp"
#include "sim/nn/context.hpp"

namespace moesim {

class DrawnChoice {
 public:
  struct Drawn {
    Tensor shares;    // [T, E]: p
    Indices entries;  // [T]: t E + s
    Tensor gate;      // [T]
  };

  // Reads `version` and `jitter`.
  explicit DrawnChoice(Options& options);

  bool first_version() const { return first_; }
  // Round j of k of the choices of a token. logits [T, E]; open: the logits, far below all others
  // for experts that earlier rounds have taken.
  Drawn draw(const Tensor& logits, const Tensor& open, index round, index rounds,
             const Context& context) const;
  // Values kept for backward per token and expert, for each round.
  double kept_values() const { return 4; }

 private:
  Tensor among_candidates(const Tensor& logits, const Tensor& open) const;

  bool first_ = false;
  double jitter_ = 0;
};

}  // namespace moesim
