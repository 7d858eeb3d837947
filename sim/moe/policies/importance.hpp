// Importance decides which choices a token of a nested router may take (Tokens,
// sim/moe/routing.hpp).
//
//   importance 1          e₁, e₂, …, e_k      all
//   between 0 and 1       -,  e₁, …, e_{k-1}  its first choice counts as a second one
//   0                     none                padding
#pragma once

#include "sim/core/tensor.hpp"

namespace moesim {

// logits [T, P] with those of padding (importance 0) at one value far below all others, so that
// softmax over tokens gives it no weight. Empty importance: unchanged.
Tensor without_padding(const Tensor& logits, const Tensor& importance);

class Importance {
 public:
  // importance [T] of tokens with k choices each; empty: 1, and the functions below change nothing.
  Importance(const Tensor& importance, index k) : importance_(importance), k_(k) {}

  // Moves the choices [T·k] (best first) of tokens below 1 to the next place.
  Indices demote(const Indices& choice) const;
  // choice [T·k] with those of tokens at 0 at -1.
  Indices without_padding(const Indices& choice) const;
  // [T]: 1 for tokens that take their first choice, else 0; empty if all do.
  Tensor primary() const;

 private:
  Tensor at_choices() const;  // [T, k]

  Tensor importance_;
  index k_;
};

}  // namespace moesim
