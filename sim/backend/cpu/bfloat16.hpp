// bf16 is bfloat16: the upper half of a float, 8 bits of precision.
#pragma once

#include "sim/core/types.hpp"

#include <bit>
#include <cstdint>
#include <cstring>

#if defined(__AVX512BF16__)
#include <immintrin.h>
#endif

namespace moesim::cpu {

using bf16 = std::uint16_t;

// Rounds to float, then to bfloat16, each to nearest, ties to even; NaN stays NaN. It selects
// instead of branching, so that loops are vectorised.
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
// Subnormals become 0, as in the products.
inline void to_bf16(const float* x, bf16* y, index n) {
  index i = 0;
  for (; i + 32 <= n; i += 32) {
    const __m512bh both = _mm512_cvtne2ps_pbh(_mm512_loadu_ps(x + i + 16), _mm512_loadu_ps(x + i));
    std::memcpy(y + i, &both, sizeof both);
  }
  for (; i < n; i += 16) {  // the rest: masks are slower
    const index rest = n - i;
    const auto mask = static_cast<__mmask16>(rest < 16 ? (1u << rest) - 1 : 0xffffu);
    const __m256bh low = _mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(mask, x + i));
    if (rest < 16)
      _mm256_mask_storeu_epi16(y + i, mask, std::bit_cast<__m256i>(low));
    else
      std::memcpy(y + i, &low, sizeof low);
  }
}
#endif

}  // namespace moesim::cpu
