// bfloat16: the upper half of a float, 8 bits of precision.
#pragma once

#include "sim/core/types.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

#if defined(__AVX512BF16__)
#include <immintrin.h>
#endif

namespace moesim::cpu {

using bf16 = std::uint16_t;

// To the nearest float, and from there to the nearest, ties to even; NaN stays NaN. Selects, no
// branch: loops of it become vector code.
inline bf16 to_bf16(real x) {
  const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(x));
  const std::uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1)) >> 16;
  return static_cast<bf16>((bits & 0x7fffffffu) > 0x7f800000u ? (bits >> 16) | 0x40u : rounded);
}
inline real from_bf16(bf16 x) { return std::bit_cast<float>(static_cast<std::uint32_t>(x) << 16); }

template <class T>
void to_bf16(const T* x, bf16* y, index n) {
#pragma omp simd
  for (index i = 0; i < n; ++i) y[i] = to_bf16(static_cast<real>(x[i]));
}

#if defined(__AVX512BF16__)
// Subnormals become 0, as they do in the products.
inline void to_bf16(const float* x, bf16* y, index n) {
  constexpr index kStep = 32;
  const auto step = [](const float* from, bf16* to) {
    const __m512bh both = _mm512_cvtne2ps_pbh(_mm512_loadu_ps(from + 16), _mm512_loadu_ps(from));
    std::memcpy(to, &both, sizeof both);
  };
  index first = 0;
  for (; first + kStep <= n; first += kStep) step(x + first, y + first);
  if (first == n) return;
  float rest[kStep] = {};
  bf16 low[kStep];
  std::copy(x + first, x + n, rest);
  step(rest, low);
  std::copy_n(low, n - first, y + first);
}
#endif

}  // namespace moesim::cpu
