// Gates are the weights of a token's chosen experts.
//
//   softmax before selection: p_e of the chosen, divided by Divisor or not
//   softmax after selection:  softmax over the logits of the chosen
#pragma once

#include "sim/config/options.hpp"
#include "sim/core/tensor.hpp"

#include <string>

namespace moesim {

// Divisor divides the gates g of a token by Σ g or √Σ g², plus epsilon, or by nothing.
class Divisor {
 public:
  // The options `normalise` and `normalise_epsilon` of a router with k experts per token.
  Divisor(Options& options, index k, double epsilon = 0);

  Tensor divide(const Tensor& gates) const;  // [T, k]
  // Are the gates 1 whatever the scores?
  bool constant(index k) const { return k == 1 && kind_ != Kind::none; }
  // The option that has no effect on gates whose sum is 1 already; empty: none.
  std::string needless() const;

 private:
  enum class Kind { none, sum, l2 };
  Kind kind_ = Kind::none;
  double epsilon_ = 0;
};

class Gates {
 public:
  // The options `softmax` and those of Divisor.
  Gates(Options& options, index k);

  // choice [T·k], scores = softmax(logits) [T, E]. -> [T, k]
  Tensor of(const Tensor& logits, const Tensor& scores, const Indices& choice) const;
  // The option `allow_constant_gate`: without it, gates that are 1 whatever the logits are
  // rejected.
  void reject_constant(Options& options) const;

 private:
  index k_;
  bool after_ = false;
  Divisor divisor_;
};

// The option `allow_constant_gate`: without it, a `constant` gate is rejected at this key.
void reject_constant_gate(Options& options, bool constant, const std::string& key,
                          const std::string& remedy);

// values [T, E] at the chosen places. -> [T, k]
Tensor at_choices(const Tensor& values, const Indices& choice);

}  // namespace moesim
