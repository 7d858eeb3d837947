// SimtTile is a tile of a matrix product on ordinary cores, by a block of 256 threads, for products
// whose sizes are known on the device only (a library call would synchronise).
//
// A thread computes kEach x kEach values, in groups of four that it loads from shared memory at
// once: at 8 x 8, four such loads serve 64 multiplications.
#pragma once

#include "sim/backend/cuda/math.hpp"
#include "sim/backend/cuda/tile_side.hpp"

namespace moesim::cuda {

// rounds: rounds factors to bfloat16.
template <int size, bool rounds>
struct SimtTile {
  static constexpr int kTile = size, kDepth = 16;
  static constexpr int kEdge = 16;             // threads along either side
  static constexpr int kEach = kTile / kEdge;  // rows and columns of a thread
  static constexpr int kGroup = 4 * kEdge;     // distance of a thread's groups of four

  struct Memory {
    alignas(16) real a[2][kDepth][kTile + 4], b[2][kDepth][kTile + 4];
  };
  static_assert(kGroup == 4 * kDepth);  // rows of results that fit into the memory of the factors

  // Calls out(row, col, Σ_p a(row, p) b(col, p)) for every place of the tile, 0 <= p < k in order,
  // on one of the threads. All threads of the block must call it.
  template <bool along_a, bool along_b, class Out>
  __device__ static void product(Memory& m, const Side<along_a>& a, const Side<along_b>& b, index k,
                                 Out out) {
    const int row = int(threadIdx.x) / kEdge * 4, col = int(threadIdx.x) % kEdge * 4;
    real sum[kEach][kEach];
#pragma unroll
    for (int i = 0; i < kEach; ++i)
#pragma unroll
      for (int j = 0; j < kEach; ++j) sum[i][j] = 0;
    for_pieces<kTile, kDepth>(
        a, b, k, [&](int buffer, const auto& part) { put(part, m.a[buffer]); },
        [&](int buffer, const auto& part) { put(part, m.b[buffer]); },
        [&](int buffer, int half) {
#pragma unroll
          for (int p = half * kDepth / 2; p < (half + 1) * kDepth / 2; ++p) {
            real u[kEach], v[kEach];
            take(m.a[buffer][p], row, u);
            take(m.b[buffer][p], col, v);
#pragma unroll
            for (int i = 0; i < kEach; ++i)
#pragma unroll
              for (int j = 0; j < kEach; ++j) sum[i][j] += u[i] * v[j];
          }
        });
    // Results go through shared memory, 64 rows at a time: adjacent threads write adjacent values,
    // and the code of `out` is inlined once.
    real(*rows)[kTile + 4] = m.a[0];
#pragma unroll
    for (int g = 0; g < kEach / 4; ++g) {
      __syncthreads();
#pragma unroll
      for (int i = 0; i < 4; ++i)
#pragma unroll
        for (int j = 0; j < kEach; j += 4)
          *reinterpret_cast<Four*>(&rows[row + i][col + j * kEdge]) = {
              {sum[4 * g + i][j], sum[4 * g + i][j + 1], sum[4 * g + i][j + 2],
               sum[4 * g + i][j + 3]}};
      __syncthreads();
#pragma unroll 1
      for (int at = int(threadIdx.x); at < kGroup * kTile; at += kThreads)
        out(g * kGroup + at / kTile, at % kTile, rows[at / kTile][at % kTile]);
    }
  }

 private:
  template <bool along>
  __device__ static void put(const Carried<along, kTile, kDepth>& part, real (*to)[kTile + 4]) {
#pragma unroll
    for (int f = 0; f < part.kFours; ++f) {
      const int i = part.i_of(f), p = part.p_of(f);
      Four four = part.fours[f];
      if (rounds)
        for (real& value : four.v) value = from_bfloat16(to_bfloat16(value));
      if constexpr (along) {
#pragma unroll
        for (int j = 0; j < 4; ++j) to[p + j][i] = four.v[j];
      } else {
        *reinterpret_cast<Four*>(&to[p][i]) = four;
      }
    }
  }

  __device__ static void take(const real* from, int first, real (&to)[kEach]) {
#pragma unroll
    for (int g = 0; g < kEach / 4; ++g) {
      const Four four = *reinterpret_cast<const Four*>(from + first + g * kGroup);
#pragma unroll
      for (int j = 0; j < 4; ++j) to[4 * g + j] = four.v[j];
    }
  }
};

}  // namespace moesim::cuda
