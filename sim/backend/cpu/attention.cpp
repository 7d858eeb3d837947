// Attention with an online softmax (Milakov and Gimelshein 2018; Dao et al. 2022).
//
// A block of queries loops over blocks of keys; only the scores of the current pair of blocks
// exist. Scores are stored transposed, [keys, queries]: vectors then lie across the queries, and
// maxima, sums, masks and rescaling need no operation inside a vector. Under the causal mask a
// block of queries ends at the key of its last query, forward and backward, and products skip
// masked tiles of kStep keys or queries.
//
// In bfloat16, q, k, v, dy and weights are rounded as factors of a product. Scores, softmax and
// sums stay in `real`.
#include "sim/backend/cpu/attention_factors.hpp"
#include "sim/backend/cpu/cpu_backend.hpp"
#include "sim/backend/cpu/row_math.hpp"

#include <omp.h>

namespace moesim {

using cpu::bf16;
using cpu::Bf16Pair;
using cpu::fetch;
using cpu::simd_loop;
using cpu::small_product;
using cpu::to_bf16;
using namespace cpu::attention;

namespace {

// Queries are scaled before their product with keys; if they are rounded there, scores are scaled.
template <class F>
constexpr bool kScoresAreScaled = F::kTerms == 1;

// c[j, i] = u[j, ·] · v[·, i] for the keys from `key` and the queries that see them; other entries
// of c keep their values.
template <class F>
void inner_products(const Block& b, index key, index keys, const Scratch<F>& s,
                    const typename F::Value* u, const typename F::Element* v, real* c) {
  const index width = elements<F>(s.d);
  index j = 0;
  for (; j < keys;) {
    const index from = b.first_seeing(key + j);
    // Before the diagonal in one product, on the diagonal step by step.
    const index end = b.causal ? std::max<index>(b.first + kStep - key, j + kStep) : keys;
    const index n = std::min(end, keys) - j;
    small_product(false, n, b.lanes - from, width, as_left<F>(u + j * s.width), width, v + from,
                  kQueries, c + j * kQueries + from, kQueries, false);
    j += n;
  }
}

// scores = k · (scale q)ᵀ for the keys from `key`, -infinity where the mask hides.
template <class F>
void score(const Block& b, index key, index keys, const Scratch<F>& s) {
  inner_products(b, key, keys, s, s.keys + key * s.width, s.queries, s.scores);
  if (!b.causal) return;
  for (index j = std::max(key, b.first + 1); j < key + keys; ++j)
    std::fill_n(s.scores + (j - key) * kQueries, j - b.first, -kInfinity);
}

// out[i, ·] (+)= Σ_j weights[j, i] rows[j, ·] over the keys j that query i sees.
template <class F>
void weigh_keys(const Block& b, index key, index keys, index d, const typename F::Element* weights,
                const typename F::Element* rows, real* out, index ld_out, bool acc) {
  for (index i = 0; i < b.n; i += kStep) {
    const index n = std::min(kStep, b.n - i);
    small_product(true, n, d, elements<F>(b.visible_keys(key, keys, i + n)), weights + i, kQueries,
                  rows, d, out + i * ld_out, ld_out, acc);
  }
}

// out[j, ·] (+)= Σ_i weights[j, i] rows[i, ·] over the queries i that see key j. The first block
// that sees a key overwrites out.
template <class F>
void weigh_queries(const Block& b, index key, index keys, index d, const typename F::Value* weights,
                   Right<F> rows, real* out, index ld_out) {
  constexpr index kWidth = elements<F>(kQueries);
  const index before = b.causal ? std::clamp<index>(b.first - key, 0, keys) : 0;
  if (before > 0)
    small_product(false, before, d, elements<F>(b.n), as_left<F>(weights), kWidth, rows.p, rows.ld,
                  out, ld_out, true);
  for (index j = before; j < keys;) {
    const index from = b.first_seeing(key + j);
    const index n = b.causal ? std::min(kStep, keys - j) : keys;
    small_product(false, n, d, elements<F>(b.n - from), as_left<F>(weights + j * kQueries + from),
                  kWidth, rows.row(from), rows.ld, out + j * ld_out, ld_out,
                  !b.causal && b.first > 0);
    j += n;
  }
}

// of(j)(i) for the keys key + j and the queries i, in vector code: for all lanes before the
// diagonal, on it for those that see the key.
template <class Of>
[[gnu::flatten]] void for_scores(const Block& b, index key, index keys, Of of) {
  const index all = b.causal ? std::clamp<index>(b.first + kStep - key, 0, keys) : keys;
  if (b.lanes == kQueries)  // a loop of known length, whose constants stay in registers
    for (index j = 0; j < all; ++j) simd_loop(0, kQueries, of(j));
  else
    for (index j = 0; j < all; ++j) simd_loop(0, b.lanes, of(j));
  for (index j = all; j < keys; ++j) simd_loop(b.first_seeing(key + j), b.lanes, of(j));
}

// Weights, [keys, queries], rounded to values and joined over keys.
void round_weights(const Block& b, index key, index keys, const real* weights, bf16* values,
                   Bf16Pair* joined) {
  for (index j = 0; j < keys; j += 2) {
    const index from = b.first_seeing(key + j), n = b.lanes - from, at = j * kQueries + from;
    const index rows = std::min<index>(2, keys - j);
    for (index row = 0; row < rows; ++row)
      to_bf16(weights + at + row * kQueries, values + at + row * kQueries, n);
    if (joined) cpu::join_rows(rows, n, values + at, kQueries, joined + j / 2 * kQueries + from);
  }
}

template <class F>
void forward_block(const Attention& a, const Head& h, const Block& b, const Scratch<F>& s, real* y,
                   real* lse) {
  alignas(64) Lane largest, before, sums;
  real *m = largest.data(), *shrink = before.data(), *sum = sums.data();
  largest.fill(-kInfinity);
  sums.fill(0);
  real* out = y + h.y(b.first);
  fetch(a.qkv + h.q(b.next), b.n_next, h.d, h.stride);
  pack_block(b, s, a.scale, a.qkv + h.q(b.first), h.stride, s.queries, s.joined_queries);
  const auto power = [scale = a.scale](real x) {
    return cpu::vexp(kScoresAreScaled<F> ? x : scale * x);
  };
  for (index key = 0; key < b.keys; key += kKeys) {
    const index keys = std::min(kKeys, b.keys - key);
    score(b, key, keys, s);
    before = largest;
    for_scores(b, key, keys, [=, scores = s.scores](index j) {
      return [=, row = scores + j * kQueries](index i) { m[i] = std::max(m[i], row[i]); };
    });
    simd_loop(0, b.lanes, [=](index i) {
      shrink[i] = power(shrink[i] - m[i]);
      sum[i] *= shrink[i];
    });
    for_scores(b, key, keys, [=, scores = s.scores](index j) {
      return [=, row = scores + j * kQueries](index i) {
        row[i] = power(row[i] - m[i]);
        sum[i] += row[i];
      };
    });
    if constexpr (F::kTerms > 1)
      round_weights(b, key, keys, s.scores, s.p_over_queries, s.p_over_keys);
    if (key > 0)
      for (index i = 0; i < b.n; ++i)
        simd_loop(0, h.d, [=, to = out + i * h.width](index c) { to[c] *= shrink[i]; });
    weigh_keys<F>(b, key, keys, h.d, s.p_over_keys, s.joined_values + key / F::kTerms * h.d, out,
                  h.width, key > 0);
  }
  simd_loop(0, b.lanes, [=, scale = kScoresAreScaled<F> ? real(1) : a.scale](index i) {
    m[i] = scale * m[i] + cpu::vlog(sum[i]);
    sum[i] = 1 / sum[i];
  });
  for (index i = 0; i < b.n; ++i) {
    lse[h.lse(b.first + i)] = m[i];
    simd_loop(0, h.d, [=, to = out + i * h.width](index c) { to[c] *= sum[i]; });
  }
}

// With p = exp(scores - lse) and delta = Σ dy y of a query: dv += pᵀ dy,
// ds = scale · p ⊙ (dy vᵀ - delta), dq += ds k, dk += dsᵀ q.
template <class F>
void backward_block(const Attention& a, const Head& h, const Block& b, const Scratch<F>& s,
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
  const Right<F> queries =
      pack_block(b, s, a.scale, a.qkv + h.q(b.first), h.stride, s.queries, s.joined_queries);
  const Right<F> incoming = pack_block(b, s, 1, dout, h.width, s.incoming, s.joined_incoming);
  for (index key = 0; key < b.keys; key += kKeys) {
    const index keys = std::min(kKeys, b.keys - key);
    score(b, key, keys, s);
    inner_products(b, key, keys, s, s.values + key * s.width, s.incoming, s.products);
    for_scores(b, key, keys, [=, scale = a.scale, p = s.scores, ds = s.products](index j) {
      return [=, p = p + j * kQueries, ds = ds + j * kQueries](index i) {
        p[i] = cpu::vexp((kScoresAreScaled<F> ? p[i] : scale * p[i]) - shift[i]);
        ds[i] = scale * p[i] * (ds[i] - delta[i]);
      };
    });
    if constexpr (F::kTerms > 1) {
      round_weights(b, key, keys, s.scores, s.p_over_queries, nullptr);
      round_weights(b, key, keys, s.products, s.ds_over_queries, s.ds_over_keys);
    }
    weigh_queries<F>(b, key, keys, h.d, s.p_over_queries, incoming, dqkv + h.v(key), h.stride);
    weigh_queries<F>(b, key, keys, h.d, s.ds_over_queries, queries, dqkv + h.k(key), h.stride);
    weigh_keys<F>(b, key, keys, h.d, s.ds_over_keys, s.joined_keys + key / F::kTerms * h.d,
                  dqkv + h.q(b.first), h.stride, key > 0);
  }
}

// Calls of(head, block, scratch) for the blocks of a head in order.
template <class F, class Of>
void for_blocks(const Attention& a, const Head& h, std::byte* memory, Of of) {
  const Scratch<F> scratch(a, memory);
  pack_keys_and_values(a, h, scratch);
  for (index query = 0; query < a.length; query += kQueries) of(h, Block(a, query), scratch);
}

}  // namespace

// A tile owns the outputs of its head, so their sums over blocks have a fixed order.
template <class Of>
void CpuBackend::for_attention_blocks(const Attention& a, Of of) {
  const bool exact = a.compute != Compute::bfloat16;
  const std::size_t bytes =
      exact ? Scratch<ExactFactors>(a, nullptr).bytes : Scratch<Bf16Factors>(a, nullptr).bytes;
  const Storage memory = allocate(static_cast<std::size_t>(threads_) * bytes);
  for_tiles(a.batch * a.heads, [&, first = static_cast<std::byte*>(memory.data())](index tile) {
    std::byte* mine = first + static_cast<std::size_t>(omp_get_thread_num()) * bytes;
    if (exact)
      for_blocks<ExactFactors>(a, Head(a, tile), mine, of);
    else
      for_blocks<Bf16Factors>(a, Head(a, tile), mine, of);
  });
}

void CpuBackend::attention(const Attention& a, real* y, real* lse) {
  for_attention_blocks(a, [=](const Head& h, const Block& b, const auto& scratch) {
    forward_block(a, h, b, scratch, y, lse);
  });
}

void CpuBackend::attention_backward(const Attention& a, const real* y, const real* lse,
                                    const real* dy, real* dqkv) {
  for_attention_blocks(a, [=](const Head& h, const Block& b, const auto& scratch) {
    backward_block(a, h, b, scratch, y, lse, dy, dqkv);
  });
}

}  // namespace moesim
