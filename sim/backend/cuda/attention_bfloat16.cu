// Attention in bfloat16 for heads of up to 128 values, in the steps of attention.cu (Dao 2023,
// FlashAttention-2). q, k, v and dy are rounded once per call; softmax and sums are in float. The
// pass over keys computes the transposed scores, so that its weights are left factors too.
#include "sim/backend/cuda/attention_bfloat16.hpp"
#include "sim/backend/cuda/cuda_backend.hpp"
#include "sim/backend/cuda/pack.hpp"

#include <cmath>

namespace moesim {

using cuda::kWarp;
using namespace cuda::attention;

namespace {

constexpr bool kFloat = std::is_same_v<real, float>;
[[maybe_unused]] constexpr float kLog2e = 1.44269504088896340736f;  // in double nothing here runs

// The rounded q, k, v: a Head of `shape` gives the places of rows, whose d values end with zeros.
struct Rounded {
  Attention shape;
  const Low *qkv, *dy;
};

// Number of tiles in shared memory at once: two of each kind fit into 48 KB for d up to 64.
template <int d>
constexpr int kStages = d <= 64 ? 2 : 1;

template <class F>
__device__ inline float row_reduce(float value, F f) {  // over the four lanes of a row
  for (int by = 2; by > 0; by /= 2) value = f(value, __shfl_xor_sync(~0u, value, by));
  return value;
}

// Hides the scores of pairs that the mask does not show. by_key: rows are keys, columns queries.
template <bool by_key>
__device__ inline void mask(const Pair& pair, Scores16& s) {
  if (pair.queries == kTile && pair.keys == kTile && pair.ahead >= kTile - 1) return;
#pragma unroll
  for (int n = 0; n < kTile / 8; ++n)
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      const int row = row_of(e), col = n * 8 + col_of(e);
      const bool seen = by_key ? col < pair.queries && pair.seen(col, row) : pair.seen(row, col);
      if (!seen) s[n][e] = -float(cuda::infinity());
    }
}

template <int d>
__global__ void __launch_bounds__(kBlock, d <= 64 ? 4 : 2)
    forward_kernel(Attention a, Rounded low, real* y, real* lse) {
  __shared__ Tile<d> keys[kStages<d>], values[kStages<d>];
  const HeadPart<4> part(a);
  const Head in(low.shape, part.head), out(a, part.head);
  const Rows<d> q(low.qkv + in.q(part.first), in.stride, part.rows);
  const float scale = float(a.scale) * kLog2e;  // weights are powers of 2
  float largest[2] = {-float(cuda::infinity()), -float(cuda::infinity())}, total[2] = {};
  Weighted<d> sum = {};
  for_tiles<kStages<d>>(
      0, a.causal ? part.first + part.rows : a.length,
      [&](index key, int stage) {
        const int n = cuda::within(a.length - key, kTile);
        fetch(keys[stage], low.qkv + in.k(key), in.stride, n);
        fetch(values[stage], low.qkv + in.v(key), in.stride, n);
      },
      [&](index key, int stage) {
        Scores16 s;
        inner_products(q, keys[stage], s);
        mask<false>(Pair(a, part.first, key), s);
        float now[2] = {largest[0], largest[1]};
#pragma unroll
        for (int n = 0; n < kTile / 8; ++n)
#pragma unroll
          for (int e = 0; e < 4; ++e) {
            s[n][e] *= scale;
            now[e / 2] = std::fmax(now[e / 2], s[n][e]);
          }
        float shrink[2];
#pragma unroll
        for (int i = 0; i < 2; ++i) {
          now[i] = row_reduce(now[i], [](float x, float z) { return std::fmax(x, z); });
          shrink[i] = cuda::fast_exp2(largest[i] - now[i]);
          largest[i] = now[i];
          total[i] *= shrink[i];
        }
#pragma unroll
        for (int n = 0; n < kTile / 8; ++n)
#pragma unroll
          for (int e = 0; e < 4; ++e)
            total[e / 2] += s[n][e] = cuda::fast_exp2(s[n][e] - now[e / 2]);
#pragma unroll
        for (int n = 0; n < d / 8; ++n)
#pragma unroll
          for (int e = 0; e < 4; ++e) sum[n][e] *= shrink[e / 2];
        weigh(s, values[stage], sum);
      });
  float by[2];
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    total[i] = row_reduce(total[i], [](float x, float z) { return x + z; });
    by[i] = 1 / total[i];
    const int r = row_of(2 * i);
    if (col_of(0) == 0 && r < part.rows)
      lse[out.lse(part.first + r)] = real(largest[i] / kLog2e + std::log(total[i]));
  }
  store<d>(sum, part.rows, out.d, y + out.y(part.first), out.width, by);
}

