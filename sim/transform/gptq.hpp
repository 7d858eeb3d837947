// GPTQ rounds a matrix one input at a time and changes the weights of the inputs that follow, so that
// its outputs on calibration rows change least (Frantar et al. 2023, "GPTQ", algorithm 1; Frantar &
// Alistarh 2023, "QMoE", for experts).
//
// With the rows X of an expert, H = Xᵀ X + λ 1, λ = 0.1 mean(diag Xᵀ X), and H⁻¹ = Uᵀ U, for the
// inputs i in order and every output:
//   e = (w_i - ŵ_i) / U_ii,  w_j ← w_j - e U_ij for all j > i
// The grids of ŵ are those of the weights before. λ is that of QMoE; GPTQ has 0.01.
#pragma once

#include "sim/core/types.hpp"

#include <functional>
#include <span>
#include <vector>

namespace moesim {

// Rounds w [in, out], row-major, with Xᵀ X [in, in]. round(i, o, w): the value for weight (i, o).
// An empty or zero Xᵀ X, or one without a Cholesky factor, gives round to nearest.
void gptq(std::span<double> w, index in, index out, std::span<const double> gram,
          const std::function<double(index, index, double)>& round);

}  // namespace moesim
