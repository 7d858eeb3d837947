// AuxiliaryLosses are the losses that balance the experts of a token-choice router, each with its
// weight (0: off); sim/moe/losses.hpp has the formulas.
#pragma once

#include "sim/config/options.hpp"
#include "sim/moe/losses.hpp"
#include "sim/moe/policies/balance.hpp"
#include "sim/moe/policies/capacity.hpp"
#include "sim/moe/policies/device_losses.hpp"
#include "sim/moe/policies/noise.hpp"
#include "sim/moe/policies/penalties.hpp"

#include <vector>

namespace moesim {

// Decision holds the intermediate values of a router's choice.
struct Decision {
  Tensor logits;        // [T, E]
  Noisy noisy;          // noisy logits, which determine the choice
  Tensor scores;        // [T, E]: softmax of the noisy logits
  Indices choice;       // [T·k]
  Tensor gates;         // [T, k]
  Tensor primary = {};  // [T]: 1 for tokens that take their first choice, else 0; empty: 1
  Indices kept = {};    // [T·k]: choices that got a place, else -1; empty: all
  Tensor weight = {};   // [D, E] of the router, for Penalties
};

class AuxiliaryLosses {
 public:
  // Reads `balance_*`, `importance_weight`, `load_*`, `z_weight` and `cv_variance`, for a
  // router with k of E experts per token.
  AuxiliaryLosses(Options& options, Noise::Kind noise, index k, index experts);

  // Adds what the router declares.
  void declare(Traits& traits, index experts) const;
  // group: the tokens over which importance is balanced. Adds to Routing::totals.
  std::vector<Loss> of(const Decision& decision, Group group, index sequences,
                       const Context& context, std::vector<Tensor>& totals) const;
  // Devices between which the losses distinguish (Traits::expert_groups).
  index devices() const { return device_losses_.devices(); }
  // Values kept for backward per token and expert: the normal tail probabilities that the load loss
  // differentiates.
  double kept_values() const { return load_ > 0 ? 3 : 0; }

 private:
  void explain(const Options& options, index experts) const;
  Tensor importance(const Decision& decision, const Tensor& clean, index groups) const;

  Noise::Kind noise_;
  index k_;
  double balance_ = 0, importance_ = 0, load_ = 0, z_ = 0;
  Counted counted_ = Counted::all;
  bool balance_kept_ = false, mixed_thresholds_ = false;
  BalanceScope scope_;
  Variance variance_ = Variance::population;
  DeviceLosses device_losses_;
  Penalties penalties_;
};

}  // namespace moesim