// s becomes p = exp(scale · s - lse), and ds (dy vᵀ at first) scale · p ⊙ (ds - delta). by(n, e) is
// {lse · log2(e), delta} of a score's query.
template <bool by_key, class By>
__device__ inline void score_gradients(const Attention& a, const Pair& pair, Scores16& s,
                                       Scores16& ds, By by) {
  mask<by_key>(pair, s);
  const float scale = float(a.scale), power = scale * kLog2e;
#pragma unroll
  for (int n = 0; n < kTile / 8; ++n)
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      const float2 query = by(n, e);
      s[n][e] = cuda::fast_exp2(s[n][e] * power - query.x);
      ds[n][e] = scale * s[n][e] * (ds[n][e] - query.y);
    }
}

// dv = Σ pᵀ dy and dk = Σ dsᵀ q, over the tiles of queries that see the block's keys.
template <int d>
__global__ void __launch_bounds__(kBlock, d <= 64 ? 3 : 2) key_kernel(Backward b, Rounded low) {
  __shared__ Tile<d> queries[kStages<d>], dys[kStages<d>];
  __shared__ float2 rows[kStages<d>][kTile];  // {lse · log2(e), delta}
  const Attention& a = b.a;
  const HeadPart<4> part(a);
  const Head in(low.shape, part.head), out(a, part.head);
  const Rows<d> k(low.qkv + in.k(part.first), in.stride, part.rows);
  const Rows<d> v(low.qkv + in.v(part.first), in.stride, part.rows);
  Weighted<d> dk = {}, dv = {};
  for_tiles<kStages<d>>(
      a.causal ? part.first : 0, a.length,
      [&](index query, int stage) {
        const int n = cuda::within(a.length - query, kTile);
        fetch(queries[stage], low.qkv + in.q(query), in.stride, n);
        fetch(dys[stage], low.dy + in.y(query), in.width, n);
        if (const int r = int(threadIdx.x); r < kTile) {
          const index at = out.lse(query + r);
          rows[stage][r].x = r < n ? float(b.lse[at]) * kLog2e : 0.0f;
          rows[stage][r].y = r < n ? float(b.delta[at]) : 0.0f;
        }
      },
      [&](index query, int stage) {
        Scores16 p, ds;
        inner_products(k, queries[stage], p);
        inner_products(v, dys[stage], ds);
        score_gradients<true>(a, Pair(a, query, part.first), p, ds,
                              [&](int n, int e) { return rows[stage][n * 8 + col_of(e)]; });
        weigh(p, dys[stage], dv);
        weigh(ds, queries[stage], dk);
      });
  const float one[2] = {1, 1};
  store<d>(dk, part.rows, out.d, b.dqkv + out.k(part.first), out.stride, one);
  store<d>(dv, part.rows, out.d, b.dqkv + out.v(part.first), out.stride, one);
}

// dq = Σ ds k, over the tiles of keys that the block's queries see.
template <int d>
__global__ void __launch_bounds__(kBlock, d <= 64 ? 3 : 2) query_kernel(Backward b, Rounded low) {
  __shared__ Tile<d> keys[kStages<d>], values[kStages<d>];
  const Attention& a = b.a;
  const HeadPart<4> part(a);
  const Head in(low.shape, part.head), out(a, part.head);
  const Rows<d> q(low.qkv + in.q(part.first), in.stride, part.rows);
  const Rows<d> dy(low.dy + in.y(part.first), in.width, part.rows);
  float2 row[2];  // {lse · log2(e), delta}
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    const int r = row_of(2 * i);
    const index at = out.lse(part.first + r);
    row[i].x = r < part.rows ? float(b.lse[at]) * kLog2e : 0.0f;
    row[i].y = r < part.rows ? float(b.delta[at]) : 0.0f;
  }
  Weighted<d> dq = {};
  for_tiles<kStages<d>>(
      0, a.causal ? part.first + part.rows : a.length,
      [&](index key, int stage) {
        const int n = cuda::within(a.length - key, kTile);
        fetch(keys[stage], low.qkv + in.k(key), in.stride, n);
        fetch(values[stage], low.qkv + in.v(key), in.stride, n);
      },
      [&](index key, int stage) {
        Scores16 p, ds;
        inner_products(q, keys[stage], p);
        inner_products(dy, values[stage], ds);
        score_gradients<false>(a, Pair(a, part.first, key), p, ds,
                               [&](int, int e) { return row[e / 2]; });
        weigh(ds, keys[stage], dq);
      });
  const float one[2] = {1, 1};
  store<d>(dq, part.rows, out.d, b.dqkv + out.q(part.first), out.stride, one);
}

