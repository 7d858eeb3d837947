// SecondChoices keeps or removes a token's second and later choices (Lepikhin et al. 2021).
#pragma once

#include "sim/config/options.hpp"
#include "sim/moe/router.hpp"

namespace moesim {

class SecondChoices {
 public:
  // Reads `second`, `second_eval` and `second_threshold`.
  explicit SecondChoices(Options& options);

  // Sets removed choices of choice [T·k] (best first) to -1. gates [T, k].
  Indices standing(const Indices& choice, const Tensor& gates, const Context& context) const;

  // always if evaluation draws: draws depend on the place of a token in the pass.
  Reroutes reroutes() const {
    return in_evaluation_ == "random" ? Reroutes::always : Reroutes::never;
  }

 private:
  std::string in_training_, in_evaluation_;
  double threshold_ = 0;
};

}  // namespace moesim
