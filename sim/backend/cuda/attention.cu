// Attention with an online softmax (Milakov and Gimelshein 2018; Dao et al. 2022).
//
// A block loops over the tiles of keys for its tile of queries; only the scores of the current pair
// of tiles exist. Backward takes two passes, so that every sum has one owner and one order: by
// tiles of keys for dk and dv, by tiles of queries for dq. Under the causal mask a pass skips
// masked pairs of tiles.
#include "sim/backend/cuda/attention_tile.hpp"
#include "sim/backend/cuda/cuda_backend.hpp"

namespace moesim {

using cuda::kThreads;
using namespace cuda::attention;

namespace {

constexpr bool kFloat = std::is_same_v<real, float>;

// Rounds weights as factors. bfloat16 here is for the double build, which multiplies rounded
// factors in double; the float build uses tensor cores.
__device__ inline void round_weights(const Attention& a, Scores& s) {
  if constexpr (!kFloat)
    if (a.compute == Compute::bfloat16)
      for (int i = 0; i < kEach; ++i)
        for (int j = 0; j < kEach; ++j) s[i][j] = cuda::from_bfloat16(cuda::to_bfloat16(s[i][j]));
}

template <int kGroup>
__global__ void __launch_bounds__(kThreads, kBlocks<kGroup>)
    forward_kernel(Attention a, real* y, real* lse) {
  __shared__ Memory m;
  const HeadPart<kGroup> part(a);
  const Head h(a, part.head);
  real largest[kEach], total[kEach];
  Sums<kGroup> sum;
  clear<kGroup>(sum);
  for (int i = 0; i < kEach; ++i) largest[i] = -cuda::infinity(), total[i] = 0;
  const index end = a.causal ? part.first + part.rows : a.length;
  for (index key = 0; key < end; key += kRows) {
    const Pair pair(a, part.first, key);
    Scores s;
    inner_products(m, a.qkv + h.q(part.first), h.stride, part.rows, a.qkv + h.k(key), h.stride,
                   pair.keys, h.d, s, key > 0);
    for (int i = 0; i < kEach; ++i) {
      real tile_largest = -cuda::infinity();
      for (int j = 0; j < kEach; ++j) {
        s[i][j] = pair.seen(query_of(i), key_of(j)) ? s[i][j] * a.scale : -cuda::infinity();
        tile_largest = s[i][j] > tile_largest ? s[i][j] : tile_largest;
      }
      tile_largest = side_max(tile_largest);
      const real now = tile_largest > largest[i] ? tile_largest : largest[i];
      const real shrink = std::exp(largest[i] - now);
      largest[i] = now;
      real tile_total = 0;
      for (int j = 0; j < kEach; ++j) tile_total += s[i][j] = std::exp(s[i][j] - now);
      total[i] = total[i] * shrink + side_sum(tile_total);
      for (int n = 0; n < kGroup; ++n)
        for (int j = 0; j < kColumns; ++j) sum[n][i][j] *= shrink;
    }
    round_weights(a, s);
    store_weights<false>(m, s);
    weigh<kGroup, false>(m, a.qkv + h.v(key), h.stride, pair.keys, part.column, h.d, sum);
  }
  for (int i = 0; i < kEach; ++i) {
    const index query = part.first + query_of(i);
    if (part.column == 0 && tx() == 0 && query < a.length)
      lse[h.lse(query)] = largest[i] + std::log(total[i]);
    for (int n = 0; n < kGroup; ++n)
      for (int j = 0; j < kColumns; ++j) sum[n][i][j] /= total[i];
  }
  store<kGroup>(sum, part.rows, part.column, h.d, y + h.y(part.first), h.width);
}

// p = exp(scores - lse) and ds = scale · p ⊙ (dy vᵀ - delta) for a pair of tiles.
__device__ void score_gradients(Memory& m, const Backward& b, const Head& h, index query, index key,
                                const Pair& pair, Scores& p, Scores& ds) {
  const Attention& a = b.a;
  inner_products(m, a.qkv + h.q(query), h.stride, pair.queries, a.qkv + h.k(key), h.stride,
                 pair.keys, h.d, p);
  inner_products(m, b.dy + h.y(query), h.width, pair.queries, a.qkv + h.v(key), h.stride, pair.keys,
                 h.d, ds);
  for (int i = 0; i < kEach; ++i) {
    const int row = query_of(i);
    const bool there = row < pair.queries;
    const real shift = there ? b.lse[h.lse(query + row)] : real(0);
    const real delta = there ? b.delta[h.lse(query + row)] : real(0);
    for (int j = 0; j < kEach; ++j) {
      const bool seen = there && pair.seen(row, key_of(j));
      p[i][j] = seen ? std::exp(a.scale * p[i][j] - shift) : real(0);
      ds[i][j] = a.scale * p[i][j] * (ds[i][j] - delta);
    }
  }
  round_weights(a, p), round_weights(a, ds);
}

// dv = Σ pᵀ dy and dk = Σ dsᵀ q, over the tiles of queries that see the block's keys.
template <int kGroup>
__global__ void __launch_bounds__(kThreads, kBlocks<kGroup>) key_kernel(Backward b) {
  __shared__ Memory m;
  const Attention& a = b.a;
  const HeadPart<kGroup> part(a);
  const Head h(a, part.head);
  Sums<kGroup> dk, dv;
  clear<kGroup>(dk), clear<kGroup>(dv);
  for (index query = a.causal ? part.first : 0; query < a.length; query += kRows) {
    const Pair pair(a, query, part.first);
    Scores p, ds;
    score_gradients(m, b, h, query, part.first, pair, p, ds);
    store_weights<true>(m, p);
    weigh<kGroup, true>(m, b.dy + h.y(query), h.width, pair.queries, part.column, h.d, dv);
    store_weights<true>(m, ds);
    weigh<kGroup, true>(m, a.qkv + h.q(query), h.stride, pair.queries, part.column, h.d, dk);
  }
  store<kGroup>(dk, part.rows, part.column, h.d, b.dqkv + h.k(part.first), h.stride);
  store<kGroup>(dv, part.rows, part.column, h.d, b.dqkv + h.v(part.first), h.stride);
}

// dq = Σ ds k, over the tiles of keys that the block's queries see.
template <int kGroup>
__global__ void __launch_bounds__(kThreads, kBlocks<kGroup>) query_kernel(Backward b) {
  __shared__ Memory m;
  const Attention& a = b.a;
  const HeadPart<kGroup> part(a);
  const Head h(a, part.head);
  Sums<kGroup> dq;
  clear<kGroup>(dq);
  const index end = a.causal ? part.first + part.rows : a.length;
  for (index key = 0; key < end; key += kRows) {
    const Pair pair(a, part.first, key);
    Scores p, ds;
    score_gradients(m, b, h, part.first, key, pair, p, ds);
    store_weights<false>(m, ds);
    weigh<kGroup, false>(m, a.qkv + h.k(key), h.stride, pair.keys, part.column, h.d, dq);
  }
  store<kGroup>(dq, part.rows, part.column, h.d, b.dqkv + h.q(part.first), h.stride);
}

// Number of values of q; k and v have as many.
index values(const Attention& a) { return a.batch * a.length * a.heads * a.head_size; }

}  // namespace

void CudaBackend::attention(const Attention& a, real* y, real* lse) {
  if (bfloat16_kernels(a)) return bfloat16_attention(a, y, lse);
  if (kFloat && a.compute != Compute::float32) return tensor_attention(a, y, lse);
  Attention rounded = a;
  const Storage copy = factor(a.compute, a.qkv, 3 * values(a), &rounded.qkv);
  for_group(a, [&](index blocks, auto group) {
    cuda::launch(forward_kernel<decltype(group)::value>, blocks, kThreads, stream_, rounded, y,
                 lse);
  });
}

void CudaBackend::attention_backward(const Attention& a, const real* y, const real* lse,
                                     const real* dy, real* dqkv) {
  if (bfloat16_kernels(a)) return bfloat16_attention_backward(a, y, lse, dy, dqkv);
  const index rows = a.batch * a.length * a.heads, d = a.head_size;
  const Storage scratch = allocate(static_cast<std::size_t>(rows) * sizeof(real));
  auto* delta = static_cast<real*>(scratch.data());  // [batch · length, heads]
  cuda::each_warp(stream_, rows, [=] __device__(index r, int lane) {
    const real *u = y + r * d, *v = dy + r * d;
    const real dot = cuda::lanes_sum<real>(d, lane, [=](index c) { return u[c] * v[c]; });
    if (lane == 0) delta[r] = dot;
  });
  if (kFloat && a.compute != Compute::float32)
    return tensor_attention_backward(a, lse, delta, dy, dqkv);
  Backward b{a, lse, delta, dy, dqkv};
  const Storage qkv_copy = factor(a.compute, a.qkv, 3 * values(a), &b.a.qkv);
  const Storage dy_copy = factor(a.compute, dy, values(a), &b.dy);
  for_group(a, [&](index blocks, auto group) {
    cuda::launch(key_kernel<decltype(group)::value>, blocks, kThreads, stream_, b);
    cuda::launch(query_kernel<decltype(group)::value>, blocks, kThreads, stream_, b);
  });
}

}  // namespace moesim
