// Vectors of unit length along an axis: a warp per row of memory, or a thread per line.
#include "sim/backend/cuda/cuda_backend.hpp"
#include "sim/backend/cuda/launch.hpp"

#include <cmath>

namespace moesim {

using cuda::each;
using cuda::each_warp;
using cuda::kWarp;
using cuda::put;

void CudaBackend::unit_norm(Along a, real epsilon, const real* x, real* y, real* inverse) {
  const index n = a.n, inner = a.inner;
  if (inner == 1) {
    each_warp(stream_, a.outer, [=] __device__(index r, int lane) {
      const real* row = x + r * n;
      const real sum = cuda::lanes_sum<real>(n, lane, [=](index c) { return row[c] * row[c]; });
      const real by = 1 / std::sqrt(sum + epsilon);
      if (lane == 0) inverse[r] = by;
      for (index c = lane; c < n; c += kWarp) y[r * n + c] = by * row[c];
    });
    return;
  }
  each(stream_, a.outer * inner, [=] __device__(index line) {
    const index first = line / inner * n * inner + line % inner, end = first + n * inner;
    real sum = epsilon;
    for (index i = first; i < end; i += inner) sum += x[i] * x[i];
    const real by = inverse[line] = 1 / std::sqrt(sum);
    for (index i = first; i < end; i += inner) y[i] = by * x[i];
  });
}

// dx = inverse · (dy - y · Σ y dy), which holds for every epsilon.
void CudaBackend::unit_norm_backward(Along a, const real* y, const real* inverse, const real* dy,
                                     real* dx, bool acc) {
  const index n = a.n, inner = a.inner;
  if (inner == 1) {
    each_warp(stream_, a.outer, [=] __device__(index r, int lane) {
      const real *u = y + r * n, *v = dy + r * n;
      const real dot = cuda::lanes_sum<real>(n, lane, [=](index c) { return u[c] * v[c]; });
      const real by = inverse[r];
      for (index c = lane; c < n; c += kWarp) put(dx[r * n + c], acc, by * (v[c] - dot * u[c]));
    });
    return;
  }
  each(stream_, a.outer * inner, [=] __device__(index line) {
    const index first = line / inner * n * inner + line % inner, end = first + n * inner;
    real dot = 0;
    for (index i = first; i < end; i += inner) dot += y[i] * dy[i];
    for (index i = first; i < end; i += inner)
      put(dx[i], acc, inverse[line] * (dy[i] - dot * y[i]));
  });
}

}  // namespace moesim
