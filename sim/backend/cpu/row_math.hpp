// Computes sums, maxima and exponentials of matrix rows on one thread, for use inside a tile.
//
// Rows are processed in blocks that fit into the first-level cache. For short rows each operation
// is one pass over the whole block, so that a row of 8 costs about as much per value as a row of
// 4096.
#pragma once

#include "sim/backend/cpu/vector_inline.hpp"

#include <algorithm>
#include <array>

namespace moesim::cpu {

inline constexpr index kBlockValues = 4096;
inline constexpr index kBlockRows = 256;
// Shorter rows: one pass of exponentials over the whole block
inline constexpr index kNarrow = 128;

// Rows in a block.
inline index block_rows(index cols) {
  return std::clamp<index>(kBlockValues / std::max<index>(1, cols), 1, kBlockRows);
}

// y = exp(scale · x - m), m the largest scale · x of the row, and s = Σ y, for the rows of a block.
inline void exp_rows(const real* x, real scale, real* y, real* m, real* s, index rows, index cols) {
  for (index r = 0; r < rows; ++r) {
    const real* from = x + r * cols;
    real* to = y + r * cols;
    const real largest = simd_max(cols, [=](index c) { return scale * from[c]; });
    m[r] = largest;
    if (cols < kNarrow)
      simd_assign(to, false, 0, cols, [=](index c) { return scale * from[c] - largest; });
    else
      s[r] = simd_sum<real>(cols, [=](index c) { return to[c] = vexp(scale * from[c] - largest); });
  }
  if (cols >= kNarrow) return;
  simd_loop(0, rows * cols, [=](index i) { y[i] = vexp(y[i]); });
  for (index r = 0; r < rows; ++r)
    s[r] = simd_sum<real>(cols, [=, row = y + r * cols](index c) { return row[c]; });
}

// y[r] = ln Σ_c exp(x[r, c]) for the rows of a block.
inline void log_sum_exp_rows(const real* x, real* y, index rows, index cols) {
  alignas(64) std::array<real, kBlockRows> largest, sums;
  real *m = largest.data(), *s = sums.data();
  if (cols < kNarrow) {
    alignas(64) std::array<real, kBlockValues> scratch;
    exp_rows(x, 1, scratch.data(), m, s, rows, cols);
  } else {
    for (index r = 0; r < rows; ++r) {
      const real* row = x + r * cols;
      const real shift = m[r] = simd_max(cols, [=](index c) { return row[c]; });
      s[r] = simd_sum<real>(cols, [=](index c) { return vexp(row[c] - shift); });
    }
  }
  simd_loop(0, rows, [=](index r) { y[r] = m[r] + vlog(s[r]); });
}

}  // namespace moesim::cpu
