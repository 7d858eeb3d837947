// Softmax and log-sum-exp: a warp per row of memory; with inner > 1 a thread per line of the axis,
// neighbours in memory being neighbours in a warp.
#include "sim/backend/cuda/cuda_backend.hpp"
#include "sim/backend/cuda/launch.hpp"
#include "sim/backend/cuda/math.hpp"
#include "sim/backend/cuda/row_math.hpp"

namespace moesim {

using cuda::each;
using cuda::each_warp;
using cuda::kWarp;
using cuda::put;

// y = softmax(scale · x)
void CudaBackend::softmax(Along a, real scale, const real* x, real* y) {
  const index n = a.n, inner = a.inner;
  if (inner == 1) {
    each_warp(stream_, a.outer, [=] __device__(index r, int lane) {
      const real* row = x + r * n;
      const auto value = [=](index c) { return scale * row[c]; };
      const real shift = cuda::lanes_max(n, lane, value);
      const real sum =
          cuda::lanes_sum<real>(n, lane, [=](index c) { return std::exp(value(c) - shift); });
      for (index c = lane; c < n; c += kWarp) y[r * n + c] = std::exp(value(c) - shift) / sum;
    });
    return;
  }
  each(stream_, a.outer * inner, [=] __device__(index line) {
    const index first = line / inner * n * inner + line % inner, end = first + n * inner;
    real shift = -cuda::infinity(), sum = 0;
    for (index i = first; i < end; i += inner) shift = scale * x[i] > shift ? scale * x[i] : shift;
    for (index i = first; i < end; i += inner) sum += y[i] = std::exp(scale * x[i] - shift);
    for (index i = first; i < end; i += inner) y[i] /= sum;
  });
}

// dx = scale · y ⊙ (dy - Σ y dy)
void CudaBackend::softmax_backward(Along a, real scale, const real* y, const real* dy, real* dx,
                                   bool acc) {
  const index n = a.n, inner = a.inner;
  if (inner == 1) {
    each_warp(stream_, a.outer, [=] __device__(index r, int lane) {
      const real *u = y + r * n, *v = dy + r * n;
      const real dot = cuda::lanes_sum<real>(n, lane, [=](index c) { return u[c] * v[c]; });
      for (index c = lane; c < n; c += kWarp) put(dx[r * n + c], acc, scale * u[c] * (v[c] - dot));
    });
    return;
  }
  each(stream_, a.outer * inner, [=] __device__(index line) {
    const index first = line / inner * n * inner + line % inner, end = first + n * inner;
    real dot = 0;
    for (index i = first; i < end; i += inner) dot += y[i] * dy[i];
    for (index i = first; i < end; i += inner) put(dx[i], acc, scale * y[i] * (dy[i] - dot));
  });
}

void CudaBackend::log_sum_exp(const real* x, real* y, index rows, index cols) {
  each_warp(stream_, rows, [=] __device__(index r, int lane) {
    const real value = cuda::row_log_sum_exp(x + r * cols, cols, lane);
    if (lane == 0) y[r] = value;
  });
}

}  // namespace moesim
