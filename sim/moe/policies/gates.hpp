// Gates are the weights of a token's chosen experts.
//
//   softmax before selection: p_e of the chosen, divided by Divisor or not
//   softmax after selection:  softmax over the logits of the chosen
#pragma once

#include "sim/config/options.hpp"
#include "sim/core/tensor.hpp"

#include <string>

namespace moesim {

// Reads `k`, the experts per token of a router over so many; 0 stands for all of them.
index read_choices(Options& options, index otherwise, index experts);

// Divisor divides the gates g of a token by Σ g or √Σ g², plus epsilon, or by nothing.
class Divisor {
 public:
  // Reads `normalise` and `normalise_epsilon`, for a router with k experts per token.
  Divisor(Options& options, index k, double epsilon = 0, bool explains = true);

  // gates [T, k]; `more` [T] is added to the sum (of squares).
  Tensor divide(const Tensor& gates, const Tensor& more = {}) const;
  bool divides() const { return kind_ != Kind::none; }
  // True if the gates are 1 whatever the scores are.
  bool constant(index k) const { return k == 1 && kind_ != Kind::none; }
  // The option without effect on gates whose sum is already 1; empty: none.
  std::string needless() const;

 private:
  enum class Kind { none, sum, l2 };
  Kind kind_ = Kind::none;
  double epsilon_ = 0;
};

class Gates {
 public:
  // Reads `softmax`, the options of Divisor, and `normalise_over`.
  Gates(Options& options, index k);

  // choice [T·k], scores = softmax(logits) [T, E]. Divided only if the sum is over all chosen.
  // -> [T, k]
  Tensor of(const Tensor& logits, const Tensor& scores, const Indices& choice) const;
  // The gates once drops are decided: 0 for the dropped and divided, if the sum is over the kept
  // ones; else as they are. kept [T·k], -1: dropped.
  Tensor over_kept(const Tensor& gates, const Indices& kept) const;
  // Reads `allow_constant_gate`; without it, gates that are 1 whatever the logits are are rejected.
  void reject_constant(Options& options) const;

 private:
  index k_;
  bool after_ = false;
  Divisor divisor_;
  bool over_kept_ = false;
};

// Reads `allow_constant_gate`; without it, a `constant` gate is rejected, and the error names
// `key`.
void reject_constant_gate(Options& options, bool constant, const std::string& key,
                          const std::string& remedy);

// Gathers values [T, E] at the chosen experts. -> [T, k]
Tensor at_choices(const Tensor& values, const Indices& choice);
// Scatters values [T, k] to their chosen experts; zeros elsewhere. -> [T, E]
Tensor at_experts(const Tensor& values, const Indices& choice, index experts);

}  // namespace moesim
