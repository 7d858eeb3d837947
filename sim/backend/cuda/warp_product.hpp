// Defines a warp's product of 16 x 16 by 16 x 8 bfloat16 factors with float sums
// (mma.sync.m16n8k16 of the PTX ISA), and the loads of its factors.
//
// Unlike wmma's, these fragments have a documented layout, so that sums become factors of the next
// product without passing through memory. With g = lane / 4 and t = lane % 4, a lane holds
//   sums, 16 x 8:           (g, 2t), (g, 2t + 1), (g + 8, 2t), (g + 8, 2t + 1)
//   left factor, 16 x 16:   pairs from (g, 2t), (g + 8, 2t), (g, 2t + 8), (g + 8, 2t + 8)
//   right factor, 16 x 8:   pairs down from (2t, g), (2t + 8, g)
// A pair is two adjacent values in 32 bits, the first in the lower half.
#pragma once

#include <bit>
#include <cstdint>
#include <cuda_bf16.h>
#include <cuda_pipeline.h>
#include <cuda_runtime.h>
#include <mma.h>

namespace moesim::cuda {

using Sum16x8 = float[4];
using Left16x16 = std::uint32_t[4];

// sum += left · right
__device__ inline void multiply(Sum16x8& sum, const Left16x16& left, std::uint32_t right0,
                                std::uint32_t right1) {
#ifdef __CUDACC__
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%10, %11, %12, %13};"
      : "=f"(sum[0]), "=f"(sum[1]), "=f"(sum[2]), "=f"(sum[3])
      : "r"(left[0]), "r"(left[1]), "r"(left[2]), "r"(left[3]), "r"(right0), "r"(right1),
        "f"(sum[0]), "f"(sum[1]), "f"(sum[2]), "f"(sum[3]));
#else
  emulation::mma_16x8x16(sum, left, right0, right1);
#endif
}

// Loads four matrices of 8 x 8 values from shared memory. Lane 8 i + j gives the address of row j of
// matrix i. to[i]: the pair from (g, 2t) of matrix i; if transposed, the pair down from (2t, g).
template <bool transposed>
__device__ inline void load_matrices(std::uint32_t (&to)[4], const __nv_bfloat16* row) {
#ifdef __CUDACC__
  const auto at = static_cast<unsigned>(__cvta_generic_to_shared(row));
  if constexpr (transposed)
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(at)
                 : "memory");
  else
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(at)
                 : "memory");
#else
  emulation::ldmatrix_x4(to, row, transposed);
#endif
}

// Rounds two values to the nearest, ties to even.
__device__ inline std::uint32_t pair_of(float first, float second) {
#ifdef __CUDACC__
  std::uint32_t pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(second), "f"(first));
  return pair;
#else
  return std::uint32_t{__float2bfloat16_rn(second).bits} << 16 | __float2bfloat16_rn(first).bits;
#endif
}

// 2^x with a relative error of 2^-22, in one instruction; subnormal results are 0.
__device__ inline float fast_exp2(float x) {
#ifdef __CUDACC__
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#else
  return std::exp2(x);
#endif
}

}  // namespace moesim::cuda
