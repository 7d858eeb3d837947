// Importance decides which of its choices a token may take (sim/moe/routing.hpp, Tokens).
//
//   importance 1          e₁, e₂, …, e_k      all
//   between 0 and 1       -,  e₁, …, e_{k-1}  its first choice counts as a second one
//   0                     none                padding
#pragma once

#include "sim/core/tensor.hpp"

namespace moesim {

class Importance {
 public:
  // importance [T] of tokens with k choices each; empty: 1, and nothing below changes anything.
  Importance(const Tensor& importance, index k) : importance_(importance), k_(k) {}

  // choice [T·k], best first, with those of tokens below 1 moved to the next place.
  Indices demote(const Indices& choice) const;
  // choice [T·k] with those of tokens at 0 at -1.
  Indices without_padding(const Indices& choice) const;
  // [T]: 1 for tokens that take first choices, else 0; empty where all do.
  Tensor primary() const;

 private:
  Tensor at_choices() const;  // [T, k]

  Tensor importance_;
  index k_;
};

}  // namespace moesim
