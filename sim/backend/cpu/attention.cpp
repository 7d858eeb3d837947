// Attention with an online softmax (Milakov and Gimelshein 2018; Dao et al. 2022).
//
// A block of queries goes through blocks of keys; the scores of one pair of blocks are the only
// ones that exist. They are kept transposed, [keys, queries]: vectors then lie across the queries,
// and maxima, sums, masks and rescaling need no operation inside a vector. Under the causal mask a
// block of queries stops at the key of its last query, in both directions.
#include "sim/backend/cpu/cpu_backend.hpp"
#include "sim/backend/cpu/gemm.hpp"
#include "sim/backend/cpu/row_math.hpp"

#include <omp.h>

#include <algorithm>
#include <array>
#include <limits>

namespace moesim {

using cpu::gemm;
using cpu::simd_loop;

namespace {

// 48 is three vectors of 16, the register block of most matrix products on AVX-512.
constexpr index kQueries = 48, kKeys = 256;
constexpr index kScores = kKeys * kQueries;  // a matrix of scores is stored as [kKeys, kQueries]
// A block of queries is padded with zeros to a multiple of this, so that no loop has a remainder.
constexpr index kLanes = 16;
constexpr real kInfinity = std::numeric_limits<real>::infinity();

using Lane = std::array<real, kQueries>;  // one value per query of a block

// One head of one sequence. Rows of q, k, v are `stride` apart, rows of y and dy `width`.
struct Head {
  Head(const Attention& a, index item)
      : d(a.head_size),
        width(a.heads * d),
        stride(3 * width),
        heads(a.heads),
        row(item / heads * a.length),
        head(item % heads) {}
  index q(index i) const { return (row + i) * stride + head * d; }
  index k(index i) const { return q(i) + width; }
  index v(index i) const { return q(i) + 2 * width; }
  index y(index i) const { return (row + i) * width + head * d; }
  index lse(index i) const { return (row + i) * heads + head; }

