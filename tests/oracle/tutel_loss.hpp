// tutel_load_importance is a loss of Tutel that no router here has.
#pragma once

#include "sim/moe/losses.hpp"
#include "sim/ops/ops.hpp"

namespace moesim::testing {

// Tutel's: half the sum of the CV² of the scores' importance and of the load
// Σ_t Φ((p[t, e] - threshold[t]) · E), where the threshold is the k-th largest score.
inline Tensor tutel_load_importance(const Tensor& scores, index k) {
  const index E = scores.cols();
  const std::vector<std::int32_t> best = top_k(scores, k).to_host();
  std::vector<std::int32_t> last;
  for (index t = 0; t < scores.rows(); ++t)
    last.push_back(static_cast<std::int32_t>(t * E) +
                   best[static_cast<std::size_t>(t * k + k - 1)]);
  const Tensor threshold = pick(scores, Indices::of(last, scores.backend()));
  const Tensor chance = normal_cdf(affine(sub_column(scores, threshold), static_cast<real>(E)));
  const Tensor sum = add(importance_loss(scores, 1, Variance::sample),
                         importance_loss(chance, 1, Variance::sample));
  return affine(sum, real(0.5));
}

}  // namespace moesim::testing
