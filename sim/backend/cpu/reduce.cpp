// Sums in double. Long sums are cut into pieces of fixed size, whose partial sums are added in
// order, so the result does not depend on the number of threads.
#include "sim/backend/cpu/cpu_backend.hpp"
#include "sim/backend/cpu/vector_inline.hpp"

#include <algorithm>

namespace moesim {
namespace {

constexpr index kPiece = 16384;
constexpr index kRowPiece = 256;

index pieces(index n, index piece) { return (n + piece - 1) / piece; }

void store(real* y, bool acc, double value) {
  *y = static_cast<real>(acc ? static_cast<double>(*y) + value : value);
}

// sum[c] = Σ_r x[r, c], by strips of columns, four rows at a time.
void sum_strips(const real* x, index rows, index cols, double* sum) {
  constexpr index kStrip = 64;
  for (index at = 0; at < cols; at += kStrip) {
    const index width = std::min(kStrip, cols - at);
    const real* row = x + at;
    double* s = sum + at;
    std::fill_n(s, width, 0.0);
    index r = 0;
    for (; r + 4 <= rows; r += 4, row += 4 * cols)
      cpu::simd_assign(s, true, 0, width, [=](index c) {
        return (double(row[c]) + double(row[cols + c])) +
               (double(row[2 * cols + c]) + double(row[3 * cols + c]));
      });
    for (; r < rows; ++r, row += cols)
      cpu::simd_assign(s, true, 0, width, [=](index c) { return double(row[c]); });
  }
}

}  // namespace

void CpuBackend::sum_rows(const real* x, real* y, bool acc, index groups, index rows, index cols) {
  if (groups * cols == 0) return;
  const index per_group = std::max<index>(1, pieces(rows, kRowPiece));
  const Storage scratch =
      allocate(static_cast<std::size_t>(groups * per_group * cols) * sizeof(double));
  auto* partial = static_cast<double*>(scratch.data());
  // Small groups share a tile; a large group has one tile per piece of its rows.
  const index share = per_group > 1 ? 1 : row_piece(rows * cols);
  for_pieces(groups * per_group, share, [=](index first, index last) {
    for (index i = first; i < last; ++i) {
      const index group = i / per_group, row = i % per_group * kRowPiece;
      sum_strips(x + (group * rows + row) * cols, std::min(kRowPiece, rows - row), cols,
                 partial + i * cols);
    }
  });
  for_pieces(groups, row_piece(per_group * cols), [=](index first, index last) {
    for (index group = first; group < last; ++group) {
      double* sum = partial + group * per_group * cols;
      for (index i = 1; i < per_group; ++i) {
        const double* next = sum + i * cols;
        cpu::simd_assign(sum, true, 0, cols, [=](index c) { return next[c]; });
      }
      real* to = y + group * cols;
      cpu::simd_assign(to, acc, 0, cols, [=](index c) { return static_cast<real>(sum[c]); });
    }
  });
}

void CpuBackend::sum_cols(const real* x, real* y, bool acc, index rows, index cols) {
  for_pieces(rows, row_piece(cols), [=](index first, index last) {
    for (index r = first; r < last; ++r) {
      const real* row = x + r * cols;
      store(y + r, acc, cpu::simd_sum<double>(cols, [=](index c) { return double(row[c]); }));
    }
  });
}

void CpuBackend::dot_cols(const real* a, const real* b, real* y, bool acc, index rows, index cols) {
  for_pieces(rows, row_piece(cols), [=](index first, index last) {
    for (index r = first; r < last; ++r) {
      const real *u = a + r * cols, *v = b + r * cols;
      store(y + r, acc,
            cpu::simd_sum<double>(cols, [=](index c) { return double(u[c]) * double(v[c]); }));
    }
  });
}

void CpuBackend::sum_all(const real* x, real* y, bool acc, index n) {
  const Storage scratch =
      allocate(static_cast<std::size_t>(pieces(n, kPiece) + 1) * sizeof(double));
  auto* partial = static_cast<double*>(scratch.data());
  for_pieces(n, kPiece, [=](index first, index last) {
    const real* from = x + first;
    partial[first / kPiece] =
        cpu::simd_sum<double>(last - first, [=](index i) { return double(from[i]); });
  });
  double sum = 0;
  for (index i = 0; i < pieces(n, kPiece); ++i) sum += partial[i];
  store(y, acc, sum);
}

double CpuBackend::squared_norm(const real* x, index n) {
  const Storage scratch =
      allocate(static_cast<std::size_t>(pieces(n, kPiece) + 1) * sizeof(double));
  auto* partial = static_cast<double*>(scratch.data());
  for_pieces(n, kPiece, [=](index first, index last) {
    const real* from = x + first;
    partial[first / kPiece] = cpu::simd_sum<double>(
        last - first, [=](index i) { return double(from[i]) * double(from[i]); });
  });
  double sum = 0;
  for (index i = 0; i < pieces(n, kPiece); ++i) sum += partial[i];
  return sum;
}

bool CpuBackend::all_finite(const real* x, index n) {
  const Storage scratch = allocate(static_cast<std::size_t>(pieces(n, kPiece) + 1) * sizeof(real));
  auto* partial = static_cast<real*>(scratch.data());
  for_pieces(n, kPiece, [=](index first, index last) {
    const real* from = x + first;
    // v - v is 0 for finite v, else NaN.
    partial[first / kPiece] =
        cpu::simd_sum<real>(last - first, [=](index i) { return from[i] - from[i]; });
  });
  return std::all_of(partial, partial + pieces(n, kPiece), [](real sum) { return sum == 0; });
}

}  // namespace moesim
