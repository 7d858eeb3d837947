// rounded_product() rounds its factors to bfloat16, piece by piece, and sums in `real`.
#pragma once

#include "sim/backend/cpu/bf16_pairs.hpp"
#include "sim/backend/cpu/transpose.hpp"

namespace moesim::cpu {

// Largest number of terms of a sum and of columns of the result.
inline constexpr index kRoundedTerms = 128, kRoundedCols = 128;

namespace detail {

inline constexpr index kRoundedRows = 64;

// Rounded rows of one factor, and the other factor in pairs.
struct RoundedFactors {
  bf16 rows[kRoundedTerms * kRoundedCols];
  Bf16Pair joined[pairs(kRoundedTerms) * kRoundedCols];
};

// c = a · f.joined + (acc ? c : 0): a [m, k], f.joined [pairs(k), n].
inline void rounded_rows(index m, index n, index k, const real* a, index lda, RoundedFactors& f,
                         real* c, index ldc, bool acc) {
  for (index row = 0; row < m; row += kRoundedRows) {
    const index rows = std::min(kRoundedRows, m - row);
    round_rows(rows, k, a + row * lda, lda, f.rows);
    small_product(false, rows, n, pairs(k), as_pairs(f.rows), pairs(k), f.joined, n, c + row * ldc,
                  ldc, acc);
  }
}

}  // namespace detail

// c = a · b + (acc ? c : 0): a [m, k], b [k, n]; k <= kRoundedTerms, n <= kRoundedCols.
inline void rounded_product(index m, index n, index k, const real* a, index lda, const real* b,
                            index ldb, real* c, index ldc, bool acc) {
  detail::RoundedFactors f;
  round_rows(k, n, b, ldb, f.rows);
  join_rows(k, n, f.rows, 2 * pairs(n), f.joined);
  detail::rounded_rows(m, n, k, a, lda, f, c, ldc, acc);
}

// c = a · bᵀ + (acc ? c : 0): a [m, k], b [n, k]; the same limits.
inline void rounded_product_transposed(index m, index n, index k, const real* a, index lda,
                                       const real* b, index ldb, real* c, index ldc, bool acc) {
  detail::RoundedFactors f;
  round_rows(n, k, b, ldb, f.rows);
  transpose(n, pairs(k), as_pairs(f.rows), pairs(k), f.joined, n);
  detail::rounded_rows(m, n, k, a, lda, f, c, ldc, acc);
}

// c = aᵀ · b: a [k, m], b [k, n]; m, n <= kRoundedCols.
inline void rounded_product_of_columns(index m, index n, index k, const real* a, index lda,
                                       const real* b, index ldb, real* c, index ldc) {
  detail::RoundedFactors left, right;
  for (index first = 0; first == 0 || first < k; first += kRoundedTerms) {
    const index terms = std::min(kRoundedTerms, k - first);
    round_rows(terms, m, a + first * lda, lda, left.rows);
    join_rows(terms, m, left.rows, 2 * pairs(m), left.joined);
    round_rows(terms, n, b + first * ldb, ldb, right.rows);
    join_rows(terms, n, right.rows, 2 * pairs(n), right.joined);
    small_product(true, m, n, pairs(terms), left.joined, m, right.joined, n, c, ldc, first > 0);
  }
}

}  // namespace moesim::cpu
