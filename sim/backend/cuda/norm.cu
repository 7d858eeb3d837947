// Layer norm (Ba et al. 2016) and RMS norm (Zhang and Sennrich 2019), one warp per row.
#include "sim/backend/cuda/cuda_backend.hpp"
#include "sim/backend/cuda/launch.hpp"

#include <cmath>

namespace moesim {

using cuda::each_in_rows;
using cuda::each_warp;
using cuda::kWarp;
using cuda::put;

namespace {

constexpr index kRowPiece = 64;  // rows per partial sum of dgamma and dbeta

}  // namespace

void CudaBackend::norm(NormKind kind, real epsilon, const real* x, const real* gamma,
                       const real* beta, real* y, real* mean, real* inverse, index rows,
                       index cols) {
  const real by = real(1) / static_cast<real>(cols);
  const bool centred = kind == NormKind::layer;
  each_warp(stream_, rows, [=] __device__(index r, int lane) {
    const real* row = x + r * cols;
    const real center =
        centred ? by * cuda::lanes_sum<real>(cols, lane, [=](index c) { return row[c]; }) : real(0);
    const real variance = by * cuda::lanes_sum<real>(cols, lane, [=](index c) {
                            return (row[c] - center) * (row[c] - center);
                          });
    const real scale = 1 / std::sqrt(variance + epsilon);
    if (lane == 0) {
      if (centred) mean[r] = center;
      inverse[r] = scale;
    }
    for (index c = lane; c < cols; c += kWarp) {
      real value = (row[c] - center) * scale;
      if (gamma != nullptr) value *= gamma[c];
      if (beta != nullptr) value += beta[c];
      y[r * cols + c] = value;
    }
  });
}

// With h = (x - mean) · inverse and g = gamma ⊙ dy:
//   dx = inverse · (g - mean(g) - h · mean(g h)); rms: without mean(g).
//   dgamma = Σ dy h, dbeta = Σ dy, over pieces of rows, then over the pieces in double.
void CudaBackend::norm_backward(NormKind kind, const real* x, const real* gamma, const real* mean,
                                const real* inverse, const real* dy, real* dx, bool acc_x,
                                real* dgamma, bool acc_gamma, real* dbeta, bool acc_beta,
                                index rows, index cols) {
  const bool centred = kind == NormKind::layer;
  const index pieces = cuda::ceil_div(rows, kRowPiece);
  // Sums are computed first, because dx may overwrite dy.
  if (dgamma != nullptr || dbeta != nullptr) {
    const Storage scratch = allocate(static_cast<std::size_t>(pieces * 2 * cols) * sizeof(real));
    auto* partial = static_cast<real*>(scratch.data());  // [pieces, 2, cols]
    each_in_rows(stream_, pieces, cols, [=] __device__(index piece, index c) {
      real sum_gamma = 0, sum_beta = 0;
      const index first = piece * kRowPiece;
      const index end = first + kRowPiece < rows ? first + kRowPiece : rows;
#pragma unroll 8
      for (index r = first; r < end; ++r) {
        const real h = (x[r * cols + c] - (centred ? mean[r] : real(0))) * inverse[r];
        sum_gamma += dy[r * cols + c] * h;
        sum_beta += dy[r * cols + c];
      }
      partial[piece * 2 * cols + c] = sum_gamma;
      partial[(piece * 2 + 1) * cols + c] = sum_beta;
    });
    each_warp(stream_, cols, [=] __device__(index c, int lane) {
      const auto sum = [=](index which) {
        return cuda::lanes_sum<double>(
            pieces, lane, [=](index i) { return double(partial[(i * 2 + which) * cols + c]); });
      };
      const double sum_gamma = sum(0), sum_beta = sum(1);
      if (lane != 0) return;
      if (dgamma != nullptr) put(dgamma[c], acc_gamma, static_cast<real>(sum_gamma));
      if (dbeta != nullptr) put(dbeta[c], acc_beta, static_cast<real>(sum_beta));
    });
  }
  if (dx == nullptr) return;
  const real by = real(1) / static_cast<real>(cols);
  each_warp(stream_, rows, [=] __device__(index r, int lane) {
    const real *row = x + r * cols, *dyr = dy + r * cols;
    const real center = centred ? mean[r] : real(0), scale = inverse[r];
    const auto g = [=](index c) { return gamma != nullptr ? dyr[c] * gamma[c] : dyr[c]; };
    const auto h = [=](index c) { return (row[c] - center) * scale; };
    const real mean_gh =
        by * cuda::lanes_sum<real>(cols, lane, [=](index c) { return g(c) * h(c); });
    const real mean_g = centred ? by * cuda::lanes_sum<real>(cols, lane, g) : real(0);
    for (index c = lane; c < cols; c += kWarp)
      put(dx[r * cols + c], acc_x, scale * (g(c) - mean_g - h(c) * mean_gh));
  });
}

}  // namespace moesim
