// Softmax and log-sum-exp. With inner = 1 the axis is a row of memory (row_math.hpp); otherwise
// vectors lie across inner, in strips of columns.
#include "sim/backend/cpu/cpu_backend.hpp"
#include "sim/backend/cpu/row_math.hpp"
#include "sim/backend/cpu/strips.hpp"

#include <algorithm>
#include <array>

namespace moesim {

using cpu::simd_assign;
using cpu::simd_loop;

namespace {

void softmax_block(real scale, const real* x, real* y, index rows, index cols) {
  alignas(64) std::array<real, cpu::kBlockRows> largest, sum;
  cpu::exp_rows(x, scale, y, largest.data(), sum.data(), rows, cols);
  for (index r = 0; r < rows; ++r) {
    real* row = y + r * cols;
    const real inverse = 1 / sum[static_cast<std::size_t>(r)];
    simd_loop(0, cols, [=](index c) { row[c] *= inverse; });
  }
}

// Softmax down `width` columns of a matrix [n, stride].
void softmax_strip(real scale, const real* x, real* y, index n, index stride, index width) {
  alignas(64) cpu::Strip largest, sums;
  real *m = largest.data(), *s = sums.data();
  std::fill_n(m, width, -std::numeric_limits<real>::infinity());
  std::fill_n(s, width, real(0));
  for (index i = 0; i < n; ++i)
    simd_loop(0, width, [=, row = x + i * stride](index c) {
      const real value = scale * row[c];
      m[c] = value > m[c] ? value : m[c];
    });
  for (index i = 0; i < n; ++i)
    simd_loop(0, width, [=, row = x + i * stride, to = y + i * stride](index c) {
      to[c] = cpu::vexp(scale * row[c] - m[c]);
      s[c] += to[c];
    });
  simd_loop(0, width, [=](index c) { s[c] = 1 / s[c]; });
  for (index i = 0; i < n; ++i)
    simd_loop(0, width, [=, to = y + i * stride](index c) { to[c] *= s[c]; });
}

void backward_row(real scale, const real* y, const real* dy, real* dx, bool acc, index n) {
  const real dot = cpu::simd_sum<real>(n, [=](index i) { return y[i] * dy[i]; });
  simd_assign(dx, acc, 0, n, [=](index i) { return scale * y[i] * (dy[i] - dot); });
}

void backward_strip(real scale, const real* y, const real* dy, real* dx, bool acc, index n,
                    index stride, index width) {
  alignas(64) cpu::Strip dots;
  real* dot = dots.data();
  std::fill_n(dot, width, real(0));
  for (index i = 0; i < n; ++i)
    simd_loop(0, width, [=, at = i * stride](index c) { dot[c] += y[at + c] * dy[at + c]; });
  for (index i = 0; i < n; ++i) {
    const real *u = y + i * stride, *v = dy + i * stride;
    simd_assign(dx + i * stride, acc, 0, width,
                [=](index c) { return scale * u[c] * (v[c] - dot[c]); });
  }
}

}  // namespace

// y = softmax(scale · x)
void CpuBackend::softmax(Along a, real scale, const real* x, real* y) {
  if (a.inner == 1) {
    const index block = cpu::block_rows(a.n);
    for_pieces(a.outer, std::max(block, row_piece(a.n)), [=](index first, index last) {
      for (index r = first; r < last; r += block)
        softmax_block(scale, x + r * a.n, y + r * a.n, std::min(block, last - r), a.n);
    });
    return;
  }
  const cpu::Strips strips(a);
  for_pieces(strips.count(), row_piece(strips.values()), [=](index first, index last) {
    for (index i = first; i < last; ++i) {
      const auto strip = strips[i];
      softmax_strip(scale, x + strip.at, y + strip.at, a.n, a.inner, strip.width);
    }
  });
}

// dx = scale · y ⊙ (dy - Σ y dy)
void CpuBackend::softmax_backward(Along a, real scale, const real* y, const real* dy, real* dx,
                                  bool acc) {
  if (a.inner == 1) {
    for_pieces(a.outer, row_piece(a.n), [=](index first, index last) {
      for (index r = first; r < last; ++r)
        backward_row(scale, y + r * a.n, dy + r * a.n, dx + r * a.n, acc, a.n);
    });
    return;
  }
  const cpu::Strips strips(a);
  for_pieces(strips.count(), row_piece(strips.values()), [=](index first, index last) {
    for (index i = first; i < last; ++i) {
      const auto strip = strips[i];
      backward_strip(scale, y + strip.at, dy + strip.at, dx + strip.at, acc, a.n, a.inner,
                     strip.width);
    }
  });
}

void CpuBackend::log_sum_exp(const real* x, real* y, index rows, index cols) {
  const index block = cpu::block_rows(cols);
  for_pieces(rows, std::max(block, row_piece(cols)), [=](index first, index last) {
    for (index r = first; r < last; r += block)
      cpu::log_sum_exp_rows(x + r * cols, y + r, std::min(block, last - r), cols);
  });
}

}  // namespace moesim
