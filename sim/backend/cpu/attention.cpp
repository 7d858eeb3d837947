// Attention with an online softmax (Milakov and Gimelshein 2018; Dao et al. 2022).
//
// A block of queries goes through blocks of keys; the scores of one pair of blocks are the only
// ones that exist. They are kept transposed, [keys, queries]: vectors then lie across the queries,
// and maxima, sums, masks and rescaling need no operation inside a vector. Under the causal mask a
// block of queries stops at the key of its last query, in both directions, and products skip what
// is masked by tiles of kStep keys or queries.
#include "sim/backend/cpu/cpu_backend.hpp"
#include "sim/backend/cpu/prefetch.hpp"
#include "sim/backend/cpu/row_math.hpp"
#include "sim/backend/cpu/small_product.hpp"

#include <omp.h>

#include <algorithm>
#include <array>
#include <limits>

namespace moesim {

using cpu::fetch;
using cpu::simd_loop;
using cpu::small_product;

namespace {

// 48 is three vectors of 16, and 24 tiles of results fill the registers of AVX-512.
constexpr index kQueries = 48, kKeys = 256;
constexpr index kScores = kKeys * kQueries;  // a matrix of scores is stored as [kKeys, kQueries]
// A block of queries is padded with zeros to a multiple of this, so that no loop has a remainder.
constexpr index kLanes = 16;
// Of the diagonal, products compute what is visible and at most this much of what is not.
constexpr index kStep = 16;
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
        lanes((n + kLanes - 1) / kLanes * kLanes),
        causal(a.causal),
        keys(a.causal ? first + n : a.length),
        next(first + n),
        n_next(std::min(kQueries, a.length - next)) {}
  // How many of the keys key .. key + n - 1 the queries before `query` of the block see.
  index visible_keys(index key, index n_keys, index query) const {
    return causal ? std::clamp<index>(first + query - key, 0, n_keys) : n_keys;
  }
  // The first query of the block that sees a key, rounded down to whole steps.
  index first_seeing(index key) const {
    return causal && key > first ? (key - first) / kStep * kStep : 0;
  }
  index first, n;
  index lanes;  // n, padded
  bool causal;
  index keys;          // that the block sees
  index next, n_next;  // the block after it
};

// What a thread needs: two matrices of scores, two blocks of rows transposed, and the keys and
// values of a head in rows that lie together: as slices of qkv they fall into few sets of the
// cache.
struct Scratch {
  static index size(const Attention& a) {
    return 2 * kScores + 2 * a.head_size * (kQueries + a.length);
  }
  Scratch(real* base, const Attention& a)
      : scores(base),
        products(scores + kScores),
        queries(products + kScores),
        incoming(queries + a.head_size * kQueries),
        keys(incoming + a.head_size * kQueries),
        values(keys + a.length * a.head_size) {}
  void pack(const Attention& a, const Head& h) const {
    constexpr index kAhead = 12;
    for (index i = 0; i < a.length; ++i) {
      const real *k = a.qkv + h.k(i), *v = a.qkv + h.v(i);
      if (i + kAhead < a.length) {
        fetch(k + kAhead * h.stride, 1, h.d, h.stride);
        fetch(v + kAhead * h.stride, 1, h.d, h.stride);
      }
      real *to_k = keys + i * h.d, *to_v = values + i * h.d;
#pragma omp simd
      for (index c = 0; c < h.d; ++c) {
        to_k[c] = k[c];
        to_v[c] = v[c];
      }
    }
  }
  real *scores, *products;   // [kKeys, kQueries]
  real *queries, *incoming;  // [head_size, kQueries]
  real *keys, *values;       // [length, head_size]
};

// to[c, i] = alpha · from[i, c], 0 in the padding.
void transpose(const Block& b, index d, real alpha, const real* from, index stride, real* to) {
  for (index c = 0; c < d; ++c) {
    real* row = to + c * kQueries;
    for (index i = 0; i < b.n; ++i) row[i] = alpha * from[i * stride + c];
    std::fill(row + b.n, row + b.lanes, real(0));
  }
}

// c[j, i] = u[j, ·] · v[·, i] for the keys from `key` and the queries that see them; the rest of c
// is left as it is.
void inner_products(const Block& b, index key, index keys, index d, const real* u, const real* v,
                    real* c) {
  index j = 0;
  for (; j < keys;) {
    const index from = b.first_seeing(key + j);
    // Up to the diagonal all at once, then step by step.
    const index end = b.causal ? std::max<index>(b.first + kStep - key, j + kStep) : keys;
    const index n = std::min(end, keys) - j;
    small_product(false, n, b.lanes - from, d, u + j * d, d, v + from, kQueries,
                  c + j * kQueries + from, kQueries, false);
    j += n;
  }
}

// scores = k · (scale q)ᵀ for the keys from `key`, -infinity where the mask hides.
void score(const Attention& a, const Head& h, const Block& b, index key, index keys,
           const Scratch& s) {
  inner_products(b, key, keys, h.d, s.keys + key * h.d, s.queries, s.scores);
  if (!a.causal) return;
  for (index j = std::max(key, b.first + 1); j < key + keys; ++j)
    std::fill_n(s.scores + (j - key) * kQueries, j - b.first, -kInfinity);
}

// out[i, ·] (+)= Σ_j weights[j, i] rows[j, ·] over the keys j that query i sees.
void weigh_keys(const Block& b, index key, index keys, index d, const real* weights,
                const real* rows, real* out, index ld_out, bool acc) {
  for (index i = 0; i < b.n; i += kStep) {
    const index n = std::min(kStep, b.n - i);
    small_product(true, n, d, b.visible_keys(key, keys, i + n), weights + i, kQueries, rows, d,
                  out + i * ld_out, ld_out, acc);
  }
}

// out[j, ·] (+)= Σ_i weights[j, i] rows[i, ·] over the queries i that see key j. The first block
// that sees a key overwrites.
void weigh_queries(const Block& b, index key, index keys, index d, const real* weights,
                   const real* rows, index stride, real* out, index ld_out) {
  const index before = b.causal ? std::clamp<index>(b.first - key, 0, keys) : 0;
  if (before > 0)
    small_product(false, before, d, b.n, weights, kQueries, rows, stride, out, ld_out, true);
  for (index j = before; j < keys;) {
    const index from = b.first_seeing(key + j);
    const index n = b.causal ? std::min(kStep, keys - j) : keys;
    small_product(false, n, d, b.n - from, weights + j * kQueries + from, kQueries,
                  rows + from * stride, stride, out + j * ld_out, ld_out, !b.causal && b.first > 0);
    j += n;
  }
}

// of(j)(i) for the keys key + j and the queries i, in vector code: all lanes up to the diagonal,
// below it those that see the key.
template <class F>
[[gnu::flatten]] void for_scores(const Block& b, index key, index keys, F of) {
  const index all = b.causal ? std::clamp<index>(b.first + kStep - key, 0, keys) : keys;
  if (b.lanes == kQueries)  // a loop of known length, whose constants stay in registers
    for (index j = 0; j < all; ++j) simd_loop(0, kQueries, of(j));
  else
    for (index j = 0; j < all; ++j) simd_loop(0, b.lanes, of(j));
  for (index j = all; j < keys; ++j) simd_loop(b.first_seeing(key + j), b.lanes, of(j));
}

void forward_block(const Attention& a, const Head& h, const Block& b, const Scratch& s, real* y,
                   real* lse) {
  alignas(64) Lane largest, before, sums;
  real *m = largest.data(), *shrink = before.data(), *sum = sums.data();
  largest.fill(-kInfinity);
  sums.fill(0);
  real* out = y + h.y(b.first);
  fetch(a.qkv + h.q(b.next), b.n_next, h.d, h.stride);
  transpose(b, h.d, a.scale, a.qkv + h.q(b.first), h.stride, s.queries);
  for (index key = 0; key < b.keys; key += kKeys) {
    const index keys = std::min(kKeys, b.keys - key);
    score(a, h, b, key, keys, s);
    before = largest;
    for_scores(b, key, keys, [=, scores = s.scores](index j) {
      return [=, row = scores + j * kQueries](index i) { m[i] = std::max(m[i], row[i]); };
    });
    simd_loop(0, b.lanes, [=](index i) {
      shrink[i] = cpu::vexp(shrink[i] - m[i]);
      sum[i] *= shrink[i];
    });
    for_scores(b, key, keys, [=, scores = s.scores](index j) {
      return [=, row = scores + j * kQueries](index i) {
        row[i] = cpu::vexp(row[i] - m[i]);
        sum[i] += row[i];
      };
    });
    if (key > 0)
      for (index i = 0; i < b.n; ++i)
        simd_loop(0, h.d, [=, to = out + i * h.width](index c) { to[c] *= shrink[i]; });
    weigh_keys(b, key, keys, h.d, s.scores, s.values + key * h.d, out, h.width, key > 0);
  }
  simd_loop(0, b.lanes, [=](index i) {
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
void backward_block(const Attention& a, const Head& h, const Block& b, const Scratch& s,
                    const real* y, const real* lse, const real* dy, real* dqkv) {
  const real *out = y + h.y(b.first), *dout = dy + h.y(b.first);
  alignas(64) Lane shifts{}, deltas{};
  fetch(a.qkv + h.q(b.next), b.n_next, h.d, h.stride);
  fetch(y + h.y(b.next), b.n_next, h.d, h.width);
  fetch(dy + h.y(b.next), b.n_next, h.d, h.width);
  real *shift = shifts.data(), *delta = deltas.data();
  for (index i = 0; i < b.n; ++i) {
    shift[i] = lse[h.lse(b.first + i)];
    delta[i] = cpu::simd_sum<real>(
        h.d, [=, u = out + i * h.width, v = dout + i * h.width](index c) { return u[c] * v[c]; });
  }
  transpose(b, h.d, a.scale, a.qkv + h.q(b.first), h.stride, s.queries);
  transpose(b, h.d, 1, dout, h.width, s.incoming);
  for (index key = 0; key < b.keys; key += kKeys) {
    const index keys = std::min(kKeys, b.keys - key);
    score(a, h, b, key, keys, s);
    inner_products(b, key, keys, h.d, s.values + key * h.d, s.incoming, s.products);
    for_scores(b, key, keys, [=, scale = a.scale, p = s.scores, ds = s.products](index j) {
      return [=, p = p + j * kQueries, ds = ds + j * kQueries](index i) {
        p[i] = cpu::vexp(p[i] - shift[i]);
        ds[i] = scale * p[i] * (ds[i] - delta[i]);
      };
    });
    weigh_queries(b, key, keys, h.d, s.scores, dout, h.width, dqkv + h.v(key), h.stride);
    weigh_queries(b, key, keys, h.d, s.products, a.qkv + h.q(b.first), h.stride, dqkv + h.k(key),
                  h.stride);
    weigh_keys(b, key, keys, h.d, s.products, s.keys + key * h.d, dqkv + h.q(b.first), h.stride,
               key > 0);
  }
}

}  // namespace

void CpuBackend::attention(const Attention& a, real* y, real* lse) {
  const index size = Scratch::size(a);
  const Storage scratch = allocate(static_cast<std::size_t>(threads_ * size) * sizeof(real));
  auto* base = static_cast<real*>(scratch.data());
  for_tiles(a.batch * a.heads, [&](index tile) {
    const Head h(a, tile);
    const Scratch s(base + omp_get_thread_num() * size, a);
    s.pack(a, h);
    for (index first = 0; first < a.length; first += kQueries)
      forward_block(a, h, Block(a, first), s, y, lse);
  });
}

// A tile owns dq, dk and dv of its head, whose sums over blocks thus have one order.
void CpuBackend::attention_backward(const Attention& a, const real* y, const real* lse,
                                    const real* dy, real* dqkv) {
  const index size = Scratch::size(a);
  const Storage scratch = allocate(static_cast<std::size_t>(threads_ * size) * sizeof(real));
  auto* base = static_cast<real*>(scratch.data());
  for_tiles(a.batch * a.heads, [&](index tile) {
    const Head h(a, tile);
    const Scratch s(base + omp_get_thread_num() * size, a);
    s.pack(a, h);
    for (index first = 0; first < a.length; first += kQueries)
      backward_block(a, h, Block(a, first), s, y, lse, dy, dqkv);
  });
}

}  // namespace moesim
