// Unit norm along an axis, one warp per line.
#include "sim/backend/cuda/cuda_backend.hpp"
#include "sim/backend/cuda/launch.hpp"
#include "sim/backend/cuda/row_math.hpp"

#include <cmath>

namespace moesim {

using cuda::each_warp;
using cuda::kWarp;
using cuda::put;

void CudaBackend::unit_norm(Along a, real epsilon, const real* x, real* y, real* inverse) {
  const index n = a.n, inner = a.inner;
  each_warp(stream_, a.outer * inner, [=] __device__(index line, int lane) {
    const index first = cuda::first_of(line, n, inner);
    const real* in = x + first;
    const real sum =
        cuda::lanes_sum<real>(n, lane, [=](index c) { return in[c * inner] * in[c * inner]; });
    const real by = 1 / std::sqrt(sum + epsilon);
    if (lane == 0) inverse[line] = by;
    for (index c = lane; c < n; c += kWarp) y[first + c * inner] = by * in[c * inner];
  });
}

// dx = inverse · (dy - y · Σ y dy), which holds for every epsilon.
void CudaBackend::unit_norm_backward(Along a, const real* y, const real* inverse, const real* dy,
                                     real* dx, bool acc) {
  const index n = a.n, inner = a.inner;
  each_warp(stream_, a.outer * inner, [=] __device__(index line, int lane) {
    const index first = cuda::first_of(line, n, inner);
    const real *u = y + first, *v = dy + first;
    const real dot =
        cuda::lanes_sum<real>(n, lane, [=](index c) { return u[c * inner] * v[c * inner]; });
    const real by = inverse[line];
    for (index c = lane; c < n; c += kWarp)
      put(dx[first + c * inner], acc, by * (v[c * inner] - dot * u[c * inner]));
  });
}

}  // namespace moesim
