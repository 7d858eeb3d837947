// Declares layer norm, RMS norm and unit norm.
#pragma once

#include "sim/backend/backend.hpp"
#include "sim/core/tape.hpp"

namespace moesim {

// Normalises over the last axis; gamma and beta [cols], each may be empty.
//   layer (Ba et al. 2016):               gamma ⊙ (x - mean) / sqrt(var + epsilon) + beta
//   rms (Zhang and Sennrich 2019):        gamma ⊙ x / sqrt(mean x² + epsilon)
Tensor normalize(NormKind kind, const Tensor& x, const Tensor& gamma, const Tensor& beta,
                 real epsilon = real(1e-5));

// x / sqrt(Σ x² + epsilon) along n of x seen as [outer, n, inner].
Tensor unit_norm(const Tensor& x, Along along, real epsilon = real(1e-6));

}  // namespace moesim
