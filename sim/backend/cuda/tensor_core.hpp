// Defines the factor types of tensor cores, bfloat16 and tf32, with float sums, and loads them. A
// warp multiplies matrices of 16 x kStep by kStep x 16.
#pragma once

#include <cstring>
#include <cuda_bf16.h>
#include <mma.h>
#include <type_traits>

namespace moesim::cuda {

namespace wmma = nvcuda::wmma;

// 8 bits of precision, rounded to the nearest, ties to even.
struct Bfloat16Factors {
  using Stored = __nv_bfloat16;
  using Type = __nv_bfloat16;
  static constexpr int kStep = 16;
  __device__ static Stored round(float x) { return __float2bfloat16_rn(x); }
};

// 11 bits of precision, rounded to the nearest, ties away from 0.
struct Tf32Factors {
  using Stored = float;
  using Type = wmma::precision::tf32;
  static constexpr int kStep = 8;
  __device__ static Stored round(float x) { return wmma::__float_to_tf32(x); }
};

// Four rounded values.
template <class Factors>
struct alignas(4 * sizeof(typename Factors::Stored)) RoundedFour {
  typename Factors::Stored v[4];
};
template <class Factors>
__device__ inline RoundedFour<Factors> rounded(const float (&x)[4]) {
  return {{Factors::round(x[0]), Factors::round(x[1]), Factors::round(x[2]), Factors::round(x[3])}};
}

template <class Factors>
using Sums = wmma::fragment<wmma::accumulator, 16, 16, Factors::kStep, float>;

// The left factor, rows x sum, and the right one, sum x columns; by_rows: as it lies in memory.
template <class Factors, bool by_rows>
using Left = wmma::fragment<wmma::matrix_a, 16, 16, Factors::kStep, typename Factors::Type,
                            std::conditional_t<by_rows, wmma::row_major, wmma::col_major>>;
template <class Factors, bool by_rows>
using Right = wmma::fragment<wmma::matrix_b, 16, 16, Factors::kStep, typename Factors::Type,
                             std::conditional_t<by_rows, wmma::row_major, wmma::col_major>>;

// Loads a factor from shared memory. wmma::load_matrix_sync does not name the memory space and
// compiles to four loads and two transpositions; the same instruction with .shared is one LDSM for
// 16-bit factors.
template <class Factors, bool left, bool by_rows, class Fragment>
__device__ inline void load_factor(Fragment& to, const typename Factors::Stored* from, int ld) {
#ifdef __CUDA_ARCH__
  static_assert(sizeof(to.x) == 16);
  unsigned part[4];
  const auto at = static_cast<unsigned>(__cvta_generic_to_shared(from));
#define MOESIM_LOAD(what)                                                   \
  asm volatile("wmma.load." what " {%0, %1, %2, %3}, [%4], %5;"             \
               : "=r"(part[0]), "=r"(part[1]), "=r"(part[2]), "=r"(part[3]) \
               : "r"(at), "r"(ld)                                           \
               : "memory")
  if constexpr (Factors::kStep == 16) {
    if constexpr (left && by_rows) MOESIM_LOAD("a.sync.aligned.row.m16n16k16.shared.bf16");
    if constexpr (left && !by_rows) MOESIM_LOAD("a.sync.aligned.col.m16n16k16.shared.bf16");
    if constexpr (!left && by_rows) MOESIM_LOAD("b.sync.aligned.row.m16n16k16.shared.bf16");
    if constexpr (!left && !by_rows) MOESIM_LOAD("b.sync.aligned.col.m16n16k16.shared.bf16");
  } else {
    if constexpr (left && by_rows) MOESIM_LOAD("a.sync.aligned.row.m16n16k8.shared.tf32");
    if constexpr (left && !by_rows) MOESIM_LOAD("a.sync.aligned.col.m16n16k8.shared.tf32");
    if constexpr (!left && by_rows) MOESIM_LOAD("b.sync.aligned.row.m16n16k8.shared.tf32");
    if constexpr (!left && !by_rows) MOESIM_LOAD("b.sync.aligned.col.m16n16k8.shared.tf32");
  }
#undef MOESIM_LOAD
  std::memcpy(to.x, part, sizeof part);
#else
  wmma::load_matrix_sync(to, from, static_cast<unsigned>(ld));
#endif
}
template <class Factors, bool by_rows>
__device__ inline void load(Left<Factors, by_rows>& to, const typename Factors::Stored* from,
                            int ld) {
  load_factor<Factors, true, by_rows>(to, from, ld);
}
template <class Factors, bool by_rows>
__device__ inline void load(Right<Factors, by_rows>& to, const typename Factors::Stored* from,
                            int ld) {
  load_factor<Factors, false, by_rows>(to, from, ld);
}

}  // namespace moesim::cuda
