// What the kernels of attention share: places of a head, and products of tiles of its rows.
//
// A block of 16 x 16 threads holds a tile of scores, kRows queries by kRows keys, kEach x kEach of
// them per thread and 16 apart. Rows of q, k, v and dy pass through shared memory kChunk values at
// a time, so that head sizes have no limit.
#pragma once

#include "sim/backend/backend.hpp"
#include "sim/backend/cuda/launch.hpp"
#include "sim/backend/cuda/math.hpp"

namespace moesim::cuda::attention {

constexpr int kSide = 16;
constexpr int kEach = sizeof(real) == 4 ? 4 : 2;  // 48 KB of shared memory hold as many
constexpr int kRows = kSide * kEach;
constexpr int kChunk = 32;
constexpr int kColumns = kChunk / kSide;  // of a chunk, per thread

// One head of one sequence. Rows of q, k, v are `stride` apart, rows of y and dy `width`.
struct Head {
  __device__ Head(const Attention& a, index item)
      : d(a.head_size),
        width(a.heads * d),
        stride(3 * width),
        heads(a.heads),
        row(item / heads * a.length),
        head(item % heads) {}
  __device__ index q(index i) const { return (row + i) * stride + head * d; }
  __device__ index k(index i) const { return q(i) + width; }
  __device__ index v(index i) const { return q(i) + 2 * width; }
  __device__ index y(index i) const { return (row + i) * width + head * d; }
  __device__ index lse(index i) const { return (row + i) * heads + head; }

  index d, width, stride, heads, row, head;
};

// kChunk columns of kRows rows, and the scores or weights of a pair of tiles.
struct Memory {
  real left[kRows][kChunk + 1], right[kRows][kChunk + 1];
  real weights[kRows][kRows + 1];  // [query, key]
};

using Scores = real[kEach][kEach];  // of queries ty + 16 i and keys tx + 16 j

__device__ inline int tx() { return int(threadIdx.x) % kSide; }
__device__ inline int ty() { return int(threadIdx.x) / kSide; }

// `rows` rows from `from`, `stride` apart, columns column .. of d; zeros beyond.
__device__ inline void load(const real* from, index stride, index rows, index column, index d,
                            real (*to)[kChunk + 1]) {
  for (int at = int(threadIdx.x); at < kRows * kChunk; at += kThreads) {
    const int r = at / kChunk, c = at % kChunk;
    to[r][c] = r < rows && column + c < d ? from[r * stride + column + c] : real(0);
  }
}

// s[i][j] = Σ_c a[row i, c] b[row j, c]
__device__ inline void inner_products(Memory& m, const real* a, index stride_a, index rows_a,
                                      const real* b, index stride_b, index rows_b, index d,
                                      Scores& s) {
  for (int i = 0; i < kEach; ++i)
    for (int j = 0; j < kEach; ++j) s[i][j] = 0;
  for (index column = 0; column < d; column += kChunk) {
    load(a, stride_a, rows_a, column, d, m.left);
    load(b, stride_b, rows_b, column, d, m.right);
    __syncthreads();
#pragma unroll 8
    for (int c = 0; c < kChunk; ++c) {
      real u[kEach], v[kEach];
#pragma unroll
      for (int i = 0; i < kEach; ++i)
        u[i] = m.left[ty() + kSide * i][c], v[i] = m.right[tx() + kSide * i][c];
#pragma unroll
      for (int i = 0; i < kEach; ++i)
#pragma unroll
        for (int j = 0; j < kEach; ++j) s[i][j] += u[i] * v[j];
    }
    __syncthreads();
  }
}

// Sums of a thread: kGroup chunks of columns for each of its rows.
template <int kGroup>
using Sums = real[kGroup][kEach][kColumns];

// sum[n][i][j] += Σ_r w(i, r) rows[r, column + kChunk n + tx + 16 j], where w is m.weights: of the
// thread's query i and key r, or, by_key, of its key i and query r.
template <int kGroup, bool by_key>
__device__ inline void weigh(Memory& m, const real* rows, index stride, index n_rows, index column,
                             index d, Sums<kGroup>& sum) {
#pragma unroll
  for (int n = 0; n < kGroup; ++n) {
    load(rows, stride, n_rows, column + n * kChunk, d, m.right);
    __syncthreads();  // also for the weights
#pragma unroll 4
    for (int r = 0; r < kRows; ++r) {
      real w[kEach], v[kColumns];
#pragma unroll
      for (int i = 0; i < kEach; ++i)
        w[i] = by_key ? m.weights[r][ty() + kSide * i] : m.weights[ty() + kSide * i][r];
#pragma unroll
      for (int j = 0; j < kColumns; ++j) v[j] = m.right[r][tx() + kSide * j];
#pragma unroll
      for (int i = 0; i < kEach; ++i)
#pragma unroll
        for (int j = 0; j < kColumns; ++j) sum[n][i][j] += w[i] * v[j];
    }
    __syncthreads();
  }
}

template <int kGroup>
__device__ inline void clear(Sums<kGroup>& sum) {
  for (int n = 0; n < kGroup; ++n)
    for (int i = 0; i < kEach; ++i)
      for (int j = 0; j < kColumns; ++j) sum[n][i][j] = 0;
}

// The thread's sums, to rows `stride` apart.
template <int kGroup>
__device__ inline void store(const Sums<kGroup>& sum, index rows, index column, index d, real* to,
                             index stride) {
  for (int n = 0; n < kGroup; ++n)
    for (int i = 0; i < kEach; ++i)
      for (int j = 0; j < kColumns; ++j) {
        const index r = ty() + kSide * i, c = column + n * kChunk + tx() + kSide * j;
        if (r < rows && c < d) to[r * stride + c] = sum[n][i][j];
      }
}

__device__ inline void store_weights(Memory& m, const Scores& s) {
  for (int i = 0; i < kEach; ++i)
    for (int j = 0; j < kEach; ++j) m.weights[ty() + kSide * i][tx() + kSide * j] = s[i][j];
}

// Over the 16 threads that share queries.
__device__ inline real side_sum(real value) {
  for (int by = kSide / 2; by > 0; by /= 2) value += __shfl_xor_sync(~0u, value, by);
  return value;
}
__device__ inline real side_max(real value) {
  for (int by = kSide / 2; by > 0; by /= 2) {
    const real other = __shfl_xor_sync(~0u, value, by);
    value = other > value ? other : value;
  }
  return value;
}

}  // namespace moesim::cuda::attention
