// Computes attention's tile products in bfloat16 with scores, weights and sums in registers.
//
// Four warps process 64 rows (queries or keys) of a head, 16 each, and loop over tiles of 64 other
// rows in shared memory. The 16 rows are a left factor that stays in registers; scores of 16 x 64
// are rounded in place to the left factor of the weighted sum.
#pragma once

#include "sim/backend/cuda/attention_parts.hpp"
#include "sim/backend/cuda/warp_product.hpp"

namespace moesim::cuda::attention {

constexpr int kTile = 64, kBlock = kTile / 16 * kWarp;
using Low = __nv_bfloat16;

__device__ inline int lane() { return int(threadIdx.x) % kWarp; }
// Row (of the block's) and column (of 8) of the lane's value e of sums.
__device__ inline int row_of(int e) {
  return int(threadIdx.x) / kWarp * 16 + e / 2 * 8 + lane() / 4;
}
__device__ inline int col_of(int e) { return lane() % 4 * 2 + e % 2; }

// Rows of d values, 16 bits each. The padding puts the rows of a load in different banks.
template <int d>
struct Tile {
  static constexpr int kLong = d + 8;
  alignas(16) Low row[kTile][kLong];
};

// Begins to copy `rows` rows, `stride` apart, to a tile; zeros behind them.
template <int d>
__device__ inline void fetch(Tile<d>& to, const Low* from, int stride, int rows) {
  constexpr int kAcross = d / 8, kDown = kBlock / kAcross;
  const int first = int(threadIdx.x) / kAcross, c = int(threadIdx.x) % kAcross * 8;
  from += first * stride + c;
#pragma unroll
  for (int r = first, i = 0; i < kTile / kDown; ++i, r += kDown, from += kDown * stride) {
    if (r < rows)
      __pipeline_memcpy_async(&to.row[r][c], from, 16);
    else
      *reinterpret_cast<uint4*>(&to.row[r][c]) = {};
  }
}

// Calls begin(tile, stage), then use(tile, stage), for the tiles first, first + kTile, .. < end.
// With two stages the next tile is copied while one is used.
template <int kStages, class Begin, class Use>
__device__ inline void for_tiles(index first, index end, Begin begin, Use use) {
  static_assert(kStages == 1 || kStages == 2);
  const auto start = [&](index tile, int stage) {
    begin(tile, stage);
    __pipeline_commit();
  };
  if (kStages == 2) start(first, 0);
  int stage = 0;
  for (index tile = first; tile < end; tile += kTile) {
    if (kStages == 1) start(tile, 0);
    __pipeline_wait_prior(0);
    __syncthreads();  // the tile is there, and all warps have left the previous one
    if (kStages == 2 && tile + kTile < end) start(tile + kTile, 1 - stage);
    use(tile, stage);
    if (kStages == 1) __syncthreads();
    if (kStages == 2) stage = 1 - stage;
  }
}

// The warp's 16 of `rows` rows as left factors.
template <int d>
struct Rows {
  __device__ Rows(const Low* from, int stride, int rows) {
#pragma unroll
    for (int part = 0; part < d / 16; ++part)
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int r = row_of(i % 2 * 2), c = part * 16 + i / 2 * 8 + col_of(0);
        left[part][i] =
            r < rows ? *reinterpret_cast<const std::uint32_t*>(from + index(r) * stride + c) : 0;
      }
  }
  Left16x16 left[d / 16];
};

using Scores16 = Sum16x8[kTile / 8];  // of the warp's rows and the rows of a tile

// s = rows · tileᵀ
template <int d>
__device__ inline void inner_products(const Rows<d>& rows, const Tile<d>& tile, Scores16& s) {
  const int r = lane() / 16 * 8 + lane() % 8, c = lane() / 8 % 2 * 8;
#pragma unroll
  for (int n = 0; n < kTile / 8; ++n)
#pragma unroll
    for (int e = 0; e < 4; ++e) s[n][e] = 0;
#pragma unroll
  for (int part = 0; part < d / 16; ++part)
#pragma unroll
    for (int n = 0; n < kTile / 8; n += 2) {
      std::uint32_t right[4];
      load_matrices<false>(right, &tile.row[n * 8 + r][part * 16 + c]);
      multiply(s[n], rows.left[part], right[0], right[1]);
      multiply(s[n + 1], rows.left[part], right[2], right[3]);
    }
}

template <int d>
using Weighted = Sum16x8[d / 8];  // of the warp's rows

// sum += weights · tile
template <int d>
__device__ inline void weigh(const Scores16& weights, const Tile<d>& tile, Weighted<d>& sum) {
  const int r = lane() % 16, c = lane() / 16 * 8;
#pragma unroll
  for (int part = 0; part < kTile / 16; ++part) {
    const Sum16x8 &a = weights[2 * part], &b = weights[2 * part + 1];
    const Left16x16 left = {pair_of(a[0], a[1]), pair_of(a[2], a[3]), pair_of(b[0], b[1]),
                            pair_of(b[2], b[3])};
#pragma unroll
    for (int n = 0; n < d / 8; n += 2) {
      std::uint32_t right[4];
      load_matrices<true>(right, &tile.row[part * 16 + r][n * 8 + c]);
      multiply(sum[n], left, right[0], right[1]);
      multiply(sum[n + 1], left, right[2], right[3]);
    }
  }
}

// Stores the warp's sums times by[0] and by[1] (its rows g and g + 8) to rows `stride` apart, of
// `columns` values.
template <int d>
__device__ inline void store(const Weighted<d>& sum, int rows, int columns, real* to, int stride,
                             const float (&by)[2]) {
#pragma unroll
  for (int n = 0; n < d / 8; ++n)
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      const int r = row_of(e), c = n * 8 + col_of(e);
      if (r < rows && c < columns) to[index(r) * stride + c] = real(sum[n][e] * by[e / 2]);
    }
}

}  // namespace moesim::cuda::attention
