// Layer norm (Ba et al. 2016) and RMS norm (Zhang and Sennrich 2019), one row at a time.
#include "sim/backend/cpu/cpu_backend.hpp"
#include "sim/backend/cpu/row_math.hpp"

#include <algorithm>
#include <cmath>

namespace moesim {

using cpu::simd_assign;
using cpu::simd_loop;

namespace {

constexpr index kRowPiece = 64;  // rows per partial sum of dgamma and dbeta

// y = (x - mean) · inverse, then gamma ⊙ y + beta.
void scale_shift(const real* x, real mean, real inverse, const real* gamma, const real* beta,
                 real* y, index n) {
  if (gamma == nullptr && beta == nullptr)
    simd_loop(0, n, [=](index i) { y[i] = (x[i] - mean) * inverse; });
  else if (beta == nullptr)
    simd_loop(0, n, [=](index i) { y[i] = (x[i] - mean) * inverse * gamma[i]; });
  else if (gamma == nullptr)
    simd_loop(0, n, [=](index i) { y[i] = (x[i] - mean) * inverse + beta[i]; });
  else
    simd_loop(0, n, [=](index i) { y[i] = (x[i] - mean) * inverse * gamma[i] + beta[i]; });
}

// With h = (x - mean) · inverse and g = gamma ⊙ dy (given as g(i)):
// dx = inverse · (g - mean(g) - h · mean(g h)); rms: without mean(g).
template <class G>
void backward_row(NormKind kind, const real* x, real mean, real inverse, G g, real* dx, bool acc,
                  index n) {
  const real by = real(1) / static_cast<real>(n);
  const real mean_gh =
      by * cpu::simd_sum<real>(n, [=](index i) { return g(i) * ((x[i] - mean) * inverse); });
  const real mean_g = kind == NormKind::layer
                          ? by * cpu::simd_sum<real>(n, [=](index i) { return g(i); })
                          : real(0);
  simd_assign(dx, acc, 0, n, [=](index i) {
    return inverse * (g(i) - mean_g - (x[i] - mean) * inverse * mean_gh);
  });
}

}  // namespace

void CpuBackend::norm(NormKind kind, real epsilon, const real* x, const real* gamma,
                      const real* beta, real* y, real* mean, real* inverse, index rows,
                      index cols) {
  const real by = real(1) / static_cast<real>(cols);
  for_pieces(rows, row_piece(cols), [=](index first, index last) {
    for (index r = first; r < last; ++r) {
      const real* row = x + r * cols;
      real center = 0;
      if (kind == NormKind::layer)
        mean[r] = center = by * cpu::simd_sum<real>(cols, [=](index c) { return row[c]; });
      const real variance = by * cpu::simd_sum<real>(cols, [=](index c) {
                              return (row[c] - center) * (row[c] - center);
                            });
      inverse[r] = 1 / std::sqrt(variance + epsilon);
      scale_shift(row, center, inverse[r], gamma, beta, y + r * cols, cols);
    }
  });
}

void CpuBackend::norm_backward(NormKind kind, const real* x, const real* gamma, const real* mean,
                               const real* inverse, const real* dy, real* dx, bool acc_x,
                               real* dgamma, bool acc_gamma, real* dbeta, bool acc_beta, index rows,
                               index cols) {
  // Partial sums of dgamma and dbeta for every piece of rows: [pieces, 2, cols].
  const index pieces = (rows + kRowPiece - 1) / kRowPiece;
  const bool wanted = dgamma != nullptr || dbeta != nullptr;
  const Storage scratch =
      allocate(static_cast<std::size_t>(wanted ? pieces * 2 * cols : 1) * sizeof(real));
  auto* partial = static_cast<real*>(scratch.data());
  for_pieces(rows, kRowPiece, [=](index first, index last) {
    real* sum_gamma = partial + first / kRowPiece * 2 * cols;
    real* sum_beta = sum_gamma + cols;
    if (wanted) std::fill_n(sum_gamma, 2 * cols, real(0));
    for (index r = first; r < last; ++r) {
      const real *row = x + r * cols, *dyr = dy + r * cols;
      const real center = kind == NormKind::layer ? mean[r] : real(0), scale = inverse[r];
      if (wanted)
        simd_loop(0, cols, [=](index c) {
          sum_gamma[c] += dyr[c] * ((row[c] - center) * scale);
          sum_beta[c] += dyr[c];
        });
      if (dx == nullptr) continue;
      if (gamma != nullptr)
        backward_row(
            kind, row, center, scale, [=](index c) { return dyr[c] * gamma[c]; }, dx + r * cols,
            acc_x, cols);
      else
        backward_row(
            kind, row, center, scale, [=](index c) { return dyr[c]; }, dx + r * cols, acc_x, cols);
    }
  });
  if (!wanted) return;
  const auto total = [=](index c) {
    double sum = 0;
    for (index i = 0; i < pieces; ++i) sum += double(partial[i * 2 * cols + c]);
    return static_cast<real>(sum);
  };
  if (dgamma != nullptr) simd_assign(dgamma, acc_gamma, 0, cols, total);
  if (dbeta != nullptr)
    simd_assign(dbeta, acc_beta, 0, cols, [=](index c) { return total(cols + c); });
}

}  // namespace moesim
