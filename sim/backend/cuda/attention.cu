// Attention with an online softmax (Milakov and Gimelshein 2018; Dao et al. 2022).
//
// A block has a tile of queries and goes through the tiles of keys; the scores of one pair of tiles
// are the only ones that exist. Backward takes two passes, so that every sum has one owner and one
// order: by tiles of keys for dk and dv, by tiles of queries for dq. Under the causal mask a pass
// leaves out the pairs of tiles that the mask hides.
#include "sim/backend/cuda/attention_tile.hpp"
#include "sim/backend/cuda/cuda_backend.hpp"

namespace moesim {

using cuda::ceil_div;
using cuda::kThreads;
using namespace cuda::attention;

namespace {

// The block's part: blockIdx.x = (head · tiles + tile) · groups + group, a group being the columns
// of kGroup chunks that it writes.
template <int kGroup>
struct Part {
  __device__ Part(const Attention& a)
      : groups((a.head_size + kGroup * kChunk - 1) / (kGroup * kChunk)),
        tiles((a.length + kRows - 1) / kRows),
        head(blockIdx.x / groups / tiles),
        first(blockIdx.x / groups % tiles * kRows),
        column(blockIdx.x % groups * kGroup * kChunk),
        rows(a.length - first < kRows ? a.length - first : kRows) {}
  index groups, tiles, head;
  index first, column, rows;
};

__device__ bool hidden(const Attention& a, index query, index key) {
  return query >= a.length || key >= a.length || (a.causal && key > query);
}

template <int kGroup>
__global__ void forward_kernel(Attention a, real* y, real* lse) {
  __shared__ Memory m;
  const Part<kGroup> part(a);
  const Head h(a, part.head);
  real largest[kEach], total[kEach];
  Sums<kGroup> sum;
  clear<kGroup>(sum);
  for (int i = 0; i < kEach; ++i) largest[i] = -cuda::infinity(), total[i] = 0;
  const index end = a.causal ? part.first + part.rows : a.length;
  for (index key = 0; key < end; key += kRows) {
    const index keys = a.length - key < kRows ? a.length - key : kRows;
    Scores s;
    inner_products(m, a.qkv + h.q(part.first), h.stride, part.rows, a.qkv + h.k(key), h.stride,
                   keys, h.d, s);
    for (int i = 0; i < kEach; ++i) {
      const index query = part.first + ty() + kSide * i;
      real tile_largest = -cuda::infinity();
      for (int j = 0; j < kEach; ++j) {
        // A query beyond the end sees what keeps its sums finite; it is not stored.
        const index at = key + tx() + kSide * j;
        const bool seen = at < a.length && (!a.causal || at <= query);
        s[i][j] = seen ? s[i][j] * a.scale : -cuda::infinity();
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
    store_weights(m, s);
    weigh<kGroup, false>(m, a.qkv + h.v(key), h.stride, keys, part.column, h.d, sum);
  }
  for (int i = 0; i < kEach; ++i) {
    const index query = part.first + ty() + kSide * i;
    if (part.column == 0 && tx() == 0 && query < a.length)
      lse[h.lse(query)] = largest[i] + std::log(total[i]);
    for (int n = 0; n < kGroup; ++n)
      for (int j = 0; j < kColumns; ++j) sum[n][i][j] /= total[i];
  }
  store<kGroup>(sum, part.rows, part.column, h.d, y + h.y(part.first), h.width);
}

struct Backward {
  Attention a;
  const real *lse, *delta;  // delta: Σ dy y of every query and head, as lse
  const real* dy;
  real* dqkv;
};

// p = exp(scores - lse) and ds = scale · p ⊙ (dy vᵀ - delta) for a pair of tiles.
__device__ void score_gradients(Memory& m, const Backward& b, const Head& h, index query,
                                index queries, index key, index keys, Scores& p, Scores& ds) {
  const Attention& a = b.a;
  inner_products(m, a.qkv + h.q(query), h.stride, queries, a.qkv + h.k(key), h.stride, keys, h.d,
                 p);
  inner_products(m, b.dy + h.y(query), h.width, queries, a.qkv + h.v(key), h.stride, keys, h.d, ds);
  for (int i = 0; i < kEach; ++i) {
    const index row = query + ty() + kSide * i;
    const real shift = row < a.length ? b.lse[h.lse(row)] : real(0);
    const real delta = row < a.length ? b.delta[h.lse(row)] : real(0);
    for (int j = 0; j < kEach; ++j) {
      const bool out = hidden(a, row, key + tx() + kSide * j);
      p[i][j] = out ? real(0) : std::exp(a.scale * p[i][j] - shift);
      ds[i][j] = a.scale * p[i][j] * (ds[i][j] - delta);
    }
  }
}

// dv = Σ pᵀ dy and dk = Σ dsᵀ q, over the tiles of queries that see the block's keys.
template <int kGroup>
__global__ void key_kernel(Backward b) {
  __shared__ Memory m;
  const Attention& a = b.a;
  const Part<kGroup> part(a);
  const Head h(a, part.head);
  Sums<kGroup> dk, dv;
  clear<kGroup>(dk), clear<kGroup>(dv);
  for (index query = a.causal ? part.first : 0; query < a.length; query += kRows) {
    const index queries = a.length - query < kRows ? a.length - query : kRows;
    Scores p, ds;
    score_gradients(m, b, h, query, queries, part.first, part.rows, p, ds);
    store_weights(m, p);
    weigh<kGroup, true>(m, b.dy + h.y(query), h.width, queries, part.column, h.d, dv);
    store_weights(m, ds);
    weigh<kGroup, true>(m, a.qkv + h.q(query), h.stride, queries, part.column, h.d, dk);
  }
  store<kGroup>(dk, part.rows, part.column, h.d, b.dqkv + h.k(part.first), h.stride);
  store<kGroup>(dv, part.rows, part.column, h.d, b.dqkv + h.v(part.first), h.stride);
}

// dq = Σ ds k, over the tiles of keys that the block's queries see.
template <int kGroup>
__global__ void query_kernel(Backward b) {
  __shared__ Memory m;
  const Attention& a = b.a;
  const Part<kGroup> part(a);
  const Head h(a, part.head);
  Sums<kGroup> dq;
  clear<kGroup>(dq);
  const index end = a.causal ? part.first + part.rows : a.length;
  for (index key = 0; key < end; key += kRows) {
    const index keys = a.length - key < kRows ? a.length - key : kRows;
    Scores p, ds;
    score_gradients(m, b, h, part.first, part.rows, key, keys, p, ds);
    store_weights(m, ds);
    weigh<kGroup, false>(m, a.qkv + h.k(key), h.stride, keys, part.column, h.d, dq);
  }
  store<kGroup>(dq, part.rows, part.column, h.d, b.dqkv + h.q(part.first), h.stride);
}

// of(blocks, kGroup): a block writes up to 128 columns of a head; wider heads take several.
template <class F>
void for_group(const Attention& a, F of) {
  const index tiles = a.batch * a.heads * ceil_div(a.length, kRows);
  if (a.head_size <= kChunk)
    of(tiles, std::integral_constant<int, 1>());
  else if (a.head_size <= 2 * kChunk)
    of(tiles, std::integral_constant<int, 2>());
  else
    of(tiles * ceil_div(a.head_size, 4 * kChunk), std::integral_constant<int, 4>());
}

}  // namespace

void CudaBackend::attention(const Attention& a, real* y, real* lse) {
  for_group(a, [&](index blocks, auto group) {
    cuda::launch(forward_kernel<decltype(group)::value>, blocks, kThreads, stream_, a, y, lse);
  });
}

void CudaBackend::attention_backward(const Attention& a, const real* y, const real* lse,
                                     const real* dy, real* dqkv) {
  const index rows = a.batch * a.length * a.heads, d = a.head_size;
  const Storage scratch = allocate(static_cast<std::size_t>(rows) * sizeof(real));
  auto* delta = static_cast<real*>(scratch.data());  // [batch · length, heads]
  cuda::each_warp(stream_, rows, [=] __device__(index r, int lane) {
    const real *u = y + r * d, *v = dy + r * d;
    const real dot = cuda::lanes_sum<real>(d, lane, [=](index c) { return u[c] * v[c]; });
    if (lane == 0) delta[r] = dot;
  });
  const Backward b{a, lse, delta, dy, dqkv};
  for_group(a, [&](index blocks, auto group) {
    cuda::launch(key_kernel<decltype(group)::value>, blocks, kThreads, stream_, b);
    cuda::launch(query_kernel<decltype(group)::value>, blocks, kThreads, stream_, b);
  });
}

}  // namespace moesim