// Calls of(blocks, d) with the kernels' number of values of a head.
template <class F>
void for_size(const Attention& a, F of) {
  if constexpr (kFloat) {
    const index blocks = a.batch * a.heads * cuda::ceil_div(a.length, kTile);
    if (a.head_size <= 32)
      of(blocks, std::integral_constant<int, 32>());
    else if (a.head_size <= 64)
      of(blocks, std::integral_constant<int, 64>());
    else
      of(blocks, std::integral_constant<int, 128>());
  }
}

// Rounds `rows` rows of d values to rows of `padded` values, a multiple of 4.
template <int wide>
void round_rows(const cuda::Queue& queue, const real* x, index rows, index d, int padded, Low* to) {
  struct alignas(8) Fours {
    std::uint32_t pair[2];
  };
  cuda::each(queue, rows * padded / 4, [=] __device__(index i) {
    const int across = padded / 4;
    const index r = int(i) / across, c = int(i) % across * 4;
    float v[4] = {};
#pragma unroll
    for (int j = 0; j < 4; j += wide)
      if (c + j < d) {
        const cuda::Pack<wide> values = cuda::pack<wide>(x, (r * d + c + j) / wide);
#pragma unroll
        for (int e = 0; e < wide; ++e) v[j + e] = float(values.v[e]);
      }
    *reinterpret_cast<Fours*>(to + i * 4) = {
        {cuda::pair_of(v[0], v[1]), cuda::pair_of(v[2], v[3])}};
  });
}

void round_rows(const cuda::Queue& queue, const real* x, index rows, index d, int padded, Low* to) {
  cuda::with_packs(
      d, [&](auto wide) { round_rows<wide>(queue, x, rows, d, padded, to); }, x);
}

// Rounds dy as round_rows does, and computes delta = Σ dy y of every row.
template <int padded>
void round_dy(const cuda::Queue& queue, const real* y, const real* dy, index rows, index d, Low* to,
              real* delta) {
  cuda::each_warp(queue, rows, [=] __device__(index r, int lane) {
    const real *u = y + r * d, *v = dy + r * d;
    float sum = 0;
#pragma unroll
    for (int c = 2 * lane; c < padded; c += 2 * kWarp) {
      const float first = c < d ? float(v[c]) : 0.0f, second = c + 1 < d ? float(v[c + 1]) : 0.0f;
      if (c < d) sum += float(u[c]) * first;
      if (c + 1 < d) sum += float(u[c + 1]) * second;
      *reinterpret_cast<std::uint32_t*>(to + r * padded + c) = cuda::pair_of(first, second);
    }
    sum = cuda::warp_sum(sum);
    if (lane == 0) delta[r] = real(sum);
  });
}

template <int d>
Rounded rounded(Attention a, const Low* qkv, const Low* dy) {
  a.head_size = d;
  return {a, qkv, dy};
}

}  // namespace

bool CudaBackend::bfloat16_kernels(const Attention& a) {
  return kFloat && a.compute == Compute::bfloat16 && a.head_size <= 128;
}

void CudaBackend::bfloat16_attention(const Attention& a, real* y, real* lse) {
  for_size(a, [&](index blocks, auto size) {
    constexpr int d = decltype(size)::value;
    const index rows = 3 * a.batch * a.length * a.heads;
    const Storage copy = allocate(static_cast<std::size_t>(rows) * d * sizeof(Low));
    auto* qkv = static_cast<Low*>(copy.data());
    round_rows(stream_, a.qkv, rows, a.head_size, d, qkv);
    cuda::launch(forward_kernel<d>, blocks, kBlock, stream_, a, rounded<d>(a, qkv, nullptr), y,
                 lse);
  });
}

void CudaBackend::bfloat16_attention_backward(const Attention& a, const real* y, const real* lse,
                                              const real* dy, real* dqkv) {
  for_size(a, [&](index blocks, auto size) {
    constexpr int d = decltype(size)::value;
    const index rows = a.batch * a.length * a.heads;
    const Storage copy = allocate(static_cast<std::size_t>(rows) * 4 * d * sizeof(Low));
    const Storage sums = allocate(static_cast<std::size_t>(rows) * sizeof(real));
    auto* low_qkv = static_cast<Low*>(copy.data());
    Low* low_dy = low_qkv + 3 * rows * d;
    auto* delta = static_cast<real*>(sums.data());
    round_rows(stream_, a.qkv, 3 * rows, a.head_size, d, low_qkv);
    round_dy<d>(stream_, y, dy, rows, a.head_size, low_dy, delta);
    const Backward b{a, lse, delta, dy, dqkv};
    const Rounded low = rounded<d>(a, low_qkv, low_dy);
    cuda::launch(key_kernel<d>, blocks, kBlock, stream_, b, low);
    cuda::launch(query_kernel<d>, blocks, kBlock, stream_, b, low);
  });
}

}  // namespace moesim
