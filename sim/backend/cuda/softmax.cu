// Softmax and log-sum-exp: one warp per line of the axis. With inner > 1 the warps of a block
// process adjacent lines and so share loads.
#include "sim/backend/cuda/cuda_backend.hpp"
#include "sim/backend/cuda/launch.hpp"
#include "sim/backend/cuda/math.hpp"
#include "sim/backend/cuda/row_math.hpp"

namespace moesim {

using cuda::each_warp;
using cuda::kWarp;
using cuda::put;

// y = softmax(scale · x)
void CudaBackend::softmax(Along a, real scale, const real* x, real* y) {
  const index n = a.n, inner = a.inner;
  each_warp(stream_, a.outer * inner, [=] __device__(index line, int lane) {
    const index first = cuda::first_of(line, n, inner);
    const auto value = [=](index c) { return scale * x[first + c * inner]; };
    const real shift = cuda::lanes_max(n, lane, value);
    const real sum =
        cuda::lanes_sum<real>(n, lane, [=](index c) { return std::exp(value(c) - shift); });
    for (index c = lane; c < n; c += kWarp) y[first + c * inner] = std::exp(value(c) - shift) / sum;
  });
}

// dx = scale · y ⊙ (dy - Σ y dy)
void CudaBackend::softmax_backward(Along a, real scale, const real* y, const real* dy, real* dx,
                                   bool acc) {
  const index n = a.n, inner = a.inner;
  each_warp(stream_, a.outer * inner, [=] __device__(index line, int lane) {
    const index first = cuda::first_of(line, n, inner);
    const real *u = y + first, *v = dy + first;
    const real dot =
        cuda::lanes_sum<real>(n, lane, [=](index c) { return u[c * inner] * v[c * inner]; });
    for (index c = lane; c < n; c += kWarp)
      put(dx[first + c * inner], acc, scale * u[c * inner] * (v[c * inner] - dot));
  });
}

void CudaBackend::log_sum_exp(const real* x, real* y, index rows, index cols) {
  each_warp(stream_, rows, [=] __device__(index r, int lane) {
    const real value = cuda::row_log_sum_exp(x + r * cols, cols, lane);
    if (lane == 0) y[r] = value;
  });
}

}  // namespace moesim
