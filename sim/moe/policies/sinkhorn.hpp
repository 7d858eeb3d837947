// Sinkhorn scales the rows and columns of scores in turn, until tokens and experts are balanced
// (Sinkhorn and Knopp 1967; Clark et al. 2022, "Unified scaling laws for routed language models").
//
//   A = exp(l / τ)          values = linear: max(l, 1e-10)^(1 / τ), of lucidrains' router
//   iterations = 0:         r_t = 1 / (n (Σ_e A c + 1e-8)),  c_e = 1 / (E (Σ_t A r + 1e-8)),
//                           until the mean |Δc| is at most `tolerance`: c A r, a constant (Megatron)
//   iterations > 0:         so often A / Σ_t A, then A / Σ_e A, in logarithms; differentiable
#pragma once

#include "sim/config/options.hpp"
#include "sim/core/tensor.hpp"
#include "sim/moe/policies/capacity.hpp"

namespace moesim {

class Sinkhorn {
 public:
  // Reads `values`, `temperature`, `iterations` and `tolerance`.
  explicit Sinkhorn(Options& options);

  // Balances all tokens. logits [T, E]. -> [T, E]
  Tensor balance(const Tensor& logits) const;
  // Balances each group of B sequences of S tokens.
  Tensor balance(const Tensor& logits, Group group, index B, index S) const;
  // True if every call does the same work, whatever the values are.
  bool fixed() const { return iterations_ > 0; }
  // Values kept for backward per token and expert, if the result is differentiated.
  double kept_values() const { return 4 * static_cast<double>(iterations_); }

 private:
  Tensor balance_columns(const Tensor& logits) const;  // [n, G, E]: G groups of n tokens

  bool linear_ = false;
  double temperature_ = 1, tolerance_ = 0;
  index iterations_ = 0;
};

}  // namespace moesim