  index d, width, stride, heads, row, head;
};

// Queries first .. first + n - 1.
struct Block {
  Block(const Attention& a, index at)
      : first(at),
        n(std::min(kQueries, a.length - at)),
        chunks((n + kLanes - 1) / kLanes),
        keys(a.causal ? first + n : a.length) {}
  index first, n;
  index chunks;  // of kLanes queries
  index keys;    // that the block sees
};

// c[j, i] = alpha · Σ u[j, ·] v[i, ·] for keys j and queries i, 0 in the padding.
void inner_products(index keys, const Block& b, index d, real alpha, const real* u, index ldu,
                    const real* v, index ldv, real* c) {
  gemm(false, true, keys, b.n, d, alpha, u, ldu, v, ldv, 0, c, kQueries);
  if (b.n == b.chunks * kLanes) return;
  for (index j = 0; j < keys; ++j)
    std::fill(c + j * kQueries + b.n, c + j * kQueries + b.chunks * kLanes, real(0));
}

// scores = scale · k qᵀ for the keys from `key`, -infinity where the mask hides.
void score(const Attention& a, const Head& h, const Block& b, index key, index keys, real* scores) {
  inner_products(keys, b, h.d, a.scale, a.qkv + h.k(key), h.stride, a.qkv + h.q(b.first), h.stride,
                 scores);
  if (!a.causal) return;
  for (index j = std::max(key, b.first + 1); j < key + keys; ++j)
    std::fill_n(scores + (j - key) * kQueries, j - b.first, -kInfinity);
}

// m = max(m, the largest score) for every query.
void raise(const real* scores, index keys, index chunks, real* m) {
  constexpr index kDeep = 4;  // keys at once, since m goes through memory
  index j = 0;
  for (; j + kDeep <= keys; j += kDeep)
    simd_loop(0, chunks * kLanes, [=, row = scores + j * kQueries](index i) {
      const real u = std::max(row[i], row[kQueries + i]);
      const real v = std::max(row[2 * kQueries + i], row[3 * kQueries + i]);
      m[i] = std::max(m[i], std::max(u, v));
    });
  for (; j < keys; ++j)
    simd_loop(0, chunks * kLanes,
              [=, row = scores + j * kQueries](index i) { m[i] = std::max(m[i], row[i]); });
}

void forward_block(const Attention& a, const Head& h, const Block& b, real* scores, real* y,
                   real* lse) {
  alignas(64) Lane largest, before, sums;
  real *m = largest.data(), *shrink = before.data(), *sum = sums.data();
  largest.fill(-kInfinity);
  sums.fill(0);
  real* out = y + h.y(b.first);
  const index width = b.chunks * kLanes;
  for (index key = 0; key < b.keys; key += kKeys) {
    const index keys = std::min(kKeys, b.keys - key);
    score(a, h, b, key, keys, scores);
    before = largest;
    raise(scores, keys, b.chunks, m);
    simd_loop(0, width, [=](index i) {
      shrink[i] = cpu::vexp(shrink[i] - m[i]);
      sum[i] *= shrink[i];
    });
    for (index j = 0; j < keys; ++j)
      simd_loop(0, width, [=, row = scores + j * kQueries](index i) {
        row[i] = cpu::vexp(row[i] - m[i]);
        sum[i] += row[i];
      });
    if (key > 0)
      for (index i = 0; i < b.n; ++i)
        simd_loop(0, h.d, [=, to = out + i * h.width](index c) { to[c] *= shrink[i]; });
    gemm(true, false, b.n, h.d, keys, 1, scores, kQueries, a.qkv + h.v(key), h.stride,
         key > 0 ? real(1) : real(0), out, h.width);
  }
  simd_loop(0, width, [=](index i) {
    m[i] += cpu::vlog(sum[i]);
    sum[i] = 1 / sum[i];
  });
  for (index i = 0; i < b.n; ++i) {
    lse[h.lse(b.first + i)] = m[i];
    simd_loop(0, h.d, [=, to = out + i * h.width](index c) { to[c] *= sum[i]; });
  }
}

// With p = exp(scores - lse) and delta = Σ dy y of a query: dv += pᵀ dy,
// ds = scale · p ⊙ (dy vᵀ - delta), dq += ds k, dk += dsᵀ q.
void backward_block(const Attention& a, const Head& h, const Block& b, real* scores, real* products,
                    const real* y, const real* lse, const real* dy, real* dqkv) {
  const real *out = y + h.y(b.first), *dout = dy + h.y(b.first);
  alignas(64) Lane shifts{}, deltas{};
  real *shift = shifts.data(), *delta = deltas.data();
  for (index i = 0; i < b.n; ++i) {
    shift[i] = lse[h.lse(b.first + i)];
    delta[i] = cpu::simd_sum<real>(
        h.d, [=, u = out + i * h.width, v = dout + i * h.width](index c) { return u[c] * v[c]; });
  }
  const index width = b.chunks * kLanes;
  for (index key = 0; key < b.keys; key += kKeys) {
    const index keys = std::min(kKeys, b.keys - key);
    score(a, h, b, key, keys, scores);
    inner_products(keys, b, h.d, 1, a.qkv + h.v(key), h.stride, dout, h.width, products);
    for (index j = 0; j < keys; ++j)
      simd_loop(
          0, width,
          [=, scale = a.scale, p = scores + j * kQueries, ds = products + j * kQueries](index i) {
            p[i] = cpu::vexp(p[i] - shift[i]);
            ds[i] = scale * p[i] * (ds[i] - delta[i]);
          });
    gemm(false, false, keys, h.d, b.n, 1, scores, kQueries, dout, h.width, 1, dqkv + h.v(key),
         h.stride);
    gemm(false, false, keys, h.d, b.n, 1, products, kQueries, a.qkv + h.q(b.first), h.stride, 1,
         dqkv + h.k(key), h.stride);
    gemm(true, false, b.n, h.d, keys, 1, products, kQueries, a.qkv + h.k(key), h.stride,
         key > 0 ? real(1) : real(0), dqkv + h.q(b.first), h.stride);
  }
}

}  // namespace

void CpuBackend::attention(const Attention& a, real* y, real* lse) {
  const Storage scratch = allocate(static_cast<std::size_t>(threads_ * kScores) * sizeof(real));
  auto* scores = static_cast<real*>(scratch.data());
  const index blocks = (a.length + kQueries - 1) / kQueries;
  for_tiles(a.batch * a.heads * blocks, [&](index tile) {
    forward_block(a, Head(a, tile / blocks), Block(a, tile % blocks * kQueries),
                  scores + omp_get_thread_num() * kScores, y, lse);
  });
}

// A tile owns dq, dk and dv of its head, whose sums over blocks thus have one order.
void CpuBackend::attention_backward(const Attention& a, const real* y, const real* lse,
                                    const real* dy, real* dqkv) {
  const Storage scratch = allocate(static_cast<std::size_t>(threads_ * 2 * kScores) * sizeof(real));
  auto* base = static_cast<real*>(scratch.data());
  for_tiles(a.batch * a.heads, [&](index tile) {
    const Head h(a, tile);
    for (index i = 0; i < a.length; ++i) {
      std::fill_n(dqkv + h.k(i), h.d, real(0));
      std::fill_n(dqkv + h.v(i), h.d, real(0));
    }
    real* scores = base + omp_get_thread_num() * 2 * kScores;
    for (index first = 0; first < a.length; first += kQueries)
      backward_block(a, h, Block(a, first), scores, scores + kScores, y, lse, dy, dqkv);
  });
}

}  // namespace moesim
