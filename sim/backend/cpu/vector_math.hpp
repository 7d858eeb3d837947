// Computes elementwise functions of arrays in vector code, on one thread, for use inside a tile.
#pragma once

#include "sim/backend/backend.hpp"

namespace moesim::cpu {

// z = y + bias (null: y), then y = act(z) in place and slope = act'(z) (null: not kept; unwritten
// for Activation::none).
void activate(Activation activation, const real* bias, real* y, real* slope, index n);

// sum[c] = Σ_r x[r, c], in `real`, block by block of rows.
void sum_columns(const real* x, index rows, index cols, real* sum);

}  // namespace moesim::cpu
