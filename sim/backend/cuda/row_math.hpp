// Computes maxima and sums of exponentials of a row by the lanes of a warp.
#pragma once

#include "sim/backend/cuda/launch.hpp"
#include "sim/backend/cuda/math.hpp"

namespace moesim::cuda {

// Start of a line along an axis of length n, where lines are `inner` apart.
__device__ inline index first_of(index line, index n, index inner) {
  return inner == 1 ? line * n : line / inner * n * inner + line % inner;
}

template <class F>
__device__ inline real lanes_max(index n, int lane, F f) {
  real largest = -infinity();
  for (index i = lane; i < n; i += kWarp) {
    const real value = f(i);
    largest = value > largest ? value : largest;
  }
  return warp_max(largest);
}

// ln Σ_c exp(row[c])
__device__ inline real row_log_sum_exp(const real* row, index cols, int lane) {
  const real shift = lanes_max(cols, lane, [=](index c) { return row[c]; });
  return shift +
         std::log(lanes_sum<real>(cols, lane, [=](index c) { return std::exp(row[c] - shift); }));
}

}  // namespace moesim::cuda
