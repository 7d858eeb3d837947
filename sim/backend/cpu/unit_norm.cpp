// Unit norm along an axis, by rows of memory, or by strips of columns if inner > 1.
#include "sim/backend/cpu/cpu_backend.hpp"
#include "sim/backend/cpu/strips.hpp"
#include "sim/backend/cpu/vector_inline.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace moesim {

using cpu::simd_assign;
using cpu::simd_loop;

namespace {

void forward_row(real epsilon, const real* x, real* y, real* inverse, index n) {
  const real scale =
      1 / std::sqrt(cpu::simd_sum<real>(n, [=](index i) { return x[i] * x[i]; }) + epsilon);
  *inverse = scale;
  simd_loop(0, n, [=](index i) { y[i] = scale * x[i]; });
}

void forward_strip(real epsilon, const real* x, real* y, real* inverse, index n, index stride,
                   index width) {
  alignas(64) cpu::Strip sums;
  real* s = sums.data();
  std::fill_n(s, width, epsilon);
  for (index i = 0; i < n; ++i)
    simd_loop(0, width, [=, row = x + i * stride](index c) { s[c] += row[c] * row[c]; });
  simd_loop(0, width, [=](index c) { s[c] = inverse[c] = 1 / std::sqrt(s[c]); });
  for (index i = 0; i < n; ++i)
    simd_loop(0, width, [=, at = i * stride](index c) { y[at + c] = s[c] * x[at + c]; });
}

void backward_row(const real* y, real inverse, const real* dy, real* dx, bool acc, index n) {
  const real dot = cpu::simd_sum<real>(n, [=](index i) { return y[i] * dy[i]; });
  simd_assign(dx, acc, 0, n, [=](index i) { return inverse * (dy[i] - dot * y[i]); });
}

void backward_strip(const real* y, const real* inverse, const real* dy, real* dx, bool acc, index n,
                    index stride, index width) {
  alignas(64) cpu::Strip dots;
  real* dot = dots.data();
  std::fill_n(dot, width, real(0));
  for (index i = 0; i < n; ++i)
    simd_loop(0, width, [=, at = i * stride](index c) { dot[c] += y[at + c] * dy[at + c]; });
  for (index i = 0; i < n; ++i) {
    const real *u = y + i * stride, *v = dy + i * stride;
    simd_assign(dx + i * stride, acc, 0, width,
                [=](index c) { return inverse[c] * (v[c] - dot[c] * u[c]); });
  }
}

}  // namespace

void CpuBackend::unit_norm(Along a, real epsilon, const real* x, real* y, real* inverse) {
  if (a.inner == 1) {
    for_pieces(a.outer, row_piece(a.n), [=](index first, index last) {
      for (index r = first; r < last; ++r)
        forward_row(epsilon, x + r * a.n, y + r * a.n, inverse + r, a.n);
    });
    return;
  }
  const cpu::Strips strips(a);
  for_pieces(strips.count(), row_piece(strips.values()), [=](index first, index last) {
    for (index i = first; i < last; ++i) {
      const auto strip = strips[i];
      forward_strip(epsilon, x + strip.at, y + strip.at, inverse + strip.line, a.n, a.inner,
                    strip.width);
    }
  });
}

// dx = inverse · (dy - y · Σ y dy), which holds for every epsilon.
void CpuBackend::unit_norm_backward(Along a, const real* y, const real* inverse, const real* dy,
                                    real* dx, bool acc) {
  if (a.inner == 1) {
    for_pieces(a.outer, row_piece(a.n), [=](index first, index last) {
      for (index r = first; r < last; ++r)
        backward_row(y + r * a.n, inverse[r], dy + r * a.n, dx + r * a.n, acc, a.n);
    });
    return;
  }
  const cpu::Strips strips(a);
  for_pieces(strips.count(), row_piece(strips.values()), [=](index first, index last) {
    for (index i = first; i < last; ++i) {
      const auto strip = strips[i];
      backward_strip(y + strip.at, inverse + strip.line, dy + strip.at, dx + strip.at, acc, a.n,
                     a.inner, strip.width);
    }
  });
}

}  // namespace moesim
