// Rounds matrices to bfloat16 in the two layouts of small_product's pairs of terms.
//
// A left factor has rows in which the terms of a sum are adjacent. In a right factor two rows are
// joined column by column.
#pragma once

#include "sim/backend/cpu/bfloat16.hpp"
#include "sim/backend/cpu/small_product.hpp"

#include <algorithm>

namespace moesim::cpu {

constexpr index pairs(index n) { return (n + 1) / 2; }

// Rows [n, d], `ld` apart, to [n, 2 · pairs(d)]; zeros fill the last column.
inline void round_rows(index n, index d, const real* from, index ld, bf16* to) {
  for (index i = 0; i < n; ++i, from += ld, to += 2 * pairs(d)) {
    to_bf16(from, to, d);
    if (d % 2 != 0) to[d] = 0;
  }
}

// Rounded rows [n, d], `ld` apart, to [pairs(n), d]; zeros fill the last row.
inline void join_rows(index n, index d, const bf16* from, index ld, Bf16Pair* to) {
  for (; n > 1; n -= 2, from += 2 * ld, to += d) {
    const bf16 *low = from, *high = from + ld;
#pragma omp simd
    for (index c = 0; c < d; ++c) to[c] = low[c] | static_cast<Bf16Pair>(high[c]) << 16;
  }
  if (n == 1) std::copy_n(from, d, to);
}

inline const Bf16Pair* as_pairs(const bf16* rows) {
  return reinterpret_cast<const Bf16Pair*>(rows);
}

}  // namespace moesim::cpu
