// One tile of a matrix product, by a block of 256 threads through shared memory: for products whose
// sizes stand on the device, which no library takes from there without a wait.
#pragma once

#include "sim/backend/cuda/launch.hpp"
#include "sim/backend/cuda/math.hpp"

namespace moesim::cuda {

constexpr int kTile = 64;             // rows and columns of a tile
constexpr int kDepth = 16;            // of the sum at a time
constexpr int kEdge = 16;             // threads along either side
constexpr int kEach = kTile / kEdge;  // rows and columns of a thread, kEdge apart

struct TileMemory {
  real a[kDepth][kTile + 1], b[kDepth][kTile + 1];
};

// Place of a thread's value: rows row + kEdge · i, columns col + kEdge · j.
__device__ inline int tile_row() { return int(threadIdx.x) / kEdge; }
__device__ inline int tile_col() { return int(threadIdx.x) % kEdge; }

// A factor: element (i, p), i along the tile and p along the sum, stands at i · ld + p if `along`,
// else at p · ld + i. n: how many i there are.
struct Side {
  const real* p;
  index ld, n;
  bool along;
};

__device__ inline void load_side(const Side& s, index depth, index k, bool low,
                                 real (*to)[kTile + 1]) {
  for (int at = int(threadIdx.x); at < kTile * kDepth; at += kThreads) {
    const int i = s.along ? at / kDepth : at % kTile, p = s.along ? at % kDepth : at / kTile;
    real value = 0;
    if (i < s.n && depth + p < k)
      value = s.along ? s.p[i * s.ld + depth + p] : s.p[(depth + p) * s.ld + i];
    to[p][i] = low ? from_bfloat16(to_bfloat16(value)) : value;
  }
}

// sum[i][j] = Σ_p a(row, p) b(col, p) over 0 <= p < k, in that order; low: of factors rounded to
// bfloat16. All threads of the block come here.
__device__ inline void tile_product(TileMemory& m, const Side& a, const Side& b, index k, bool low,
                                    real (&sum)[kEach][kEach]) {
  const int row = tile_row(), col = tile_col();
  for (int i = 0; i < kEach; ++i)
    for (int j = 0; j < kEach; ++j) sum[i][j] = 0;
  for (index depth = 0; depth < k; depth += kDepth) {
    load_side(a, depth, k, low, m.a);
    load_side(b, depth, k, low, m.b);
    __syncthreads();
#pragma unroll
    for (int p = 0; p < kDepth; ++p) {
      real u[kEach], v[kEach];
#pragma unroll
      for (int i = 0; i < kEach; ++i)
        u[i] = m.a[p][row + kEdge * i], v[i] = m.b[p][col + kEdge * i];
#pragma unroll
      for (int i = 0; i < kEach; ++i)
#pragma unroll
        for (int j = 0; j < kEach; ++j) sum[i][j] += u[i] * v[j];
    }
    __syncthreads();
  }
}

}  // namespace moesim::cuda
