// Products of small matrices that lie in the cache: no packing, no call, any strides on the left.
//
// A tile of rows x lanes of the result stays in registers while the sum runs. Every element is one
// chain of fused multiply-adds in order of k, so a row comes out the same whatever stands beside
// it, which no packing provider promises.
#pragma once

#include "sim/backend/cpu/gemm.hpp"
#include "sim/core/types.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace moesim::cpu {

#if defined(__AVX512F__)
inline constexpr index kVectorBytes = 64, kAccumulators = 24;
#else
inline constexpr index kVectorBytes = 32, kAccumulators = 12;
#endif
// Values in a vector register.
inline constexpr index kVector = kVectorBytes / static_cast<index>(sizeof(real));

namespace detail {

using Vector [[gnu::vector_size(kVectorBytes)]] = real;

inline Vector load(const real* p) {
  Vector v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
inline void store(real* p, Vector v) { std::memcpy(p, &v, sizeof v); }

// A [rows of c, k] on the left: element (r, j) at a[r · row + j · step].
struct Left {
  const real* p;
  index row, step;
};

template <index R, index V>
[[gnu::always_inline]] inline void tile(index k, Left a, const real* b, index ldb, real* c,
                                        index ldc, bool acc) {
  Vector sum[R][V];
  for (index r = 0; r < R; ++r)
    for (index v = 0; v < V; ++v) sum[r][v] = acc ? load(c + r * ldc + v * kVector) : Vector{};
  for (index j = 0; j < k; ++j) {
    Vector right[V];
    for (index v = 0; v < V; ++v) right[v] = load(b + j * ldb + v * kVector);
    for (index r = 0; r < R; ++r) {
      const real left = a.p[r * a.row + j * a.step];
      for (index v = 0; v < V; ++v) sum[r][v] += left * right[v];
    }
  }
  for (index r = 0; r < R; ++r)
    for (index v = 0; v < V; ++v) store(c + r * ldc + v * kVector, sum[r][v]);
}

// The last rows of a panel, fewer than R.
template <index V, index... R>
inline void last_rows(index rows, std::integer_sequence<index, R...>, index k, Left a,
                      const real* b, index ldb, real* c, index ldc, bool acc) {
  ((rows == R + 1 ? tile<R + 1, V>(k, a, b, ldb, c, ldc, acc) : void()), ...);
}

template <index V>
void panel(index m, index k, Left a, const real* b, index ldb, real* c, index ldc, bool acc) {
  constexpr index R = kAccumulators / 3 * (V == 1 ? 2 : 1);
  index row = 0;
  for (; row + R <= m; row += R)
    tile<R, V>(k, {a.p + row * a.row, a.row, a.step}, b, ldb, c + row * ldc, ldc, acc);
  last_rows<V>(m - row, std::make_integer_sequence<index, R - 1>{}, k,
               {a.p + row * a.row, a.row, a.step}, b, ldb, c + row * ldc, ldc, acc);
}

// c[i, j] for i < R, j < S: sums of products of two rows, lane by lane, then the lanes pairwise.
template <index R, index S>
inline void dots(index k, const real* a, index lda, const real* b, index ldb, real* c, index ldc,
                 bool acc) {
  Vector sum[R][S] = {};
  const index whole = k / kVector * kVector;
  for (index l = 0; l < whole; l += kVector) {
    Vector left[R], right[S];
    for (index i = 0; i < R; ++i) left[i] = load(a + i * lda + l);
    for (index j = 0; j < S; ++j) right[j] = load(b + j * ldb + l);
    for (index i = 0; i < R; ++i)
      for (index j = 0; j < S; ++j) sum[i][j] += left[i] * right[j];
  }
  for (index i = 0; i < R; ++i)
    for (index j = 0; j < S; ++j) {
      real lane[kVector];
      store(lane, sum[i][j]);
      for (index half = kVector / 2; half > 0; half /= 2)
        for (index l = 0; l < half; ++l) lane[l] += lane[l + half];
      for (index l = whole; l < k; ++l) lane[0] += a[i * lda + l] * b[j * ldb + l];
      c[i * ldc + j] = lane[0] + (acc ? c[i * ldc + j] : 0);
    }
}

}  // namespace detail

// c = op(a) · b + (acc ? c : 0): c [m, n], b [k, n]; op(a)(i, j) is a[i · lda + j], transposed
// a[j · lda + i].
inline void small_product(bool transpose_a, index m, index n, index k, const real* a, index lda,
                          const real* b, index ldb, real* c, index ldc, bool acc) {
  const detail::Left left{a, transpose_a ? 1 : lda, transpose_a ? lda : 1};
  index col = 0;
  while (n - col >= kVector) {
    const index vectors = std::min<index>((n - col) / kVector, 4);
    const real* right = b + col;
    real* out = c + col;
    if (vectors == 4)  // as two pairs: the tile of four is too flat for its loads
      detail::panel<2>(m, k, left, right, ldb, out, ldc, acc),
          detail::panel<2>(m, k, left, right + 2 * kVector, ldb, out + 2 * kVector, ldc, acc);
    else if (vectors == 3)
      detail::panel<3>(m, k, left, right, ldb, out, ldc, acc);
    else if (vectors == 2)
      detail::panel<2>(m, k, left, right, ldb, out, ldc, acc);
    else
      detail::panel<1>(m, k, left, right, ldb, out, ldc, acc);
    col += vectors * kVector;
  }
  if (col < n)
    gemm(transpose_a, false, m, n - col, k, 1, a, lda, b + col, ldb, acc ? 1 : 0, c + col, ldc);
}

// c = a · bᵀ + (acc ? c : 0): a [m, k], b [n, k].
inline void small_product_transposed(index m, index n, index k, const real* a, index lda,
                                     const real* b, index ldb, real* c, index ldc, bool acc) {
  constexpr index kBlock = 4;
  index i = 0;
  for (; i + kBlock <= m; i += kBlock) {
    index j = 0;
    for (; j + kBlock <= n; j += kBlock)
      detail::dots<kBlock, kBlock>(k, a + i * lda, lda, b + j * ldb, ldb, c + i * ldc + j, ldc,
                                   acc);
    for (; j < n; ++j)
      detail::dots<kBlock, 1>(k, a + i * lda, lda, b + j * ldb, ldb, c + i * ldc + j, ldc, acc);
  }
  for (; i < m; ++i)
    for (index j = 0; j < n; ++j)
      detail::dots<1, 1>(k, a + i * lda, lda, b + j * ldb, ldb, c + i * ldc + j, ldc, acc);
}

}  // namespace moesim::cpu
