// Computes how often each task of a mixture is drawn.
#pragma once

#include "sim/core/types.hpp"

#include <vector>

namespace moesim {

// p_i = min(n_i, cap)^(1/T) / Σ_j min(n_j, cap)^(1/T) (Raffel et al. 2020, section 3.5.2): T = 1 is
// in proportion to the number of examples n_i up to `cap`, T → ∞ equal shares. A task with n_i = 0
// has share 0. At least one n_i is positive, cap >= 1, T > 0.
std::vector<double> mixing_shares(const std::vector<index>& sizes, index cap, double temperature);

}  // namespace moesim
