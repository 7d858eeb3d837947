// Computes attention's tile products on tensor cores: factors are rounded when they are stored in
// shared memory, sums are float.
//
// Eight warps form four rows of 16 and two columns. A warp computes 16 queries by 32 keys of a tile
// of scores, and 16 rows by 16 columns of a chunk.
#pragma once

#include "sim/backend/cuda/attention_parts.hpp"
#include "sim/backend/cuda/tensor_core.hpp"

namespace moesim::cuda::attention {

constexpr int kLanes = kThreads / kRows;  // threads that share a query in the softmax

template <class Factors>
struct TensorMemory {
  using Stored = typename Factors::Stored;
  static constexpr int kPad = 16 / int(sizeof(Stored));
  static constexpr int kLong = kChunk + kPad, kScores = kRows + 4, kWeights = kRows + kPad;
  // The factors of scores, and of weighted sums: [row, column].
  alignas(32) Stored left[kRows * kLong], right[kRows * kLong];
  alignas(32) float scores[kRows * kScores];     // [query, key]
  alignas(32) Stored weights[kRows * kWeights];  // rounded, [query, key]
  float row[2][kRows];                           // values of queries
};
// In tf32 the weights overwrite the scores: both would exceed 48 KB.
template <>
struct TensorMemory<Tf32Factors> {
  using Stored = float;
  static constexpr int kPad = 4;
  static constexpr int kLong = kChunk + kPad, kScores = kRows + 4, kWeights = kScores;
  alignas(32) float left[kRows * kLong], right[kRows * kLong];
  union {
    alignas(32) float scores[kRows * kScores];
    float weights[kRows * kWeights];
  };
  float row[2][kRows];
};

__device__ inline int warp_row() { return int(threadIdx.x) / kWarp / 2 * 16; }
__device__ inline int warp_side() { return int(threadIdx.x) / kWarp % 2; }

template <class Factors>
__device__ inline void load_rounded(const real* from, int stride, int rows, int column, int d,
                                    typename Factors::Stored* to) {
  for_fours(from, stride, rows, column, d, [=](int r, int c, const Four& four) {
    *reinterpret_cast<RoundedFour<Factors>*>(to + r * TensorMemory<Factors>::kLong + c) =
        rounded<Factors>(four.v);
  });
}

// The warp's two matrices of scores: Σ_c a[query, c] b[key, c].
template <class Factors>
__device__ inline void inner_products(TensorMemory<Factors>& m, const real* a, int stride_a,
                                      int rows_a, const real* b, int stride_b, int rows_b, int d,
                                      Sums<Factors> (&s)[2]) {
  constexpr int kLong = TensorMemory<Factors>::kLong;
#pragma unroll
  for (int j = 0; j < 2; ++j) wmma::fill_fragment(s[j], 0.0f);
  for (int column = 0; column < d; column += kChunk) {
    load_rounded<Factors>(a, stride_a, rows_a, column, d, m.left);
    load_rounded<Factors>(b, stride_b, rows_b, column, d, m.right);
    __syncthreads();
#pragma unroll
    for (int c = 0; c < kChunk; c += Factors::kStep) {
      Left<Factors, true> left;
      load<Factors, true>(left, m.left + warp_row() * kLong + c, kLong);
#pragma unroll
      for (int j = 0; j < 2; ++j) {
        Right<Factors, false> right;
        load<Factors, false>(right, m.right + (warp_side() * 32 + 16 * j) * kLong + c, kLong);
        wmma::mma_sync(s[j], left, right, s[j]);
      }
    }
    __syncthreads();
  }
}

// The warp's matrix j of scores in shared memory.
template <class Factors>
__device__ inline float* scores_of_warp(TensorMemory<Factors>& m, int j) {
  return m.scores + warp_row() * m.kScores + warp_side() * 32 + 16 * j;
}

// Stores the warp's weights, rounded, for weigh(). A barrier must follow.
template <class Factors>
__device__ inline void put_weights(TensorMemory<Factors>& m, const Sums<Factors> (&s)[2]) {
#pragma unroll
  for (int j = 0; j < 2; ++j)
    wmma::store_matrix_sync(scores_of_warp(m, j), s[j], m.kScores, wmma::mem_row_major);
  __syncwarp();
  const int col = warp_side() * 32 + int(threadIdx.x) % kWarp;
#pragma unroll 4
  for (int r = warp_row(); r < warp_row() + 16; ++r)
    m.weights[r * m.kWeights + col] = Factors::round(m.scores[r * m.kScores + col]);
}

// sum[n] += the warp's part of Σ_r w(·, r) rows[r, column + kChunk n + ·]: over keys r for queries;
// if by_key, over queries r for keys.
template <int kGroup, bool by_key, class Factors>
__device__ inline void weigh(TensorMemory<Factors>& m, const real* rows, int stride, int n_rows,
                             int column, int d, Sums<Factors> (&sum)[kGroup]) {
  constexpr int kLong = TensorMemory<Factors>::kLong, kWeights = TensorMemory<Factors>::kWeights;
#pragma unroll
  for (int n = 0; n < kGroup; ++n) {
    load_rounded<Factors>(rows, stride, n_rows, column + n * kChunk, d, m.right);
    __syncthreads();  // for the weights as well
#pragma unroll
    for (int r = 0; r < kRows; r += Factors::kStep) {
      Left<Factors, !by_key> w;
      const int at = by_key ? r * kWeights + warp_row() : warp_row() * kWeights + r;
      load<Factors, !by_key>(w, m.weights + at, kWeights);
      Right<Factors, true> v;
      load<Factors, true>(v, m.right + r * kLong + warp_side() * 16, kLong);
      wmma::mma_sync(sum[n], w, v, sum[n]);
    }
    __syncthreads();
  }
}

template <int kGroup, class Factors>
__device__ inline void clear(Sums<Factors> (&sum)[kGroup]) {
#pragma unroll
  for (int n = 0; n < kGroup; ++n) wmma::fill_fragment(sum[n], 0.0f);
}

// Stores the warp's sums times by(row), to rows `stride` apart. No warp may still read the scores.
template <int kGroup, class Factors, class By>
__device__ inline void store(TensorMemory<Factors>& m, const Sums<Factors> (&sum)[kGroup], int rows,
                             int column, int d, real* to, int stride, By by) {
  const int lane = int(threadIdx.x) % kWarp;
  float* patch = scores_of_warp(m, 0);
#pragma unroll
  for (int n = 0; n < kGroup; ++n) {
    wmma::store_matrix_sync(patch, sum[n], m.kScores, wmma::mem_row_major);
    __syncwarp();
    for (int i = lane / 16; i < 16; i += 2) {
      const int r = warp_row() + i, c = column + n * kChunk + warp_side() * 16 + lane % 16;
      if (r < rows && c < d) to[index(r) * stride + c] = patch[i * m.kScores + lane % 16] * by(r);
    }
    __syncwarp();
  }
}

// Places holds the matrix place (row · 16 + column) of each of a thread's values, found by a load.
template <class Factors>
class Places {
 public:
  __device__ explicit Places(TensorMemory<Factors>& m) {
    for (int at = int(threadIdx.x); at < 256; at += kThreads)
      m.scores[at / 16 * m.kScores + at % 16] = float(at);
    __syncthreads();
    Sums<Factors> place;
    wmma::load_matrix_sync(place, m.scores, m.kScores, wmma::mem_row_major);
#pragma unroll
    for (int e = 0; e < kValues; ++e) at_[e] = int(place.x[e]);
    __syncthreads();
  }
  // Row within the warp's rows, column within one of its matrices.
  __device__ int row(int e) const { return at_[e] / 16; }
  __device__ int col(int e) const { return at_[e] % 16; }

  static constexpr int kValues = Sums<Factors>::num_elements;

 private:
  int at_[kValues];
};

}  // namespace moesim::cuda::attention
