// Attention with products on tensor cores, in the steps of attention.cu: in tf32, and in bfloat16 for
// heads of more than 128 values. Softmax stays in float; q, k, v, dy, the weights p and ds are
// rounded as factors.
#include "sim/backend/cuda/attention_tensor.hpp"
#include "sim/backend/cuda/cuda_backend.hpp"

namespace moesim {

using cuda::kThreads;
using cuda::kWarp;
using cuda::Sums;
using namespace cuda::attention;

namespace {

// Reduces over the lanes that share a query.
template <class F>
__device__ float lanes_reduce(float value, F f) {
  for (int by = kLanes / 2; by > 0; by /= 2) value = f(value, __shfl_xor_sync(~0u, value, by));
  return value;
}

// The running maximum and sum of the weights of a query.
struct Running {
  float largest, total = 0;
};

// Replaces a tile of scores by weights exp(scale · score - largest), rounded; m.row[0] is the
// factor on earlier sums.
template <class Factors>
__device__ void soften(TensorMemory<Factors>& m, const Attention& a, const Pair& pair,
                       Running& now) {
  constexpr int kEach = kRows / kLanes;
  const int r = int(threadIdx.x) / kLanes, lane = int(threadIdx.x) % kLanes;
  float s[kEach], largest = now.largest;
#pragma unroll
  for (int j = 0; j < kEach; ++j) {
    const int c = lane + kLanes * j;
    s[j] =
        pair.seen(r, c) ? m.scores[r * m.kScores + c] * float(a.scale) : -float(cuda::infinity());
    largest = s[j] > largest ? s[j] : largest;
  }
  largest = lanes_reduce(largest, [](float x, float y) { return x > y ? x : y; });
  const float shrink = std::exp(now.largest - largest);
  float total = 0;
#pragma unroll
  for (int j = 0; j < kEach; ++j) {
    total += s[j] = std::exp(s[j] - largest);
    m.weights[r * m.kWeights + lane + kLanes * j] = Factors::round(s[j]);
  }
  now.total = now.total * shrink + lanes_reduce(total, [](float x, float y) { return x + y; });
  now.largest = largest;
  if (lane == 0) m.row[0][r] = shrink;
}

template <int kGroup, class Factors>
__global__ void __launch_bounds__(kThreads, kBlocks<kGroup>)
    forward_kernel(Attention a, real* y, real* lse) {
  __shared__ TensorMemory<Factors> m;
  const HeadPart<kGroup> part(a);
  const Head h(a, part.head);
  const Places<Factors> places(m);
  Running running{-float(cuda::infinity())};
  Sums<Factors> sum[kGroup];
  clear<kGroup, Factors>(sum);
  const index end = a.causal ? part.first + part.rows : a.length;
  for (index key = 0; key < end; key += kRows) {
    const Pair pair(a, part.first, key);
    Sums<Factors> s[2];
    inner_products<Factors>(m, a.qkv + h.q(part.first), h.stride, part.rows, a.qkv + h.k(key),
                            h.stride, pair.keys, h.d, s);
#pragma unroll
    for (int j = 0; j < 2; ++j)
      cuda::wmma::store_matrix_sync(scores_of_warp(m, j), s[j], m.kScores,
                                    cuda::wmma::mem_row_major);
    __syncthreads();
    soften<Factors>(m, a, pair, running);
    __syncthreads();
#pragma unroll
    for (int e = 0; e < places.kValues; ++e) {
      const float shrink = m.row[0][warp_row() + places.row(e)];
#pragma unroll
      for (int n = 0; n < kGroup; ++n) sum[n].x[e] *= shrink;
    }
    weigh<kGroup, false, Factors>(m, a.qkv + h.v(key), h.stride, pair.keys, part.column, h.d, sum);
  }
  const int r = int(threadIdx.x) / kLanes;
  if (int(threadIdx.x) % kLanes == 0) {
    m.row[1][r] = 1 / running.total;
    if (part.column == 0 && r < part.rows)
      lse[h.lse(part.first + r)] = running.largest + std::log(running.total);
  }
  __syncthreads();
  store<kGroup, Factors>(m, sum, part.rows, part.column, h.d, y + h.y(part.first), h.width,
                         [&](int row) { return m.row[1][row]; });
}

// p = exp(scores - lse) and ds = scale · p ⊙ (dy vᵀ - delta) for a pair of tiles.
template <class Factors>
__device__ void score_gradients(TensorMemory<Factors>& m, const Places<Factors>& places,
                                const Backward& b, const Head& h, index query, index key,
                                const Pair& pair, Sums<Factors> (&p)[2], Sums<Factors> (&ds)[2]) {
  const Attention& a = b.a;
  if (const int r = int(threadIdx.x); r < kRows) {  // a barrier follows before they are read
    m.row[0][r] = r < pair.queries ? b.lse[h.lse(query + r)] : 0.0f;
    m.row[1][r] = r < pair.queries ? b.delta[h.lse(query + r)] : 0.0f;
  }
  inner_products<Factors>(m, a.qkv + h.q(query), h.stride, pair.queries, a.qkv + h.k(key), h.stride,
                          pair.keys, h.d, p);
  inner_products<Factors>(m, b.dy + h.y(query), h.width, pair.queries, a.qkv + h.v(key), h.stride,
                          pair.keys, h.d, ds);
#pragma unroll
  for (int j = 0; j < 2; ++j)
#pragma unroll
    for (int e = 0; e < places.kValues; ++e) {
      const int r = warp_row() + places.row(e);
      const bool seen = r < pair.queries && pair.seen(r, warp_side() * 32 + 16 * j + places.col(e));
      p[j].x[e] = seen ? std::exp(float(a.scale) * p[j].x[e] - m.row[0][r]) : 0.0f;
      ds[j].x[e] = float(a.scale) * p[j].x[e] * (ds[j].x[e] - m.row[1][r]);
    }
}

// dv = Σ pᵀ dy and dk = Σ dsᵀ q, over the tiles of queries that see the block's keys.
template <int kGroup, class Factors>
__global__ void __launch_bounds__(kThreads, kBlocks<kGroup>) key_kernel(Backward b) {
  __shared__ TensorMemory<Factors> m;
  const Attention& a = b.a;
  const HeadPart<kGroup> part(a);
  const Head h(a, part.head);
  const Places<Factors> places(m);
  Sums<Factors> dk[kGroup], dv[kGroup];
  clear<kGroup, Factors>(dk), clear<kGroup, Factors>(dv);
  for (index query = a.causal ? part.first : 0; query < a.length; query += kRows) {
    const Pair pair(a, query, part.first);
    Sums<Factors> p[2], ds[2];
    score_gradients<Factors>(m, places, b, h, query, part.first, pair, p, ds);
    put_weights<Factors>(m, p);
    weigh<kGroup, true, Factors>(m, b.dy + h.y(query), h.width, pair.queries, part.column, h.d, dv);
    put_weights<Factors>(m, ds);
    weigh<kGroup, true, Factors>(m, a.qkv + h.q(query), h.stride, pair.queries, part.column, h.d,
                                 dk);
  }
  const auto one = [](int) { return 1.0f; };
  store<kGroup, Factors>(m, dk, part.rows, part.column, h.d, b.dqkv + h.k(part.first), h.stride,
                         one);
  store<kGroup, Factors>(m, dv, part.rows, part.column, h.d, b.dqkv + h.v(part.first), h.stride,
                         one);
}

// dq = Σ ds k, over the tiles of keys that the block's queries see.
template <int kGroup, class Factors>
__global__ void __launch_bounds__(kThreads, kBlocks<kGroup>) query_kernel(Backward b) {
  __shared__ TensorMemory<Factors> m;
  const Attention& a = b.a;
  const HeadPart<kGroup> part(a);
  const Head h(a, part.head);
  const Places<Factors> places(m);
  Sums<Factors> dq[kGroup];
  clear<kGroup, Factors>(dq);
  const index end = a.causal ? part.first + part.rows : a.length;
  for (index key = 0; key < end; key += kRows) {
    const Pair pair(a, part.first, key);
    Sums<Factors> p[2], ds[2];
    score_gradients<Factors>(m, places, b, h, part.first, key, pair, p, ds);
    put_weights<Factors>(m, ds);
    weigh<kGroup, false, Factors>(m, a.qkv + h.k(key), h.stride, pair.keys, part.column, h.d, dq);
  }
  store<kGroup, Factors>(m, dq, part.rows, part.column, h.d, b.dqkv + h.q(part.first), h.stride,
                         [](int) { return 1.0f; });
}

// Calls of(blocks, kGroup, factors); tensor cores sum in float.
template <class F>
void for_factors(const Attention& a, F of) {
  if constexpr (std::is_same_v<real, float>)
    for_group(a, [&](index blocks, auto group) {
      if constexpr (decltype(group)::value == 4)  // smaller heads: attention_bfloat16.cu
        if (a.compute == Compute::bfloat16) return of(blocks, group, cuda::Bfloat16Factors());
      of(blocks, group, cuda::Tf32Factors());
    });
}

}  // namespace

void CudaBackend::tensor_attention(const Attention& a, real* y, real* lse) {
  for_factors(a, [&](index blocks, auto group, auto factors) {
    cuda::launch(forward_kernel<decltype(group)::value, decltype(factors)>, blocks, kThreads,
                 stream_, a, y, lse);
  });
}

void CudaBackend::tensor_attention_backward(const Attention& a, const real* lse, const real* delta,
                                            const real* dy, real* dqkv) {
  const Backward b{a, lse, delta, dy, dqkv};
  for_factors(a, [&](index blocks, auto group, auto factors) {
    constexpr int kGroup = decltype(group)::value;
    cuda::launch(key_kernel<kGroup, decltype(factors)>, blocks, kThreads, stream_, b);
    cuda::launch(query_kernel<kGroup, decltype(factors)>, blocks, kThreads, stream_, b);
  });
}

}  // namespace moesim
