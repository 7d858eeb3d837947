// Computes attention's tile products on ordinary cores.
//
// 16 x 16 threads hold a tile of scores, kRows queries by kRows keys. Each thread holds kEach x
// kEach adjacent ones, so that it loads kEach values from shared memory at once.
#pragma once

#include "sim/backend/cuda/attention_parts.hpp"

namespace moesim::cuda::attention {

constexpr int kColumns = kChunk / kSide;  // columns of a chunk per thread
constexpr int kLong = kRows + 16 / int(sizeof(real));

struct alignas(16) Few {
  real v[kEach];
};
struct alignas(2 * sizeof(real)) Columns {
  real v[kColumns];
};
static_assert(kColumns == 2);

// Factors of scores are stored transposed, [column, row]. Factors of weighted sums are stored as
// they are, [row, column], in the place of the right factor.
struct Memory {
  alignas(16) real left[kChunk][kLong], right[kChunk][kLong];
  alignas(16) real weights[kRows][kRows];
};

using Scores = real[kEach][kEach];  // of queries query_of(i) and keys key_of(j)

__device__ inline int tx() { return int(threadIdx.x) % kSide; }
__device__ inline int ty() { return int(threadIdx.x) / kSide; }
__device__ inline int query_of(int i) { return ty() * kEach + i; }
__device__ inline int key_of(int j) { return tx() * kEach + j; }

__device__ inline void load_transposed(const real* from, int stride, int rows, int column, int d,
                                       real (*to)[kLong]) {
  for_fours(from, stride, rows, column, d, [=](int r, int c, const Four& four) {
#pragma unroll
    for (int j = 0; j < 4; ++j) to[c + j][r] = four.v[j];
  });
}

// s[i][j] = Σ_c a[query i, c] b[key j, c]; kept: a is in shared memory from the last call (one
// chunk).
__device__ inline void inner_products(Memory& m, const real* a, int stride_a, int rows_a,
                                      const real* b, int stride_b, int rows_b, int d, Scores& s,
                                      bool kept = false) {
#pragma unroll
  for (int i = 0; i < kEach; ++i)
#pragma unroll
    for (int j = 0; j < kEach; ++j) s[i][j] = 0;
  for (int column = 0; column < d; column += kChunk) {
    if (!kept || d > kChunk) load_transposed(a, stride_a, rows_a, column, d, m.left);
    load_transposed(b, stride_b, rows_b, column, d, m.right);
    __syncthreads();
#pragma unroll 8
    for (int c = 0; c < kChunk; ++c) {
      const Few u = *reinterpret_cast<const Few*>(&m.left[c][query_of(0)]);
      const Few v = *reinterpret_cast<const Few*>(&m.right[c][key_of(0)]);
#pragma unroll
      for (int i = 0; i < kEach; ++i)
#pragma unroll
        for (int j = 0; j < kEach; ++j) s[i][j] += u.v[i] * v.v[j];
    }
    __syncthreads();
  }
}

// Weights are stored as [summed index, row of the result], kEach rows adjacent. For [key, query]
// the threads of a half warp write the same place of different rows: there the groups of kEach are
// permuted row by row, so that they lie in different banks.
template <bool by_key>
__device__ inline void store_weights(Memory& m, const Scores& s) {
#pragma unroll
  for (int i = 0; i < kEach; ++i) {
    Few few;
#pragma unroll
    for (int j = 0; j < kEach; ++j) few.v[j] = by_key ? s[i][j] : s[j][i];
    real* row = by_key ? m.weights[query_of(i)] : m.weights[key_of(i)];
    *reinterpret_cast<Few*>(row + (by_key ? tx() : ty() ^ tx() % 8) * kEach) = few;
  }
}

// A thread's sums: kGroup chunks of columns for each of its rows.
template <int kGroup>
using Sums = real[kGroup][kEach][kColumns];

// sum[n][i][j] += Σ_r w(i, r) rows[r, column + kChunk n + kColumns tx + j], where w is in
// m.weights, stored with the same by_key: of query ty, i and key r, or of key ty, i and query r.
template <int kGroup, bool by_key>
__device__ inline void weigh(Memory& m, const real* rows, int stride, int n_rows, int column, int d,
                             Sums<kGroup>& sum) {
  auto* values = reinterpret_cast<real(*)[kChunk]>(m.right);
  static_assert(sizeof(m.right) >= sizeof(real[kRows][kChunk]));
#pragma unroll
  for (int n = 0; n < kGroup; ++n) {
    for_fours(rows, stride, n_rows, column + n * kChunk, d, [=](int r, int c, const Four& four) {
      *reinterpret_cast<Four*>(&values[r][c]) = four;
    });
    __syncthreads();  // for the weights as well
#pragma unroll 8
    for (int r = 0; r < kRows; ++r) {
      const int group = by_key ? ty() : ty() ^ r / kEach % 8;
      const Few w = *reinterpret_cast<const Few*>(&m.weights[r][group * kEach]);
      const Columns v = *reinterpret_cast<const Columns*>(&values[r][tx() * kColumns]);
#pragma unroll
      for (int i = 0; i < kEach; ++i)
#pragma unroll
        for (int j = 0; j < kColumns; ++j) sum[n][i][j] += w.v[i] * v.v[j];
    }
    __syncthreads();
  }
}

template <int kGroup>
__device__ inline void clear(Sums<kGroup>& sum) {
#pragma unroll
  for (int n = 0; n < kGroup; ++n)
#pragma unroll
    for (int i = 0; i < kEach; ++i)
#pragma unroll
      for (int j = 0; j < kColumns; ++j) sum[n][i][j] = 0;
}

// Stores the thread's sums to rows `stride` apart.
template <int kGroup>
__device__ inline void store(const Sums<kGroup>& sum, int rows, int column, int d, real* to,
                             int stride) {
#pragma unroll
  for (int n = 0; n < kGroup; ++n)
#pragma unroll
    for (int i = 0; i < kEach; ++i)
#pragma unroll
      for (int j = 0; j < kColumns; ++j) {
        const int r = query_of(i), c = column + n * kChunk + tx() * kColumns + j;
        if (r < rows && c < d) to[index(r) * stride + c] = sum[n][i][j];
      }
}

// Sum over the 16 threads that share queries.
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
