// Linear layers with merged weights per segment, W[s] = Σ_e mix[s, e] w[e], which are never stored.
//
// A merged weight is computed tile by tile, used while the tile is in cache, and computed again in
// the backward pass. Stored, the merged weights of Lory's segments would exceed all activations.
#include "sim/backend/cpu/cpu_backend.hpp"
#include "sim/backend/cpu/gemm.hpp"
#include "sim/backend/cpu/prefetch.hpp"
#include "sim/backend/cpu/rounded_product.hpp"
#include "sim/backend/cpu/small_product.hpp"
#include "sim/backend/cpu/vector_inline.hpp"
#include "sim/backend/cpu/vector_math.hpp"

#include <omp.h>

#include <algorithm>

namespace moesim {

using cpu::fetch;
using cpu::small_product;
using cpu::small_product_transposed;

namespace {

static_assert(cpu::kRoundedTerms >= 128 && cpu::kRoundedCols >= 128);  // tiles are not larger

constexpr index kPad = 16;  // between tiles, which would otherwise share cache sets

// A tile of a weight, [rows, cols], for `segments` segments at once, so that each weight is read
// once for all of them. Depends on the sizes of the layer only.
struct Cut {
  index segments, rows, cols;
  index size() const { return rows * cols + kPad; }
};

Cut forward_cut(const Linear& l) { return {std::clamp<index>(l.segments / 4, 1, 16), 64, 128}; }

// Deep tiles: products with the transposed weight need them to be fast.
Cut backward_cut(const Linear& l) { return {std::clamp<index>(l.segments / 8, 1, 16), 128, 64}; }

// Tiles for gradients of weights, where the tiles of all experts are in memory at once.
Cut gradient_cut(const Linear& l) {
  return {std::clamp<index>(l.segments / 4, 1, 16), std::clamp<index>(512 / l.experts, 8, 64), 64};
}

index begin_of(const Linear& l, index segment) { return l.offset[segment]; }
index rows_of(const Linear& l, index segment) { return l.offset[segment + 1] - l.offset[segment]; }

// The tile [k, k + nk) x [c, c + nc) of the merged weights of n segments, each at `to` + s · size.
void merge(const Linear& l, index segment, index n, index k, index nk, index c, index nc,
           index size, real* to) {
  constexpr index kAhead = 4;
  for (index i = 0; i < nk; ++i) {
    if (i + kAhead < nk) fetch(l.w + (k + i + kAhead) * l.out + c, l.experts, nc, l.in * l.out);
    small_product(false, n, nc, l.experts, l.mix + segment * l.experts, l.experts,
                  l.w + (k + i) * l.out + c, l.in * l.out, to + i * nc, size, false);
  }
}

index pieces(index n, index step) { return (n + step - 1) / step; }

// Products of rows, with factors of the layer's type: c (+)= a · b
void multiply_rows(const Linear& l, index m, index n, index k, const real* a, index lda,
                   const real* b, index ldb, real* c, index ldc, bool acc) {
  if (l.compute == Compute::bfloat16)
    cpu::rounded_product(m, n, k, a, lda, b, ldb, c, ldc, acc);
  else
    small_product(false, m, n, k, a, lda, b, ldb, c, ldc, acc);
}
// c (+)= a · bᵀ
void multiply_transposed(const Linear& l, index m, index n, index k, const real* a, index lda,
                         const real* b, index ldb, real* c, index ldc, bool acc) {
  if (l.compute == Compute::bfloat16)
    cpu::rounded_product_transposed(m, n, k, a, lda, b, ldb, c, ldc, acc);
  else
    cpu::gemm(false, true, m, n, k, 1, a, lda, b, ldb, acc ? 1 : 0, c, ldc);
}
// c = aᵀ · b
void multiply_columns(const Linear& l, index m, index n, index k, const real* a, index lda,
                      const real* b, index ldb, real* c, index ldc) {
  if (l.compute == Compute::bfloat16)
    cpu::rounded_product_of_columns(m, n, k, a, lda, b, ldb, c, ldc);
  else
    small_product(true, m, n, k, a, lda, b, ldb, c, ldc, false);
}

template <class F>  // f(first, size) over 0 .. n-1 in steps
void steps(index n, index step, F f) {
  for (index first = 0; first < n; first += step) f(first, std::min(step, n - first));
}

}  // namespace

void CpuBackend::merged_linear(const Linear& l, real* slope, real* y) {
  const Cut cut = forward_cut(l);
  const index scratch_size = cut.segments * (cut.size() + cut.cols);
  const Storage scratch =
      allocate(static_cast<std::size_t>(threads_ * scratch_size) * sizeof(real));
  auto* base = static_cast<real*>(scratch.data());
  const index groups = pieces(l.segments, cut.segments);
  for_tiles(groups * pieces(l.out, cut.cols), [&](index item) {
    real* tiles = base + omp_get_thread_num() * scratch_size;
    real* bias = tiles + cut.segments * cut.size();
    const index first = item % groups * cut.segments, c = item / groups * cut.cols;
    const index n = std::min(cut.segments, l.segments - first), nc = std::min(cut.cols, l.out - c);
    steps(l.in, cut.rows, [&](index k, index nk) {
      merge(l, first, n, k, nk, c, nc, cut.size(), tiles);
      for (index s = first; s < first + n; ++s)
        multiply_rows(l, rows_of(l, s), nc, nk, l.x + begin_of(l, s) * l.in + k, l.in,
                      tiles + (s - first) * cut.size(), nc, y + begin_of(l, s) * l.out + c, l.out,
                      k > 0);
    });
    if (l.bias)
      small_product(false, n, nc, l.experts, l.mix + first * l.experts, l.experts, l.bias + c,
                    l.out, bias, cut.cols, false);
    for (index s = first; s < first + n; ++s)
      for (index row = begin_of(l, s); row < begin_of(l, s) + rows_of(l, s); ++row)
        cpu::activate(l.activation, l.bias ? bias + (s - first) * cut.cols : nullptr,
                      y + row * l.out + c, slope ? slope + row * l.out + c : nullptr, nc);
  });
}

// By segments: dz, its column sums, and dx with weights merged again. Then by tiles of the weight,
// over all segments in order: P[s] = x[s]ᵀ dz[s], dw[e] = Σ_s mix[s, e] P[s], and the tile's share
// of dmix[s, e] = <P[s], w[e]>.
void CpuBackend::merged_linear_backward(const Linear& l, const real* slope, real* dy,
                                        const LinearGradients& to) {
  const index E = l.experts, G = l.segments;
  const Cut merged = backward_cut(l), cut = gradient_cut(l);
  const index tiles_out = pieces(l.out, cut.cols), tiles_in = pieces(l.in, cut.rows);
  const index weight_tiles = to.w.p || to.mix.p ? tiles_in * tiles_out : 0;
  const bool sums_wanted = to.bias.p || (to.mix.p && l.bias);
  // Per thread: merged tiles, or tiles of P, w and dw. Shared: column sums [G, out], parts of dmix
  // [tiles + 1, G, E].
  const index per_thread =
      std::max(merged.segments * merged.size(), (cut.segments + 2 * E) * cut.size());
  const index shared = (sums_wanted ? G * l.out : 0) + (to.mix.p ? (weight_tiles + 1) * G * E : 0);
  const Storage scratch =
      allocate(static_cast<std::size_t>(threads_ * per_thread + shared) * sizeof(real));
  auto* base = static_cast<real*>(scratch.data());
  real* sums = base + threads_ * per_thread;
  real* shares = sums + (sums_wanted ? G * l.out : 0);

  for_pieces(G, merged.segments, [&](index first, index last) {
    real* tiles = base + omp_get_thread_num() * per_thread;
    for (index s = first; s < last; ++s) {
      real* dz = dy + begin_of(l, s) * l.out;
      const index rows = rows_of(l, s);
      if (l.activation != Activation::none)
        cpu::simd_loop(0, rows * l.out,
                       [=, by = slope + begin_of(l, s) * l.out](index i) { dz[i] *= by[i]; });
      if (sums_wanted) cpu::sum_columns(dz, rows, l.out, sums + s * l.out);
    }
    if (!to.x.p) return;
    steps(l.in, merged.rows, [&](index k, index nk) {
      steps(l.out, merged.cols, [&](index c, index nc) {
        merge(l, first, last - first, k, nk, c, nc, merged.size(), tiles);
        for (index s = first; s < last; ++s)
          multiply_transposed(l, rows_of(l, s), nk, nc, dy + begin_of(l, s) * l.out + c, l.out,
                              tiles + (s - first) * merged.size(), nc,
                              to.x.p + begin_of(l, s) * l.in + k, l.in, c > 0 || to.x.acc);
      });
    });
  });

  for_tiles(weight_tiles, [&](index tile) {
    const index k = tile / tiles_out * cut.rows, c = tile % tiles_out * cut.cols;
    const index nk = std::min(cut.rows, l.in - k), nc = std::min(cut.cols, l.out - c);
    real* products = base + omp_get_thread_num() * per_thread;
    real* w = products + cut.segments * cut.size();
    real* dw = w + E * cut.size();
    for (index e = 0; e < E && to.mix.p; ++e)
      for (index i = 0; i < nk; ++i)
        std::copy_n(l.w + (e * l.in + k + i) * l.out + c, nc, w + e * cut.size() + i * nc);
    steps(G, cut.segments, [&](index first, index n) {
      for (index s = first; s < first + n; ++s) {
        if (s + 1 < G) {
          fetch(l.x + begin_of(l, s + 1) * l.in + k, rows_of(l, s + 1), nk, l.in);
          fetch(dy + begin_of(l, s + 1) * l.out + c, rows_of(l, s + 1), nc, l.out);
        }
        multiply_columns(l, nk, nc, rows_of(l, s), l.x + begin_of(l, s) * l.in + k, l.in,
                         dy + begin_of(l, s) * l.out + c, l.out,
                         products + (s - first) * cut.size(), nc);
      }
      if (to.w.p)
        small_product(true, E, nk * nc, n, l.mix + first * E, E, products, cut.size(), dw,
                      cut.size(), first > 0);
      if (to.mix.p)
        small_product_transposed(n, E, nk * nc, products, cut.size(), w, cut.size(),
                                 shares + (tile * G + first) * E, E, false);
    });
    for (index e = 0; e < E && to.w.p; ++e)
      for (index i = 0; i < nk; ++i)
        cpu::simd_assign(to.w.p + (e * l.in + k + i) * l.out + c, to.w.acc, 0, nc,
                         [from = dw + e * cut.size() + i * nc](index j) { return from[j]; });
  });

  if (to.bias.p)
    small_product(true, E, l.out, G, l.mix, E, sums, l.out, to.bias.p, l.out, to.bias.acc);
  if (!to.mix.p) return;
  if (l.bias)
    small_product_transposed(G, E, l.out, sums, l.out, l.bias, l.out, shares + weight_tiles * G * E,
                             E, false);
  const index count = weight_tiles + (l.bias ? 1 : 0);
  cpu::simd_assign(to.mix.p, to.mix.acc, 0, G * E, [=](index i) {
    double sum = 0;
    for (index t = 0; t < count; ++t) sum += double(shares[t * G * E + i]);
    return static_cast<real>(sum);
  });
}

}  // namespace moesim
