// AuxiliaryLosses are the losses that keep the experts of a token-choice router in use
// (sim/moe/losses.hpp has the formulas), each with its weight; 0: without it.
#pragma once

#include "sim/config/options.hpp"
#include "sim/moe/losses.hpp"
#include "sim/moe/policies/capacity.hpp"
#include "sim/moe/policies/noise.hpp"

#include <vector>

namespace moesim {

// What a router computed on the way to its choices.
struct Decision {
  Tensor logits;        // [T, E]
  Noisy noisy;          // the logits that chose
  Tensor scores;        // [T, E]: softmax of the noisy ones
  Indices choice;       // [T·k]
  Tensor gates;         // [T, k]
  Tensor primary = {};  // [T]: 1 for tokens that take first choices, else 0; empty: 1
};

class AuxiliaryLosses {
 public:
  // The options `balance_*`, `importance_weight`, `load_weight`, `z_weight` and `cv_variance` of a
  // router with k of E experts per token.
  AuxiliaryLosses(Options& options, Noise::Kind noise, index k, index experts);

  // `group`: the tokens over which importance is even.
  std::vector<Loss> of(const Decision& decision, Group group, index sequences) const;
  // Values that a training pass keeps, per token and expert: the tails of the normal distribution
  // that the load loss differentiates.
  double kept_values() const { return load_ > 0 ? 3 : 0; }

 private:
  Tensor importance(const Decision& decision, const Tensor& clean, index groups) const;

  Noise::Kind noise_;
  index k_;
  double balance_ = 0, importance_ = 0, load_ = 0, z_ = 0;
  Counted counted_ = Counted::all;
  Group balance_group_ = Group::batch;
  Variance variance_ = Variance::population;
};

}  // namespace moesim
