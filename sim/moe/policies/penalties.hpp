// Penalties are losses on a router's scores and weights that any router with both can take, each
// with its weight (0: off); sim/moe/losses.hpp has formulas and sources.
#pragma once

#include "sim/config/options.hpp"
#include "sim/moe/losses.hpp"

#include <vector>

namespace moesim {

class Penalties {
 public:
  Penalties() = default;
  // Reads `entropy_weight`, `marginal_entropy_weight`, `orthogonal_weight`, `orthogonal` and
  // `weight_penalty`.
  explicit Penalties(Options& options);

  bool any() const { return entropy_ != 0 || marginal_ > 0 || orthogonal_ > 0 || weight_ > 0; }
  // scores [T, E], normalised per token; weight [D, E].
  void add_to(std::vector<Loss>& losses, const Tensor& scores, const Tensor& weight) const;

 private:
  double entropy_ = 0, marginal_ = 0, orthogonal_ = 0, weight_ = 0;
  Orthogonality form_ = Orthogonality::cosine;
};

}  // namespace moesim
