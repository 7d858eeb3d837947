// transpose() transposes matrices by square blocks, in registers.
#pragma once

#include "sim/backend/cpu/small_product.hpp"

#include <array>

namespace moesim::cpu {
namespace detail {

template <class T>
using Square = std::array<Vectors<T>, kVector>;

// Interleaves the lower halves (first = 0) or the upper halves (kVector / 2) of two vectors.
template <index first, class V, int... I>
[[gnu::always_inline]] inline V by_turns(V a, V b, std::integer_sequence<int, I...>) {
  return __builtin_shufflevector(a, b, (int(first) + I / 2 + (I % 2) * int(kVector))...);
}

// With n = log2 kVector, the position of a value has 2n bits, row before column. A round rotates
// the bits left by one; n rounds swap rows and columns.
template <class T>
[[gnu::always_inline]] inline void transpose(Square<T>& v) {
  constexpr auto lanes = std::make_integer_sequence<int, kVector>{};
#pragma GCC unroll 4
  for (index round = 1; round < kVector; round *= 2) {
    Square<T> w;
#pragma GCC unroll 8
    for (std::size_t i = 0; i < kVector / 2; ++i) {
      w[2 * i] = by_turns<0>(v[i], v[i + kVector / 2], lanes);
      w[2 * i + 1] = by_turns<kVector / 2>(v[i], v[i + kVector / 2], lanes);
    }
    v = w;
  }
}

}  // namespace detail

// to[c, r] = from[r, c] for r < rows, c < cols.
template <class T>
void transpose(index rows, index cols, const T* from, index ld_from, T* to, index ld_to) {
  constexpr index V = kVector;
  const index whole_rows = rows / V * V, whole_cols = cols / V * V;
  for (index r = 0; r < whole_rows; r += V)
    for (index c = 0; c < whole_cols; c += V) {
      detail::Square<T> v;
      for (index i = 0; i < V; ++i)
        v[static_cast<std::size_t>(i)] = detail::load(from + (r + i) * ld_from + c);
      detail::transpose<T>(v);
      for (index i = 0; i < V; ++i)
        detail::store(to + (c + i) * ld_to + r, v[static_cast<std::size_t>(i)]);
    }
  for (index r = 0; r < rows; ++r)
    for (index c = r < whole_rows ? whole_cols : 0; c < cols; ++c)
      to[c * ld_to + r] = from[r * ld_from + c];
}

}  // namespace moesim::cpu
