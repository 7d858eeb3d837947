// TensorTile is a tile of a matrix product on tensor cores, with the interface of SimtTile: factors
// are rounded on the way into shared memory, sums are float.
//
// Eight warps form four rows and two columns. A factor has the same layout in shared memory as in
// device memory; tensor cores read transposed factors directly. Rows are padded so that the eight
// rows of one read lie in different banks.
#pragma once

#include "sim/backend/cuda/tensor_core.hpp"
#include "sim/backend/cuda/tile_side.hpp"

namespace moesim::cuda {

template <class Factors, int size>
struct TensorTile {
  using Stored = typename Factors::Stored;
  static constexpr int kTile = size, kDepth = 64 / int(sizeof(Stored));
  static constexpr int kDown = 4, kAcross = 2;                          // warps
  static constexpr int kRows = kTile / kDown, kCols = kTile / kAcross;  // of a warp
  static constexpr int kHigh = kRows / 16, kWide = kCols / 16;          // products of a warp
  static constexpr int kAlong = kDepth + 16 / int(sizeof(Stored));      // [tile, sum]
  static constexpr int kBeside = kTile + 8;                             // [sum, tile]
  static constexpr int kValues = kTile * kAlong;
  static_assert(kDepth * kBeside <= kValues);
  static constexpr int kPatch = kCols + 4;  // 16 rows of a warp's results

  struct Memory {
    alignas(32) Stored a[2][kValues], b[2][kValues];
  };
  static_assert(kThreads / kWarp * 16 * kPatch * sizeof(float) <= sizeof(Memory));

  template <bool along_a, bool along_b, class Out>
  __device__ static void product(Memory& m, const Side<along_a>& a, const Side<along_b>& b, index k,
                                 Out out) {
    const int warp = int(threadIdx.x) / kWarp;
    const int row = warp / kAcross * kRows, col = warp % kAcross * kCols;
    Sums<Factors> sum[kHigh][kWide];
#pragma unroll
    for (int i = 0; i < kHigh; ++i)
#pragma unroll
      for (int j = 0; j < kWide; ++j) wmma::fill_fragment(sum[i][j], 0.0f);
    for_pieces<kTile, kDepth>(
        a, b, k, [&](int buffer, const auto& part) { put(part, m.a[buffer]); },
        [&](int buffer, const auto& part) { put(part, m.b[buffer]); },
        [&](int buffer, int half) {
#pragma unroll
          for (int p = half * kDepth / 2; p < (half + 1) * kDepth / 2; p += Factors::kStep) {
            Left<Factors, along_a> left[kHigh];
#pragma unroll
            for (int i = 0; i < kHigh; ++i)
              load<Factors, along_a>(left[i], m.a[buffer] + place<along_a>(row + 16 * i, p),
                                     along_a ? kAlong : kBeside);
#pragma unroll
            for (int j = 0; j < kWide; ++j) {
              Right<Factors, !along_b> right;
              load<Factors, !along_b>(right, m.b[buffer] + place<along_b>(col + 16 * j, p),
                                      along_b ? kAlong : kBeside);
#pragma unroll
              for (int i = 0; i < kHigh; ++i) wmma::mma_sync(sum[i][j], left[i], right, sum[i][j]);
            }
          }
        });
    // Results go through a patch per warp: only a store defines which thread holds which value.
    __syncthreads();
    const int lane = int(threadIdx.x) % kWarp;
    float* patch = reinterpret_cast<float*>(&m) + warp * 16 * kPatch;
#pragma unroll
    for (int i = 0; i < kHigh; ++i) {
#pragma unroll
      for (int j = 0; j < kWide; ++j)
        wmma::store_matrix_sync(patch + 16 * j, sum[i][j], kPatch, wmma::mem_row_major);
      __syncwarp();
#pragma unroll 1
      for (int at = lane; at < 16 * kCols; at += kWarp)
        out(row + 16 * i + at / kCols, col + at % kCols, patch[at / kCols * kPatch + at % kCols]);
      __syncwarp();
    }
  }

 private:
  template <bool along>
  __device__ static int place(int i, int p) {
    return along ? i * kAlong + p : p * kBeside + i;
  }

  template <bool along>
  __device__ static void put(const Carried<along, kTile, kDepth>& part, Stored* to) {
#pragma unroll
    for (int f = 0; f < part.kFours; ++f)
      *reinterpret_cast<RoundedFour<Factors>*>(to + place<along>(part.i_of(f), part.p_of(f))) =
          rounded<Factors>(part.fours[f].v);
  }
};

}  // namespace moesim::cuda
