// bfloat16: the upper half of a float, 8 bits of precision.
#pragma once

#include "sim/core/types.hpp"

#include <bit>
#include <cstdint>
#include <cstring>
#include <type_traits>

#if defined(__AVX512BF16__)
#include <immintrin.h>
#endif

namespace moesim::cpu {

using bf16 = std::uint16_t;

// To the nearest, ties to even; NaN stays NaN. Selects, no branch: loops of it become vector code.
inline bf16 to_bf16(real x) {
  const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(x));
  const std::uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1)) >> 16;
  return static_cast<bf16>((bits & 0x7fffffffu) > 0x7f800000u ? (bits >> 16) | 0x40u : rounded);
}
inline real from_bf16(bf16 x) { return std::bit_cast<float>(static_cast<std::uint32_t>(x) << 16); }

// With AVX512_BF16 subnormals become 0, as they do in the products.
inline void to_bf16(const real* x, bf16* y, index n) {
  index first = 0;
#if defined(__AVX512BF16__)
  if constexpr (std::is_same_v<real, float>)
    for (; first + 32 <= n; first += 32) {
      const __m512bh both =
          _mm512_cvtne2ps_pbh(_mm512_loadu_ps(x + first + 16), _mm512_loadu_ps(x + first));
      std::memcpy(y + first, &both, sizeof both);
    }
#endif
#pragma omp simd
  for (index i = first; i < n; ++i) y[i] = to_bf16(x[i]);
}

}  // namespace moesim::cpu
