// small_product() multiplies small matrices in cache, without packing or a library call.
//
// A tile of the result stays in registers during the sum. Every element is one chain of fused
// multiply-adds in order of k, so a row has the same bits whatever the other rows are. No library
// that packs its factors guarantees this.
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

// Two adjacent bfloat16 terms of a sum, the first in the lower half.
using Bf16Pair = std::uint32_t;

namespace detail {

template <class T>
struct VectorOf {
  using type [[gnu::vector_size(kVector * sizeof(T))]] = T;
};
template <class T>
using Vectors = typename VectorOf<T>::type;
using Vector = Vectors<real>;

template <class T>
Vectors<T> load(const T* p) {
  Vectors<T> v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
template <class T>
void store(T* p, Vectors<T> v) {
  std::memcpy(p, &v, sizeof v);
}

inline Vector multiply_add(Vector sum, real left, Vector right) { return sum + left * right; }
// sum + low · low + high · high.
template <class Sum>
struct PairProduct {
  template <class Sums, class Pairs>
  static Sums add(Sums sum, Bf16Pair left, Pairs right) {
    constexpr Bf16Pair kHigh = 0xffff0000u;
    const auto scalar = [](Bf16Pair bits) { return static_cast<Sum>(std::bit_cast<float>(bits)); };
    const auto vector = [](Pairs bits) {
      return __builtin_convertvector(std::bit_cast<Vectors<float>>(bits), Sums);
    };
    sum += scalar(left << 16) * vector(right << 16);
    return sum + scalar(left & kHigh) * vector(right & kHigh);
  }
};
#if defined(__AVX512BF16__)
template <>  // treats subnormal factors as 0
struct PairProduct<float> {
  template <class Sums, class Pairs>
  static Sums add(Sums sum, Bf16Pair left, Pairs right) {
    return _mm512_dpbf16_ps(sum, (__m512bh)_mm512_set1_epi32(int(left)), (__m512bh)right);
  }
};
#endif
inline Vector multiply_add(Vector sum, Bf16Pair left, Vectors<Bf16Pair> right) {
  return PairProduct<real>::add(sum, left, right);
}

// A [rows of c, k] on the left: element (r, j) at a[r · row + j · step].
template <class T>
struct Left {
  T operator()(index r, index j) const {
    T value;  // a pair may be two values in memory
    std::memcpy(&value, p + r * row + j * step, sizeof value);
    return value;
  }
  Left from(index r, index j = 0) const { return {p + r * row + j * step, row, step}; }
  const T* p;
  index row, step;
};

template <index R, index V, class T>
[[gnu::always_inline]] inline void tile(index k, Left<T> a, const T* b, index ldb, real* c,
                                        index ldc, bool acc) {
  Vector sum[R][V];
  for (index r = 0; r < R; ++r)
    for (index v = 0; v < V; ++v) sum[r][v] = acc ? load(c + r * ldc + v * kVector) : Vector{};
  for (index j = 0; j < k; ++j) {
    Vectors<T> right[V];
    for (index v = 0; v < V; ++v) right[v] = load(b + j * ldb + v * kVector);
    for (index r = 0; r < R; ++r) {
      const T left = a(r, j);
      for (index v = 0; v < V; ++v) sum[r][v] = multiply_add(sum[r][v], left, right[v]);
    }
  }
  for (index r = 0; r < R; ++r)
    for (index v = 0; v < V; ++v) store(c + r * ldc + v * kVector, sum[r][v]);
}

// The last rows of a panel, fewer than R.
template <index V, class T, index... R>
inline void last_rows(index rows, std::integer_sequence<index, R...>, index k, Left<T> a,
                      const T* b, index ldb, real* c, index ldc, bool acc) {
  ((rows == R + 1 ? tile<R + 1, V>(k, a, b, ldb, c, ldc, acc) : void()), ...);
}

template <index V, class T>
void panel(index m, index k, Left<T> a, const T* b, index ldb, real* c, index ldc, bool acc) {
  constexpr index R = kAccumulators / 3 * (V == 1 ? 2 : 1);
  index row = 0;
  for (; row + R <= m; row += R) tile<R, V>(k, a.from(row), b, ldb, c + row * ldc, ldc, acc);
  last_rows<V>(m - row, std::make_integer_sequence<index, R - 1>{}, k, a.from(row), b, ldb,
               c + row * ldc, ldc, acc);
}

// Computes the columns of c that fill whole vectors; returns their number.
template <class T>
index panels(index m, index n, index k, Left<T> left, const T* b, index ldb, real* c, index ldc,
             bool acc) {
  index col = 0;
  while (n - col >= kVector) {
    const index vectors = std::min<index>((n - col) / kVector, 4);
    const T* right = b + col;
    real* out = c + col;
    // As two pairs: one tile of four vectors would need too many loads per product
    if (vectors == 4)
      panel<2>(m, k, left, right, ldb, out, ldc, acc),
          panel<2>(m, k, left, right + 2 * kVector, ldb, out + 2 * kVector, ldc, acc);
    else if (vectors == 3)
      panel<3>(m, k, left, right, ldb, out, ldc, acc);
    else if (vectors == 2)
      panel<2>(m, k, left, right, ldb, out, ldc, acc);
    else
      panel<1>(m, k, left, right, ldb, out, ldc, acc);
    col += vectors * kVector;
  }
  return col;
}

// The last columns, fewer than a vector has lanes, by padded vectors.
template <class T>
void last_columns(index m, index n, index k, Left<T> left, const T* b, index ldb, real* c,
                  index ldc, bool acc) {
  constexpr index kRows = 24, kTerms = 64;
  T right[kTerms * kVector] = {};
  real out[kRows * kVector] = {};
  for (index row = 0; row < m; row += kRows) {
    const index rows = std::min(kRows, m - row);
    for (index r = 0; r < rows; ++r)
      for (index i = 0; i < n; ++i) out[r * kVector + i] = acc ? c[(row + r) * ldc + i] : 0;
    for (index j = 0; j < k; j += kTerms) {
      const index terms = std::min(kTerms, k - j);
      for (index t = 0; t < terms; ++t) std::copy_n(b + (j + t) * ldb, n, right + t * kVector);
      panel<1>(rows, terms, left.from(row, j), right, kVector, out, kVector, true);
    }
    for (index r = 0; r < rows; ++r) std::copy_n(out + r * kVector, n, c + (row + r) * ldc);
  }
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
  const detail::Left<real> left{a, transpose_a ? 1 : lda, transpose_a ? lda : 1};
  const index col = detail::panels(m, n, k, left, b, ldb, c, ldc, acc);
  if (col < n)
    gemm(transpose_a, false, m, n - col, k, 1, a, lda, b + col, ldb, acc ? 1 : 0, c + col, ldc);
}

// The same for k pairs.
inline void small_product(bool transpose_a, index m, index n, index k, const Bf16Pair* a, index lda,
                          const Bf16Pair* b, index ldb, real* c, index ldc, bool acc) {
  const detail::Left<Bf16Pair> left{a, transpose_a ? 1 : lda, transpose_a ? lda : 1};
  const index col = detail::panels(m, n, k, left, b, ldb, c, ldc, acc);
  if (col < n) detail::last_columns(m, n - col, k, left, b + col, ldb, c + col, ldc, acc);
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
